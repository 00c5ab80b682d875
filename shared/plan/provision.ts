/**
 * Which waiting requests get a new agent. Every waiting request ends in exactly one of three ways: a distinct usable
 * agent will serve it, an agent job is created for it under a name never used before, or it is skipped for one reason.
 * The number to create comes from matching all of them at once, never from events or differences of counts.
 */
import type { Agent } from '../domain/agent.ts';
import { type AgentJob, isOver } from '../domain/agentJob.ts';
import { hash64 } from '../domain/hash.ts';
import type { JobRequest } from '../domain/jobRequest.ts';
import { agentJobName, parseName } from '../domain/names.ts';
import type { PoolPolicy, Template } from '../domain/template.ts';
import { breakerOf, retryAt } from './backoff.ts';
import { isBootExpired } from './boot.ts';
import { Headroom } from './headroom.ts';
import { type Matching, matchRequests } from './matching.ts';
import { knownAgentJobs, type Observed } from './observed.ts';
import type { Action, Alarm, Skip } from './plan.ts';
import { reservedAgents, scopeOf, usableAgents, wasEverOnline } from './supply.ts';
import { chooseTemplates } from './templates.ts';
import { waitingRequests } from './waiting.ts';

export interface Provision {
  readonly actions: readonly Action[];
  readonly skips: readonly Skip[];
  readonly alarms: readonly Alarm[];
  readonly matching: Matching;
  readonly waitingCount: number;
}

interface Situation {
  readonly policy: PoolPolicy;
  readonly observed: Observed;
  readonly agents: readonly Agent[];
  readonly agentJobs: readonly AgentJob[];
  readonly busy: ReadonlySet<string>;
  readonly clusters: readonly string[];
  readonly headroom: Headroom;
  /** Templates whose breaker let its probe through in this plan. */
  readonly probed: Set<string>;
}

/** 1 + the highest number ever seen for the request: among agent jobs and tombstones, and among agent names. */
export function nextAttempt(requestId: number, situation: Pick<Situation, 'policy' | 'agents' | 'agentJobs'>): number {
  const scope = scopeOf(situation.policy);
  const names = [
    ...situation.agentJobs.map((agentJob) => agentJob.name),
    ...situation.agents.map((agent) => agent.name),
  ];
  return (
    names.reduce((highest, name) => {
      const parsed = parseName(scope, name);
      return parsed?.kind === 'request' && parsed.requestId === requestId ? Math.max(highest, parsed.attempt) : highest;
    }, 0) + 1
  );
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
    const breaker = breakerOf(
      template.name,
      situation.agentJobs,
      situation.busy,
      situation.policy,
      situation.observed.at,
    );
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

/**
 * The attempt of this request that has failed but is not ended yet: past its create-by, over or out of time without
 * ever an agent online. End it first, replace it after: its creator may yet start it, it still holds its room, and until
 * it is a tombstone no backoff can count it. One that served somebody else has not failed.
 */
function failedAttempt(request: JobRequest, situation: Situation): AgentJob | undefined {
  const { policy, observed, agents, agentJobs, busy } = situation;
  const cameOnline = (name: string): boolean =>
    busy.has(name) || agents.some((agent) => agent.name === name && wasEverOnline(agent));
  return agentJobs.find((agentJob) => {
    const { purpose, phase, name } = agentJob;
    if (purpose.kind !== 'request' || purpose.requestId !== request.id) return false;
    if (phase === 'creating') return observed.at >= agentJob.createBy;
    const failed = isOver(agentJob) || isBootExpired(agentJob, policy.bootLimits, observed.at);
    return phase === 'started' && failed && !cameOnline(name);
  });
}

function decide(request: JobRequest, situation: Situation): Action | Skip {
  const { policy, observed } = situation;
  const skip = (reason: Skip['reason'], detail: string): Skip => ({ requestId: request.id, reason, detail });
  const choice = chooseTemplates(request, policy.templates);
  if (choice.kind === 'unparsable') return skip('unparsableDemand', choice.demands.join('; '));
  if (choice.kind === 'none') {
    return skip(
      'noTemplate',
      choice.verdicts.map(({ template, unmet }) => `${template}: ${unmet.join(', ')}`).join('; '),
    );
  }
  if (observed.paused.value === true) return skip('paused', policy.poolName);
  const failed = failedAttempt(request, situation);
  if (failed !== undefined) return skip('retiringFirst', failed.name);
  const again = retryAt(request.id, situation.agentJobs, policy);
  if (again !== undefined && observed.at < again) return skip('backingOff', new Date(again).toISOString());
  const template = allowedTemplate(choice.templates, request, situation);
  if (!('image' in template)) return template;
  const attempt = nextAttempt(request.id, situation);
  const name = agentJobName(scopeOf(policy), { kind: 'request', requestId: request.id, attempt }, template.name);
  const cluster = clusterFor(name, situation.clusters);
  if (cluster === undefined) return skip('noClusterReadable', policy.clusters.join(', '));
  situation.headroom.take(template, request);
  return { kind: 'create', name, cluster, template, requestId: request.id, attempt };
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
  const situation: Situation = {
    policy,
    observed,
    agents,
    agentJobs: knownAgentJobs(observed),
    busy: new Set([...reservedAgents(requests).values()].map((request) => request.reservedAgent?.name ?? '')),
    clusters: observed.clusters.filter((cluster) => cluster.agentJobs.known).map((cluster) => cluster.name),
    headroom: Headroom.of(policy, observed, agents, usable),
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
