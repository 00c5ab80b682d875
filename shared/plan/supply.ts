/**
 * Usable agents: those that will take a waiting request without our doing anything more. Online ones offer what Azure
 * DevOps reports of them, booting ones what their template promises.
 */
import type { Agent } from '../domain/agent.ts';
import { type AgentJob, isOver, standsBehind } from '../domain/agentJob.ts';
import { type Offer, offerOf } from '../domain/demand.ts';
import type { EpochMs } from '../domain/instant.ts';
import { isUnfinished, type JobRequest } from '../domain/jobRequest.ts';
import { type NameScope, type ParsedName, parseName } from '../domain/names.ts';
import { offeredCapabilities } from '../domain/offer.ts';
import type { PoolPolicy } from '../domain/template.ts';
import { isBooting } from './boot.ts';
import { everyClusterKnown, knownAgentJobs, type Observed } from './observed.ts';

export interface Usable {
  /** The agent's name. */
  readonly name: string;
  readonly state: 'online' | 'booting';
  readonly offer: Offer;
  /** The request its agent job was made for. */
  readonly madeFor?: number;
  /** It can serve no other request: its pod does not exist yet and may be refused for long. */
  readonly onlyFor?: number;
  readonly ours: boolean;
}

export const scopeOf = (policy: PoolPolicy): NameScope => ({
  installation: policy.installation,
  organisation: policy.organisation.short,
  poolId: policy.poolId,
});

/** The ids of agents that an unfinished request reserves; they are busy whatever else is said of them. */
export function reservedAgents(requests: readonly JobRequest[]): ReadonlyMap<number, JobRequest> {
  const reserved = new Map<number, JobRequest>();
  for (const request of requests) {
    if (isUnfinished(request) && request.reservedAgent !== undefined) reserved.set(request.reservedAgent.id, request);
  }
  return reserved;
}

/**
 * A single-use agent that has had its request. The agent list is read before the requests: an agent that it shows as
 * assigned, while no unfinished request reserves it any more, finished in between.
 */
export function isSpent(agent: Agent): boolean {
  return agent.lastCompletedRequest !== undefined || agent.assignedRequestId !== undefined;
}

/** True when its listener has had a session: a status that changed after the registration. */
export function wasEverOnline(agent: Agent): boolean {
  if (agent.online || isSpent(agent)) return true;
  return (
    agent.statusChangedAt !== undefined &&
    agent.createdAt !== undefined &&
    agent.statusChangedAt - agent.createdAt > 1000
  );
}

/** The agent of an agent job, where the list shows it. */
export function agentOf(agentJob: AgentJob, agentsByName: ReadonlyMap<string, Agent>): Agent | undefined {
  const agent = agentsByName.get(agentJob.name);
  return agent !== undefined && standsBehind(agentJob, agent) ? agent : undefined;
}

/** A Job whose pod does not appear is most often refused by a quota; that long we only suppose it is about to. */
const podExpectedMs = 15_000;

function bootingUsable(agentJob: AgentJob, offer: Offer, now: EpochMs): Usable {
  const madeFor = agentJob.purpose.kind === 'request' ? agentJob.purpose.requestId : undefined;
  const waitsForPod =
    agentJob.phase === 'started' &&
    agentJob.pod === undefined &&
    now - (agentJob.phaseAt ?? agentJob.createdAt) > podExpectedMs;
  return {
    name: agentJob.name,
    state: 'booting',
    offer,
    ...(madeFor === undefined ? {} : { madeFor }),
    ...(waitsForPod && madeFor !== undefined ? { onlyFor: madeFor } : {}),
    ours: true,
  };
}

interface Context {
  readonly policy: PoolPolicy;
  readonly observed: Observed;
  readonly reserved: ReadonlyMap<number, JobRequest>;
  readonly agentJobs: ReadonlyMap<string, AgentJob>;
  readonly agents: ReadonlyMap<string, Agent>;
  /** What each template offers, by its name. */
  readonly offers: ReadonlyMap<string, Offer>;
}

type WorkerName = Exclude<ParsedName, { readonly kind: 'placeholder' }>;

