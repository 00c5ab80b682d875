/**
 * Our Kubernetes Job that runs one agent once, seen together with its pod. The phase is an annotation that only
 * JSON Patch with a `test` moves, so of two control planes exactly one wins each step:
 *
 *   creating -> started -> retiring -> tombstone
 *      \-> rolledBack (a tombstone too: its number is burnt)
 */
import { type EpochMs, minutesMs } from './instant.ts';
import type { ChosenParameters } from './template.ts';

export const agentJobPhases = ['creating', 'started', 'retiring', 'rolledBack', 'tombstone'] as const;
/** As written on the Job. */
export type WrittenPhase = (typeof agentJobPhases)[number];
/**
 * `unreadable` is written nowhere: the Job bears our marks, but its annotations are damaged or of another schema. Its
 * name and its room count; nothing else is known of it, and it is never touched.
 */
export type AgentJobPhase = WrittenPhase | 'unreadable';

/** Why a pod has not (yet) run its main container, each with its own limit; `none` = nothing is known to be wrong. */
export const bootCauses = [
  'none',
  'noPod',
  'quota',
  'admission',
  'unschedulable',
  'pulling',
  'imagePull',
  'init',
  'mount',
  'connecting',
] as const;
export type BootCause = (typeof bootCauses)[number];

export interface AgentPod {
  readonly name: string;
  readonly uid: string;
  readonly phase: 'Pending' | 'Running' | 'Succeeded' | 'Failed' | 'Unknown';
  readonly cause: BootCause;
  /** The kubelet's or scheduler's own words for the cause. */
  readonly message?: string;
  readonly createdAt: EpochMs;
  /** When it got its node: only from then on can anything but the scheduler keep it. Absent = not yet, or not told. */
  readonly scheduledAt?: EpochMs;
  readonly nodeName?: string;
  /** When the main container started; the boot clock of the agent itself begins here. */
  readonly mainStartedAt?: EpochMs;
  readonly exitCode?: number;
  /** Of the init container that registers the agent. */
  readonly initExitCode?: number;
  /** Why it failed: Evicted, OOMKilled, NodeLost, ... */
  readonly reason?: string;
  /** Who in the cluster ended it, or is about to: EvictionByEvictionAPI, PreemptionByScheduler, DeletionByTaintManager. */
  readonly disruption?: string;
  /** What keeps an image from being pulled, where the kubelet's words tell. */
  readonly pullTrouble?: 'notFound' | 'unauthorized' | 'rateLimited';
  /** When the main container ended; a sidecar may keep the pod running after it. */
  readonly mainFinishedAt?: EpochMs;
  readonly finishedAt?: EpochMs;
  readonly terminating: boolean;
}

/**
 * Instants of a Job and its pod are Azure DevOps' time: the adapter takes the cluster's clock off against the time that
 * the creator wrote down. What an agent job was made for:
 */
export type AgentJobPurpose =
  | { readonly kind: 'request'; readonly requestId: number; readonly attempt: number }
  | { readonly kind: 'warm'; readonly slot: number; readonly minute: number };

/** A request whose agent was gone before it had finished, with what it takes to find its run again. */
export interface LostWork {
  readonly requestId: number;
  readonly jobId: string;
  readonly at: EpochMs;
  readonly projectId?: string;
  readonly runId?: number;
}

export const reruns = ['open', 'asked', 'none'] as const;
export type Rerun = (typeof reruns)[number];

export interface AgentJob {
  readonly cluster: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
  readonly poolId: number;
  readonly template: string;
  readonly purpose: AgentJobPurpose;
  /** What its request chose; absent = nothing. */
  readonly parameters?: ChosenParameters;
  /** The image that its creator asked for. */
  readonly image?: string;
  /** Its image is to be proven: since when it has been a candidate, which names the candidate. */
  readonly candidate?: EpochMs;
  readonly phase: AgentJobPhase;
  /** When the present phase began, where known. */
  readonly phaseAt?: EpochMs;
  /** The creator's random nonce: tells a retried POST from somebody else's Job. */
  readonly creator: string;
  readonly createBy: EpochMs;
  readonly createdAt: EpochMs;
  readonly agentId?: number;
  /** The request that its agent served, once known. */
  readonly served?: number;
  /** Why it was retired or rolled back. */
  readonly reason?: string;
  /** What more was known of that then. */
  readonly detail?: string;
  /** The request that its agent held when its process was gone. */
  readonly lost?: LostWork;
  /** Whether what it lost was run again: `open` until somebody has decided, once and for all. */
  readonly rerun?: Rerun;
  /** The request at whose maximum age an administrator's rule had the pod ended. */
  readonly overAge?: number;
  /** Why there is no pod, by the Events of the Job. */
  readonly trouble?: { readonly cause: 'quota' | 'admission' | 'noPod'; readonly message: string };
  readonly suspended: boolean;
  /** The Job's own verdict; never enough on its own. */
  readonly condition?: 'Complete' | 'Failed';
  readonly conditionReason?: string;
  readonly finishedAt?: EpochMs;
  readonly pod?: AgentPod;
}

/** True when a container of it can never run again: the pod is terminal, or there is none and none will come. */
export function isOver(agentJob: AgentJob): boolean {
  if (agentJob.pod !== undefined) return isTerminal(agentJob.pod);
  return agentJob.suspended || agentJob.condition !== undefined;
}

/** True when the agent's own process is gone for good, though a sidecar may keep the pod running. */
export const hasStopped = (agentJob: AgentJob): boolean =>
  isOver(agentJob) || agentJob.pod?.mainFinishedAt !== undefined;

export function isTerminal(pod: AgentPod): boolean {
  return pod.phase === 'Succeeded' || pod.phase === 'Failed';
}

/**
 * True when this Job is (or may be) the one that the agent was registered for. The id decides where it is known: a name
 * may have been given again while the cluster of its first Job was out of reach.
 */
export function standsBehind(agentJob: AgentJob, agent: { readonly id: number; readonly name: string }): boolean {
  if (agentJob.name !== agent.name || lostRace(agentJob)) return false;
  return agentJob.agentId === undefined || agentJob.agentId === agent.id;
}

/** Why a creation was rolled back that its creator had not brought to an end in time. */
export const createByPassed = 'create-by passed';

/**
 * True while the name of a warm agent job could be given once more: it is of the minute in which it was planned, and a
 * pass may carry out a plan of the minute before.
 */
export function mayBeNamedAgain({ purpose }: Pick<AgentJob, 'purpose'>, now: EpochMs): boolean {
  return purpose.kind === 'warm' && now < minutesMs(purpose.minute + 3);
}

/** The exit code of an init container that found the name of its agent taken (docs/agent-image.md). */
const nameExists = 30;

/** True when its own agent was never registered because another agent job of the same name was quicker. */
export function lostRace({ agentId, pod }: Pick<AgentJob, 'agentId' | 'pod'>): boolean {
  return agentId === undefined && pod?.initExitCode === nameExists;
}

/** Memory only: it is over, or was undone before it began, and stays so that its number is not used again. */
export function isTombstone(agentJob: AgentJob): boolean {
  return agentJob.phase === 'tombstone' || agentJob.phase === 'rolledBack';
}

/** Neither memory nor at its end: it may yet run something. */
export const isAlive = (agentJob: AgentJob): boolean => !isTombstone(agentJob) && !isOver(agentJob);
