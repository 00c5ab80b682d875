/**
 * What becomes of each agent job that exists: nothing, the next step of its end, or burial. Verdicts come from pods
 * and requests, never from Job conditions alone; an agent that an unfinished request reserves is never retired.
 */
import type { Agent } from '../domain/agent.ts';
import { type AgentJob, isAlive, isOver, lostRace, mayBeNamedAgain, standsBehind } from '../domain/agentJob.ts';
import type { JobRequest } from '../domain/jobRequest.ts';
import { type RetireReason, retireReasons } from '../domain/reasons.ts';
import { endedAt, isFailure, pauses } from './backoff.ts';
import { bootCause, fallsBack, isBootExpired } from './boot.ts';
import { everyClusterKnown } from './observed.ts';
import type { Action, Alarm } from './plan.ts';
import { isDrained, isSpent, wasEverOnline } from './supply.ts';
import { agentOf, type View } from './view.ts';

export interface LifecycleContext extends View {
  /** Unfinished request by the name of the agent that it reserves. */
  readonly reservedByName: ReadonlyMap<string, JobRequest>;
  readonly unfinished: ReadonlySet<number>;
  /** Agents that neither a request nor the warm schedule needs. */
  readonly leftOver: ReadonlySet<string>;
  /** Idle warm agents that a younger one replaces. */
  readonly replaced: ReadonlySet<string>;
  /** Agents that the server does not use. */
  readonly unused: ReadonlySet<string>;
}

export interface Lifecycle {
  readonly actions: readonly Action[];
  readonly alarms: readonly Alarm[];
}

const nothing: Lifecycle = { actions: [], alarms: [] };
const act = (action: Action): Lifecycle => ({ actions: [action], alarms: [] });

const retire = (agentJob: AgentJob, reason: RetireReason, detail?: string): Lifecycle =>
  act({ kind: 'retire', agentJob, reason, ...(detail === undefined ? {} : { detail }) });

/** A tombstone is memory for its request; a failed one for its template's breaker, a warm one for the next attempt. */
function buryWhenForgettable(agentJob: AgentJob, context: LifecycleContext): Lifecycle {
  const requestLives = agentJob.purpose.kind === 'request' && context.unfinished.has(agentJob.purpose.requestId);
  const isRemembered = isFailure(agentJob) || (agentJob.purpose.kind === 'warm' && pauses(agentJob));
  const window = isRemembered ? context.policy.backoff.breakerWindowMs : 0;
  const isFresh = context.now - endedAt(agentJob) < window || mayBeNamedAgain(agentJob, context.now);
  return requestLives || isFresh ? nothing : act({ kind: 'bury', agentJob });
}

function whileReserved(agentJob: AgentJob, agent: Agent | undefined, request: JobRequest): Lifecycle {
  if (isOver(agentJob)) {
    const alarm: Alarm = { reason: 'lostMidJob', subject: agentJob.name, detail: `request ${request.id}` };
    return { actions: [], alarms: [alarm] };
  }
  // Single use: once it has its request it gets no second one, and a copied key is worth nothing.
  return request.receivedAt !== undefined && agent?.enabled === true
    ? act({ kind: 'disable', agentId: agent.id, name: agent.name, requestId: request.id })
    : nothing;
}

function isIdleLongEnough(agentJob: AgentJob, agent: Agent | undefined, context: LifecycleContext): boolean {
  const since = Math.max(agentJob.createdAt, agentJob.phaseAt ?? 0, agent?.createdAt ?? 0, agent?.statusChangedAt ?? 0);
  return context.now - since >= context.policy.idleMinimumMs;
}

/** Why an agent that never came online, or no longer is, has had its time; undefined = it still has some. */
function overdue(agentJob: AgentJob, agent: Agent | undefined, context: LifecycleContext): Lifecycle {
  if (agent === undefined || !wasEverOnline(agent)) {
    if (!isBootExpired(agentJob, context.policy, context.now)) return nothing;
    const reason = fallsBack(agentJob, context.policy, context.now) ? 'fellBack' : 'neverStarted';
    return retire(agentJob, reason, bootCause(agentJob));
  }
  const offlineMs = context.now - (agent.statusChangedAt ?? agentJob.createdAt);
  return offlineMs > context.policy.bootLimits.connecting ? retire(agentJob, 'wentOffline') : nothing;
}

/** An agent that has been online and idle when its pod ended was sound: most often its node was drained. */
function endOf(agentJob: AgentJob, agent: Agent | undefined): RetireReason {
  if (lostRace(agentJob)) return 'raced';
  return agent !== undefined && wasEverOnline(agent) && !isSpent(agent) ? 'endedIdle' : 'ended';
}

function whileUnreserved(agentJob: AgentJob, agent: Agent | undefined, context: LifecycleContext): Lifecycle {
  if (isOver(agentJob)) return retire(agentJob, endOf(agentJob, agent));
  if (agent !== undefined && isSpent(agent)) return retire(agentJob, 'finished');
  if (agent?.enabled === false) return retire(agentJob, 'disabled');
  return whileIdle(agentJob, agent, context);
}

/** Why an idle agent goes at once, however young it is. */
function dismissal(agentJob: AgentJob, context: LifecycleContext): RetireReason | undefined {
  if (isDrained(context, agentJob)) return 'drained';
  if (context.unused.has(agentJob.name)) return 'notAssignedByServer';
  return context.replaced.has(agentJob.name) ? 'replaced' : undefined;
}

