/**
 * Which waiting requests get a new agent. Every waiting request ends in exactly one of three ways: a distinct usable
 * agent will serve it, an agent job is created for it under a name never used before, or it is skipped for one reason.
 * The number to create comes from matching all of them at once, never from events or differences of counts.
 */
import type { Agent } from '../domain/agent.ts';
import { hash64 } from '../domain/hash.ts';
import type { JobRequest } from '../domain/jobRequest.ts';
import { agentJobName } from '../domain/names.ts';
import type { PoolPolicy, Template } from '../domain/template.ts';
import { Attempts } from './attempts.ts';
import { type Breaker, breakerOf, retryAt } from './backoff.ts';
import { Headroom } from './headroom.ts';
import { type Matching, matchRequests } from './matching.ts';
import { knownAgentJobs, type Observed } from './observed.ts';
import type { Action, Alarm, Skip } from './plan.ts';
import { reservedAgents, scopeOf, usableAgents } from './supply.ts';
import { chooseTemplates, offersOf, type TemplateChoice } from './templates.ts';
import { waitingRequests } from './waiting.ts';

export interface Provision {
  readonly actions: readonly Action[];
  readonly skips: readonly Skip[];
  readonly alarms: readonly Alarm[];
  readonly matching: Matching;
  /** Requests that wait now; those that their authors delay do not. */
  readonly waitingCount: number;
}

interface Situation {
  readonly policy: PoolPolicy;
  readonly observed: Observed;
  readonly attempts: Attempts;
  readonly clusters: readonly string[];
  readonly headroom: Headroom;
  readonly breakerOf: (template: string) => Breaker;
  readonly choose: (request: JobRequest) => TemplateChoice;
  /** Templates whose breaker let its probe through in this plan. */
  readonly probed: Set<string>;
}

/** Rendezvous hashing: every control plane picks the same cluster for a name, and a lost one moves only its own names. */
export function clusterFor(name: string, clusters: readonly string[]): string | undefined {
  return clusters
    .map((cluster) => ({ cluster, weight: hash64(`${cluster}/${name}`) }))
    .toSorted((a, b) => (a.weight < b.weight ? 1 : a.weight > b.weight ? -1 : a.cluster < b.cluster ? -1 : 1))[0]
    ?.cluster;
}

/** The first of the fitting templates that breaker and limits allow, or the reason of the best one. */
function allowedTemplate(templates: readonly Template[], request: JobRequest, situation: Situation): Template | Skip {
  let refusal: Skip | undefined;
  for (const template of templates) {
    const breaker = situation.breakerOf(template.name);
    const blocked = breaker.open && (!breaker.probe || situation.probed.has(template.name));
    const reason = blocked ? 'breakerOpen' : situation.headroom.limit(template, request);
    if (reason === undefined) {
      if (breaker.open) situation.probed.add(template.name);
      return template;
    }
    refusal ??= { requestId: request.id, reason, detail: template.name };
  }
  return refusal ?? { requestId: request.id, reason: 'noTemplate' };
}

function decide(request: JobRequest, situation: Situation): Action | Skip {
  const { policy, observed, attempts } = situation;
  const skip = (reason: Skip['reason'], detail: string): Skip => ({ requestId: request.id, reason, detail });
  const choice = situation.choose(request);
  if (choice.kind === 'unparsable') return skip('unparsableDemand', choice.demands.join('; '));
  if (choice.kind === 'none') {
    return skip(
      'noTemplate',
      choice.verdicts.map(({ template, unmet }) => `${template}: ${unmet.join(', ')}`).join('; '),
    );
  }
  if (observed.paused.value === true) return skip('paused', policy.poolName);
  const failed = attempts.failed(request.id);
  if (failed !== undefined) return skip('retiringFirst', failed.name);
  const again = retryAt(attempts.of(request.id), policy);
  if (again !== undefined && observed.at < again) return skip('backingOff', new Date(again).toISOString());
  const template = allowedTemplate(choice.templates, request, situation);
  if (!('image' in template)) return template;
  const attempt = attempts.next(request.id);
  const name = agentJobName(scopeOf(policy), { kind: 'request', requestId: request.id, attempt }, template.name);
  const cluster = clusterFor(name, situation.clusters);
  if (cluster === undefined) return skip('noClusterReadable', policy.clusters.join(', '));
  situation.headroom.take(template, request);
  return { kind: 'create', name, cluster, template, requestId: request.id, attempt };
}

/** A function that answers equal keys alike and thinks once. */
function remembered<A, R>(keyOf: (argument: A) => string, answer: (argument: A) => R): (argument: A) => R {
  const known = new Map<string, R>();
  return (argument) => {
    const key = keyOf(argument);
    const found = known.get(key) ?? answer(argument);
    known.set(key, found);
    return found;
  };
}

/** `requests` and `agents` are the known reads; without them there is no plan at all. */
export function planProvision(
  policy: PoolPolicy,
  observed: Observed,
  requests: readonly JobRequest[],
  agents: readonly Agent[],
): Provision {
  const waiting = waitingRequests(requests, policy.assignmentGraceMs, observed.at);
  const usable = usableAgents(policy, observed, agents, requests);
  const matching = matchRequests(waiting.requests, usable);
  const busy = new Set([...reservedAgents(requests).values()].map((request) => request.reservedAgent?.name ?? ''));
  const agentJobs = knownAgentJobs(observed);
  const offers = offersOf(policy.templates);
  const situation: Situation = {
    policy,
    observed,
    attempts: new Attempts(policy, observed, agents, busy),
    clusters: observed.clusters.filter((cluster) => cluster.agentJobs.known).map((cluster) => cluster.name),
    headroom: Headroom.of(policy, observed, { agents, requests, usable }),
    breakerOf: remembered(
      (name) => name,
      (name) => breakerOf(name, agentJobs, busy, policy, observed.at),
    ),
    choose: remembered(
      (request: JobRequest) => request.demands.join('\n'),
      (request) => chooseTemplates(request, offers),
    ),
    probed: new Set(),
  };
  const decisions = matching.unmatched.map((request) => decide(request, situation));
  return {
    actions: decisions.filter((decision): decision is Action => 'kind' in decision),
    skips: [...waiting.skips, ...decisions.filter((decision): decision is Skip => !('kind' in decision))],
    alarms: waiting.alarms,
    matching,
    waitingCount: waiting.requests.length,
  };
}
