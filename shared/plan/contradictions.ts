/**
 * Agents that the server does not use although it could: a waiting request has faced one that is online, enabled, idle
 * and capable, with a free parallel job, for the whole grace. Whatever the reason is, it will not pass by waiting, so
 * such an agent is no supply any more.
 */
import { unmetDemands } from '../domain/demand.ts';
import type { EpochMs } from '../domain/instant.ts';
import type { JobRequest } from '../domain/jobRequest.ts';
import { agentCapabilities } from '../domain/offer.ts';
import { isKnownFree, isPrivate } from './licence.ts';
import { type Matching, matchRequests } from './matching.ts';
import type { Alarm } from './plan.ts';
import type { Usable } from './supply.ts';
import type { View } from './view.ts';

/** A request and an agent, of which it is known or asked whether the server keeps them apart. */
export interface Contradiction {
  readonly agent: Usable;
  readonly request: JobRequest;
}

export interface TrustedMatching {
  readonly matching: Matching;
  readonly contradictions: readonly Contradiction[];
  /** Requests that the server gives to none of several agents: whatever it is, another agent would not help. */
  readonly blamed: readonly JobRequest[];
}

function pairsOf(
  matching: Matching,
  waiting: readonly JobRequest[],
  usable: readonly Usable[],
): readonly Contradiction[] {
  const byName = new Map(usable.map((agent) => [agent.name, agent]));
  return waiting.flatMap((request) => {
    const agent = byName.get(matching.served.get(request.id) ?? '');
    return agent === undefined ? [] : [{ request, agent }];
  });
}

/** `faced` = since when both have been there, and a parallel job for them. */
function isContradiction(view: View, { agent, request }: Contradiction): boolean {
  if (agent.state !== 'online' || agent.idleSince === undefined || request.assignedAt !== undefined) return false;
  if (isPrivate(request) && !isKnownFree(view)) return false;
  const freeSince = isPrivate(request) ? (view.observed.freeSince ?? 0) : 0;
  const faced: EpochMs = Math.max(request.queuedAt, agent.idleSince, freeSince);
  return view.now - faced > view.policy.notAssignedGraceMs;
}

/** The pair, or for an agent that is not ours all of them that the request has faced: there may be thousands. */
function facedBy(view: View, pair: Contradiction, usable: readonly Usable[]): readonly Contradiction[] {
  if (pair.agent.ours) return [pair];
  const { request } = pair;
  const faced = usable.filter(
    (agent) => !agent.ours && isContradiction(view, { request, agent }) && canServe(agent, request),
  );
  return faced.map((agent) => ({ request, agent }));
}

const canServe = ({ offer }: Usable, { demands }: JobRequest): boolean => unmetDemands(offer, demands).length === 0;

/** Whom to blame for pairs that the server does not bring together. */
class Suspicion {
  readonly contradictions: Contradiction[] = [];
  readonly blamed = new Set<JobRequest>();
  /** Requests that have faced an agent of ours already. */
  readonly #faced = new Set<JobRequest>();

  readonly #distrusted = new Set<string>();

