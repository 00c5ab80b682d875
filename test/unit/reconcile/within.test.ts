import { describe, expect, it } from 'vitest';
import { settled, VirtualClock } from '../../../infra/local/world/clock.ts';
import { within } from '../../../shared/reconcile/within.ts';

const what = { upstream: 'kubernetes', operation: 'listing agent jobs' } as const;

describe('within', () => {
  it('gives what the work gives in time, and leaves no timer behind', async () => {
    const clock = new VirtualClock();
    const bounded = within(
      clock,
      1000,
      what,
      clock.sleep(999).then(() => 'done'),
    );
    await clock.advance(999);
    expect([await bounded, clock.nextAt]).toEqual(['done', undefined]);
  });

  it('rejects as the work does, and leaves no timer behind', async () => {
    const clock = new VirtualClock();
    const error = new RangeError('no');
    await expect(within(clock, 1000, what, Promise.reject(error))).rejects.toBe(error);
    await settled();
    expect(clock.nextAt).toBeUndefined();
  });

  it('rejects as a timeout of the upstream when the time is over', async () => {
    const clock = new VirtualClock();
    const bounded = within(clock, 1000, what, new Promise(() => undefined)).catch((error: unknown) => error);
    await clock.advance(1000);
    expect(await bounded).toMatchObject({ ...what, kind: 'timeout', detail: 'not done within 1000 ms' });
  });

  it.each([
    { name: 'gives', late: () => 'late' },
    {
      name: 'rejects with',
      late: () => {
        throw new RangeError('late');
      },
    },
  ])('ignores what the work $name after that', async ({ late }) => {
    const clock = new VirtualClock();
    const bounded = within(clock, 1000, what, clock.sleep(2000).then(late)).catch((error: unknown) => error);
    await clock.advance(3000);
    expect(await bounded).toMatchObject({ kind: 'timeout' });
  });
});
