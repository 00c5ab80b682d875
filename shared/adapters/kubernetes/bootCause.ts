/** Which of the causes in the boot limits keeps a pod from running its main container, or its agent from coming online. */
import type { AgentPod, BootCause } from '../../domain/agentJob.ts';
import type { ContainerStatus, PodObject } from './podObject.ts';
import { condition, failedInit, mainStatus } from './podObject.ts';
import { pullTrouble } from './pullTrouble.ts';

interface Verdict {
  readonly cause: BootCause;
  /** The kubelet's or scheduler's own words. */
  readonly message?: string | undefined;
  readonly pullTrouble?: AgentPod['pullTrouble'] | undefined;
}

/**
 * In the order in which a pod comes up:
 * 1. it is over: only a failed init container is still a boot cause;
 * 2. its main container runs: only the agent's connection is missing;
 * 3. the scheduler found no node;
 * 4. an init container is not through;
 * 5. the main container waits.
 */
export function bootCause(pod: PodObject): Verdict {
  const main = mainStatus(pod)?.state;
  if (pod.status.phase === 'Succeeded' || pod.status.phase === 'Failed') return causeOfEnd(pod);
  if (main?.terminated !== undefined) return { cause: 'none' };
  if (main?.running !== undefined) return { cause: 'connecting' };
  const scheduled = condition(pod, 'PodScheduled');
  if (scheduled?.status === 'False') return { cause: 'unschedulable', message: scheduled.message };
  return causeOfBoot(pod);
}

function causeOfEnd(pod: PodObject): Verdict {
  const init = failedInit(pod);
  if (init !== undefined) return initVerdict(init);
  return { cause: 'none', message: pod.status.message };
}

/** Its last words where it left any, else how it ended. */
function initVerdict({ name, state: { terminated } }: ContainerStatus): Verdict {
  const { exitCode, reason, message } = terminated ?? {};
  const ended = `${name} exited with code ${exitCode}${reason === undefined ? '' : ` (${reason})`}`;
  return { cause: 'init', message: message ?? ended };
}

function causeOfBoot(pod: PodObject): Verdict {
  const failed = failedInit(pod);
  if (failed !== undefined) return initVerdict(failed);
  const sidecars = new Set(pod.spec.initContainers.filter((it) => it.restartPolicy === 'Always').map((it) => it.name));
  const blocking = pod.status.initContainerStatuses.find((status) => !isThrough(status, sidecars.has(status.name)));
  const main = mainStatus(pod);
  if (blocking === undefined) return main === undefined ? { cause: 'none' } : causeOfWaiting(main, 'pulling');
  return blocking.state.waiting === undefined ? { cause: 'init' } : causeOfWaiting(blocking, 'init');
}

const isThrough = (status: ContainerStatus, sidecar: boolean): boolean =>
  status.state.terminated?.exitCode === 0 || (sidecar && status.started === true);

const causeOfReason: Readonly<Record<string, BootCause>> = {
  ErrImagePull: 'imagePull',
  ImagePullBackOff: 'imagePull',
  InvalidImageName: 'imagePull',
  ErrImageNeverPull: 'imagePull',
  ImageInspectError: 'imagePull',
  RegistryUnavailable: 'imagePull',
  SignatureValidationFailed: 'imagePull',
  // The container cannot be made from its spec and volumes: a key that is missing, a path that cannot be mounted.
  CreateContainerConfigError: 'mount',
  CreateContainerError: 'mount',
  RunContainerError: 'mount',
  // Only a native sidecar can be restarted in these pods.
  CrashLoopBackOff: 'init',
};

/**
 * `initialising` is the cause while earlier init containers hold this container back. ContainerCreating counts as
 * pulling: volumes are mounted under the same word, and a pod passes through both within moments on every boot.
 */
function causeOfWaiting(status: ContainerStatus, initialising: BootCause): Verdict {
  const { reason = '', message } = status.state.waiting ?? {};
  const cause = (reason === 'PodInitializing' ? initialising : causeOfReason[reason]) ?? 'pulling';
  return { cause, message, ...(cause === 'imagePull' && { pullTrouble: pullTrouble(reason, message) }) };
}
