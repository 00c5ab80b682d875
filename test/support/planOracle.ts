/**
 * What is true of an observed pool, worked out a second time and in other words than the planner does, so that its
 * plans can be judged: who waits, who may serve whom, what an agent of a template can do.
 */
import type { Agent, Capabilities } from '../../shared/domain/agent.ts';
import type { AgentJob, BootCause } from '../../shared/domain/agentJob.ts';
import type { JobRequest } from '../../shared/domain/jobRequest.ts';
import type { ChosenParameters, Template } from '../../shared/domain/template.ts';
import type { Plan } from '../../shared/plan/plan.ts';
import type { PoolCase } from './planArbitraries.ts';

export const requestsOf = ({ observed }: PoolCase): readonly JobRequest[] =>
  observed.requests.known ? observed.requests.value : [];

export const agentsOf = ({ observed }: PoolCase): readonly Agent[] =>
  observed.agents.known ? observed.agents.value : [];

export const agentJobsOf = ({ observed }: PoolCase): readonly AgentJob[] =>
  observed.clusters.flatMap(({ agentJobs }) => (agentJobs.known ? agentJobs.value : []));

const isOpen = (request: JobRequest): boolean => request.result === undefined && request.finishedAt === undefined;

/** The server will give it to nobody, whatever we do. */
export const isHopeless = ({ observed }: PoolCase, { id, userDelayed }: JobRequest): boolean =>
  userDelayed || observed.runsOver.has(id);

/** Everything that must be accounted for: waiting, or held back by its author or by the end of its run. */
export function waitingIn(pool: PoolCase): readonly JobRequest[] {
  const { observed, policy } = pool;
  return requestsOf(pool).filter((request) => {
    if (!isOpen(request) || request.receivedAt !== undefined) return false;
    const given = request.assignedAt ?? Number.NEGATIVE_INFINITY;
    return isHopeless(pool, request) || observed.at - given > policy.assignmentGraceMs;
  });
}

/** Those of them that an agent would help. */
export const servableIn = (pool: PoolCase): readonly JobRequest[] =>
  waitingIn(pool).filter((request) => !isHopeless(pool, request));

/** What the names of all that is ours in this pool begin with. */
export const mark = ({ policy }: PoolCase): string =>
  `mf-${policy.installation}-${policy.organisation.short}-${policy.poolId}-`;

/** Our mark, and no placeholder. */
export const isOurs = (pool: PoolCase, name: string): boolean =>
  name.startsWith(mark(pool)) && !name.startsWith(`${mark(pool)}p-`);

export const isPlaceholder = (pool: PoolCase, name: string): boolean => name.startsWith(`${mark(pool)}p-`);

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

/** The Jobs one of which an agent belongs to: that which names it, or else all that name nobody. */
export function jobsBehind(pool: PoolCase, agent: Agent): readonly AgentJob[] {
  const possible = agentJobsOf(pool).filter((agentJob) => isBehind(agentJob, agent));
  const certain = possible.filter(({ agentId }) => agentId !== undefined);
  return certain.length > 0 ? certain : possible;
}

/** What somebody offers, by lower-case name. */
export type Abilities = ReadonlyMap<string, string>;

export const abilitiesOf = (capabilities: Capabilities): Abilities =>
  new Map(Object.entries(capabilities).map(([name, value]) => [name.toLowerCase(), value]));

const isParameter = (demand: string): boolean => demand.toLowerCase().startsWith('mayfly.');

const templateAbilities = (template: Template, values: readonly string[]): Abilities =>
  new Map([
    ...abilitiesOf({ ...template.capabilities, 'Agent.Version': template.agentVersion ?? 'any' }),
    ...values.map((value): [string, string] => [`mayfly.${value}`, 'true']),
  ]);

