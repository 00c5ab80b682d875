/** How much room the limits of a pool leave, and what stands in the way of a request, judged apart from the planner. */
import type { AgentJob } from '../../shared/domain/agentJob.ts';
import type { JobRequest } from '../../shared/domain/jobRequest.ts';
import type { Amounts } from '../../shared/domain/quota.ts';
import type { Template } from '../../shared/domain/template.ts';
import type { CreateAction, Plan } from '../../shared/plan/plan.ts';
import type { PoolCase } from './planArbitraries.ts';
import {
  agentJobsOf,
  agentsOf,
  cameOnline,
  freeLicences,
  hasEnded,
  isBehind,
  isDrainedTemplate,
  isStillBooting,
  mayStillBoot,
  requestsOf,
  reservedIds,
  someClusterUnknown,
  unseen,
} from './planOracle.ts';

export type Creation = CreateAction;

export const creationsOf = (plan: Plan): readonly Creation[] =>
  plan.actions.filter((action): action is Creation => action.kind === 'create');

export const requestOf = ({ purpose }: Creation | AgentJob): number | undefined =>
  purpose.kind === 'request' ? purpose.requestId : undefined;

/** Those for requests, without those that the warm schedule asked for. */
export const answersIn = (plan: Plan): readonly Creation[] =>
  creationsOf(plan).filter((creation) => requestOf(creation) !== undefined);

/** Agent jobs that hold room: still to be started, or not yet ended. */
export function roomHolders(pool: PoolCase): readonly AgentJob[] {
  return agentJobsOf(pool).filter((agentJob) => {
    if (agentJob.phase === 'creating') return true;
    return !['tombstone', 'rolledBack'].includes(agentJob.phase) && !hasEnded(agentJob);
  });
}

/** A look at the whole licence group, as this pool has it. */
function spokenFor(pool: PoolCase, plan: Plan): number {
  const isPrivate = new Map(requestsOf(pool).map(({ id, parallelism }) => [id, parallelism === 'private']));
  const own = [...plan.served.keys()].filter((id) => isPrivate.get(id) === true);
  const others = pool.observed.group.flatMap(({ needs }) => (needs.known ? [needs.value.claims] : []));
  return [own.length, ...others].reduce((sum, each) => sum + each, 0);
}

export const privateAnswers = (pool: PoolCase, plan: Plan): readonly Creation[] =>
  answersIn(plan).filter((creation) =>
    requestsOf(pool).some(({ id, parallelism }) => id === requestOf(creation) && parallelism === 'private'),
  );

export interface Room {
  readonly pass: number;
  readonly pool: number;
  /** Private requests that may still get an agent. */
  readonly parallel: number;
  readonly templates: ReadonlyMap<string, number>;
  /** By cluster that answered. */
  readonly quotas: ReadonlyMap<string, readonly Amounts[]>;
}

/** A container with memory limited and processors not. */
const drawnBy = ({ cpu, memory }: Pick<Template, 'cpu' | 'memory'>): Amounts => {
  const bytes = Number.parseInt(memory, 10) * 2 ** 30;
  return { pods: 1, 'requests.cpu': Number(cpu), 'requests.memory': bytes, 'limits.memory': bytes };
};

const minus = (room: Amounts, drawn: Amounts): Amounts =>
  Object.fromEntries(
    Object.entries(room).map(([resource, left]) => [resource, left - (drawn[resource as keyof Amounts] ?? 0)]),
  );

/** What those draw whose pods the quota does not count yet. */
function podless(pool: PoolCase, cluster: string): readonly Amounts[] {
  const holders = roomHolders(pool).filter((each) => each.cluster === cluster && each.pod === undefined);
  return holders.flatMap(({ template: name, parameters }) => {
    const template = pool.policy.templates.find((each) => each.name === name);
    return template === undefined ? [] : [drawnBy({ ...template, cpu: parameters?.cpu ?? template.cpu })];
  });
}

