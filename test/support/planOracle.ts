/**
 * What is true of an observed pool, worked out a second time and in other words than the planner does, so that its
 * plans can be judged: who waits, who may serve whom, how much room there is.
 */
import type { Agent, Capabilities } from '../../shared/domain/agent.ts';
import type { AgentJob } from '../../shared/domain/agentJob.ts';
import type { JobRequest } from '../../shared/domain/jobRequest.ts';
import type { Template } from '../../shared/domain/template.ts';
import type { Action } from '../../shared/plan/plan.ts';
import type { PoolCase } from './planArbitraries.ts';

export type Creation = Extract<Action, { kind: 'create' }>;

export const requestsOf = ({ observed }: PoolCase): readonly JobRequest[] =>
  observed.requests.known ? observed.requests.value : [];

export const agentsOf = ({ observed }: PoolCase): readonly Agent[] =>
  observed.agents.known ? observed.agents.value : [];

export const agentJobsOf = ({ observed }: PoolCase): readonly AgentJob[] =>
  observed.clusters.flatMap(({ agentJobs }) => (agentJobs.known ? agentJobs.value : []));

const isOpen = (request: JobRequest): boolean => request.result === undefined && request.finishedAt === undefined;

/** Everything that must be accounted for: waiting, or held back by its author. */
export function waitingIn(pool: PoolCase): readonly JobRequest[] {
  const { observed, policy } = pool;
  return requestsOf(pool).filter((request) => {
    if (!isOpen(request) || request.receivedAt !== undefined) return false;
    const given = request.assignedAt ?? Number.NEGATIVE_INFINITY;
    return request.userDelayed || observed.at - given > policy.assignmentGraceMs;
  });
}

/** Our mark, and no placeholder. */
export function isOurs({ policy }: PoolCase, name: string): boolean {
  const mark = `mf-${policy.installation}-${policy.organisation.short}-${policy.poolId}-`;
  return name.startsWith(mark) && !name.startsWith(`${mark}p-`);
}

export function isPlaceholder({ policy }: PoolCase, name: string): boolean {
  return name.startsWith(`mf-${policy.installation}-${policy.organisation.short}-${policy.poolId}-p-`);
}

/** Ids of agents that an unfinished request reserves. */
export const reservedIds = (pool: PoolCase): ReadonlySet<number | undefined> =>
  new Set(
    requestsOf(pool)
      .filter(isOpen)
      .map((request) => request.reservedAgent?.id),
  );

/** Whether an agent is the one that this Job was made for, as far as anybody wrote it down. */
export const isBehind = (agentJob: AgentJob, agent: Agent): boolean =>
  agentJob.name === agent.name && (agentJob.agentId ?? agent.id) === agent.id;

/** The demands of these pools only: a tool, a tool with its value 1 or another one, and a low version. */
export function fits(capabilities: Capabilities, { demands }: JobRequest): boolean {
  return demands.every((demand) => {
    if (demand === 'Agent.Version -gtVersion 5.0') return 'Agent.Version' in capabilities;
    const tool = /^([abc])(?: -equals 1)?$/i.exec(demand)?.[1];
    return tool !== undefined && capabilities[tool.toLowerCase()] === '1';
  });
}

export const versioned = (template: Template): Capabilities => ({ ...template.capabilities, 'Agent.Version': '5' });

/** The templates that can serve a request. */
export const fittingTemplates = ({ policy }: PoolCase, request: JobRequest): readonly Template[] =>
  policy.templates.filter((template) => fits(versioned(template), request));

const hasEnded = (agentJob: AgentJob): boolean =>
  agentJob.pod === undefined
    ? agentJob.suspended || agentJob.condition !== undefined
    : ['Succeeded', 'Failed'].includes(agentJob.pod.phase);

/** Agent jobs that hold room: still to be started, or not yet ended. */
export function roomHolders(pool: PoolCase): readonly AgentJob[] {
  return agentJobsOf(pool).filter((agentJob) => {
    if (agentJob.phase === 'creating') return true;
    return !['tombstone', 'rolledBack'].includes(agentJob.phase) && !hasEnded(agentJob);
  });
}

export const someClusterUnknown = ({ observed }: PoolCase): boolean =>
  observed.clusters.some(({ agentJobs }) => !agentJobs.known);

const cameOnline = (agent: Agent): boolean =>
  agent.online ||
  agent.lastCompletedRequest !== undefined ||
  agent.assignedRequestId !== undefined ||
  agent.statusChangedAt !== undefined;

/** Agents of ours whose Job no list shows. */
function unseen(pool: PoolCase): readonly Agent[] {
  const seen = new Set(agentJobsOf(pool).map(({ name }) => name));
  return agentsOf(pool).filter(({ name }) => isOurs(pool, name) && !seen.has(name));
}

/** Those of them that may still boot: their Job is out of reach, or was made between the two lists of one look. */
function mayStillBoot(pool: PoolCase, agent: Agent): boolean {
  const age = pool.observed.at - (agent.createdAt ?? 0);
  const grace = someClusterUnknown(pool) ? pool.policy.ghostGraceMs : 60_000;
  return agent.enabled && !cameOnline(agent) && !reservedIds(pool).has(agent.id) && age <= grace;
}