/** What an agent of a template is made with: what was chosen, else its own size where that is on the list. */
export function agentAbilities(template: Template, chosen: ChosenParameters = {}): Abilities {
  const { cpu: cpus } = template.parameters;
  const cpu = chosen.cpu ?? (cpus.includes(template.cpu) ? template.cpu : undefined);
  const values = [cpu === undefined ? [] : `cpu.${cpu}`, chosen.image === undefined ? [] : `image.${chosen.image}`];
  return templateAbilities(template, values.flat());
}

/** What a template can be asked for. */
export function askableAbilities(template: Template): Abilities {
  const { cpu, image } = template.parameters;
  return templateAbilities(template, [
    ...cpu.map((value) => `cpu.${value}`),
    ...Object.keys(image).map((name) => `image.${name}`),
  ]);
}

/** The demands of these pools only: a tool or parameter, a tool with its value, a low version, and what nobody reads. */
function meets(abilities: Abilities, demand: string): boolean {
  const [name = '', operator, value] = demand.toLowerCase().split(' ');
  const offered = abilities.get(name);
  if (offered === undefined) return false;
  return operator === undefined || operator === '-gtversion' || (operator === '-equals' && offered === value);
}

export const fits = (abilities: Abilities, { demands }: JobRequest): boolean =>
  demands.every((demand) => meets(abilities, demand));

/** It wants one agent of two sizes. */
export const isContradictory = ({ demands }: JobRequest): boolean =>
  new Set(demands.map((demand) => demand.toLowerCase()).filter((demand) => demand.startsWith('mayfly.cpu.'))).size > 1;

/** The templates that can serve a request. */
export const fittingTemplates = ({ policy }: PoolCase, request: JobRequest): readonly Template[] =>
  isContradictory(request) ? [] : policy.templates.filter((template) => fits(askableAbilities(template), request));

/** Only what it asks of parameters is in the way. */
export const fitsButForParameters = ({ policy }: PoolCase, { demands }: JobRequest): boolean =>
  policy.templates.some((template) => {
    const unmet = demands.filter((demand) => !meets(askableAbilities(template), demand));
    return unmet.length > 0 && unmet.every(isParameter);
  });

export const hasEnded = (agentJob: AgentJob): boolean =>
  agentJob.pod === undefined
    ? agentJob.suspended || agentJob.condition !== undefined
    : ['Succeeded', 'Failed'].includes(agentJob.pod.phase);

export const someClusterUnknown = ({ observed }: PoolCase): boolean =>
  observed.clusters.some(({ agentJobs }) => !agentJobs.known);

export const isDrainedTemplate = ({ observed }: PoolCase, template: string): boolean => {
  const drained = observed.control.value?.drained;
  return drained !== undefined && (drained.pool || drained.templates.has(template));
};

export const cameOnline = (agent: Agent): boolean =>
  agent.online ||
  agent.lastCompletedRequest !== undefined ||
  agent.assignedRequestId !== undefined ||
  agent.statusChangedAt !== undefined;

/** Agents of ours whose Job no list shows. */
export function unseen(pool: PoolCase): readonly Agent[] {
  const seen = new Set(agentJobsOf(pool).map(({ name }) => name));
  return agentsOf(pool).filter(({ name }) => isOurs(pool, name) && !seen.has(name));
}

/** Those of them that may still boot: their Job is out of reach, or was made between the two lists of one look. */
export function mayStillBoot(pool: PoolCase, agent: Agent): boolean {
  const age = pool.observed.at - (agent.createdAt ?? 0);
  const grace = someClusterUnknown(pool) ? pool.policy.ghostGraceMs : 60_000;
  return agent.enabled && !cameOnline(agent) && !reservedIds(pool).has(agent.id) && age <= grace;
}

function isIdle(pool: PoolCase, agent: Agent): boolean {
  return agent.online && agent.enabled && !agent.updatePending && !reservedIds(pool).has(agent.id);
}

