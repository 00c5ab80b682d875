/**
 * "Look at this pool, because ...": what the queue carries. An intent is a nudge, never state: it holds ids only, and
 * losing one costs time until the next sweep, nothing else.
 *
 * The message id folds bursts through the queue's duplicate detection. Time is cut into slots of two seconds:
 *   hook    `session|poolId|slot|first` now, and `...|last` when the slot is over. The first of a burst is looked at
 *           at once; whatever the rest of the burst was about is seen by the last.
 *   self    `session|poolId|dueSlot|self`, the slot in which it falls due, always later than the present one. Chains
 *           of next looks merge, and none is ever folded into a hook's message.
 *   sweep   `session|poolId|dueSlot|sweep`: timers of several instances name the same one.
 */
import { hash64 } from './hash.ts';
import type { EpochMs } from './instant.ts';
import { isJsonObject, type JsonObject } from './json.ts';

/** A message of the intent queue. */
export interface IntentMessage {
  readonly sessionId: string;
  /** For duplicate detection. */
  readonly messageId: string;
  readonly body: JsonObject;
  /** Not delivered before this time. */
  readonly dueAt?: EpochMs;
}

/** Of the message body: raised when its fields change their meaning. */
export const intentSchema = 1;

export const intentCauses = ['hook', 'sweep', 'remainder', 'nextLook', 'retryAfter', 'asked'] as const;
export type IntentCause = (typeof intentCauses)[number];

export interface Intent {
  /** Four characters that stand for the organisation, as in names. */
  readonly organisation: string;
  readonly poolId: number;
  readonly cause: IntentCause;
  /** Ties the log lines of a hook, its messages and their passes together. */
  readonly correlationId: string;
}

/** Where intents for a pool go. */
export interface PoolRoute {
  /** The organisation, or its licence group: pools that share parallel jobs are served one after the other. */
  readonly session: string;
  readonly organisation: string;
  readonly organisationUrl: string;
  readonly poolId: number;
}

export const slotMs = 2000;

/**
 * How much later than its slot's end a `last` message falls due. It must exceed the clock difference between two
 * instances: one that lags names the slot before, and its messages are folded into that slot's. Were the `last` of that
 * slot already delivered, what the lagging instance heard of would go unobserved until the next sweep.
 */
export const skewMarginMs = 1000;

/** A sweep is not spread wider than this: the queue keeps a message for 5 min, and an idle pool is looked at each minute. */
export const maxSweepSpreadMs = 60_000;

const slotOf = (at: EpochMs): number => Math.floor(at / slotMs);
const slotStart = (slot: number): EpochMs => slot * slotMs;

function message(pool: PoolRoute, slot: number, mark: string, intent: Intent, dueAt?: EpochMs): IntentMessage {
  const base = {
    sessionId: pool.session,
    messageId: `${pool.session}|${pool.poolId}|${slot}|${mark}`,
    body: { schema: intentSchema, ...intent },
  };
  return dueAt === undefined ? base : { ...base, dueAt };
}

const intentFor = (pool: PoolRoute, cause: IntentCause, correlationId: string): Intent => ({
  organisation: pool.organisation,
  poolId: pool.poolId,
  cause,
  correlationId,
});

/** The two messages of a hook for each pool: one for now and one for the end of the slot. */
export function hookMessages(
  pools: readonly PoolRoute[],
  now: EpochMs,
  correlationId: string,
): readonly IntentMessage[] {
  const slot = slotOf(now);
  return pools.flatMap((pool) => {
    const intent = intentFor(pool, 'hook', correlationId);
    return [
      message(pool, slot, 'first', intent),
      message(pool, slot, 'last', intent, slotStart(slot + 1) + skewMarginMs),
    ];
  });
}

export interface SelfIntent {
  readonly pool: PoolRoute;
  /** When to look; at or before `now` means as soon as a slot of its own allows. */
  readonly dueAt: EpochMs;
  /** The later of our clock and the time at which the queue released the message being worked on. */
  readonly now: EpochMs;
  readonly cause: IntentCause;
  readonly correlationId: string;
}

