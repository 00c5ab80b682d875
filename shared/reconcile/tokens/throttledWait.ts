/** When to come back to whoever asked to be left alone. */
import { UpstreamError } from '../../domain/errors.ts';
import { hash64 } from '../../domain/hash.ts';
import { minutesMs, secondsMs } from '../../domain/instant.ts';

/** For a throttled call that does not say how long. */
const unsaidMs = secondsMs(10);
/** A server that asks for more is asked again after this. */
const maxMs = minutesMs(10);
/** Tokens that were throttled together are spread over at least this time. */
const leastSpreadMs = secondsMs(30);

/**
 * In ms: what the server asked for, and on top a part of the same again that the token's name decides. Tokens that were
 * throttled together would else come back together and be throttled again.
 */
export function throttledWaitMs(error: unknown, token: string): number {
  const asked = error instanceof UpstreamError ? (error.retryAfterMs ?? unsaidMs) : unsaidMs;
  const wait = Math.min(asked, maxMs);
  const share = Number(hash64(token) % 1000n) / 1000;
  return Math.round(wait + share * Math.max(wait, leastSpreadMs));
}