function canTakeNow(pool: PoolCase, agent: Agent): boolean {
  if (!isIdle(pool, agent) || isPlaceholder(pool, agent.name)) return false;
  if (!isOurs(pool, agent.name)) return pool.policy.foreignAgents === 'count';
  const spent = agent.lastCompletedRequest !== undefined || agent.assignedRequestId !== undefined;
  const jobs = jobsBehind(pool, agent);
  const isGoing = (each: AgentJob): boolean =>
    each.phase === 'retiring' || hasEnded(each) || isDrainedTemplate(pool, each.template);
  return !spent && (jobs.length === 0 || !jobs.every(isGoing));
}

export function isStillBooting(pool: PoolCase, agentJob: AgentJob): boolean {
  if (agentJob.phase === 'creating') return pool.observed.at < agentJob.createBy;
  return agentJob.phase === 'started' && !hasEnded(agentJob) && isInTime(pool, agentJob);
}

/** What keeps it from coming online, and since when. */
function delayOf({ pod, phaseAt, createdAt }: AgentJob): { readonly cause: BootCause; readonly since: number } {
  if (pod === undefined) return { cause: 'noPod', since: phaseAt ?? createdAt };
  if (pod.mainStartedAt !== undefined) return { cause: 'connecting', since: pod.mainStartedAt };
  return { cause: pod.cause, since: pod.scheduledAt ?? pod.createdAt };
}

/** What keeps it now has not kept it too long, and no other template is to stand in for its own. */
function isInTime({ policy, observed }: PoolCase, agentJob: AgentJob): boolean {
  const { cause, since } = delayOf(agentJob);
  const fallback = policy.templates.find(({ name }) => name === agentJob.template)?.fallback;
  const isHopelessHere = fallback !== undefined && cause === 'unschedulable' && observed.at - since > fallback.afterMs;
  return observed.at - since <= policy.bootLimits[cause] && !isHopelessHere;
}

function canTakeSoon(pool: PoolCase, agentJob: AgentJob): boolean {
  const agent = agentsOf(pool).find((each) => isBehind(agentJob, each));
  const untouched = agent === undefined || (agent.enabled && !cameOnline(agent) && !reservedIds(pool).has(agent.id));
  return untouched && isStillBooting(pool, agentJob) && !isDrainedTemplate(pool, agentJob.template);
}

export interface Taker {
  readonly name: string;
  readonly ours: boolean;
  readonly abilities: Abilities;
  readonly isOnline: boolean;
  /** Its pod has not appeared for long: it takes this request only. */
  readonly onlyFor?: number;
}

function soonTaker(pool: PoolCase, agentJob: AgentJob): readonly Taker[] {
  const template = pool.policy.templates.find(({ name }) => name === agentJob.template);
  const registered = agentsOf(pool).find((each) => isBehind(agentJob, each));
  if (!canTakeSoon(pool, agentJob)) return [];
  const { name, purpose, pod, phase, parameters } = agentJob;
  const known =
    template === undefined ? registered && abilitiesOf(registered.capabilities) : agentAbilities(template, parameters);
  if (known === undefined) return [];
  const late = pool.observed.at - (agentJob.phaseAt ?? agentJob.createdAt) > 15_000;
  const podless = phase === 'started' && pod === undefined && late && purpose.kind === 'request';
  const taker = { name, ours: true, isOnline: false, abilities: known };
  return [podless ? { ...taker, onlyFor: purpose.requestId } : taker];
}

/** All that will take a waiting request without any action of ours. Under one name there is one agent at most. */
export function takersIn(pool: PoolCase): readonly Taker[] {
  const hidden = unseen(pool).filter((agent) => mayStillBoot(pool, agent));
  const registered = [...agentsOf(pool).filter((agent) => canTakeNow(pool, agent)), ...hidden].map(
    ({ name, capabilities, online }): Taker => ({
      name,
      abilities: abilitiesOf(capabilities),
      ours: isOurs(pool, name),
      isOnline: online,
    }),
  );
  const soon = agentJobsOf(pool).flatMap((agentJob) => soonTaker(pool, agentJob));
  const worstFirst = [
    ...soon.filter(({ onlyFor }) => onlyFor !== undefined),
    ...soon.filter(({ onlyFor }) => onlyFor === undefined),
    ...registered,
  ];
  return [...new Map(worstFirst.map((taker) => [taker.name, taker])).values()];
}