/** What the name of an agent of ours that can take jobs says; undefined = foreign, or a placeholder. */
export function workerName(policy: PoolPolicy, name: string): WorkerName | undefined {
  const parsed = parseName(scopeOf(policy), name);
  return parsed?.kind === 'placeholder' ? undefined : parsed;
}

function usableOf(agent: Agent, parsed: WorkerName | undefined, state: Usable['state']): Usable {
  const madeFor = parsed?.kind === 'request' ? { madeFor: parsed.requestId } : {};
  return { name: agent.name, state, offer: offerOf(agent.capabilities), ...madeFor, ours: parsed !== undefined };
}

function isIdle(context: Context, agent: Agent): boolean {
  return agent.online && agent.enabled && !agent.updatePending && !context.reserved.has(agent.id);
}

function onlineUsable(context: Context, agent: Agent): Usable | undefined {
  if (!isIdle(context, agent)) return undefined;
  const parsed = parseName(scopeOf(context.policy), agent.name);
  if (parsed?.kind === 'placeholder') return undefined;
  if (parsed === undefined)
    return context.policy.foreignAgents === 'ignore' ? undefined : usableOf(agent, parsed, 'online');
  return isSpent(agent) || isEnding(context, agent) ? undefined : usableOf(agent, parsed, 'online');
}

/** Azure DevOps shows an agent as online for a while after its pod has ended: nobody listens there any more. */
function isEnding(context: Context, agent: Agent): boolean {
  const agentJob = context.agentJobs.get(agent.name);
  if (agentJob === undefined || !standsBehind(agentJob, agent)) return false;
  return agentJob.phase === 'retiring' || isOver(agentJob);
}

/**
 * Jobs and agents are listed at once, so an agent may be seen whose Job, made a moment before it, is not: no longer than
 * two lists can lie apart, in ms.
 */
const listsApartMs = 60_000;

/**
 * An agent of ours that has never been online and whose Job is not to be seen. Its Job is too new for the list, or in a
 * cluster out of reach: within its time it counts, because a replacement for it would double it.
 */
function unseenUsable(context: Context, agent: Agent): Usable | undefined {
  if (context.agentJobs.has(agent.name)) return undefined;
  const parsed = workerName(context.policy, agent.name);
  const unborn = agent.enabled && !wasEverOnline(agent) && !context.reserved.has(agent.id);
  const age = context.observed.at - (agent.createdAt ?? Number.NEGATIVE_INFINITY);
  const graceMs = everyClusterKnown(context.observed) ? listsApartMs : context.policy.ghostGraceMs;
  return parsed !== undefined && unborn && age <= graceMs ? usableOf(agent, parsed, 'booting') : undefined;
}

function bootingJobUsable(context: Context, agentJob: AgentJob): Usable | undefined {
  const { policy, observed } = context;
  const offer = context.offers.get(agentJob.template);
  if (offer === undefined || !isBooting(agentJob, policy.bootLimits, observed.at)) return undefined;
  const agent = agentOf(agentJob, context.agents);
  if (agent !== undefined && (wasEverOnline(agent) || !agent.enabled || context.reserved.has(agent.id)))
    return undefined;
  return bootingUsable(agentJob, offer, observed.at);
}

/** All usable agents of the pool, by name; `agents` and `requests` are the known reads. */
export function usableAgents(
  policy: PoolPolicy,
  observed: Observed,
  agents: readonly Agent[],
  requests: readonly JobRequest[],
): readonly Usable[] {
  const agentJobs = knownAgentJobs(observed);
  const context: Context = {
    policy,
    observed,
    reserved: reservedAgents(requests),
    agentJobs: new Map(agentJobs.map((agentJob) => [agentJob.name, agentJob])),
    agents: new Map(agents.map((agent) => [agent.name, agent])),
    offers: new Map(policy.templates.map((template) => [template.name, offerOf(offeredCapabilities(template))])),
  };
  const found = [
    ...agents.map((agent) => onlineUsable(context, agent) ?? unseenUsable(context, agent)),
    ...agentJobs.map((agentJob) => bootingJobUsable(context, agentJob)),
  ];
  return found
    .filter((usable) => usable !== undefined)
    .toSorted((a, b) => (a.name < b.name ? -1 : a.name > b.name ? 1 : 0));
}
