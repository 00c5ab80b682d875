/** What the parts of the cluster share: the store, time, randomness, the delays and who listens to world events. */
import type { JsonObject } from '../../../shared/domain/json.ts';
import type { WorldClock } from '../world/clock.ts';
import type { Random } from '../world/random.ts';
import { at, list, nameOf, namespaceOf, text, uidOf } from './object.ts';
import type { Store } from './store.ts';
import type { TerminationCause, WorldEvent } from './worldEvent.ts';

/** How long the parts of the cluster take, in ms. */
export interface Delays {
  /** The job controller after a change of a Job; changes of pods are batched for a second. */
  readonly jobSync: number;
  readonly podSync: number;
  readonly garbageCollection: number;
  readonly quotaRecount: number;
  readonly kubeletSync: number;
  /** PodGC, for terminating pods that no kubelet will ever end. */
  readonly podGarbageCollection: number;
  /** From the loss of a node to Ready=Unknown, from there to the eviction of its pods, from there to its removal. */
  readonly nodeUnreachable: number;
  readonly taintEviction: number;
  readonly nodeRemoval: number;
  /** Each wait of a controller is longer by up to this fraction, at random. 0 = all take the same time. */
  readonly jitter: number;
}

/** kube-controller-manager's defaults where it has any (node-monitor-grace-period, default tolerations, gcCheckPeriod). */
export const defaultDelays: Delays = {
  jobSync: 50,
  podSync: 1000,
  garbageCollection: 300,
  quotaRecount: 200,
  kubeletSync: 100,
  podGarbageCollection: 20_000,
  nodeUnreachable: 50_000,
  taintEviction: 300_000,
  nodeRemoval: 300_000,
  jitter: 0,
};

export interface Ending {
  readonly why: TerminationCause;
  readonly byCaller: string;
}

export class Cluster {
  readonly store: Store;
  readonly clock: WorldClock;
  readonly random: Random;
  readonly delays: Delays;
  /** Who deleted or suspended a Job: the pods that end of it are ended by the same hand. By UID. */
  readonly deletedBy = new Map<string, string>();
  readonly suspendedBy = new Map<string, string>();
  /** Why a pod is ending, by UID; the first cause stays. */
  readonly endings = new Map<string, Ending>();
  /** What a policy of the cluster says to every new pod; undefined = nothing. */
  podDenial: string | undefined;
  readonly #listeners = new Set<(event: WorldEvent) => void>();

  constructor(store: Store, clock: WorldClock, random: Random, delays: Delays) {
    this.store = store;
    this.clock = clock;
    this.random = random;
    this.delays = delays;
  }

  emit(event: WorldEvent): void {
    for (const listener of this.#listeners) listener(event);
  }

  onEvent(listener: (event: WorldEvent) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }
}

/** The owner that controls an object. */
export function controllerOf(
  object: JsonObject,
): { readonly kind: string; readonly name: string; readonly uid: string } | undefined {
  for (const owner of list(object, 'metadata', 'ownerReferences')) {
    if (at(owner, 'controller') !== true) continue;
    return { kind: text(owner, 'kind') ?? '', name: text(owner, 'name') ?? '', uid: text(owner, 'uid') ?? '' };
  }
  return undefined;
}

/** What every world event about a pod says. */
export function podFacts(clock: WorldClock, pod: JsonObject) {
  const owner = controllerOf(pod);
  // The label outlives the owner reference of an orphaned pod.
  const jobName = owner?.name ?? text(pod, 'metadata', 'labels', 'batch.kubernetes.io/job-name');
  return {
    at: clock.now(),
    namespace: namespaceOf(pod),
    pod: nameOf(pod),
    uid: uidOf(pod),
    ...(jobName === undefined ? {} : { jobName }),
  };
}
