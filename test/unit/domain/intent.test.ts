import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import {
  followUp,
  hookMessages,
  type IntentCause,
  type PassFollowUp,
  readIntent,
  selfMessage,
  skewMarginMs,
  slotMs,
  sweepMessages,
} from '../../../shared/domain/intent.ts';
import { aRoute } from '../../support/hooks.ts';

const start = Date.UTC(2026, 0, 5, 8);
const slot = start / slotMs;
const pool = aRoute();
const body = (cause: IntentCause) => ({
  schema: 1,
  organisation: 'brch',
  poolId: 7,
  cause,
  correlationId: 'c-1',
});

describe('hookMessages', () => {
  it('sends one message for now and one for the end of the slot', () => {
    expect(hookMessages([pool], start + 700, 'c-1')).toEqual([
      { sessionId: 'brch', messageId: `brch|7|${slot}|first`, body: body('hook') },
      { sessionId: 'brch', messageId: `brch|7|${slot}|last`, body: body('hook'), dueAt: start + slotMs + skewMarginMs },
    ]);
  });

  it('names the same two messages for every event of a slot', () => {
    const ids = [0, 1, 1999].flatMap((ms) => hookMessages([pool], start + ms, 'c').map((one) => one.messageId));
    expect(new Set(ids).size).toBe(2);
  });

  it('looks at each event after it happened, though duplicates are dropped', () => {
    const instants = fc.array(fc.integer({ min: 0, max: 60_000 }), { minLength: 1, maxLength: 50 });
    const run = fc.check(
      fc.property(instants, fc.integer({ min: -900, max: 900 }), (offsets, skew) => {
        const queue = new Map<string, number>();
        const arrivals = offsets.toSorted((a, b) => a - b);
        arrivals.forEach((offset, index) => {
          // Every second event is taken by an instance whose clock differs.
          const now = start + offset + (index % 2 === 0 ? 0 : skew);
          for (const one of hookMessages([pool], now, 'c')) {
            if (!queue.has(one.messageId)) queue.set(one.messageId, Math.max(one.dueAt ?? 0, start + offset));
          }
        });
        const lastLook = Math.max(...queue.values());
        return arrivals.every((offset) => lastLook >= start + offset);
      }),
      { numRuns: 200, seed: 11 },
    );
    expect(run).toMatchObject({ failed: false, counterexample: null });
  });

  it('sends two for each pool', () => {
    const pools = [pool, aRoute({ poolId: 8 }), aRoute({ session: 'other', poolId: 7 })];
    expect(new Set(hookMessages(pools, start, 'c').map((one) => one.messageId)).size).toBe(6);
  });
});

describe('selfMessage', () => {
  const rows = [
    { name: 'falls due on the edge after the time asked for', given: start + 5100, want: slot + 3 },
    { name: 'keeps a time that is an edge', given: start + 6000, want: slot + 3 },
    { name: 'never names the present slot', given: start, want: slot + 1 },
    { name: 'never names a past slot', given: start - 60_000, want: slot + 1 },
  ];
  it.each(rows)('$name', ({ given, want }) => {
    const message = selfMessage({ pool, dueAt: given, now: start, cause: 'nextLook', correlationId: 'c-1' });
    expect(message).toEqual({
      sessionId: 'brch',
      messageId: `brch|7|${want}|self`,
      body: body('nextLook'),
      dueAt: want * slotMs,
    });
  });

  it('is never early, never more than a slot late, and later than the slot of now', () => {
    const time = fc.integer({ min: start, max: start + 3_600_000 });
    const run = fc.check(
      fc.property(time, time, (now, dueAt) => {
        const due = selfMessage({ pool, dueAt, now, cause: 'nextLook', correlationId: 'c' }).dueAt ?? 0;
        const wanted = Math.max(now, dueAt);
        return due >= dueAt && due <= wanted + slotMs && Math.floor(due / slotMs) > Math.floor(now / slotMs);
      }),
      { seed: 12 },
    );
    expect(run).toMatchObject({ failed: false, counterexample: null });
  });
});

