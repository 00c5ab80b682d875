/**
 * Rate limiting per identity over sliding five minutes, as documented in "Rate and usage limits" (2025-09-15): first
 * successes carry Retry-After and X-RateLimit headers, then 429. The real unit is the TSTU, a measure of database and
 * CPU use that nobody outside can compute; here each call costs one. The delay is told in the header but the answer
 * is not held back.
 */
import { type EpochMs, minutesMs } from '../../../../shared/domain/instant.ts';

export interface RateLimit {
  /** Calls that an identity may make in the window. */
  readonly budget: number;
  /** From this many calls on, successes carry a Retry-After. Default: four fifths of the budget. */
  readonly warnFrom?: number;
  readonly windowMs?: number;
}

type RateVerdict = 'free' | 'delayed' | 'refused';

export interface RateAnswer {
  readonly verdict: RateVerdict;
  readonly headers: Readonly<Record<string, string>>;
}

const free: RateAnswer = { verdict: 'free', headers: {} };

export class RateLimiter {
  readonly #limit: RateLimit | undefined;
  readonly #calls = new Map<string, EpochMs[]>();

  constructor(limit: RateLimit | undefined) {
    this.#limit = limit;
  }

  /** Counts one call of an identity; a refused call costs nothing. */
  count(identity: string, now: EpochMs): RateAnswer {
    if (this.#limit === undefined) return free;
    const { budget, windowMs = minutesMs(5), warnFrom = Math.floor(budget * 0.8) } = this.#limit;
    const recent = (this.#calls.get(identity) ?? []).filter((at) => at > now - windowMs);
    const leavesAt = (recent[0] ?? now) + windowMs;
    const used = recent.length + 1;
    const headers = rateHeaders(budget, budget - used, leavesAt, now);
    if (used > budget) return { verdict: 'refused', headers };
    this.#calls.set(identity, [...recent, now]);
    return used <= warnFrom ? free : { verdict: 'delayed', headers };
  }
}

function rateHeaders(budget: number, left: number, leavesAt: EpochMs, now: EpochMs): Readonly<Record<string, string>> {
  const seconds = Math.max(1, Math.ceil((leavesAt - now) / 1000));
  return {
    'retry-after': String(left < 0 ? seconds : Math.min(30, seconds)),
    'x-ratelimit-resource': 'Core',
    'x-ratelimit-delay': left < 0 ? '0' : '1.0',
    'x-ratelimit-limit': String(budget),
    'x-ratelimit-remaining': String(Math.max(0, left)),
    'x-ratelimit-reset': String(Math.ceil(leavesAt / 1000)),
  };
}
