/**
 * Ghosts: agents with our mark that no agent job stands behind any more. Only candidates are named here; before one is
 * deleted every cluster is asked for that Job by name, because absence from a list proves nothing.
 */
import type { Agent } from '../domain/agent.ts';
import { isTombstone } from '../domain/agentJob.ts';
import { parseName } from '../domain/names.ts';
import type { PoolPolicy } from '../domain/template.ts';
import { everyClusterKnown, knownAgentJobs, type Observed } from './observed.ts';
import type { Action } from './plan.ts';
import { scopeOf } from './supply.ts';

/** Neither time present = keep: an agent whose age nobody can tell is not ours to judge. */
function offlineMs(agent: Agent, now: number): number {
  const since = Math.max(agent.createdAt ?? -1, agent.statusChangedAt ?? -1);
  return since < 0 ? 0 : now - since;
}

export function planGhosts(
  policy: PoolPolicy,
  observed: Observed,
  agents: readonly Agent[],
  reserved: ReadonlySet<number>,
): readonly Action[] {
  if (!everyClusterKnown(observed)) return [];
  const alive = new Set(
    knownAgentJobs(observed)
      .filter((agentJob) => !isTombstone(agentJob))
      .map((agentJob) => agentJob.name),
  );
  const isGhost = (agent: Agent): boolean => {
    const parsed = parseName(scopeOf(policy), agent.name);
    if (parsed === undefined || parsed.kind === 'placeholder' || agent.online) return false;
    if (alive.has(agent.name) || reserved.has(agent.id) || agent.assignedRequestId !== undefined) return false;
    return offlineMs(agent, observed.at) > policy.ghostGraceMs;
  };
  return agents
    .filter(isGhost)
    .slice(0, policy.maxGhostsPerPass)
    .map((agent) => ({ kind: 'deleteGhost', agentId: agent.id, name: agent.name }));
}
