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

export interface Contradiction {
  readonly agent: Usable;
  readonly request: JobRequest;
}

export interface TrustedMatching {
  readonly matching: Matching;
  readonly contradictions: readonly Contradiction[];
}

interface Pair {
  readonly request: JobRequest;
  readonly agent: Usable;
}

function pairsOf(matching: Matching, waiting: readonly JobRequest[], usable: readonly Usable[]): readonly Pair[] {
  const byName = new Map(usable.map((agent) => [agent.name, agent]));
  return waiting.flatMap((request) => {
    const agent = byName.get(matching.served.get(request.id) ?? '');
    return agent === undefined ? [] : [{ request, agent }];
  });
}

/** `faced` = since when both have been there. */
function isContradiction(view: View, { agent, request }: Pair): boolean {
  if (agent.state !== 'online' || agent.idleSince === undefined || request.assignedAt !== undefined) return false;
  if (isPrivate(request) && !isKnownFree(view)) return false;
  const faced: EpochMs = Math.max(request.queuedAt, agent.idleSince);
  return view.now - faced > view.policy.notAssignedGraceMs;
}

/**
 * The matching over agents that can be trusted to be given requests. `entitled` are those that the server may start now;
 * `held` ones prove nothing, and take only agents that nobody else needs.
 */
export function matchTrusted(
  view: View,
  entitled: readonly JobRequest[],
  held: readonly JobRequest[],
  usable: readonly Usable[],
): TrustedMatching {
  const contradictions: Contradiction[] = [];
  let trusted = usable;
  const isOld = ({ idleSince = view.now }: Usable): boolean => view.now - idleSince > view.policy.notAssignedGraceMs;
  const anySuspect = usable.some((agent) => agent.state === 'online' && isOld(agent));
  for (;;) {
    const matching = matchRequests([...entitled, ...held], trusted);
    const found = anySuspect ? pairsOf(matching, entitled, trusted).filter((pair) => isContradiction(view, pair)) : [];
    if (found.length === 0) return { matching, contradictions };
    contradictions.push(...found);
    const distrusted = new Set(found.map(({ agent }) => agent.name));
    trusted = trusted.filter((agent) => !distrusted.has(agent.name));
  }
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
    return agent === undefined || unmetDemands(agent.offer, request.demands).length === 0 ? [] : [{ agent, request }];
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

export function contradictionAlarm(view: View, { agent, request }: Contradiction): Alarm {
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
