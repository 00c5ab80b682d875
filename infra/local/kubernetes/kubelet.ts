/** All nodes at once: follows every pod, and breaks what scenarios want broken. */
import type { JsonObject } from '../../../shared/domain/json.ts';
import { podFacts } from './cluster.ts';
import { isTerminalPod } from './jobState.ts';
import { isDeleting, nameOf, namespaceOf, record, text, uidOf } from './object.ts';
import type { NodeParts } from './podHandle.ts';
import { PodRun } from './podRun.ts';
import { disruption, withPodCondition } from './podStatus.ts';
import type { StoryOf } from './podStory.ts';
import { resourceTypes } from './resource.ts';
import { internalError, notFound } from './statusError.ts';
import type { Change } from './store.ts';
import type { PodLogOptions } from './verbs.ts';

const evictionController = 'taint-eviction-controller';

export class Kubelet {
  readonly #parts: NodeParts;
  readonly #storyOf: StoryOf;
  readonly #runs = new Map<string, PodRun>();

  constructor(parts: NodeParts, storyOf: StoryOf) {
    this.#parts = parts;
    this.#storyOf = storyOf;
  }

  onChange(change: Change): void {
    if (change.resource !== 'pods') return;
    if (change.type === 'ADDED') this.#begin(change.object);
    else if (change.type === 'DELETED') this.#forget(change.object);
    else if (isDeleting(change.object)) this.#onDeleting(change);
  }

  #begin(pod: JsonObject): void {
    this.#parts.cluster.emit({ kind: 'podCreated', ...podFacts(this.#parts.cluster.clock, pod) });
    const run = new PodRun(this.#parts, pod, this.#storyOf(pod));
    this.#runs.set(uidOf(pod), run);
    run.begin();
  }

  #onDeleting({ object, previous }: Change): void {
    const run = this.#runs.get(uidOf(object));
    const before = previous === undefined ? undefined : text(previous, 'metadata', 'deletionTimestamp');
    if (before !== text(object, 'metadata', 'deletionTimestamp')) run?.terminate(object);
  }

  #forget(pod: JsonObject): void {
    this.#runs.get(uidOf(pod))?.forget();
    this.#runs.delete(uidOf(pod));
    this.#parts.logs.forget(uidOf(pod));
  }

  /** Throws 500 in the API server's words where the node does not answer any more. */
  readLog(pod: JsonObject, options: PodLogOptions): string {
    if (this.#runs.get(uidOf(pod))?.isLost !== true) return this.#parts.logs.read(pod, options);
    const url = `https://10.0.0.1:10250/containerLogs/${namespaceOf(pod)}/${nameOf(pod)}/${options.container ?? ''}`;
    throw internalError(`Get "${url}": dial tcp 10.0.0.1:10250: connect: no route to host`);
  }

  oomKill(namespace: string, name: string): void {
    this.#running(namespace, name)?.endMain('oomKilled', 137, 'OOMKilled');
  }

  killProcess(namespace: string, name: string, exitCode: number): void {
    this.#running(namespace, name)?.endMain('processKilled', exitCode);
  }

  evictByNode(pod: JsonObject, message: string): void {
    this.#runs.get(uidOf(pod))?.evictByNode(message);
  }

  /** undefined = its main container does not run. Throws 404 for a pod that does not exist. */
  #running(namespace: string, name: string): PodRun | undefined {
    const pod = this.#parts.cluster.store.find('pods', namespace, name);
    if (pod === undefined) throw notFound(resourceTypes.pods, name);
    return this.#runs.get(uidOf(pod));
  }

  /** The pods bound to a node. */
  podsOn(node: string): readonly JsonObject[] {
    return this.#parts.cluster.store.all('pods').filter((pod) => text(pod, 'spec', 'nodeName') === node);
  }

  /**
   * Three steps, each after its delay (node lifecycle controller, taint eviction, PodGC): the pods are marked not
   * ready, then deleted, which no kubelet carries out, and when the node object is removed they are failed and go.
   */
  loseNode(node: string): void {
    const { clock, delays } = this.#parts.cluster;
    const uids = this.podsOn(node).map(uidOf);
    for (const uid of uids) this.#runs.get(uid)?.lose();
    clock.after(delays.nodeUnreachable, () => this.#each(uids, (pod) => this.#markUnready(pod)));
    clock.after(delays.nodeUnreachable + delays.taintEviction, () =>
      this.#each(uids, (pod) => this.#evictFromLost(pod)),
    );
    clock.after(delays.nodeUnreachable + delays.taintEviction + delays.nodeRemoval, () =>
      this.#each(uids, (pod) =>
        this.#runs.get(uidOf(pod))?.collect(disruption('DeletionByPodGC', 'PodGC: node no longer exists')),
      ),
    );
  }

  #each(uids: readonly string[], visit: (pod: JsonObject) => void): void {
    for (const uid of uids) {
      const pod = this.#parts.cluster.store.findUid(uid)?.object;
      if (pod !== undefined) visit(pod);
    }
  }

  #markUnready(pod: JsonObject): void {
    if (isTerminalPod(pod)) return;
    const condition = { type: 'Ready', status: 'False', reason: 'NodeNotReady' } as const;
    const status = withPodCondition(record(pod, 'status'), condition, this.#parts.cluster.clock.now());
    this.#parts.api.write('pods', pod, { ...pod, status });
  }

  #evictFromLost(pod: JsonObject): void {
    if (isTerminalPod(pod)) return;
    const condition = disruption('DeletionByTaintManager', 'Taint manager: deleting due to NoExecute taint');
    this.markDisrupted(pod, condition);
    const ending = { why: 'nodeLost', byCaller: evictionController } as const;
    this.#parts.deletion.delete('pods', namespaceOf(pod), nameOf(pod), { caller: evictionController, ending });
  }

  markDisrupted(pod: JsonObject, condition: ReturnType<typeof disruption>): void {
    const status = withPodCondition(record(pod, 'status'), condition, this.#parts.cluster.clock.now());
    this.#parts.api.write('pods', pod, { ...pod, status });
  }
}
