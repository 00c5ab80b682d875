/** The whole decision about one pool, from one look at it. Total: it cannot fail, and equal input gives an equal plan. */

import type { Agent } from '../domain/agent.ts';
import { type AgentJob, hasStopped, isTombstone, standsBehind } from '../domain/agentJob.ts';
import { minutesMs } from '../domain/instant.ts';
import { isUnfinished } from '../domain/jobRequest.ts';
import type { SkipReason } from '../domain/reasons.ts';
import type { PoolPolicy } from '../domain/template.ts';
import { keptForDebugging } from './burial.ts';
import { planGhosts } from './ghosts.ts';
import { withImages } from './images/judge.ts';
import { imageActions, imageAlarms } from './images/planImages.ts';
import { planLeftovers } from './leftovers.ts';
import { type LifecycleContext, nextStep } from './lifecycle.ts';
import { everyClusterKnown, type Observed } from './observed.ts';
import { planAbsences, planPlaceholders } from './placeholders.ts';
import type { Alarm, Plan } from './plan.ts';
import { type Provision, planProvision } from './provision.ts';
import { readAlarms } from './readAlarms.ts';
import { forsakenAlarms, planDisables, planRerun } from './reserved.ts';
import { workerName } from './supply.ts';
import { planTellings } from './tell.ts';
import { agentJobOf, agentOf, type View, viewOf } from './view.ts';

/** How soon to look again while anything waits, boots or finishes. */
export const activeLookMs = 5000;

const noPlan = (alarms: readonly Alarm[]): Plan => ({
  actions: [],
  skips: [],
  alarms,
  served: new Map(),
  warm: [],
  thefts: 0,
  nextLookAt: undefined,
});

/** Why a waiting request waits for people or a new configuration; the ordinary sweep is soon enough for these. */
const restingReasons: ReadonlySet<SkipReason> = new Set([
  'unparsableDemand',
  'noTemplate',
  'unknownParameter',
  'contradictoryParameters',
  'paused',
  'drained',
]);

/**
 * Something is on its way: a request waits for what a pass can change, or an agent job is neither memory nor merely at
 * work. An agent that runs its job and is disabled already needs nobody until it has finished, which a hook tells; one
 * that is kept warm needs nobody until a request comes.
 */
function isActive(view: View, provision: Provision): boolean {
  const resting = provision.skips.filter((skip) => restingReasons.has(skip.reason)).length;
  const atRest = (agentJob: AgentJob): boolean =>
    isTombstone(agentJob) ||
    agentJob.phase === 'unreadable' ||
    isStuck(view, agentJob) ||
    isAtWork(view, agentJob) ||
    isKeptWarm(view, provision, agentJob);
  const begins = provision.actions.length > 0 || provision.warm.states.some(({ heldBy }) => heldBy === 'atPassLimit');
  return begins || provision.waitingCount > resting || view.agentJobs.some((agentJob) => !atRest(agentJob));
}

/** What has not ended by now will not within seconds: the sweep is soon enough for what nobody lets go. */
const isStuck = ({ now }: View, { phase, phaseAt }: AgentJob): boolean =>
  phase === 'retiring' && now - (phaseAt ?? now) > stuckAfterMs;

const stuckAfterMs = minutesMs(10);

function isAtWork(view: View, agentJob: AgentJob): boolean {
  const agent = agentOf(view, agentJob);
  if (agent === undefined || agent.enabled || hasStopped(agentJob)) return false;
  return view.reserved.get(agent.id)?.receivedAt !== undefined;
}

function isKeptWarm(view: View, { warm }: Provision, agentJob: AgentJob): boolean {
  return warm.kept.has(agentJob.name) && agentOf(view, agentJob)?.online === true;
}

function lifecycleContext(view: View, { matching, warm, unused, distrusted }: Provision): LifecycleContext {
  const reserved = [...view.reserved.values()];
  const idle = matching.leftOver.filter(({ ours, name }) => ours && !warm.kept.has(name) && !distrusted.has(name));
  return {
    ...view,
    reservedByName: new Map(reserved.map((request) => [request.reservedAgent?.name ?? '', request])),
    unfinished: new Set(view.requests.filter(isUnfinished).map((request) => request.id)),
    leftOver: new Set(idle.map(({ name }) => name)),
    replaced: warm.replaced,
    unused,
    kept: keptForDebugging(view),
  };
}

/** Agents are fungible, so one that was made for a request may have gone to another: counted, and made up by matching. */
function theftsIn(view: View): number {
  return view.agentJobs.filter((agentJob) => {
    if (agentJob.purpose.kind !== 'request') return false;
    const agent = agentOf(view, agentJob);
    const request = agentJob.served ?? (agent === undefined ? undefined : view.reserved.get(agent.id)?.id);
    return request !== undefined && request !== agentJob.purpose.requestId;
  }).length;
}

/** Ours, and nothing known says that nobody works as it, or that its Job is not to be touched. */
function mayWork(view: View, agent: Agent): boolean {
  if (workerName(view.policy, agent.name) === undefined) return false;
  const agentJob = agentJobOf(view, agent);
  const isLeft = (view.agentJobsByName.get(agent.name) ?? []).some(({ phase }) => phase === 'unreadable');
  return !isLeft && (agentJob === undefined || !hasStopped(agentJob));
}

/** Nobody but a cluster can say that a Job is gone. */
function forsakenIn(view: View): readonly Alarm[] {
  if (!everyClusterKnown(view.observed)) return [];
  const named = (agent: Agent): readonly AgentJob[] => view.agentJobsByName.get(agent.name) ?? [];
  const isBacked = (agent: Agent): boolean =>
    workerName(view.policy, agent.name) === undefined || named(agent).some((each) => standsBehind(each, agent));
  return forsakenAlarms(view, isBacked);
}

export function planPool(policy: PoolPolicy, observed: Observed): Plan {
  const { requests, agents, at } = observed;
  if (!agents.known) return noPlan([{ reason: 'agentsUnknown', subject: policy.poolName, detail: agents.error }]);
  if (!requests.known) return noPlan([{ reason: 'requestsUnknown', subject: policy.poolName, detail: requests.error }]);

  const view = withImages(viewOf(policy, observed, requests.value, agents.value));
  const provision = planProvision(view);
  const context = lifecycleContext(view, provision);
  const steps = view.agentJobs.map((agentJob) => nextStep(agentJob, context));
  return {
    actions: [
      ...planPlaceholders(view),
      ...provision.actions,
      ...imageActions(view),
      ...planDisables(view, (agent) => mayWork(view, agent)),
      ...steps.flatMap((step) => step.actions),
      ...view.agentJobs.flatMap((agentJob) => planRerun(agentJob, context.unfinished, view)),
      ...planTellings(view, provision.skips),
      ...planGhosts(view, new Set(provision.matching.served.values())),
      ...planLeftovers(view),
      ...planAbsences(view),
    ],
    skips: provision.skips,
    alarms: [
      ...readAlarms(view),
      ...imageAlarms(view),
      ...provision.alarms,
      ...steps.flatMap((step) => step.alarms),
      ...forsakenIn(view),
    ],
    served: provision.matching.served,
    warm: provision.warm.states,
    thefts: theftsIn(view),
    // In shadow mode nothing comes of a look, so another one soon would see the same.
    nextLookAt: policy.mode === 'active' && isActive(view, provision) ? at + activeLookMs : undefined,
  };
}
