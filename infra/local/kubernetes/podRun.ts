/** The containers of one pod: init, main, and every way in which they end. */
import type { JsonObject, JsonValue } from '../../../shared/domain/json.ts';
import type { CancelTimer } from '../world/clock.ts';
import { podFacts } from './cluster.ts';
import { PodMemory } from './containerContext.ts';
import { isTerminalPod } from './jobState.ts';
import { isDeleting, list, record, text, timestamp } from './object.ts';
import { PodBoot } from './podBoot.ts';
import { type NodeParts, PodHandle } from './podHandle.ts';
import {
  type ContainerState,
  collectedStatus,
  endedStatus,
  evictedStatus,
  initFailedStatus,
  mainEndedStatus,
  type PodCondition,
  type PodOutcome,
  runningStatus,
  withContainer,
} from './podStatus.ts';
import type { PodStory } from './podStory.ts';
import type { EndCause } from './worldEvent.ts';

/** Up to `waiting` nothing has run; `unbound` means that no kubelet has it. In `sidecars` the first container is over. */
type Stage = 'unbound' | 'waiting' | 'init' | 'main' | 'sidecars' | 'ended';

const killedExitCode = 137;
const terminatedExitCode = 143;
const neverRan = { exitCode: undefined, containerReason: '' } as const;

export class PodRun {
  readonly #pod: PodHandle;
  readonly #boot: PodBoot;
  readonly #story: PodStory;
  readonly #memory = new PodMemory();
  #stage: Stage = 'unbound';
  #cancelStart: CancelTimer = () => {};
  #cancelKill: CancelTimer = () => {};
  #endSidecars: () => void = () => {};

