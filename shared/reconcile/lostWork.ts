/** What was lost with a pod is written down at once; and the one way in which a running job is lost through us. */
import type { AgentJob } from '../domain/agentJob.ts';
import { endTrouble } from '../plan/boot.ts';
import { lostTag } from '../plan/tell.ts';
import type { Cluster } from '../ports.ts';
import { clusterOf } from './clusterOf.ts';
import type { ReconcileDeps } from './deps.ts';
import type { Outcome } from './outcome.ts';
import { lastGraceSeconds, lostPatch, overAgePatch } from './patches.ts';
import { tellPool } from './poolEvents.ts';
import { tagRun } from './runTellings.ts';
import { type ActionOf, movedOn, type Result, settle, unlessMoved } from './settle.ts';

export function noteLost(deps: ReconcileDeps, { agentJob, lost }: ActionOf<'noteLost'>): Promise<Outcome> {
  return settle('noteLost', agentJob.name, async () => {
    const cluster = clusterOf(deps, agentJob.cluster);
    if (await unlessMoved(cluster.patchAgentJob(agentJob.name, lostPatch(agentJob, lost)))) return movedOn;
    const message = `agent ${agentJob.name} was gone while it ran request ${lost.requestId}${fateOf(agentJob)}`;
    await tellPool(deps, cluster, { reason: 'LostMidJob', message, type: 'Warning', subject: agentJob.name });
    if (lost.projectId !== undefined && lost.runId !== undefined)
      await tagRun(deps, { requestId: lost.requestId, projectId: lost.projectId, runId: lost.runId }, lostTag);
    return ['done', `request ${lost.requestId}`];
  });
}

function fateOf(agentJob: AgentJob): string {
  const words = endTrouble(agentJob);
  return words === undefined ? '' : `: ${words}`;
}

/** Excluded by name from the rule that no pod is ended by us while its agent holds a request. */
export function endOverAge(deps: ReconcileDeps, { agentJob, requestId }: ActionOf<'endOverAge'>): Promise<Outcome> {
  return settle('endOverAge', agentJob.name, async () => {
    const cluster = clusterOf(deps, agentJob.cluster);
    if (agentJob.overAge === requestId) return endNow(cluster, agentJob);
    if (await unlessMoved(cluster.patchAgentJob(agentJob.name, overAgePatch(agentJob, requestId)))) return movedOn;
    const message = `agent ${agentJob.name} was ended at the maximum age of request ${requestId}`;
    await tellPool(deps, cluster, { reason: 'EndedAtMaximumAge', message, type: 'Warning', subject: agentJob.name });
    return ['done', `request ${requestId}`];
  });
}

/** The entrypoint swallows TERM while it works, so the pod would go on for as long as a drain may take. */
async function endNow(cluster: Cluster, { pod }: AgentJob): Promise<Result> {
  if (pod === undefined) return ['done', 'gone'];
  return ['done', await cluster.endPod(pod.name, pod.uid, lastGraceSeconds)];
}
