/**
 * The only retries of the control plane: few, short and jittered, for calls whose repetition changes nothing. What
 * is still failing after them is left to the next pass, which observes again.
 */
import type { UpstreamErrorKind } from '../domain/errors.ts';
import { hasErrorKind, UpstreamError } from '../domain/errors.ts';
import type { Clock } from '../ports.ts';
import { systemClock } from './system.ts';

export interface RetryOptions {
  readonly clock?: Clock;
  /** Repetitions after the first attempt. */
  readonly maxRetries?: number;
  /** The first pause in ms; each next one doubles. */
  readonly pauseMs?: number;
  /** A server that asks us to stay away for longer is not asked again. */
  readonly maxRetryAfterMs?: number;
  /** What is repeated. A 429 alone says that nothing was done. */
  readonly kinds?: readonly UpstreamErrorKind[];
  /** In [0, 1): spreads the pauses of many callers over half to whole. */
  readonly jitter?: () => number;
}

const defaults = {
  clock: systemClock,
  maxRetries: 2,
  pauseMs: 200,
  maxRetryAfterMs: 3_000,
  kinds: ['unavailable', 'throttled'] as readonly UpstreamErrorKind[],
  jitter: Math.random,
} as const;

/**
 * Repeats `attempt` while it rejects as one of `kinds`, by default `unavailable` or `throttled`. A timeout is not repeated: it has already
 * cost the caller's whole patience once.
 */
export async function retrying<T>(attempt: () => Promise<T>, options: RetryOptions = {}): Promise<T> {
  const { clock, maxRetries, pauseMs, maxRetryAfterMs, kinds, jitter } = { ...defaults, ...options };
  for (let retries = 0; ; retries++) {
    try {
      return await attempt();
    } catch (error) {
      if (retries >= maxRetries || !isPassing(error, kinds, maxRetryAfterMs)) throw error;
      const spread = pauseMs * 2 ** retries * (0.5 + jitter() / 2);
      await clock.sleep(Math.max(spread, error.retryAfterMs ?? 0));
    }
  }
}

function isPassing(
  error: unknown,
  kinds: readonly UpstreamErrorKind[],
  maxRetryAfterMs: number,
): error is UpstreamError {
  if (!(error instanceof UpstreamError) || !hasErrorKind(error, ...kinds)) return false;
  return (error.retryAfterMs ?? 0) <= maxRetryAfterMs;
}

/** Remembers what `make` resolves to; a rejection is forgotten, so that the next caller tries again. */
export function once<T>(make: () => Promise<T>): () => Promise<T> {
  let made: Promise<T> | undefined;
  return () => {
    made ??= make().catch((error: unknown) => {
      made = undefined;
      throw error;
    });
    return made;
  };
}