  constructor(parts: NodeParts, pod: JsonObject, story: PodStory) {
    this.#pod = new PodHandle(parts, pod);
    this.#story = story;
    this.#boot = new PodBoot(this.#pod, story, {
      onBound: () => {
        this.#stage = 'waiting';
      },
      onReady: (files) => {
        this.#memory.files = files;
        this.#initialize(0);
      },
    });
  }

  get hasEnded(): boolean {
    return this.#stage === 'ended';
  }

  get isLost(): boolean {
    return this.#pod.lost;
  }

  begin(): void {
    this.#boot.begin();
  }

  #initialize(index: number): void {
    const pod = this.#pod.current;
    if (pod === undefined) return;
    const container = list(pod, 'spec', 'initContainers')[index];
    if (container === undefined) {
      this.#stage = 'waiting';
      this.#cancelStart = this.#pod.parts.cluster.clock.after(this.#story.startMs, () => this.#startMain());
      return;
    }
    this.#stage = 'init';
    this.#setInit(container, { running: { startedAt: timestamp(this.#pod.now) } });
    const running =
      this.#story.initFailure === undefined
        ? this.#pod.parts.workload.runInit?.(this.#memory.context(this.#pod, pod, container))
        : undefined;
    if (running === undefined) this.#endInit(container, index, this.#story.initFailure?.exitCode ?? 0);
    else this.#follow(running, (code) => this.#endInit(container, index, code));
  }

  #endInit(container: JsonValue, index: number, exitCode: number): void {
    if (this.#stage !== 'init') return;
    const at = timestamp(this.#pod.now);
    const reason = exitCode === 0 ? 'Completed' : 'Error';
    const message = this.#memory.lastWordsOf(container);
    const said = message === undefined ? {} : { message };
    this.#setInit(container, { terminated: { exitCode, reason, startedAt: at, finishedAt: at, ...said } });
    if (exitCode !== 0) this.#end('initFailed', exitCode, (pod) => initFailedStatus(pod, this.#pod.now));
    // TERM during initialisation: no further container is started.
    else if (this.#memory.terminated.signal.aborted) this.#endUnstarted();
    else this.#initialize(index + 1);
  }

  #setInit(container: JsonValue, state: ContainerState): void {
    this.#pod.writeStatus((pod) => withContainer(record(pod, 'status'), 'initContainerStatuses', container, state));
  }

  #startMain(): void {
    const { cluster, workload } = this.#pod.parts;
    const pod = this.#pod.current;
    const container = list(pod, 'spec', 'containers')[0];
    if (pod === undefined || container === undefined) return;
    this.#stage = 'main';
    const ip = `10.1.${cluster.random.between(0, 255)}.${cluster.random.between(1, 254)}`;
    this.#pod.writeStatus((current) => runningStatus(current, ip, this.#pod.now));
    cluster.emit({ kind: 'mainStarted', ...podFacts(cluster.clock, pod) });
    const context = this.#memory.context(this.#pod, this.#pod.lastSeen, container);
    this.#follow(workload.run(context), (code) => this.endMain('exited', code));
  }

  /** A workload that throws because it was told to end has exited with 143; any other throw is its author's mistake. */
  #follow(running: Promise<number>, ended: (code: number) => void): void {
    running.then(ended, (error: unknown) => {
      if (this.hasEnded) return;
      const { signal } = this.#memory.terminated;
      if (!signal.aborted || error !== signal.reason) throw error;
      ended(terminatedExitCode);
    });
  }

  /** The main container is over; nothing its workload does later counts. Nothing happens where it does not run. */
  endMain(why: EndCause, exitCode: number, containerReason?: string): void {
    if (this.#stage !== 'main') return;
    const reason = containerReason ?? (exitCode === 0 ? 'Completed' : 'Error');
    const message = this.#memory.lastWordsOf(list(this.#pod.lastSeen, 'spec', 'containers')[0]);
    const outcome = { exitCode, containerReason: reason, message };
    const end = (): void => this.#end(why, exitCode, (pod) => endedStatus(pod, outcome, this.#pod.now));
    if (this.#outlived()) this.#leaveSidecars(outcome, end);
    else end();
  }

  #outlived(): boolean {
    const others = list(this.#pod.lastSeen, 'spec', 'containers').length > 1;
    return others && this.#story.sidecarsStay === true && !this.#memory.terminated.signal.aborted;
  }

  /** The first container is over, and the pod runs on with the others until it is told to end. */
  #leaveSidecars(outcome: PodOutcome, end: () => void): void {
    this.#stage = 'sidecars';
    this.#endSidecars = end;
    this.#pod.writeStatus((pod) => mainEndedStatus(pod, outcome, this.#pod.now));
  }

  /** kubelet, pkg/kubelet/eviction: killed at once, Failed with the reason Evicted; the object stays. */
  evictByNode(message: string): void {
    if (this.hasEnded || this.#stage === 'unbound') return;
    const exitCode = this.#stage === 'main' ? killedExitCode : undefined;
    this.#end('evictedByNode', exitCode, (pod) => {
      const outcome = exitCode === undefined ? neverRan : { exitCode, containerReason: 'Error' };
      return evictedStatus(endedStatus(pod, outcome, this.#pod.now), message, this.#pod.now);
    });
  }

  #endUnstarted(): void {
    this.#end('exited', undefined, (pod) => endedStatus(pod, neverRan, this.#pod.now));
  }

  /** The pod is marked for deletion, or its grace was shortened. */
  terminate(pod: JsonObject): void {
    if (this.#pod.lost || this.hasEnded) return;
    const { clock, delays } = this.#pod.parts.cluster;
    if (this.#stage === 'unbound') {
      // No kubelet has it: it never runs, and where a finalizer holds it PodGC ends it (gcUnscheduledTerminating).
      this.#end('exited', undefined, undefined);
      clock.after(delays.podGarbageCollection, () => this.collect());
      return;
    }
    const dueMs = Math.max(0, Date.parse(text(pod, 'metadata', 'deletionTimestamp') ?? '') - clock.now());
    this.#cancelKill();
    this.#cancelKill = clock.after(Math.max(dueMs, delays.kubeletSync), () => this.#kill());
    if (this.#stage === 'waiting') this.#stopBooting();
    if (!this.#memory.terminated.signal.aborted) clock.after(delays.kubeletSync, () => this.#sendTerm());
  }

  #stopBooting(): void {
    this.#boot.stop();
    this.#cancelStart();
  }

  #sendTerm(): void {
    if (this.hasEnded) return;
    this.#memory.terminated.abort();
    if (this.#stage === 'waiting') this.#endUnstarted();
    else if (this.#stage === 'sidecars') this.#endSidecars();
  }

  #kill(): void {
    if (this.#stage === 'main') this.endMain('exited', killedExitCode);
    else if (!this.hasEnded) this.#endUnstarted();
  }

  /** PodGC: Failed, and gone as far as the API goes. */
  collect(condition?: PodCondition): void {
    const { api, deletion } = this.#pod.parts;
    const pod = this.#pod.current;
    if (pod === undefined) return;
    if (!isTerminalPod(pod)) {
      api.write('pods', pod, { ...pod, status: collectedStatus(pod, condition, this.#pod.now) });
    }
    const failed = this.#pod.current;
    if (failed !== undefined) deletion.confirmPodEnd(failed);
  }

  /** The node is gone: the containers too, at once, and nobody says so to the API server. */
  lose(): void {
    this.#pod.lost = true;
    if (!this.hasEnded) this.#end('nodeLost', undefined, undefined);
  }

  /** The object is gone from the API server; what still runs is killed. */
  forget(): void {
    if (!this.hasEnded) this.#end('exited', this.#stage === 'main' ? killedExitCode : undefined, undefined);
  }

  #end(why: EndCause, exitCode: number | undefined, status: ((pod: JsonObject) => JsonObject) | undefined): void {
    const { cluster } = this.#pod.parts;
    this.#stage = 'ended';
    this.#stopBooting();
    this.#cancelKill();
    this.#memory.killed.abort();
    const ending = cluster.endings.get(this.#pod.uid);
    // What somebody did to a pod explains its end better than that its process ended.
    const cause = why === 'exited' && ending !== undefined ? ending.why : why;
    const code = exitCode === undefined ? {} : { exitCode };
    cluster.emit({ kind: 'podEnded', why: cause, ...code, ...podFacts(cluster.clock, this.#pod.lastSeen) });
    if (status !== undefined) this.#pod.writeStatus(status);
    if (!this.#pod.lost) cluster.clock.after(cluster.delays.kubeletSync, () => this.#confirm());
  }

  /** A deleted pod whose containers have ended is taken off the API server. */
  #confirm(): void {
    const pod = this.#pod.current;
    if (pod === undefined || this.#pod.lost || !isDeleting(pod) || !isTerminalPod(pod)) return;
    this.#pod.parts.deletion.confirmPodEnd(pod);
  }
}