/**
 * A message to ourselves. It falls due on a slot's edge, at or after `dueAt`: every message of that slot is then due at
 * the same time, so that whichever of them duplicate detection keeps, nobody is called earlier than was asked for.
 */
export function selfMessage(self: SelfIntent): IntentMessage {
  const dueSlot = Math.max(Math.ceil(self.dueAt / slotMs), slotOf(self.now) + 1);
  const intent = intentFor(self.pool, self.cause, self.correlationId);
  return message(self.pool, dueSlot, 'self', intent, slotStart(dueSlot));
}

/**
 * One message for each pool, spread over the timer's period by a hash of the pool, so that the same pool has the same
 * place in every period. The tick is taken to the nearest slot: timers of several instances that fire a little apart
 * name the same messages, while those of the next period never bear the name of this one's.
 */
export function sweepMessages(
  pools: readonly PoolRoute[],
  now: EpochMs,
  periodMs: number,
  correlationId: string,
): readonly IntentMessage[] {
  const tickSlot = Math.round(now / slotMs);
  const spreadSlots = Math.max(1, Math.floor(Math.min(periodMs, maxSweepSpreadMs) / slotMs));
  return pools.map((pool) => {
    const place = Number(hash64(`${pool.session}|${pool.poolId}`) % BigInt(spreadSlots));
    const slot = tickSlot + place;
    return message(pool, slot, 'sweep', intentFor(pool, 'sweep', correlationId), slotStart(slot));
  });
}

const idText = /^[0-9A-Za-z._:-]{1,128}$/;

/** True for a text that may serve as an id in logs and messages, wherever it came from. */
export function isPlainId(value: unknown): value is string {
  return typeof value === 'string' && idText.test(value);
}

/** Reads a message body back; undefined = not of this schema. Fields that a later schema may add are left aside. */
export function readIntent(body: unknown): Intent | undefined {
  if (!isJsonObject(body) || body['schema'] !== intentSchema) return undefined;
  const { organisation, poolId, correlationId } = body;
  const cause = intentCauses.find((one) => one === body['cause']);
  if (cause === undefined || !isPlainId(organisation) || !isPlainId(correlationId)) return undefined;
  if (typeof poolId !== 'number' || !Number.isSafeInteger(poolId) || poolId < 1) return undefined;
  return { organisation, poolId, cause, correlationId };
}

/** What a pass says about when to look again. */
export interface PassFollowUp {
  /** How long a throttling upstream asked us to stay away, in ms. */
  readonly retryAfterMs?: number | undefined;
  /** The deadline came before the work was done. */
  readonly remaining?: boolean | undefined;
  readonly nextLookAt?: EpochMs | undefined;
}

/** Of Retry-After, added on top, at most: pools that were throttled together do not come back together. */
const jitterShare = 0.2;
const minimumJitterMs = 2000;
/** A server that asks for more is asked again after this; the sweep looks anyway. */
const maxRetryAfterMs = 600_000;

/**
 * The one message that follows a pass, by the first case that fits:
 *   1. throttled: at Retry-After plus jitter. A next look before that would only be throttled again.
 *   2. work left over: as soon as possible.
 *   3. something waits, boots or finishes: at the time the plan named.
 *   4. nothing: the sweep is soon enough.
 * `jitter` is a number from 0 to 1.
 */
export function followUp(
  pass: PassFollowUp,
  from: Omit<SelfIntent, 'dueAt' | 'cause'>,
  jitter: number,
): IntentMessage | undefined {
  if (pass.retryAfterMs !== undefined) {
    const wait = Math.min(Math.max(0, pass.retryAfterMs), maxRetryAfterMs);
    const extra = Math.max(wait * jitterShare, minimumJitterMs) * jitter;
    return selfMessage({ ...from, dueAt: from.now + wait + extra, cause: 'retryAfter' });
  }
  if (pass.remaining === true) return selfMessage({ ...from, dueAt: from.now, cause: 'remainder' });
  if (pass.nextLookAt !== undefined) return selfMessage({ ...from, dueAt: pass.nextLookAt, cause: 'nextLook' });
  return undefined;
}
