/**
 * What happens to agents in words that `kubectl get events` shows beside the pool's control map. A telling that fails
 * costs nothing but itself: everything it says is on the Job and in the log too.
 */
import { errorKind } from '../domain/errors.ts';
import { blamelessReasons } from '../domain/reasons.ts';
import type { Cluster, PoolEvent } from '../ports.ts';
import type { ReconcileDeps } from './deps.ts';
import type { ActionOf } from './settle.ts';

export async function tellPool(deps: ReconcileDeps, cluster: Cluster, event: PoolEvent): Promise<void> {
  try {
    await cluster.recordEvent(deps.policy.poolId, event);
  } catch (error) {
    deps.log.write('debug', 'event.failed', { subject: event.subject, reason: event.reason, error: errorKind(error) });
  }
}

const camel = (word: string): string => word.charAt(0).toUpperCase() + word.slice(1);

/** Ends of which nobody is told: they are the ordinary course of things. */
const ordinary: ReadonlySet<string | undefined> = new Set([...blamelessReasons, 'finished', 'endedIdle']);

/** Of an agent job that begins to be retired because something went wrong with it. */
export async function tellOfFailure(deps: ReconcileDeps, cluster: Cluster, action: ActionOf<'retire'>): Promise<void> {
  const { agentJob, reason, detail } = action;
  // What was lost with it has been told the moment it was seen.
  if (agentJob.lost !== undefined || ordinary.has(reason) || (reason === 'ended' && detail === undefined)) return;
  const message = `${agentJob.template} agent ${agentJob.name}: ${detail ?? reason}`;
  await tellPool(deps, cluster, { reason: camel(reason), message, type: 'Warning', subject: agentJob.name });
}
