/**
 * Which agents nobody stands behind any more. One rule for the plan and for whoever only wants to know: it answers why
 * an agent stays, and nothing only for one that every reason to keep has been ruled out for.
 */
import type { Agent } from '../domain/agent.ts';
import type { EpochMs } from '../domain/instant.ts';

export const keepReasons = [
  /** Not one of the names that are looked at: of people, or of another system. */
  'notNamed',
  /** It stays offline for ever and lets Azure DevOps accept jobs. */
  'placeholder',
  'online',
  /** An unfinished request reserves it: the server has not given it up. */
  'busy',
  /** Something runs, or may yet, that works as this agent. */
  'agentJobThere',
  /** Of an agent without both times nobody can tell how long it has been offline. */
  'ageUnknown',
  'withinGrace',
  'clustersUnknown',
] as const;
export type KeepReason = (typeof keepReasons)[number];

export interface GhostFacts {
  readonly now: EpochMs;
  readonly graceMs: number;
  /** An online agent that nobody stands behind may idle for so long, in ms; absent = for ever. */
  readonly idleGraceMs?: number;
  readonly nameIs: (agent: Agent) => 'worker' | 'placeholder' | 'other';
  /** True when an unfinished request of the list reserves it. */
  readonly isReserved: (agent: Agent) => boolean;
  readonly hasAgentJob: (agent: Agent) => boolean;
  /** False = a cluster did not answer, or nobody knows which there are. */
  readonly everyClusterKnown: boolean;
}

/** Since when an agent has been as it is, at the latest: since its registration, or since its last change of status. */
export function offlineSince({ createdAt, statusChangedAt }: Agent): EpochMs | undefined {
  const since = Math.max(createdAt ?? -1, statusChangedAt ?? -1);
  return since < 0 ? undefined : since;
}

/** Too young to be judged, or of an age that nobody can tell. */
function youth(agent: Agent, { now, graceMs, idleGraceMs = Number.POSITIVE_INFINITY }: GhostFacts) {
  const since = offlineSince(agent);
  if (agent.online) return since === undefined || now - since <= idleGraceMs ? 'online' : undefined;
  if (since === undefined) return 'ageUnknown';
  return now - since <= graceMs ? 'withinGrace' : undefined;
}

/** Why an agent stays; undefined = it is a ghost. Before it is deleted each cluster is asked for its Job by name. */
export function whyKept(agent: Agent, facts: GhostFacts): KeepReason | undefined {
  const name = facts.nameIs(agent);
  if (name !== 'worker') return name === 'other' ? 'notNamed' : 'placeholder';
  if (agent.assignedRequestId !== undefined || facts.isReserved(agent)) return 'busy';
  if (facts.hasAgentJob(agent)) return 'agentJobThere';
  return youth(agent, facts) ?? (facts.everyClusterKnown ? undefined : 'clustersUnknown');
}
