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
}

/** Throws a ZodError where the object is no readable Pod. */
export function readPod(object: unknown): OwnedPod {
  const pod = podSchema.parse(object);
  const main = mainStatus(pod)?.state;
  const ended = endOf(pod);
  const { cause, message } = bootCause(pod);
  return {
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
        mainStartedAt: (main?.running ?? main?.terminated)?.startedAt,
        exitCode: ended.exitCode,
        initExitCode: registerStatus(pod)?.state.terminated?.exitCode,
        reason: failureReason(pod, ended.reason),
        finishedAt: ended.finishedAt,
      }),
    },
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

function failureReason(pod: PodObject, ended: string | undefined): string | undefined {
  if (pod.status.phase === 'Succeeded') return undefined;
  const disruption = condition(pod, 'DisruptionTarget');
  return pod.status.reason ?? (disruption?.status === 'True' ? disruption.reason : undefined) ?? ended;
}
