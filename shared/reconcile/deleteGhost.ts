/** Ghosts: agents with our mark that nobody stands behind. It never rejects. */
import type { Agent } from '../domain/agent.ts';
import { type AgentJob, isTombstone, standsBehind } from '../domain/agentJob.ts';
import type { Cluster } from '../ports.ts';
import type { ReconcileDeps } from './deps.ts';
import { beginGhost } from './ghostBudget.ts';
import type { Outcome } from './outcome.ts';
import { lastGraceSeconds } from './patches.ts';
import { type ActionOf, settle } from './settle.ts';

interface Witness {
  readonly cluster: Cluster;
  readonly agentJob: AgentJob | undefined;
}

/** What each cluster says of the Job. Any failed read rejects. */
const witnesses = ({ clusters }: ReconcileDeps, name: string): Promise<readonly Witness[]> =>
  Promise.all(clusters.map(async (cluster) => ({ cluster, agentJob: await cluster.getAgentJob(name) })));

/** True when no cluster holds a Job that may still stand behind the agent. */
const isForsaken = (all: readonly Witness[], agent: { readonly id: number; readonly name: string }): boolean =>
  all.every(({ agentJob }) => agentJob === undefined || isTombstone(agentJob) || !standsBehind(agentJob, agent));

/** True for an agent that nobody works with: named so and given nothing; whether it may be online is the plan's to say. */
const isUnused = (agent: Agent, { name, isOnline }: ActionOf<'deleteGhost'>): boolean =>
  agent.name === name && agent.assignedRequestId === undefined && (isOnline === true || !agent.online);

/** Disables an unused agent, so that nothing can be given to it any more, and looks again. */
async function lastLook(
  { pools, policy }: ReconcileDeps,
  action: ActionOf<'deleteGhost'>,
): Promise<'gone' | 'alive' | 'unused'> {
  const { agentId: id, name } = action;
  const before = await pools.getAgent(policy.poolId, id);
  if (before === undefined) return 'gone';
  if (!isUnused(before, action)) return 'alive';
  if (!before.enabled) return 'unused';
  await pools.updateAgent(policy.poolId, { id, name, enabled: false });
  const after = await pools.getAgent(policy.poolId, id);
  if (after === undefined) return 'gone';
  return isUnused(after, action) ? 'unused' : 'alive';
}

/**
 * What somebody orphaned when he deleted the Job of a ghost, before the ghost itself: nothing else finds it once the agent
 * is gone. A pod that hangs can come to nothing any more, because its agent is disabled.
 */
async function clearAway(cluster: Cluster, name: string): Promise<void> {
  await cluster.endPodsOf(name, lastGraceSeconds);
  await cluster.deleteSecret(name);
}

/**
 * One DELETE, after every cluster has denied its Job. Disabled and read once more before it, like any other: a pod that
 * nobody can see may come back at any moment.
 */
export function deleteGhost(deps: ReconcileDeps, action: ActionOf<'deleteGhost'>): Promise<Outcome> {
  return settle('deleteGhost', action.name, async () => {
    if (!beginGhost(deps)) return ['waiting', 'the server asks for patience'];
    const heard = await witnesses(deps, action.name);
    if (!isForsaken(heard, { id: action.agentId, name: action.name })) return ['waiting', 'its Job lives'];
    const found = await lastLook(deps, action);
    if (found === 'gone') return ['done', 'gone already'];
    if (found === 'alive') return ['waiting', 'it lives'];
    // Where a Job of the name is, whatever it is, what hangs on it is its own.
    const orphaned = heard.filter(({ agentJob }) => agentJob === undefined);
    await Promise.all(orphaned.map(({ cluster }) => clearAway(cluster, action.name)));
    const deleted = await deps.pools.deleteAgent(deps.policy.poolId, action.agentId);
    return deleted === 'refused' ? ['waiting', 'refused'] : ['done'];
  });
}
