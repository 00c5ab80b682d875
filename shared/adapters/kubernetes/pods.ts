/** Reads a Pod of an agent job. Only the Pod itself is asked, never events: those are lost after an hour. */
import type { AgentPod } from '../../domain/agentJob.ts';
import { defined } from '../../domain/defined.ts';
import type { EpochMs } from '../../domain/instant.ts';
import { bootCause } from './bootCause.ts';
import type { PodObject, Terminated } from './podObject.ts';
import { condition, failedInit, mainStatus, podSchema, registerStatus } from './podObject.ts';

/** A pod and the UIDs of the Jobs that own it. */
export interface OwnedPod {
  readonly pod: AgentPod;
  readonly ownerUids: readonly string[];
  /** Since when it has had a node and started nothing there, by the cluster's clock. */
  readonly stuckSince?: EpochMs;
}

/** Throws a ZodError where the object is no readable Pod. */
export function readPod(object: unknown): OwnedPod {
  const pod = podSchema.parse(object);
  const { cause, message, pullTrouble } = bootCause(pod);
  const stuckSince = startsNothing(pod) ? scheduledAt(pod) : undefined;
  return {
    ...defined({ stuckSince }),
    ownerUids: [...pod.metadata.ownerReferences.map((owner) => owner.uid), ...controllerUid(pod)],
    pod: {
      name: pod.metadata.name,
      uid: pod.metadata.uid,
      phase: pod.status.phase,
      cause,
      createdAt: pod.metadata.creationTimestamp,
      terminating: pod.metadata.deletionTimestamp != null,
      ...defined({
        message,
        scheduledAt: scheduledAt(pod),
        nodeName: pod.spec.nodeName,
        initExitCode: registerStatus(pod)?.state.terminated?.exitCode,
        disruption: disruptionOf(pod),
        pullTrouble,
        ...courseOf(pod),
      }),
    },
  };
}

/** When its main container began, and how it went. */
function courseOf(pod: PodObject) {
  const main = mainStatus(pod)?.state;
  const ended = endOf(pod);
  return {
    mainStartedAt: (main?.running ?? main?.terminated)?.startedAt,
    mainFinishedAt: main?.terminated?.finishedAt,
    exitCode: ended.exitCode,
    reason: failureReason(pod, ended.reason),
    finishedAt: ended.finishedAt,
  };
}

/** How the main container ended, or the init container that kept it from starting. */
function endOf(pod: PodObject): Partial<Terminated> {
  return mainStatus(pod)?.state.terminated ?? failedInit(pod)?.state.terminated ?? {};
}

/** The Job controller labels its pods with the Job's UID; a pod that was orphaned keeps the label only. */
function controllerUid(pod: PodObject): readonly string[] {
  const uid = pod.metadata.labels['batch.kubernetes.io/controller-uid'];
  return uid === undefined ? [] : [uid];
}

function scheduledAt(pod: PodObject): EpochMs | null | undefined {
  const scheduled = condition(pod, 'PodScheduled');
  return scheduled?.status === 'True' ? scheduled.lastTransitionTime : undefined;
}

/** Nothing of it has run, and the kubelet says no more than that it is at it. */
function startsNothing(pod: PodObject): boolean {
  const statuses = [...pod.status.initContainerStatuses, ...pod.status.containerStatuses];
  return statuses.length > 0 && statuses.every(({ state }) => settingUp.has(state.waiting?.reason ?? ''));
}

const settingUp = new Set(['ContainerCreating', 'PodInitializing']);

/** Why kubelets before the condition DisruptionTarget (1.26), and those of old nodes, end a pod that did nothing wrong. */
const byNode = new Set(['Evicted', 'NodeLost', 'Shutdown', 'NodeShutdown', 'Terminated', 'Preempting']);

function disruptionOf(pod: PodObject): string | undefined {
  const disruption = condition(pod, 'DisruptionTarget');
  if (disruption?.status === 'True') return disruption.reason ?? 'DisruptionTarget';
  const { reason } = pod.status;
  return reason !== undefined && byNode.has(reason) ? reason : undefined;
}

function failureReason(pod: PodObject, ended: string | undefined): string | undefined {
  if (pod.status.phase === 'Succeeded') return undefined;
  const disruption = condition(pod, 'DisruptionTarget');
  return pod.status.reason ?? (disruption?.status === 'True' ? disruption.reason : undefined) ?? ended;
}