  addAll(pairs: readonly Contradiction[]): void {
    for (const pair of pairs) {
      if (this.#distrusted.has(pair.agent.name)) continue;
      if (!pair.agent.ours) this.#distrusted.add(pair.agent.name);
      this.add(pair);
    }
  }

  /** A second agent of ours that is left idle before one request says more of the request than of the agents. */
  add({ request, agent }: Contradiction): void {
    if (agent.ours && this.#faced.has(request)) this.blamed.add(request);
    else this.contradictions.push({ agent, request });
    if (agent.ours) this.#faced.add(request);
  }

  /** Agents of others are none of our making, so that they are left idle is never the fault of a request. */
  standing(): readonly Contradiction[] {
    return this.contradictions.filter(({ agent, request }) => !agent.ours || !this.blamed.has(request));
  }
}

/**
 * The matching over agents that can be trusted to be given requests. `entitled` are those that the server may start now;
 * `held` ones prove nothing, and take only agents that nobody else needs. A request that is to blame is matched to
 * nobody, and costs no agent its trust.
 */
export function matchTrusted(
  view: View,
  entitled: readonly JobRequest[],
  held: readonly JobRequest[],
  usable: readonly Usable[],
): TrustedMatching {
  const suspicion = new Suspicion();
  let [trusted, able] = [usable, entitled];
  const isOld = ({ idleSince = view.now }: Usable): boolean => view.now - idleSince > view.policy.notAssignedGraceMs;
  const anySuspect = usable.some((agent) => agent.state === 'online' && isOld(agent));
  for (;;) {
    const matching = matchRequests([...able, ...held], trusted);
    const found = anySuspect ? pairsOf(matching, able, trusted).filter((pair) => isContradiction(view, pair)) : [];
    const contradictions = suspicion.standing();
    if (found.length === 0) return { matching, contradictions, blamed: [...suspicion.blamed] };
    for (const pair of found) suspicion.addAll(facedBy(view, pair, usable));
    const distrusted = new Set(suspicion.standing().map(({ agent }) => agent.name));
    trusted = usable.filter((agent) => !distrusted.has(agent.name));
    able = entitled.filter((request) => !suspicion.blamed.has(request));
  }
}

/** The agents of blamed requests themselves, where the server leaves them idle: another try is not to be had at once. */
export function agentsOfBlamed(
  view: View,
  blamed: readonly JobRequest[],
  usable: readonly Usable[],
): readonly Contradiction[] {
  if (blamed.length === 0) return [];
  const byRequest = new Map(usable.map((agent) => [agent.madeFor, agent]));
  return blamed.flatMap((request) => {
    const agent = byRequest.get(request.id);
    return agent !== undefined && isContradiction(view, { agent, request }) ? [{ agent, request }] : [];
  });
}

export function blameAlarm(request: JobRequest): Alarm {
  const detail = 'the server gives it to none of several idle agents that can serve it';
  return { reason: 'notAssignedByServer', subject: `request ${request.id}`, detail };
}

/** An online agent of ours whose own request it cannot serve: it reports less than its template promised. */
export function mismatched(usable: readonly Usable[], requests: readonly JobRequest[]): readonly Contradiction[] {
  const byRequest = new Map(
    usable.flatMap((agent) =>
      agent.state === 'online' && agent.madeFor !== undefined ? [[agent.madeFor, agent] as const] : [],
    ),
  );
  const answered = requests.filter(({ id }) => byRequest.has(id));
  return answered.flatMap((request) => {
    const agent = byRequest.get(request.id);
    return agent === undefined || canServe(agent, request) ? [] : [{ agent, request }];
  });
}

/** What an agent of ours reports otherwise than its template promised, for whoever has to find out why. */
function difference(view: View, { agentJob, offer }: Usable): string {
  const template = view.policy.templates.find(({ name }) => name === agentJob?.template);
  if (template === undefined) return 'nothing is known of what it was to offer';
  const promised = Object.entries(agentCapabilities(template, agentJob?.parameters));
  const unlike = promised.filter(([name, value]) => offer.get(name.toLowerCase()) !== value);
  if (unlike.length === 0) return 'it reports all that its template promised';
  return unlike
    .map(([name, value]) => `${name}: promised ${value}, reports ${offer.get(name.toLowerCase()) ?? 'nothing'}`)
    .join('; ');
}

/** One for each agent; of many that are not ours, one for each request that has faced them. */
export function contradictionAlarms(view: View, contradictions: readonly Contradiction[]): readonly Alarm[] {
  const foreign = Map.groupBy(
    contradictions.filter(({ agent }) => !agent.ours),
    ({ request }) => request,
  );
  const folded = [...foreign].filter(([, all]) => all.length > fewAgents);
  const isFolded = ({ agent, request }: Contradiction): boolean =>
    !agent.ours && (foreign.get(request)?.length ?? 0) > fewAgents;
  return [
    ...contradictions.filter((each) => !isFolded(each)).map((each) => contradictionAlarm(view, each)),
    ...folded.map(([{ id }, all]): Alarm => {
      const detail = `${all.length} idle agents that are not Mayfly's can serve it, the first is ${all[0]?.agent.name}`;
      return { reason: 'notAssignedByServer', subject: `request ${id}`, detail };
    }),
  ];
}

const fewAgents = 3;

function contradictionAlarm(view: View, { agent, request }: Contradiction): Alarm {
  return {
    reason: 'notAssignedByServer',
    subject: agent.name,
    detail: `request ${request.id}: ${difference(view, agent)}`,
  };
}

/** Of those with our mark, one for each template: if the cause is common, replacing all of them would be a factory. */
export function firstOfEachTemplate(contradictions: readonly Contradiction[]): ReadonlySet<string> {
  const first = new Map<string, string>();
  const byName = contradictions.map(({ agent }) => agent).toSorted((a, b) => (a.name < b.name ? -1 : 1));
  for (const { name, agentJob } of byName) {
    if (agentJob !== undefined && !first.has(agentJob.template)) first.set(agentJob.template, name);
  }
  return new Set(first.values());
}
