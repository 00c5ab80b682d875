/**
 * One Kubernetes cluster in memory: an API server, the controllers that matter to Mayfly and a kubelet, on injected
 * time and randomness. Doors (in process and on the wire) ask the verbs below; scenarios break things with the verbs
 * of the kubelet. Objects are plain JSON and never change in place: an answer may be kept.
 */
import type { JsonObject } from '../../../shared/domain/json.ts';
import type { WorldClock } from '../world/clock.ts';
import type { Random } from '../world/random.ts';
import type { StoryOf, Workload } from './podStory.ts';
import type { ResourceName } from './resource.ts';
import type {
  Answer,
  Caller,
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
}

export class KubernetesWorld {
  readonly clock: WorldClock;

  constructor(options: KubernetesWorldOptions) {
    this.clock = options.clock;
  }

  /** All namespaces when `namespace` is undefined. */
  list(_resource: ResourceName, _namespace: string | undefined, _options: WorldListOptions = {}): Answer {
    throw new Error('not yet');
  }

  get(_resource: ResourceName, _namespace: string | undefined, _name: string): Answer {
    throw new Error('not yet');
  }

  /** `body` is what came over the wire, parsed; anything may stand in it. */
  create(_resource: ResourceName, _namespace: string | undefined, _body: unknown, _options: WriteOptions = {}): Answer {
    throw new Error('not yet');
  }

  replace(
    _resource: ResourceName,
    _namespace: string | undefined,
    _name: string,
    _body: unknown,
    _options: WriteOptions = {},
  ): Answer {
    throw new Error('not yet');
  }

  patch(
    _resource: ResourceName,
    _namespace: string | undefined,
    _name: string,
    _patch: WorldPatch,
    _options: WriteOptions = {},
  ): Answer {
    throw new Error('not yet');
  }

  delete(
    _resource: ResourceName,
    _namespace: string | undefined,
    _name: string,
    _options: WorldDeleteOptions = {},
  ): Answer {
    throw new Error('not yet');
  }

  deleteCollection(
    _resource: ResourceName,
    _namespace: string | undefined,
    _selector: WorldListOptions,
    _options: WorldDeleteOptions = {},
  ): Answer {
    throw new Error('not yet');
  }

  /** Throws only for a bad selector; an expired resourceVersion comes as an ERROR event, as on the wire. */
  watch(
    _resource: ResourceName,
    _namespace: string | undefined,
    _options: WatchOptions,
    _listener: (event: WatchEvent) => void,
  ): Watch {
    throw new Error('not yet');
  }

  /** The eviction subresource of policy/v1. */
  evict(_namespace: string, _pod: string, _caller: Caller = {}): Answer {
    throw new Error('not yet');
  }

  /** Forgets the history of changes: older watches and continue tokens answer 410. */
  compact(): void {}

  onEvent(_listener: (event: WorldEvent) => void): () => void {
    throw new Error('not yet');
  }

  /** The node is gone at once with all that runs on it; its pods become unreachable, later deleted. */
  loseNode(_node: string): void {}

  /** Evicts every pod of a node, as `kubectl drain` does. */
  drainNode(_node: string, _caller?: Caller): void {}

  /** The kernel kills the main container: Failed, OOMKilled, 137. */
  oomKill(_namespace: string, _pod: string): void {}

  /** The main process ends by itself with this code, whatever its workload does. */
  killPodProcess(_namespace: string, _pod: string, _exitCode: number): void {}

  /** The pods of a Job, newest last; for scenarios and assertions. */
  podsOf(_namespace: string, _jobName: string): readonly JsonObject[] {
    return [];
  }
}