describe('sweepMessages', () => {
  const pools = Array.from({ length: 200 }, (_, index) => aRoute({ poolId: index + 1 }));

  it('spreads the pools over the period', () => {
    const dues = sweepMessages(pools, start, 60_000, 'c').map((one) => (one.dueAt ?? 0) - start);
    expect(Math.min(...dues)).toBeGreaterThanOrEqual(0);
    expect(Math.max(...dues)).toBeLessThan(60_000);
    for (const quarter of [0, 1, 2, 3]) {
      const inQuarter = dues.filter((due) => Math.floor(due / 15_000) === quarter).length;
      expect(inQuarter).toBeGreaterThan(25);
    }
  });

  it('gives a pool the same place in every period', () => {
    const first = sweepMessages(pools, start, 60_000, 'c').map((one) => (one.dueAt ?? 0) - start);
    const second = sweepMessages(pools, start + 60_000, 60_000, 'c').map((one) => (one.dueAt ?? 0) - start - 60_000);
    expect(second).toEqual(first);
  });

  it('names the same messages for timers that fire a little apart, and others for the next period', () => {
    const ids = (now: number) => sweepMessages(pools, now, 60_000, 'c').map((one) => one.messageId);
    expect(ids(start - 12)).toEqual(ids(start + 340));
    expect(ids(start + 60_000).some((id) => ids(start).includes(id))).toBe(false);
  });

  it('does not spread a long period over more than a minute', () => {
    const dues = sweepMessages(pools, start, 3_600_000, 'c').map((one) => (one.dueAt ?? 0) - start);
    expect(Math.max(...dues)).toBeLessThan(60_000);
  });
});

describe('followUp', () => {
  const from = { pool, now: start, correlationId: 'c-1' };
  const rows: { name: string; given: PassFollowUp; want: { cause: string; afterMs: number } | undefined }[] = [
    { name: 'sends nothing when nothing is left', given: {}, want: undefined },
    {
      name: 'takes up left work in the next slot',
      given: { remaining: true },
      want: { cause: 'remainder', afterMs: 2000 },
    },
    {
      name: 'looks again at the time that the plan named',
      given: { nextLookAt: start + 5000 },
      want: { cause: 'nextLook', afterMs: 6000 },
    },
    {
      name: 'waits for Retry-After whatever else is due',
      given: { retryAfterMs: 30_000, remaining: true, nextLookAt: start + 5000 },
      want: { cause: 'retryAfter', afterMs: 34_000 },
    },
    {
      name: 'does not wait longer than ten minutes and jitter',
      given: { retryAfterMs: 86_400_000 },
      want: { cause: 'retryAfter', afterMs: 660_000 },
    },
    {
      name: 'waits a moment when Retry-After is zero',
      given: { retryAfterMs: 0 },
      want: { cause: 'retryAfter', afterMs: 2000 },
    },
  ];
  it.each(rows)('$name', ({ given, want }) => {
    const message = followUp(given, from, 0.5);
    const seen = message && { cause: message.body['cause'], afterMs: (message.dueAt ?? 0) - start };
    expect(seen).toEqual(want);
  });
});

describe('readIntent', () => {
  it('reads back what the builders write', () => {
    const messages = [...hookMessages([pool], start, 'c-1'), ...sweepMessages([pool], start, 60_000, 'c-1')];
    for (const message of messages) expect(readIntent(message.body)?.poolId).toBe(7);
  });

  const bad: { name: string; given: unknown }[] = [
    { name: 'null', given: null },
    { name: 'a number', given: 123 },
    { name: 'a list', given: [body('hook')] },
    { name: 'another schema', given: { ...body('hook'), schema: 2 } },
    { name: 'an unknown cause', given: { ...body('hook'), cause: 'whim' } },
    { name: 'a pool id that is text', given: { ...body('hook'), poolId: '7' } },
    { name: 'a pool id that is no integer', given: { ...body('hook'), poolId: 7.5 } },
    { name: 'an organisation with a line break', given: { ...body('hook'), organisation: 'a\nb' } },
    { name: 'no correlation id', given: { ...body('hook'), correlationId: undefined } },
  ];
  it.each(bad)('refuses $name', ({ given }) => {
    expect(readIntent(given)).toBeUndefined();
  });
});
