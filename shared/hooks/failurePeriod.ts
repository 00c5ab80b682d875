/**
 * How long the sender is asked to try again. Azure DevOps resends a notification that was answered 408, 502, 503 or
 * 504 up to eight times, after 1, 2, 4, 8, 16, 32, 60 and 60 s; then, as at once after any other error, it puts the
 * subscription on probation and drops new events for 20 min or more ("Troubleshoot service hooks", July 2025). So a
 * short trouble is answered 503, and one that lasts is answered 202: the doorbell is lost either way, the sweep looks
 * anyway, and the subscription stays alive. A state machine of one process, with the time as argument.
 */

import type { EpochMs } from '../domain/instant.ts';

export interface FailurePeriod {
  readonly since: EpochMs;
  readonly lastAt: EpochMs;
}

/** For how long a failure period is answered 503: well inside the 183 s after which probation begins. */
export const resendWindowMs = 60_000;

/** A pause between failures that ends a period: longer than any resend of the sender takes to come. */
export const quietMs = 300_000;

/** The period after a failure at `now`; a clock that was set back begins a new one. */
export function failed(period: FailurePeriod | undefined, now: EpochMs): FailurePeriod {
  const goesOn = period !== undefined && now >= period.since && now - period.lastAt < quietMs;
  return { since: goesOn ? period.since : now, lastAt: now };
}

/** 503 = send it again; 202 = taken, though nothing was done. */
export function failureStatus(period: FailurePeriod): 503 | 202 {
  return period.lastAt - period.since < resendWindowMs ? 503 : 202;
}
