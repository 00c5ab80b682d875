/**
 * Why a request waits, or who serves it: the whole trail, made from the same values and functions that plan. Nothing in
 * it is a second opinion.
 */
import type { SkipReason } from '../domain/reasons.ts';
import type { PoolPolicy } from '../domain/template.ts';
import type { Observed } from './observed.ts';
import { planPool } from './planPool.ts';

export interface Explanation {
  readonly requestId: number;
  readonly reason?: SkipReason;
}

export function explain(policy: PoolPolicy, observed: Observed, requestId: number): Explanation {
  const skip = planPool(policy, observed).skips.find((each) => each.requestId === requestId);
  return { requestId, ...(skip === undefined ? {} : { reason: skip.reason }) };
}
