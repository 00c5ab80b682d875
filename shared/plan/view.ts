/** One look at a pool with what all decisions look up in it, worked out once for a plan. */
import type { Agent } from '../domain/agent.ts';
import { type AgentJob, isOver, standsBehind } from '../domain/agentJob.ts';
import type { EpochMs } from '../domain/instant.ts';
import { isUnfinished, type JobRequest } from '../domain/jobRequest.ts';
import type { NameScope } from '../domain/names.ts';
import type { PoolPolicy } from '../domain/template.ts';
import type { JudgedImage } from './images/transitions.ts';
import { knownAgentJobs, type Observed } from './observed.ts';

export interface View {
  readonly policy: PoolPolicy;
  readonly observed: Observed;
  readonly now: EpochMs;
  readonly requests: readonly JobRequest[];
  readonly agents: readonly Agent[];
  /** Of all clusters that answered. */
  readonly agentJobs: readonly AgentJob[];
  readonly agentsByName: ReadonlyMap<string, Agent>;
  /** Two control planes that see different clusters may make a Job of one name in each of them. */
  readonly agentJobsByName: ReadonlyMap<string, readonly AgentJob[]>;
  /** The unfinished request that reserves an agent, by the agent's id: it is busy whatever else is said of it. */
  readonly reserved: ReadonlyMap<number, JobRequest>;
  /** The names of those agents. */
  readonly busy: ReadonlySet<string>;
  /** When each of them got its request, by name. */
  readonly busySince?: ReadonlyMap<string, EpochMs>;
  /** Images that are rebuilt, after what this look shows of their candidates; absent = nobody has judged them. */
  readonly images?: readonly JudgedImage[];
  /** Another control plane works by a newer configuration: this one must not undo what that one does. */
  readonly isOutdated: boolean;
}

export const scopeOf = (policy: PoolPolicy): NameScope => ({
  installation: policy.installation,
  organisation: policy.organisation.short,
  poolId: policy.poolId,
});

const byName = <T extends { readonly name: string }>(all: readonly T[]): ReadonlyMap<string, T> =>
  new Map(all.map((each) => [each.name, each]));

/** `requests` and `agents` are the known reads; without them there is no plan at all. */
export function viewOf(
  policy: PoolPolicy,
  observed: Observed,
  requests: readonly JobRequest[],
  agents: readonly Agent[],
): View {
  const agentJobs = knownAgentJobs(observed);
  const holders = requests.filter((request) => isUnfinished(request) && request.reservedAgent !== undefined);
  return {
    policy,
    observed,
    now: observed.at,
    requests,
    agents,
    agentJobs,
    agentsByName: byName(agents),
    agentJobsByName: Map.groupBy(agentJobs, ({ name }) => name),
    reserved: new Map(holders.map((request) => [request.reservedAgent?.id ?? -1, request])),
    busy: new Set(holders.map((request) => request.reservedAgent?.name ?? '')),
    busySince: new Map(
      holders.map((request) => [request.reservedAgent?.name ?? '', request.receivedAt ?? request.assignedAt ?? 0]),
    ),
    isOutdated: policy.generation !== undefined && policy.generation < (observed.control.value?.generation ?? 0),
  };
}

/** The agent of an agent job, where the list shows it. */
export function agentOf(view: Pick<View, 'agentsByName'>, agentJob: AgentJob): Agent | undefined {
  const agent = view.agentsByName.get(agentJob.name);
  return agent !== undefined && standsBehind(agentJob, agent) ? agent : undefined;
}

const rank = (agentJob: AgentJob): number =>
  (agentJob.agentId === undefined ? 2 : 0) + (agentJob.phase === 'retiring' || isOver(agentJob) ? 1 : 0);

/**
 * The agent job of an agent, where a cluster that answered shows it. Of several that may be, the one that names the
 * agent; else one that goes on, because an agent must not be given up for the end of another one's Job.
 */
export function agentJobOf(view: Pick<View, 'agentJobsByName'>, agent: Agent): AgentJob | undefined {
  const [first, ...others] = (view.agentJobsByName.get(agent.name) ?? []).filter((each) => standsBehind(each, agent));
  if (others.length === 0) return first;
  return [first, ...others]
    .filter((each) => each !== undefined)
    .toSorted((a, b) => rank(a) - rank(b) || (a.cluster < b.cluster ? -1 : 1))[0];
}
