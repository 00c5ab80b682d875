/** Looks at a pool as a pass would and explains one request of it; touches nothing. */
import { known } from '../domain/read.ts';
import { type Explanation, explain } from '../plan/explain.ts';
import type { ReconcileDeps } from './deps.ts';
import { lookAtAll } from './reconcilePool.ts';

/**
 * Absence from the list proves nothing: it shows unfinished requests only, so one that it lacks is asked for. Rejects
 * when that fails; a pool that cannot be read is an explanation.
 */
export async function explainRequest(deps: ReconcileDeps, requestId: number): Promise<Explanation> {
  const { observed } = await lookAtAll(deps);
  const explanation = explain(deps.policy, observed, requestId);
  if (explanation.fate.kind !== 'notInPool' || !observed.requests.known) return explanation;
  const request = await deps.pools.getJobRequest(deps.policy.poolId, requestId);
  if (request === undefined) return explanation;
  return explain(deps.policy, { ...observed, requests: known([...observed.requests.value, request]) }, requestId);
}