function quotasAfter(pool: PoolCase, creations: readonly Creation[]): ReadonlyMap<string, readonly Amounts[]> {
  const readable = pool.observed.clusters.filter(({ agentJobs }) => agentJobs.known);
  return new Map(
    readable.map(({ name, quotas }) => {
      const here = creations.filter(({ cluster }) => cluster === name);
      const drawn = [...podless(pool, name), ...here.map(({ template }) => ({ ...drawnBy(template), jobs: 1 }))];
      return [name, (quotas.value ?? []).map((room) => drawn.reduce(minus, room))];
    }),
  );
}

/** What is left of every limit once these creations of a plan are counted; negative where it was exceeded before. */
export function roomAfter(pool: PoolCase, plan: Plan, creations: readonly Creation[]): Room {
  const { policy } = pool;
  const held = roomHolders(pool);
  const unseenHolders = unseen(pool).filter((agent) => someClusterUnknown(pool) || mayStillBoot(pool, agent));
  const privately = privateAnswers(pool, plan).filter((each) => creations.includes(each));
  const templates = policy.templates.map(({ name, maxAgents }): [string, number] => [
    name,
    maxAgents -
      held.filter(({ template }) => template === name).length -
      creations.filter(({ template }) => template.name === name).length,
  ]);
  return {
    pass: policy.maxCreationsPerPass - creations.length,
    pool: policy.maxAgents - held.length - unseenHolders.length - creations.length,
    parallel: freeLicences(pool) - spokenFor(pool, plan) - privately.length,
    templates: new Map(templates),
    quotas: quotasAfter(pool, creations),
  };
}

/** Some cluster that answered has what an agent job of this shape draws, of everything that is limited there. */
export function someQuotaTakes({ quotas }: Room, template: Template): boolean {
  const drawn: Amounts = { ...drawnBy(template), jobs: 1 };
  const takes = (room: Amounts): boolean => Object.values(minus(room, drawn)).every((left) => left >= 0);
  return [...quotas.values()].some((rooms) => rooms.every(takes));
}

const failedStarts = ['neverStarted', 'wentOffline', 'updatePending', 'fellBack', 'notAssignedByServer'];
const soundEnds = ['surplus', 'drained', 'replaced'];

/** It was started, nobody took it away sound, and it served nobody. */
function hasFailed({ phase, reason = '', served }: AgentJob): boolean {
  if (served !== undefined) return false;
  return phase === 'retiring' ? failedStarts.includes(reason) : phase === 'tombstone' && !soundEnds.includes(reason);
}

const endOf = ({ phaseAt, createdAt }: AgentJob): number => phaseAt ?? createdAt;

/** Attempts at a request. */
export const attemptsAt = (pool: PoolCase, request: JobRequest): readonly AgentJob[] =>
  agentJobsOf(pool).filter((agentJob) => requestOf(agentJob) === request.id);

/** Its earlier attempts failed or were refused so lately that it has to wait: half a minute, twice as long each time. */
export function mustWait(pool: PoolCase, request: JobRequest): boolean {
  const isRefused = ({ phase, reason }: AgentJob): boolean => phase === 'rolledBack' && reason !== 'create-by passed';
  const setbacks = attemptsAt(pool, request).filter(
    (each) => each.reason !== 'fellBack' && (hasFailed(each) || isRefused(each)),
  );
  const pause = Math.min(900_000, 30_000 * 2 ** (setbacks.length - 1));
  return setbacks.some((each) => pool.observed.at < endOf(each) + pause);
}

/** An attempt is lost but not ended. */
export function isEndingFirst(pool: PoolCase, request: JobRequest): boolean {
  return attemptsAt(pool, request).some((attempt) => {
    if (attempt.phase === 'creating') return pool.observed.at >= attempt.createBy;
    const agent = agentsOf(pool).find((each) => isBehind(attempt, each));
    const wasThere = agent !== undefined && (cameOnline(agent) || reservedIds(pool).has(agent.id));
    return attempt.phase === 'started' && !wasThere && !isStillBooting(pool, attempt);
  });
}

