/**
 * One Kubernetes cluster in memory: an API server, the controllers that matter to Mayfly and a kubelet, on injected
 * time and randomness. Doors (in process and on the wire) ask the verbs below; scenarios break things with the verbs
 * of the kubelet. Objects are plain JSON and never change in place: an answer may be kept.
 */
import type { JsonObject } from '../../../shared/domain/json.ts';
import type { WorldClock } from '../world/clock.ts';
import type { Random } from '../world/random.ts';
import { ApiServer } from './apiServer.ts';
import { Cluster, type Delays, defaultDelays, type Ending } from './cluster.ts';
import { Collectors } from './collectors.ts';
import { Deletion } from './deletion.ts';
import { EventRecorder } from './events.ts';
import { JobController } from './jobController.ts';
import { isTerminalPod } from './jobState.ts';
import { Kubelet } from './kubelet.ts';
import { Listing } from './listing.ts';
import { list, nameOf, namespaceOf, text, uidOf } from './object.ts';
import { PodLogs } from './podLogs.ts';
import { disruption } from './podStatus.ts';
import { idleWorkload, quickStory, type StoryOf, type Workload } from './podStory.ts';
import { type ResourceName, resourceTypes } from './resource.ts';
import { notFound } from './statusError.ts';
import { Store } from './store.ts';
import type {
  Answer,
  Caller,
  PodLogOptions,
  Watch,
  WatchEvent,
  WatchOptions,
  WorldDeleteOptions,
  WorldListOptions,
  WorldPatch,
  WriteOptions,
} from './verbs.ts';
import type { WorldEvent } from './worldEvent.ts';

export interface KubernetesWorldOptions {
  readonly clock: WorldClock;
  readonly random: Random;
  /** Made at the start; `default` always is. */
  readonly namespaces?: readonly string[];
  readonly story?: StoryOf;
  readonly workload?: Workload;
  readonly delays?: Partial<Delays>;
}

const evicting = disruption('EvictionByEvictionAPI', 'Eviction API: evicting');
const success: JsonObject = { kind: 'Status', apiVersion: 'v1', metadata: {}, status: 'Success', code: 201 };

export class KubernetesWorld {
  readonly clock: WorldClock;
  readonly #store = new Store();
  readonly #cluster: Cluster;
  readonly #api: ApiServer;
  readonly #deletion: Deletion;
  readonly #listing: Listing;
  readonly #kubelet: Kubelet;
  readonly #logs = new PodLogs();

