/** One pod as scheduler and kubelet see it: found by UID, written through the API server, remembered when it is gone. */
import type { JsonObject } from '../../../shared/domain/json.ts';
import type { ApiServer } from './apiServer.ts';
import type { Cluster } from './cluster.ts';
import type { Deletion } from './deletion.ts';
import type { EventFields, EventRecorder } from './events.ts';
import { uidOf } from './object.ts';
import type { PodLogs } from './podLogs.ts';
import type { Workload } from './podStory.ts';

export interface NodeParts {
  readonly cluster: Cluster;
  readonly api: ApiServer;
  readonly deletion: Deletion;
  readonly recorder: EventRecorder;
  readonly workload: Workload;
  readonly logs: PodLogs;
}

export class PodHandle {
  readonly parts: NodeParts;
  readonly uid: string;
  /** The node is gone: nobody writes the status of its pods any more. */
  lost = false;
  #lastSeen: JsonObject;

  constructor(parts: NodeParts, pod: JsonObject) {
    this.parts = parts;
    this.uid = uidOf(pod);
    this.#lastSeen = pod;
  }

  /** undefined = it is gone from the API server. */
  get current(): JsonObject | undefined {
    const pod = this.parts.cluster.store.findUid(this.uid)?.object;
    if (pod !== undefined) this.#lastSeen = pod;
    return pod;
  }

  get lastSeen(): JsonObject {
    return this.current ?? this.#lastSeen;
  }

  get now(): number {
    return this.parts.cluster.clock.now();
  }

  writeStatus(status: (pod: JsonObject) => JsonObject): void {
    const pod = this.current;
    if (pod !== undefined && !this.lost) this.parts.api.write('pods', pod, { ...pod, status: status(pod) });
  }

  record(fields: EventFields): void {
    const pod = this.current;
    if (pod !== undefined) this.parts.recorder.record(pod, fields);
  }
}
