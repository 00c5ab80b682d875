/**
 * Usable agents: those that will take a waiting request without our doing anything more. Online ones offer what Azure
 * DevOps reports of them, booting ones what their template promises.
 */
import type { Agent } from '../domain/agent.ts';
import { type AgentJob, hasStopped } from '../domain/agentJob.ts';
import { isOn } from '../domain/control.ts';
import { type Offer, offerOf } from '../domain/demand.ts';
import type { EpochMs } from '../domain/instant.ts';
import { type ParsedName, parseName } from '../domain/names.ts';
import { onceRunning, promisedCapabilities } from '../domain/offer.ts';
import type { ChosenParameters, PoolPolicy, Template } from '../domain/template.ts';
import { isBooting } from './boot.ts';
import { everyClusterKnown } from './observed.ts';
import { agentJobOf, agentOf, scopeOf, type View } from './view.ts';

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
  /** Of its agent job, where that is known. */
  readonly agentJob?: AgentJob;
  /** Since when an online one could have been given a request; neither of its times known = since never. */
  readonly idleSince?: EpochMs;
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
    agentJob,
  };
}

/** What agents of each template and choice of parameters will offer; few where agents are many. */
class Promises {
  readonly #templates: ReadonlyMap<string, Template>;
  readonly #known = new Map<string, Offer>();

  constructor(templates: readonly Template[]) {
    this.#templates = new Map(templates.map((template) => [template.name, template]));
  }

  /** undefined = the template left the configuration. */
  of({ template: name, parameters }: AgentJob): Offer | undefined {
    const template = this.#templates.get(name);
    if (template === undefined) return undefined;
    const key = parameters === undefined ? name : keyOf(name, parameters);
    const offer = this.#known.get(key) ?? offerOf(promisedCapabilities(template, parameters));
    this.#known.set(key, offer);
    return offer;
  }
}

const keyOf = (template: string, { cpu, memory, image }: ChosenParameters): string =>
  JSON.stringify([template, cpu, memory, image]);

type WorkerName = Exclude<ParsedName, { readonly kind: 'placeholder' }>;

/** What the name of an agent of ours that can take jobs says; undefined = foreign, or a placeholder. */
export function workerName(policy: PoolPolicy, name: string): WorkerName | undefined {
  const parsed = parseName(scopeOf(policy), name);
  return parsed?.kind === 'placeholder' ? undefined : parsed;
}

const offered = ({ capabilities }: Agent, state: Usable['state']): Offer =>
  offerOf(state === 'booting' ? onceRunning(capabilities) : capabilities);

function usableOf(view: View, agent: Agent, parsed: WorkerName | undefined, state: Usable['state']): Usable {
  const agentJob = parsed === undefined ? undefined : agentJobOf(view, agent);
  const idleSince = Math.max(
    agent.statusChangedAt ?? agent.createdAt ?? -1,
    agent.lastCompletedRequest?.finishedAt ?? -1,
  );
  return {
    name: agent.name,
    state,
    offer: offered(agent, state),
    ...(parsed?.kind === 'request' ? { madeFor: parsed.requestId } : {}),
    ours: parsed !== undefined,
    ...(agentJob === undefined ? {} : { agentJob }),
    ...(idleSince < 0 ? {} : { idleSince }),
  };
}

function isIdle(view: View, agent: Agent): boolean {
  return agent.online && agent.enabled && !agent.updatePending && !view.reserved.has(agent.id);
}

function onlineUsable(view: View, agent: Agent): Usable | undefined {
  if (!isIdle(view, agent)) return undefined;
  const parsed = parseName(scopeOf(view.policy), agent.name);
  if (parsed?.kind === 'placeholder') return undefined;
  if (parsed === undefined)
    return view.policy.foreignAgents === 'ignore' ? undefined : usableOf(view, agent, parsed, 'online');
  return isSpent(agent) || isEnding(view, agent) ? undefined : usableOf(view, agent, parsed, 'online');
}

/** Azure DevOps shows an agent as online for a while after its pod has ended: nobody listens there any more. */
function isEnding(view: View, agent: Agent): boolean {
  const agentJob = agentJobOf(view, agent);
  return agentJob !== undefined && (agentJob.phase === 'retiring' || hasStopped(agentJob) || isDrained(view, agentJob));
}

/** An agent that is to go as soon as it idles serves nobody who waits. */
export function isDrained({ observed }: Pick<View, 'observed'>, { template }: Pick<AgentJob, 'template'>): boolean {
  const drained = observed.control.value?.drained;
  return drained !== undefined && isOn(drained, template);
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
function unseenUsable(view: View, agent: Agent): Usable | undefined {
  if (view.agentJobsByName.has(agent.name)) return undefined;
  const parsed = workerName(view.policy, agent.name);
  const unborn = agent.enabled && !wasEverOnline(agent) && !view.reserved.has(agent.id);
  const age = view.now - (agent.createdAt ?? Number.NEGATIVE_INFINITY);
  const graceMs = everyClusterKnown(view.observed) ? listsApartMs : view.policy.ghostGraceMs;
  return parsed !== undefined && unborn && age <= graceMs ? usableOf(view, agent, parsed, 'booting') : undefined;
}

/** A template that only a newer configuration has tells nothing here; what its agent is registered with does. */
function promiseOf(agentJob: AgentJob, agent: Agent | undefined, promises: Promises): Offer | undefined {
  return promises.of(agentJob) ?? (agent && offerOf(onceRunning(agent.capabilities)));
}

const isUnborn = (view: View, agent: Agent): boolean =>
  !wasEverOnline(agent) && agent.enabled && !view.reserved.has(agent.id);

function bootingJobUsable(view: View, agentJob: AgentJob, promises: Promises): Usable | undefined {
  const agent = agentOf(view, agentJob);
  const offer = promiseOf(agentJob, agent, promises);
  if (offer === undefined || !isBooting(agentJob, view.policy, view.now) || isDrained(view, agentJob)) return undefined;
  if (agent !== undefined && !isUnborn(view, agent)) return undefined;
  return bootingUsable(agentJob, offer, view.now);
}

const clusterOf = ({ agentJob }: Usable): string => agentJob?.cluster ?? '';

/** Names are the lock: of Jobs with one name at most one comes to an agent. The first is the most able of them. */
function byNameAndUse(a: Usable, b: Usable): number {
  if (a.name !== b.name) return a.name < b.name ? -1 : 1;
  if (a.state !== b.state) return a.state === 'online' ? -1 : 1;
  const bound = Number(a.onlyFor !== undefined) - Number(b.onlyFor !== undefined);
  return bound || (clusterOf(a) < clusterOf(b) ? -1 : 1);
}

/** All usable agents of the pool, by name. */
export function usableAgents(view: View): readonly Usable[] {
  const promises = new Promises(view.policy.templates);
  const found = [
    ...view.agents.map((agent) => onlineUsable(view, agent) ?? unseenUsable(view, agent)),
    ...view.agentJobs.map((agentJob) => bootingJobUsable(view, agentJob, promises)),
  ];
  const inOrder = found.filter((usable) => usable !== undefined).toSorted(byNameAndUse);
  return inOrder.filter(({ name }, index) => name !== inOrder[index - 1]?.name);
}
