/** From the creation of a pod to its pulled image: scheduler, volumes and pull, each with the trouble its story has. */
import type { JsonObject } from '../../../shared/domain/json.ts';
import type { CancelTimer } from '../world/clock.ts';
import { list, record, text } from './object.ts';
import type { PodHandle } from './podHandle.ts';
import { creatingStatus, withContainer, withPodCondition } from './podStatus.ts';
import type { PodStory, Trouble } from './podStory.ts';
import { type Files, mountSecrets } from './volumes.ts';

/** The kubelet's mount retries: half a second, doubled up to about two minutes (util/goroutinemap/exponentialbackoff). */
const firstMountRetryMs = 500;
const maxMountRetryMs = 122_000;
/** cluster-autoscaler, --scan-interval. */
const autoscalerMs = 10_000;
/** From ErrImagePull to ImagePullBackOff. */
const pullBackoffMs = 10_000;

export interface BootSteps {
  /** A node has it from here on. */
  readonly onBound: () => void;
  /** Volumes are mounted, the image is there. */
  readonly onReady: (files: ReadonlyMap<string, Files>) => void;
}

export class PodBoot {
  readonly #pod: PodHandle;
  readonly #story: PodStory;
  readonly #steps: BootSteps;
  #files: ReadonlyMap<string, Files> = new Map();
  #cancelStep: CancelTimer = () => {};

  constructor(pod: PodHandle, story: PodStory, steps: BootSteps) {
    this.#pod = pod;
    this.#story = story;
    this.#steps = steps;
  }

  begin(): void {
    const { unschedulable, scheduleAfterMs } = this.#story;
    if (text(this.#pod.lastSeen, 'spec', 'nodeName') !== undefined) this.#bound();
    else if (unschedulable === undefined) this.#after(scheduleAfterMs, () => this.#bind());
    else this.#after(this.#pod.parts.cluster.delays.kubeletSync, () => this.#refuse(unschedulable));
  }

  /** No further step is taken. */
  stop(): void {
    this.#cancelStep();
  }

  #refuse({ message, forMs, autoscaler }: NonNullable<PodStory['unschedulable']>): void {
    const condition = { type: 'PodScheduled', status: 'False', reason: 'Unschedulable', message } as const;
    this.#pod.writeStatus((pod) => withPodCondition(record(pod, 'status'), condition, this.#pod.now));
    this.#pod.record({ type: 'Warning', reason: 'FailedScheduling', message, component: 'default-scheduler' });
    if (autoscaler !== undefined) {
      const said = { type: 'Normal', ...autoscaler, component: 'cluster-autoscaler' } as const;
      this.#pod.parts.cluster.clock.after(autoscalerMs, () => this.#pod.record(said));
    }
    if (forMs !== undefined) this.#after(forMs + this.#story.scheduleAfterMs, () => this.#bind());
  }

  #bind(): void {
    const pod = this.#pod.current;
    if (pod === undefined) return;
    const spec = { ...record(pod, 'spec'), nodeName: this.#story.node };
    const condition = { type: 'PodScheduled', status: 'True' } as const;
    const status = withPodCondition(record(pod, 'status'), condition, this.#pod.now);
    this.#pod.parts.api.write('pods', pod, { ...pod, spec, status });
    this.#bound();
  }

  #bound(): void {
    this.#steps.onBound();
    this.#after(this.#pod.parts.cluster.delays.kubeletSync, () => {
      this.#pod.writeStatus((pod) => creatingStatus(pod, this.#pod.now));
      this.#mount(0, this.#pod.now + (this.#story.mountFailure?.forMs ?? Number.POSITIVE_INFINITY));
    });
  }

  /** A volume that fails is tried again for ever; nothing but FailedMount events tells why the pod does not start. */
  #mount(attempt: number, troubleEndsAt: number): void {
    const pod = this.#pod.current;
    if (pod === undefined) return;
    const problem = this.#mountProblem(pod, troubleEndsAt);
    if (problem === undefined) {
      this.#pull();
      return;
    }
    this.#pod.record({ type: 'Warning', reason: 'FailedMount', message: problem, component: 'kubelet' });
    const retryMs = Math.min(firstMountRetryMs * 2 ** attempt, maxMountRetryMs);
    this.#after(retryMs, () => this.#mount(attempt + 1, troubleEndsAt));
  }

  #mountProblem(pod: JsonObject, troubleEndsAt: number): string | undefined {
    const trouble = this.#story.mountFailure;
    if (trouble !== undefined && this.#pod.now < troubleEndsAt) return trouble.message;
    const mounted = mountSecrets(this.#pod.parts.cluster.store, pod);
    if ('missing' in mounted) {
      const { volume, secret } = mounted.missing;
      return `MountVolume.SetUp failed for volume "${volume}" : secret "${secret}" not found`;
    }
    this.#files = mounted.files;
    return undefined;
  }

  #pull(): void {
    const { pullFailure, pullMs } = this.#story;
    if (pullFailure === undefined) {
      this.#after(pullMs, () => this.#steps.onReady(this.#files));
      return;
    }
    this.#after(pullMs, () => {
      this.#pullFails('ErrImagePull', pullFailure.message);
      const backoff = Math.min(pullBackoffMs, pullFailure.forMs ?? pullBackoffMs);
      this.#after(backoff, () => this.#backOff(pullFailure, backoff));
    });
  }

  #backOff({ message, forMs }: Trouble, passedMs: number): void {
    // The kubelet repeats what went wrong since 1.31 (pkg/kubelet/images, imagePullBackOff).
    this.#pullFails('ImagePullBackOff', `Back-off pulling image "${this.#image()}": ErrImagePull: ${message}`);
    if (forMs !== undefined) this.#after(forMs - passedMs + this.#story.pullMs, () => this.#steps.onReady(this.#files));
  }

  #image(): string {
    const pod = this.#pod.lastSeen;
    const [container] = [...list(pod, 'spec', 'initContainers'), ...list(pod, 'spec', 'containers')];
    return text(container, 'image') ?? '';
  }

  #pullFails(reason: 'ErrImagePull' | 'ImagePullBackOff', message: string): void {
    this.#pod.writeStatus((pod) => {
      const init = list(pod, 'spec', 'initContainers')[0];
      const container = init ?? list(pod, 'spec', 'containers')[0] ?? {};
      const key = init === undefined ? 'containerStatuses' : 'initContainerStatuses';
      return withContainer(record(pod, 'status'), key, container, { waiting: { reason, message } });
    });
    const eventReason = reason === 'ErrImagePull' ? 'Failed' : 'BackOff';
    this.#pod.record({ type: 'Warning', reason: eventReason, message, component: 'kubelet' });
  }

  #after(ms: number, step: () => void): void {
    this.#cancelStep = this.#pod.parts.cluster.clock.after(ms, step);
  }
}
