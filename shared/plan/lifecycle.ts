/**
 * What becomes of each agent job that exists: nothing, the next step of its end, or burial. Verdicts come from pods
 * and requests, never from Job conditions alone; an agent that an unfinished request reserves is never retired.
 */
import type { Agent } from '../domain/agent.ts';
import { type AgentJob, hasStopped, isAlive, lostRace, standsBehind } from '../domain/agentJob.ts';
import type { JobRequest } from '../domain/jobRequest.ts';
import { type RetireReason, retireReasons } from '../domain/reasons.ts';
import { bootTrouble, endTrouble, fallsBack, isBootExpired } from './boot.ts';
import { isForgettable } from './burial.ts';
import { everyClusterKnown } from './observed.ts';
import type { Action } from './plan.ts';
import { type Step, whileReserved } from './reserved.ts';
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
  /** Tombstones whose pods are kept for whoever debugs them, by UID. */
  readonly kept: ReadonlySet<string>;
}

const nothing: Step = { actions: [], alarms: [] };
const act = (action: Action): Step => ({ actions: [action], alarms: [] });
const actIf = (holds: boolean, action: Action): Step => (holds ? act(action) : nothing);

const retire = (agentJob: AgentJob, reason: RetireReason, detail?: string): Step =>
  act({ kind: 'retire', agentJob, reason, ...(detail === undefined ? {} : { detail }) });

function isIdleLongEnough(agentJob: AgentJob, agent: Agent | undefined, context: LifecycleContext): boolean {
  const since = Math.max(agentJob.createdAt, agentJob.phaseAt ?? 0, agent?.createdAt ?? 0, agent?.statusChangedAt ?? 0);
  return context.now - since >= context.policy.idleMinimumMs;
}

/** Why an agent that never came online, or no longer is, has had its time; undefined = it still has some. */
function overdue(agentJob: AgentJob, agent: Agent | undefined, context: LifecycleContext): Step {
  if (agent === undefined || !wasEverOnline(agent)) {
    if (!isBootExpired(agentJob, context.policy, context.now)) return nothing;
    const reason = fallsBack(agentJob, context.policy, context.now) ? 'fellBack' : 'neverStarted';
    return retire(agentJob, reason, bootTrouble(agentJob));
  }
  const offlineMs = context.now - (agent.statusChangedAt ?? agentJob.createdAt);
  return offlineMs > context.policy.bootLimits.connecting ? retire(agentJob, 'wentOffline') : nothing;
}

/**
 * Why an agent job whose process is gone goes. An agent that has been online and idle was sound: most often its node was
 * drained. One that never was has not started, unless the cluster took its pod away.
 */
function endOf(agentJob: AgentJob, agent: Agent | undefined): RetireReason {
  if (lostRace(agentJob)) return 'raced';
  if (hadItsRequest(agentJob, agent)) return 'ended';
  if (agent !== undefined && wasEverOnline(agent)) return 'endedIdle';
  return agentJob.pod === undefined || agentJob.pod.disruption !== undefined ? 'disrupted' : 'neverStarted';
}

/** Or may have had: whoever deleted its agent knows. */
function hadItsRequest({ lost, agentId }: AgentJob, agent: Agent | undefined): boolean {
  return lost !== undefined || (agent === undefined ? agentId !== undefined : isSpent(agent));
}

function whileUnreserved(agentJob: AgentJob, agent: Agent | undefined, context: LifecycleContext): Step {
  if (hasStopped(agentJob)) return retire(agentJob, endOf(agentJob, agent), endTrouble(agentJob));
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

function whileIdle(agentJob: AgentJob, agent: Agent | undefined, context: LifecycleContext): Step {
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

function whileRetiring(agentJob: AgentJob, request: JobRequest | undefined, context: LifecycleContext): Step {
  return request === undefined ? retire(agentJob, resumedReason(agentJob)) : whileReserved(agentJob, request, context);
}

function whileUnreadable({ name, cluster }: AgentJob): Step {
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
function whileUnidentified(agentJob: AgentJob, agent: Agent | undefined, context: LifecycleContext): Step {
  const owner = ownerOf(agentJob, agent, context);
  if (owner === 'unclear' && agent !== undefined) return nothing;
  if (owner !== 'its') return whileTwins(agentJob, context);
  const step = whileStarted(agentJob, agent, context);
  // Before its pod is through with registering, an agent of the name may be somebody else's, and be left to them.
  if (agent === undefined || !isThrough(agentJob)) return step;
  return { ...step, actions: [{ kind: 'noteAgent', agentJob, agentId: agent.id }, ...step.actions] };
}

function whileTwins(agentJob: AgentJob, context: LifecycleContext): Step {
  if (hasStopped(agentJob)) return nothing;
  return agentJob.phase === 'retiring'
    ? retire(agentJob, resumedReason(agentJob))
    : overdue(agentJob, undefined, context);
}

function whileStarted(agentJob: AgentJob, agent: Agent | undefined, context: LifecycleContext): Step {
  const request = reservationOf(agentJob, context);
  if (agentJob.phase === 'retiring') return whileRetiring(agentJob, request, context);
  return request === undefined ? whileUnreserved(agentJob, agent, context) : whileReserved(agentJob, request, context);
}

/** The next step for one agent job. */
export function nextStep(agentJob: AgentJob, context: LifecycleContext): Step {
  const agent = agentOf(context, agentJob);
  switch (agentJob.phase) {
    case 'unreadable':
      return whileUnreadable(agentJob);
    case 'creating':
      return actIf(context.now > agentJob.createBy, { kind: 'rollBack', agentJob });
    case 'rolledBack':
    case 'tombstone':
      return actIf(isForgettable(agentJob, context), { kind: 'bury', agentJob });
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
