/** Looks at a pool as a pass would and explains one request of it; touches nothing. */
import { type Explanation, explain } from '../plan/explain.ts';
import type { ReconcileDeps } from './deps.ts';
import { lookAtAll } from './reconcilePool.ts';

export async function explainRequest(deps: ReconcileDeps, requestId: number): Promise<Explanation> {
  const { observed } = await lookAtAll(deps);
  return explain(deps.policy, observed, requestId);
}
