/**
 * An agent job whose agent holds a request. Nothing here ends it, but for an administrator's maximum age: it is disabled
 * so that it gets no second request, watched, and when its process is gone what it held is known to be lost at once,
 * minutes before Azure DevOps gives the agent up.
 */
import type { Agent } from '../domain/agent.ts';
import { type AgentJob, hasStopped, isOver, type LostWork } from '../domain/agentJob.ts';
import { defined } from '../domain/defined.ts';
import { minutesMs } from '../domain/instant.ts';
import type { JobRequest } from '../domain/jobRequest.ts';
import type { Action, Alarm } from './plan.ts';
import type { View } from './view.ts';

export interface Step {
  readonly actions: readonly Action[];
  readonly alarms: readonly Alarm[];
}

/**
 * An agent that cannot renew its lease goes on trying for so long after its end (JobDispatcher of azure-pipelines-agent),
 * and the server takes its time to give it up.
 */
const leaseSlackMs = minutesMs(5);

/** Only builds have runs that can be told and retried; a release numbers its own in another way. */
function lostWork({ id, jobId, projectId, run, planType }: JobRequest, at: number): LostWork {
  const findable = planType === 'Build' ? defined({ projectId, runId: run?.id }) : {};
  return { requestId: id, jobId, at, ...findable };
}

/** In words of the cluster: what became of the pod. */
function fateOf({ pod, overAge }: AgentJob): string {
  if (overAge !== undefined) return 'ended at the maximum age';
  if (pod === undefined) return 'its pod is gone';
  if (isOver({ pod } as AgentJob)) return pod.disruption ?? pod.reason ?? `its pod ${pod.phase.toLowerCase()}`;
  return `its agent ended (${pod.exitCode ?? 'unknown'}), a sidecar runs on`;
}

function whileLost(agentJob: AgentJob, request: JobRequest, { now }: View): Step {
  const detail = `request ${request.id}: ${fateOf(agentJob)}`;
  return {
    actions: agentJob.lost === undefined ? [{ kind: 'noteLost', agentJob, lost: lostWork(request, now) }] : [],
    alarms: [{ reason: 'lostMidJob', subject: agentJob.name, detail }],
  };
}

const minutes = (ms: number): string => `${Math.floor(ms / 60_000)} min`;

interface Suspicion {
  readonly reason: 'leaseExpired' | 'jobTooOld';
  /** For how long. */
  readonly forMs: number;
  readonly detail: string;
}

function suspicionsOf({ id, lockedUntil, receivedAt }: JobRequest, { policy, now }: View): readonly Suspicion[] {
  const silentMs = now - (lockedUntil ?? now);
  const ageMs = now - (receivedAt ?? now);
  const suspicions: readonly Suspicion[] = [
    {
      reason: 'leaseExpired',
      forMs: silentMs - leaseSlackMs,
      detail: `request ${id}: its lease ended ${minutes(silentMs)} ago`,
    },
    { reason: 'jobTooOld', forMs: ageMs - policy.maxJobAge.ms, detail: `request ${id} runs for ${minutes(ageMs)}` },
  ];
  return suspicions.filter(({ forMs }) => forMs > 0);
}

/** It renews no lease, or works for ever: nobody but people can tell whether anything comes of it. */
function whileSuspect(agentJob: AgentJob, request: JobRequest, view: View): Step {
  const { maxJobAge, endGraceMs } = view.policy;
  const suspicions = suspicionsOf(request, view);
  const alarms = suspicions.map(({ reason, detail }): Alarm => ({ reason, subject: agentJob.name, detail }));
  // Ordered once; where the pod makes the most of its grace, again.
  const isOrdered = agentJob.overAge === request.id;
  const isDue = suspicions.some(({ forMs }) => !isOrdered || forMs > endGraceMs);
  const ends = maxJobAge.ends && isDue;
  return { actions: ends ? [{ kind: 'endOverAge', agentJob, requestId: request.id }] : [], alarms };
}

export function whileReserved(agentJob: AgentJob, request: JobRequest, view: View): Step {
  if (hasStopped(agentJob)) return whileLost(agentJob, request, view);
  return whileSuspect(agentJob, request, view);
}

/**
 * Single use: once an agent has its request it gets no second one, and a copied key is worth nothing. It takes no cluster
 * to see that.
 */
export function planDisables({ agents, reserved }: View, isWorker: (agent: Agent) => boolean): readonly Action[] {
  return agents.flatMap((agent): readonly Action[] => {
    const request = reserved.get(agent.id);
    if (!agent.enabled || request?.receivedAt === undefined || !isWorker(agent)) return [];
    return [{ kind: 'disable', agentId: agent.id, name: agent.name, requestId: request.id }];
  });
}

/** Agents of ours that hold a request while no cluster knows of a Job that could stand behind them. */
export function forsakenAlarms(view: View, isBacked: (agent: Agent) => boolean): readonly Alarm[] {
  return view.agents.flatMap((agent): readonly Alarm[] => {
    const request = view.reserved.get(agent.id);
    if (request === undefined || agent.online || isBacked(agent)) return [];
    return [{ reason: 'lostMidJob', subject: agent.name, detail: `request ${request.id}: its Job is gone` }];
  });
}

/** Lost work that may be run again: its request has ended, and nobody has decided yet. */
export function planRerun(
  agentJob: AgentJob,
  unfinished: ReadonlySet<number>,
  { policy, now }: View,
): readonly Action[] {
  return mayRerun(agentJob, policy.runs.rerunLost, now) && !unfinished.has(agentJob.lost?.requestId ?? -1)
    ? [{ kind: 'rerun', agentJob, lost: agentJob.lost as LostWork }]
    : [];
}

/** So long after the loss its run may come to an end and still be helped; the server takes up to 15 min to notice. */
const rerunWithinMs = minutesMs(60);

/** True while the tombstone must stay because what was lost may still be run again. What we ended ourselves may not. */
export const mayRerun = ({ lost, rerun, overAge }: AgentJob, isWanted: boolean, now: number): boolean =>
  isWanted &&
  rerun === 'open' &&
  overAge === undefined &&
  lost?.runId !== undefined &&
  lost.projectId !== undefined &&
  now - lost.at < rerunWithinMs;
