/**
 * Ghosts: agents with our mark that no agent job stands behind any more. Only candidates are named here; before one is
 * deleted every cluster is asked for that Job by name, because absence from a list proves nothing.
 */
import type { Agent } from '../domain/agent.ts';
import { isTombstone, standsBehind } from '../domain/agentJob.ts';
import { everyClusterKnown } from './observed.ts';
import type { Action } from './plan.ts';
import { workerName } from './supply.ts';
import type { View } from './view.ts';

/** Neither time present = keep: an agent whose age nobody can tell is not ours to judge. */
function offlineMs(agent: Agent, now: number): number {
  const since = Math.max(agent.createdAt ?? -1, agent.statusChangedAt ?? -1);
  return since < 0 ? 0 : now - since;
}

export function planGhosts(view: View): readonly Action[] {
  const { policy, observed, agents, reserved, now } = view;
  if (!everyClusterKnown(observed)) return [];
  const alive = view.agentJobs.filter((agentJob) => !isTombstone(agentJob));
  const byName = Map.groupBy(alive, (agentJob) => agentJob.name);
  const isGhost = (agent: Agent): boolean => {
    if (workerName(policy, agent.name) === undefined || agent.online) return false;
    const hasJob = byName.get(agent.name)?.some((agentJob) => standsBehind(agentJob, agent)) === true;
    if (hasJob || reserved.has(agent.id) || agent.assignedRequestId !== undefined) return false;
    return offlineMs(agent, now) > policy.ghostGraceMs;
  };
  const ghosts = agents.filter(isGhost).toSorted((a, b) => a.id - b.id);
  // Another part of them with every minute, or a few that the server will not let go would keep all others.
  const first = ghosts.length === 0 ? 0 : Math.floor(now / 60_000) % ghosts.length;
  return [...ghosts.slice(first), ...ghosts.slice(0, first)]
    .slice(0, policy.maxGhostsPerPass)
    .map((agent) => ({ kind: 'deleteGhost', agentId: agent.id, name: agent.name }));
}