  constructor(options: KubernetesWorldOptions) {
    this.clock = options.clock;
    const delays = { ...defaultDelays, ...options.delays };
    this.#cluster = new Cluster(this.#store, options.clock, options.random, delays);
    this.#deletion = new Deletion(this.#cluster);
    this.#api = new ApiServer(this.#cluster, (resource, object) => this.#deletion.finalized(resource, object));
    this.#listing = new Listing(this.#store);
    const recorder = new EventRecorder(this.#cluster);
    const parts = { cluster: this.#cluster, api: this.#api, deletion: this.#deletion, recorder };
    this.#kubelet = new Kubelet(
      { ...parts, workload: options.workload ?? idleWorkload, logs: this.#logs },
      options.story ?? (() => quickStory),
    );
    const controllers = [
      new JobController(parts),
      new Collectors(this.#cluster, this.#api, this.#deletion),
      this.#kubelet,
    ];
    this.#store.subscribe((change) => {
      for (const controller of controllers) controller.onChange(change);
    });
    for (const name of new Set(['default', ...(options.namespaces ?? [])])) {
      this.create('namespaces', undefined, { apiVersion: 'v1', kind: 'Namespace', metadata: { name } });
    }
  }

  /** All namespaces when `namespace` is undefined. */
  list(resource: ResourceName, namespace: string | undefined, options: WorldListOptions = {}): Answer {
    return this.#listing.list(resource, namespace, options);
  }

  get(resource: ResourceName, namespace: string | undefined, name: string): Answer {
    return this.#api.get(resource, namespace ?? '', name);
  }

  /** `body` is what came over the wire, parsed; anything may stand in it. */
  create(resource: ResourceName, namespace: string | undefined, body: unknown, options: WriteOptions = {}): Answer {
    return this.#api.create(resource, namespace ?? '', body, options);
  }

  replace(
    resource: ResourceName,
    namespace: string | undefined,
    name: string,
    body: unknown,
    options: WriteOptions = {},
  ): Answer {
    return this.#api.replace(resource, namespace ?? '', name, body, options);
  }

  patch(
    resource: ResourceName,
    namespace: string | undefined,
    name: string,
    patch: WorldPatch,
    options: WriteOptions = {},
  ): Answer {
    return this.#api.patch(resource, namespace ?? '', name, patch, options);
  }

  delete(
    resource: ResourceName,
    namespace: string | undefined,
    name: string,
    options: WorldDeleteOptions = {},
  ): Answer {
    return this.#deletion.delete(resource, namespace ?? '', name, options);
  }

  /** Answers the list of what was deleted, as it was. */
  deleteCollection(
    resource: ResourceName,
    namespace: string | undefined,
    selector: WorldListOptions,
    options: WorldDeleteOptions = {},
  ): Answer {
    const answer = this.#listing.list(resource, namespace, selector);
    for (const item of list(answer.body, 'items')) {
      const object = item as JsonObject;
      this.#deletion.delete(resource, namespaceOf(object), nameOf(object), options);
    }
    return answer;
  }

  /** Throws only for a bad selector; an expired resourceVersion comes as an ERROR event, as on the wire. */
  watch(
    resource: ResourceName,
    namespace: string | undefined,
    options: WatchOptions,
    listener: (event: WatchEvent) => void,
  ): Watch {
    return this.#listing.watch(resource, namespace, options, listener);
  }

  /** The eviction subresource of policy/v1; disruption budgets are not modelled. */
  evict(namespace: string, pod: string, caller: Caller = {}): Answer {
    this.#evict(namespace, pod, { why: 'evicted', byCaller: caller.caller ?? 'unknown' });
    return { status: 201, body: success, warnings: [] };
  }

  /** The log subresource of a pod. */
  readLog(namespace: string, pod: string, options: PodLogOptions = {}): string {
    return this.#kubelet.readLog(this.#pod(namespace, pod), options);
  }

  /** Has a container print something, whatever its workload does. */
  log(namespace: string, pod: string, words: string, container = 'agent'): void {
    this.#logs.print(uidOf(this.#pod(namespace, pod)), container, words);
  }

  /** A policy of the cluster refuses every new pod with these words, until it is told otherwise. */
  denyPods(words: string | undefined): void {
    this.#cluster.podDenial = words;
  }

  /** The scheduler makes room for a pod of higher priority: Preempted is what its events say. */
  preempt(namespace: string, pod: string): void {
    const ending = { why: 'evicted', byCaller: 'default-scheduler' } as const;
    this.#evict(namespace, pod, ending, disruption('PreemptionByScheduler', 'default-scheduler: preempting'));
  }

  /** The node runs short of something: the kubelet fails the pod, which stays. Nothing happens where it has ended. */
  evictByNode(namespace: string, pod: string, message = 'The node was low on resource: memory. '): void {
    this.#kubelet.evictByNode(this.#pod(namespace, pod), message);
  }

  /** Forgets the history of changes: older watches and continue tokens answer 410. */
  compact(): void {
    this.#store.compact();
    this.#listing.compact();
  }

  onEvent(listener: (event: WorldEvent) => void): () => void {
    return this.#cluster.onEvent(listener);
  }

  /** The node is gone at once with all that runs on it; its pods become unreachable, later deleted, later Failed. */
  loseNode(node: string): void {
    this.#kubelet.loseNode(node);
  }

  /** Evicts every pod of a node that still runs, as `kubectl drain` does. */
  drainNode(node: string, caller: Caller = {}): void {
    const running = this.#kubelet.podsOn(node).filter((pod) => !isTerminalPod(pod));
    const ending = { why: 'drained', byCaller: caller.caller ?? 'kubectl' } as const;
    for (const pod of running) this.#evict(namespaceOf(pod), nameOf(pod), ending);
  }

  /** The kernel kills the main container: Failed, OOMKilled, 137. Nothing happens where it does not run. */
  oomKill(namespace: string, pod: string): void {
    this.#kubelet.oomKill(namespace, pod);
  }

  /** The main process ends by itself with this code, whatever its workload does. */
  killPodProcess(namespace: string, pod: string, exitCode: number): void {
    this.#kubelet.killProcess(namespace, pod, exitCode);
  }

  /** The pods of a Job, oldest first; for scenarios and assertions. */
  podsOf(namespace: string, jobName: string): readonly JsonObject[] {
    return this.#store
      .all('pods', namespace)
      .filter((pod) => text(pod, 'metadata', 'labels', 'batch.kubernetes.io/job-name') === jobName)
      .sort((a, b) => createdAt(a) - createdAt(b));
  }

  #pod(namespace: string, name: string): JsonObject {
    const pod = this.#store.find('pods', namespace, name);
    if (pod === undefined) throw notFound(resourceTypes.pods, name);
    return pod;
  }

  #evict(namespace: string, name: string, ending: Ending, condition = evicting): void {
    this.#kubelet.markDisrupted(this.#pod(namespace, name), condition);
    this.#deletion.delete('pods', namespace, name, { caller: ending.byCaller, ending });
  }
}

const createdAt = (pod: JsonObject): number => Date.parse(text(pod, 'metadata', 'creationTimestamp') ?? '');
