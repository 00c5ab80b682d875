/** The actions of one or two calls: disable, roll back, bury, ghosts. None of them rejects. */
import { createByPassed } from '../domain/agentJob.ts';
import { isUnfinished } from '../domain/jobRequest.ts';
import { clusterOf } from './clusterOf.ts';
import { deleteOwnSecret } from './creation.ts';
import type { Pass, ReconcileDeps } from './deps.ts';
import type { Outcome } from './outcome.ts';
import { noteAgentPatch, rollBackPatch } from './patches.ts';
import { type ActionOf, movedOn, settle, unlessMoved } from './settle.ts';

/** A single-use agent that has its request gets no second one. */
export function disableAgent(deps: ReconcileDeps, action: ActionOf<'disable'>): Promise<Outcome> {
  return settle('disable', action.name, async () => {
    await deps.pools.updateAgent(deps.policy.poolId, { id: action.agentId, name: action.name, enabled: false });
    return ['done', `request ${action.requestId}`];
  });
}

/** From now on the Job and its agent are told apart from all others of their name by the id. */
export function noteAgent(deps: ReconcileDeps, action: ActionOf<'noteAgent'>): Promise<Outcome> {
  const { agentJob, agentId } = action;
  return settle('noteAgent', agentJob.name, async () => {
    const patch = noteAgentPatch(agentJob, agentId);
    const moved = await unlessMoved(clusterOf(deps, agentJob.cluster).patchAgentJob(agentJob.name, patch));
    return moved ? movedOn : ['done', `agent ${agentId}`];
  });
}

/** A creation past its create-by. Only the Secret goes: an agent that its creator left behind is a ghost's case. */
export function rollBack(deps: Pass, action: ActionOf<'rollBack'>): Promise<Outcome> {
  const { agentJob } = action;
  return settle('rollBack', agentJob.name, async () => {
    const cluster = clusterOf(deps, agentJob.cluster);
    const patch = rollBackPatch(agentJob, createByPassed, deps.serverNow());
    if (await unlessMoved(cluster.patchAgentJob(agentJob.name, patch))) return movedOn;
    await deleteOwnSecret(cluster, agentJob);
    return ['done'];
  });
}

/**
 * Deletes a tombstone. The request list only suggested that its request is gone; a single read must say so, or the
 * number that the tombstone remembers would be used again.
 */
export function bury(deps: ReconcileDeps, action: ActionOf<'bury'>): Promise<Outcome> {
  const { agentJob } = action;
  return settle('bury', agentJob.name, async () => {
    if (agentJob.purpose.kind === 'request') {
      const request = await deps.pools.getJobRequest(deps.policy.poolId, agentJob.purpose.requestId);
      if (request !== undefined && isUnfinished(request)) return ['waiting', 'its request lives'];
    }
    const cluster = clusterOf(deps, agentJob.cluster);
    await deleteOwnSecret(cluster, agentJob);
    return [(await cluster.deleteAgentJob(agentJob.name, agentJob.uid)) === 'replaced' ? 'raced' : 'done'];
  });
}