/** Left over and old enough. Of warm agents the control plane with the newest configuration keeps the count. */
function isSurplus(agentJob: AgentJob, agent: Agent | undefined, context: LifecycleContext): boolean {
  if (context.isOutdated && agentJob.purpose.kind === 'warm') return false;
  return context.leftOver.has(agentJob.name) && isIdleLongEnough(agentJob, agent, context);
}

function whileIdle(agentJob: AgentJob, agent: Agent | undefined, context: LifecycleContext): Lifecycle {
  const dismissed = dismissal(agentJob, context);
  if (dismissed !== undefined) return retire(agentJob, dismissed);
  // The server gives it no job until it has updated itself, which an agent in a pod never does.
  if (agent?.online === true && agent.updatePending && isIdleLongEnough(agentJob, agent, context))
    return retire(agentJob, 'updatePending');
  if (isSurplus(agentJob, agent, context)) return retire(agentJob, 'surplus');
  return agent?.online === true ? nothing : overdue(agentJob, agent, context);
}

/** The unfinished request that reserves its agent. */
function reservationOf(agentJob: AgentJob, context: LifecycleContext): JobRequest | undefined {
  const request = context.reservedByName.get(agentJob.name);
  const agent = request?.reservedAgent;
  return agent !== undefined && standsBehind(agentJob, agent) ? request : undefined;
}

function whileRetiring(agentJob: AgentJob, agent: Agent | undefined, request: JobRequest | undefined): Lifecycle {
  if (request === undefined) return retire(agentJob, resumedReason(agentJob));
  return isOver(agentJob) ? whileReserved(agentJob, agent, request) : nothing;
}

function whileUnreadable({ name, cluster }: AgentJob): Lifecycle {
  return { actions: [], alarms: [{ reason: 'unreadableAgentJob', subject: name, detail: cluster }] };
}

/** Live Jobs of this name in other clusters: each may stand behind the agent of the name. */
function twinsOf({ name, cluster }: AgentJob, { agentJobsByName }: LifecycleContext): readonly AgentJob[] {
  const named = agentJobsByName.get(name) ?? [];
  return named.filter((other) => other.cluster !== cluster && isAlive(other));
}

/** Its init container has done its work, which is to register the agent: no other one of the name can have. */
const hasRegistered = ({ pod }: AgentJob): boolean => pod?.mainStartedAt !== undefined;

/** It has registered, though nothing may run in it yet. */
const isThrough = (agentJob: AgentJob): boolean => hasRegistered(agentJob) || agentJob.pod?.initExitCode === 0;

/** Whose the agent of its name is, or will be, for a Job whose agent registers itself. */
function ownerOf(
  agentJob: AgentJob,
  agent: Agent | undefined,
  context: LifecycleContext,
): 'its' | 'a twin' | 'unclear' {
  const twins = twinsOf(agentJob, context);
  if (hasRegistered(agentJob)) return 'its';
  const isHeld = twins.some((twin) => hasRegistered(twin) || (agent !== undefined && twin.agentId === agent.id));
  if (isHeld) return 'a twin';
  if (twins.length > 0) return 'unclear';
  return agent === undefined || everyClusterKnown(context.observed) ? 'its' : 'unclear';
}

/**
 * For a Job whose agent registers itself: the id is written on it as soon as the agent is seen. Of two Jobs of one name
 * nobody can tell whose the agent is before one of the pods has passed its registration, so until then neither is
 * touched; but two that never start, and have no agent, must not wait for each other.
 */
function whileUnidentified(agentJob: AgentJob, agent: Agent | undefined, context: LifecycleContext): Lifecycle {
  const owner = ownerOf(agentJob, agent, context);
  if (owner === 'unclear' && agent !== undefined) return nothing;
  if (owner !== 'its') return whileTwins(agentJob, context);
  const step = whileStarted(agentJob, agent, context);
  // Before its pod is through with registering, an agent of the name may be somebody else's, and be left to them.
  if (agent === undefined || !isThrough(agentJob)) return step;
  return { ...step, actions: [{ kind: 'noteAgent', agentJob, agentId: agent.id }, ...step.actions] };
}

function whileTwins(agentJob: AgentJob, context: LifecycleContext): Lifecycle {
  if (isOver(agentJob)) return nothing;
  return agentJob.phase === 'retiring'
    ? retire(agentJob, resumedReason(agentJob))
    : overdue(agentJob, undefined, context);
}

function whileStarted(agentJob: AgentJob, agent: Agent | undefined, context: LifecycleContext): Lifecycle {
  const request = reservationOf(agentJob, context);
  if (agentJob.phase === 'retiring') return whileRetiring(agentJob, agent, request);
  return request === undefined ? whileUnreserved(agentJob, agent, context) : whileReserved(agentJob, agent, request);
}

/** The next step for one agent job. */
export function nextStep(agentJob: AgentJob, context: LifecycleContext): Lifecycle {
  const agent = agentOf(context, agentJob);
  switch (agentJob.phase) {
    case 'unreadable':
      return whileUnreadable(agentJob);
    case 'creating':
      return context.now > agentJob.createBy ? act({ kind: 'rollBack', agentJob }) : nothing;
    case 'rolledBack':
    case 'tombstone':
      return buryWhenForgettable(agentJob, context);
    case 'retiring':
    case 'started':
      return agentJob.agentId === undefined && !lostRace(agentJob)
        ? whileUnidentified(agentJob, agent, context)
        : whileStarted(agentJob, agent, context);
  }
}

/** A retire once begun keeps its reason, whoever resumes it. */
function resumedReason(agentJob: AgentJob): RetireReason {
  return retireReasons.find((reason) => reason === agentJob.reason) ?? 'ended';
}
