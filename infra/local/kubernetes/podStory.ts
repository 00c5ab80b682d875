/** What happens to one pod between its creation and the start of its main container, and what runs in it then. */
import type { JsonObject } from '../../../shared/domain/json.ts';
import type { WorldClock } from '../world/clock.ts';

/** Something that is wrong for a time; without `forMs` it stays wrong for ever. */
export interface Trouble {
  readonly message: string;
  readonly forMs?: number;
}

/** All durations in ms. */
export interface PodStory {
  /** From creation, or from the end of `unschedulable`, to the node. */
  readonly scheduleAfterMs: number;
  readonly node: string;
  readonly unschedulable?: Trouble & {
    /** What the cluster-autoscaler says of it, ten seconds later. */
    readonly autoscaler?: { readonly reason: 'TriggeredScaleUp' | 'NotTriggerScaleUp'; readonly message: string };
  };
  readonly pullMs: number;
  /** ErrImagePull, then ImagePullBackOff, until it is over. */
  readonly pullFailure?: Trouble;
  /** A volume that does not attach. A missing Secret needs no story: the kubelet finds out by itself. */
  readonly mountFailure?: Trouble;
  /** The init container ends like this instead of running; only pods with init containers have one. */
  readonly initFailure?: { readonly exitCode: number };
  /** Containers after the first run on when that one has ended, until the pod is told to end. */
  readonly sidecarsStay?: boolean;
  /** From the pulled image to the running main container. */
  readonly startMs: number;
}

/** Chosen once per pod, when it is created. */
export type StoryOf = (pod: JsonObject) => PodStory;

export interface ContainerContext {
  /** As it was when the container started. */
  readonly pod: JsonObject;
  readonly container: string;
  /** File name to content of a Secret volume; throws where the pod has no such volume. */
  readSecretFiles(volumeName: string): Readonly<Record<string, string>>;
  /** Memory that the containers of one pod share, like an emptyDir: path to content. */
  readonly scratch: Map<string, string>;
  /** /dev/termination-log: its last words, which become the message of its end. */
  writeTerminationLog?(text: string): void;
  /** Standard output: what `kubectl logs` shows. Ends its lines itself. */
  print?(text: string): void;
  /** Aborted with TERM: the grace has begun. */
  readonly terminated: AbortSignal;
  /** Aborted with KILL, or because the node is gone: nothing the workload does after it counts. */
  readonly killed: AbortSignal;
  readonly clock: WorldClock;
}

/** What runs in containers; both resolve with the exit code. After `killed` their result is ignored. */
export interface Workload {
  run(context: ContainerContext): Promise<number>;
  /** An init container; without it every init container ends with 0 at once. */
  runInit?(context: ContainerContext): Promise<number>;
}

/** A pod that is scheduled, pulled and started within a few seconds. */
export const quickStory: PodStory = { scheduleAfterMs: 200, node: 'node-1', pullMs: 1000, startMs: 300 };

/** Runs until it is told to end, then ends with 0. */
export const idleWorkload: Workload = {
  run: ({ terminated, killed }) =>
    new Promise((resolve) => {
      if (terminated.aborted) return resolve(0);
      terminated.addEventListener('abort', () => resolve(0), { once: true });
      killed.addEventListener('abort', () => resolve(137), { once: true });
    }),
};