export const canTake = (taker: Taker, request: JobRequest): boolean =>
  (taker.onlyFor ?? request.id) === request.id && fits(taker.abilities, request);

/** Oldest first. */
export const inLine = (requests: readonly JobRequest[]): readonly JobRequest[] =>
  requests.toSorted((a, b) => a.queuedAt - b.queuedAt || a.id - b.id);

/** Parallel jobs that nothing runs on. */
export function freeLicences(pool: PoolCase): number {
  const { policy, observed } = pool;
  const usage = observed.parallelJobs.value;
  const total = policy.parallelJobs === 'auto' ? (usage?.total ?? 'unlimited') : policy.parallelJobs;
  if (total === 'unlimited') return Number.POSITIVE_INFINITY;
  const assigned = requestsOf(pool).filter((each) => each.parallelism === 'private' && each.assignedAt !== undefined);
  return Math.max(0, total - (usage?.used ?? assigned.length));
}

/** The requests that the server could start now if it had the agents. */
export function startable(pool: PoolCase): ReadonlySet<number> {
  const line = inLine(servableIn(pool));
  const privately = line.filter(({ parallelism }) => parallelism === 'private');
  const beyond = new Set(privately.slice(Math.min(freeLicences(pool), privately.length)).map(({ id }) => id));
  return new Set(line.map(({ id }) => id).filter((id) => !beyond.has(id)));
}

/** Since when an agent has had nothing to do. */
const idleSince = ({ lastCompletedRequest, statusChangedAt, createdAt }: Agent): number =>
  Math.max(lastCompletedRequest?.finishedAt ?? 0, statusChangedAt ?? createdAt ?? Number.POSITIVE_INFINITY);

/** The server has said just now that it could start one more. */
function isLicensed({ observed: { parallelJobs } }: PoolCase, { parallelism }: JobRequest): boolean {
  const { value: usage, error } = parallelJobs;
  return parallelism === 'public' || (error === undefined && usage !== undefined && usage.used < usage.total);
}

/** Server, agent and request have faced each other for more than a minute, and nothing was in the way. */
export function isIgnored(pool: PoolCase, name: string, request: JobRequest): boolean {
  const agent = agentsOf(pool).find((each) => each.name === name);
  const taker = takersIn(pool).find((each) => each.name === name && each.isOnline && canTake(each, request));
  if (agent === undefined || taker === undefined || request.assignedAt !== undefined) return false;
  const faced = Math.max(request.queuedAt, idleSince(agent));
  return pool.observed.at - faced > 60_000 && isLicensed(pool, request) && startable(pool).has(request.id);
}

/** Agents and requests of which the plan says that the server does not bring them together. */
export function separatedIn(pool: PoolCase, { alarms }: Plan): readonly Separated[] {
  return alarms.flatMap(({ reason, subject: name, detail = '' }) => {
    const id = reason === 'notAssignedByServer' ? Number(/^request (\d+):/.exec(detail)?.[1]) : undefined;
    const request = requestsOf(pool).find((each) => each.id === id);
    return request === undefined ? [] : [{ name, request }];
  });
}

export interface Separated {
  readonly name: string;
  readonly request: JobRequest;
}

/** Those that may be counted on: nobody can say that the server does not use them. */
export function trustedTakers(pool: PoolCase, plan: Plan): readonly Taker[] {
  const ignored = separatedIn(pool, plan).filter(({ name, request }) => isIgnored(pool, name, request));
  const names = new Set(ignored.map(({ name }) => name));
  return takersIn(pool).filter(({ name }) => !names.has(name));
}