/** Those of them that hold room in the pool. */
const unseenHolders = (pool: PoolCase): readonly Agent[] =>
  unseen(pool).filter((agent) => someClusterUnknown(pool) || mayStillBoot(pool, agent));

function isIdle(pool: PoolCase, agent: Agent): boolean {
  return agent.online && agent.enabled && !agent.updatePending && !reservedIds(pool).has(agent.id);
}

function canTakeNow(pool: PoolCase, agent: Agent): boolean {
  if (!isIdle(pool, agent) || isPlaceholder(pool, agent.name)) return false;
  if (!isOurs(pool, agent.name)) return pool.policy.foreignAgents === 'count';
  const spent = agent.lastCompletedRequest !== undefined || agent.assignedRequestId !== undefined;
  const ending = agentJobsOf(pool).some(
    (agentJob) => isBehind(agentJob, agent) && (agentJob.phase === 'retiring' || hasEnded(agentJob)),
  );
  return !spent && !ending;
}

function isStillBooting({ policy, observed }: PoolCase, agentJob: AgentJob): boolean {
  const { phase, pod } = agentJob;
  if (phase === 'creating') return observed.at < agentJob.createBy;
  if (phase !== 'started' || hasEnded(agentJob)) return false;
  const since = pod === undefined ? agentJob.phaseAt : (pod.mainStartedAt ?? pod.scheduledAt ?? pod.createdAt);
  const cause = pod === undefined ? 'noPod' : pod.mainStartedAt === undefined ? pod.cause : 'connecting';
  return observed.at - (since ?? agentJob.createdAt) <= policy.bootLimits[cause];
}

function canTakeSoon(pool: PoolCase, agentJob: AgentJob): boolean {
  const agent = agentsOf(pool).find((each) => isBehind(agentJob, each));
  return isStillBooting(pool, agentJob) && (agent === undefined || (agent.enabled && !cameOnline(agent)));
}

export interface Taker {
  readonly name: string;
  readonly ours: boolean;
  readonly capabilities: Capabilities;
  /** Its pod has not appeared for long: it takes this request only. */
  readonly onlyFor?: number;
}

function soonTaker(pool: PoolCase, agentJob: AgentJob): readonly Taker[] {
  const template = pool.policy.templates.find(({ name }) => name === agentJob.template);
  if (template === undefined || !canTakeSoon(pool, agentJob)) return [];
  const { name, purpose, pod, phase } = agentJob;
  const late = pool.observed.at - (agentJob.phaseAt ?? agentJob.createdAt) > 15_000;
  const podless = phase === 'started' && pod === undefined && late && purpose.kind === 'request';
  const taker = { name, ours: true, capabilities: versioned(template) };
  return [podless ? { ...taker, onlyFor: purpose.requestId } : taker];
}

/** All that will take a waiting request without any action of ours. */
export function takersIn(pool: PoolCase): readonly Taker[] {
  const hidden = unseen(pool).filter((agent) => mayStillBoot(pool, agent));
  const registered = [...agentsOf(pool).filter((agent) => canTakeNow(pool, agent)), ...hidden];
  return [
    ...registered.map(({ name, capabilities }) => ({ name, capabilities, ours: isOurs(pool, name) })),
    ...agentJobsOf(pool).flatMap((agentJob) => soonTaker(pool, agentJob)),
  ];
}

export const canTake = (taker: Taker, request: JobRequest): boolean =>
  (taker.onlyFor ?? request.id) === request.id && fits(taker.capabilities, request);

export interface Room {
  readonly pass: number;
  readonly pool: number;
  /** Private requests that may still get an agent. */
  readonly parallel: number;
  readonly templates: ReadonlyMap<string, number>;
}

function parallelRoom(pool: PoolCase): number {
  const { policy, observed } = pool;
  const usage = observed.parallelJobs.value;
  const total = policy.parallelJobs === 'auto' ? (usage?.total ?? 'unlimited') : policy.parallelJobs;
  if (total === 'unlimited') return Number.POSITIVE_INFINITY;
  const assigned = requestsOf(pool).filter((each) => each.parallelism === 'private' && each.assignedAt !== undefined);
  return total - (usage?.used ?? assigned.length) - takersIn(pool).filter(({ ours }) => ours).length;
}

/** What is left of every limit once these creations are counted; negative where it was exceeded before. */
export function roomAfter(pool: PoolCase, creations: readonly Creation[]): Room {
  const { policy } = pool;
  const held = roomHolders(pool);
  const isPrivate = new Map(requestsOf(pool).map(({ id, parallelism }) => [id, parallelism === 'private']));
  const privately = creations.filter(({ requestId }) => isPrivate.get(requestId) === true);
  const templates = policy.templates.map(({ name, maxAgents }): [string, number] => [
    name,
    maxAgents -
      held.filter(({ template }) => template === name).length -
      creations.filter(({ template }) => template.name === name).length,
  ]);
  return {
    pass: policy.maxCreationsPerPass - creations.length,
    pool: policy.maxAgents - held.length - unseenHolders(pool).length - creations.length,
    parallel: parallelRoom(pool) - privately.length,
    templates: new Map(templates),
  };
}