/** Three failures in a quarter of an hour and nothing good since. */
export function isBroken(pool: PoolCase, template: string): boolean {
  const all = agentJobsOf(pool).filter((each) => each.template === template);
  const recent = all.filter((each) => hasFailed(each) && pool.observed.at - endOf(each) <= 900_000).map(endOf);
  const busy = agentsOf(pool).filter(({ id }) => reservedIds(pool).has(id));
  const isGood = (each: AgentJob): boolean =>
    each.served !== undefined || busy.some((agent) => agent.name === each.name);
  return recent.length >= 3 && !all.some((each) => isGood(each) && endOf(each) > Math.max(...recent));
}

/** Where a template is broken: one is being tried, or the last failure is less than five minutes old. */
export function isProbed(pool: PoolCase, template: string, creations: readonly Creation[]): boolean {
  const all = agentJobsOf(pool).filter((each) => each.template === template);
  const busy = new Set(agentsOf(pool).flatMap(({ id, name }) => (reservedIds(pool).has(id) ? [name] : [])));
  const underWay = all.some((each) => !busy.has(each.name) && isStillBooting(pool, each));
  const last = Math.max(...all.filter(hasFailed).map(endOf));
  return underWay || pool.observed.at - last < 300_000 || creations.some((each) => each.template.name === template);
}

const isPausedTemplate = ({ observed }: PoolCase, template: string): boolean => {
  const paused = observed.control.value?.paused;
  return paused !== undefined && (paused.pool || paused.templates.has(template));
};

export const isStopped = (pool: PoolCase, template: string): boolean =>
  isPausedTemplate(pool, template) || isDrainedTemplate(pool, template);

/** No node took its pod; of a Job that cannot be read nothing is known, whatever stands on it. */
export const hasFallen = ({ reason, phase }: AgentJob): boolean =>
  reason === 'fellBack' && (phase === 'retiring' || phase === 'tombstone');

/** No node took pods of this template for one of these requests, and it is not time yet to try once more. */
function isPausedByFall(pool: PoolCase, { name }: Template, past: readonly JobRequest[]): boolean {
  const fallen = past
    .flatMap((request) => attemptsAt(pool, request))
    .filter((each) => each.template === name && hasFallen(each));
  const pause = Math.min(900_000, 30_000 * 2 ** (fallen.length - 1));
  return fallen.some((each) => pool.observed.at < endOf(each) + pause);
}

export interface Circumstances {
  readonly room: Room;
  readonly answers: readonly Creation[];
  /** Requests whose attempts count as its own. */
  readonly past: readonly JobRequest[];
}

/** What keeps an agent of this template, in the shape that the request asks for, from being made. */
export function obstaclesTo(
  pool: PoolCase,
  template: Template,
  request: JobRequest,
  { room, answers, past }: Circumstances,
): ReadonlySet<string> {
  const asked = request.demands.map((demand) => demand.toLowerCase());
  const cpu = template.parameters.cpu.find((value) => asked.includes(`mayfly.cpu.${value}`)) ?? template.cpu;
  const found: readonly (readonly [string, boolean])[] = [
    ['backingOff', isPausedByFall(pool, template, past)],
    ['drained', isDrainedTemplate(pool, template.name)],
    ['paused', isPausedTemplate(pool, template.name)],
    ['breakerOpen', isBroken(pool, template.name) && isProbed(pool, template.name, answers)],
    ['agentVersionUnknown', template.agentVersion === undefined],
    ['atTemplateLimit', (room.templates.get(template.name) ?? 0) <= 0],
    ['atPoolLimit', room.pool <= 0],
    ['atPassLimit', room.pass <= 0],
    ['noClusterReadable', room.quotas.size === 0],
    ['atQuota', room.quotas.size > 0 && !someQuotaTakes(room, { ...template, cpu })],
  ];
  return new Set(found.flatMap(([reason, holds]) => (holds ? [reason] : [])));
}
