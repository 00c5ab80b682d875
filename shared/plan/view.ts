/** One look at a pool with what all decisions look up in it, worked out once for a plan. */
import type { Agent } from '../domain/agent.ts';
import { type AgentJob, standsBehind } from '../domain/agentJob.ts';
import type { EpochMs } from '../domain/instant.ts';
import { isUnfinished, type JobRequest } from '../domain/jobRequest.ts';
import type { NameScope } from '../domain/names.ts';
import type { PoolPolicy } from '../domain/template.ts';
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
  readonly agentJobsByName: ReadonlyMap<string, AgentJob>;
  /** The unfinished request that reserves an agent, by the agent's id: it is busy whatever else is said of it. */
  readonly reserved: ReadonlyMap<number, JobRequest>;
  /** The names of those agents. */
  readonly busy: ReadonlySet<string>;
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
    agentJobsByName: byName(agentJobs),
    reserved: new Map(holders.map((request) => [request.reservedAgent?.id ?? -1, request])),
    busy: new Set(holders.map((request) => request.reservedAgent?.name ?? '')),
  };
}

/** The agent of an agent job, where the list shows it. */
export function agentOf(view: Pick<View, 'agentsByName'>, agentJob: AgentJob): Agent | undefined {
  const agent = view.agentsByName.get(agentJob.name);
  return agent !== undefined && standsBehind(agentJob, agent) ? agent : undefined;
}

/** The agent job of an agent, where a cluster that answered shows it. */
export function agentJobOf(view: Pick<View, 'agentJobsByName'>, agent: Agent): AgentJob | undefined {
  const agentJob = view.agentJobsByName.get(agent.name);
  return agentJob !== undefined && standsBehind(agentJob, agent) ? agentJob : undefined;
}
