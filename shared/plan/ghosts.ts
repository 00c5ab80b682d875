/**
 * Ghosts: agents with our mark that no agent job stands behind any more. Only candidates are named here; before one is
 * deleted every cluster is asked for that Job by name, because absence from a list proves nothing.
 */
import type { Agent } from '../domain/agent.ts';
import { isTombstone, standsBehind } from '../domain/agentJob.ts';
import { parseName } from '../domain/names.ts';
import { type GhostFacts, whyKept } from './ghostRule.ts';
import { everyClusterKnown } from './observed.ts';
import type { Action } from './plan.ts';
import { scopeOf, type View } from './view.ts';

/** What the rule asks of a look at the pool. */
export function ghostFacts(view: View): GhostFacts {
  const { policy, observed, reserved, now } = view;
  const alive = view.agentJobs.filter((agentJob) => !isTombstone(agentJob));
  const byName = Map.groupBy(alive, (agentJob) => agentJob.name);
  const scope = scopeOf(policy);
  return {
    now,
    graceMs: policy.ghostGraceMs,
    // Somebody orphaned its pod, or its cluster left the configuration. A request may still find it; not for ever.
    idleGraceMs: 6 * policy.ghostGraceMs,
    nameIs: ({ name }) => {
      const parsed = parseName(scope, name);
      if (parsed === undefined) return 'other';
      return parsed.kind === 'placeholder' ? 'placeholder' : 'worker';
    },
    isReserved: ({ id }) => reserved.has(id),
    hasAgentJob: (agent) => byName.get(agent.name)?.some((agentJob) => standsBehind(agentJob, agent)) === true,
    everyClusterKnown: everyClusterKnown(observed),
  };
}

/** `countedOn` = the names of agents that the plan gives requests to: online ones of them stay. */
export function planGhosts(view: View, countedOn: ReadonlySet<string>): readonly Action[] {
  const { policy, observed, agents, now } = view;
  const facts = ghostFacts(view);
  const isGhost = (agent: Agent): boolean =>
    whyKept(agent, facts) === undefined && !(agent.online && countedOn.has(agent.name));
  const ghosts = agents.filter(isGhost).toSorted((a, b) => a.id - b.id);
  // Another part of them with every minute, or a few that the server will not let go would keep all others.
  const first = ghosts.length === 0 ? 0 : Math.floor(now / 60_000) % ghosts.length;
  return [...ghosts.slice(first), ...ghosts.slice(0, first)]
    .slice(0, observed.ghostBudget ?? policy.maxGhostsPerPass)
    .map(({ id, name, online }) => ({
      kind: 'deleteGhost',
      agentId: id,
      name,
      ...(online ? { isOnline: true } : {}),
    }));
}
