/** Event objects, as controllers and the kubelet write them: a repeated one is counted, not written again. */
import type { JsonObject } from '../../../shared/domain/json.ts';
import type { Cluster } from './cluster.ts';
import { randomUid } from './names.ts';
import { count, nameOf, namespaceOf, scalar, text, timestamp, uidOf } from './object.ts';

export interface EventFields {
  readonly type: 'Normal' | 'Warning';
  readonly reason: string;
  readonly message: string;
  readonly component: string;
}

export class EventRecorder {
  readonly #cluster: Cluster;
  readonly #seen = new Map<string, string>();

  constructor(cluster: Cluster) {
    this.#cluster = cluster;
  }

  record(about: JsonObject, fields: EventFields): void {
    const { store, clock, random } = this.#cluster;
    const namespace = namespaceOf(about);
    // Nothing can be written into a namespace that is going away.
    if (store.find('namespaces', '', namespace)?.['status'] === undefined) return;
    const key = `${uidOf(about)}/${fields.reason}/${fields.message}`;
    const at = timestamp(clock.now());
    const known = store.find('events', namespace, this.#seen.get(key) ?? '');
    if (known !== undefined) {
      store.update('events', { ...known, lastTimestamp: at, count: (count(known, 'count') ?? 1) + 1 });
      return;
    }
    // Named after the time, as client-go names them: a list of events is in their order.
    const name = `${nameOf(about)}.${(BigInt(clock.now()) * 1_000_000n + BigInt(this.#seen.size)).toString(16)}`;
    this.#seen.set(key, name);
    store.insert('events', {
      kind: 'Event',
      apiVersion: 'v1',
      metadata: { name, namespace, uid: randomUid(random), creationTimestamp: at },
      involvedObject: {
        kind: scalar(about['kind']),
        namespace,
        name: nameOf(about),
        uid: uidOf(about),
        apiVersion: scalar(about['apiVersion']),
        resourceVersion: text(about, 'metadata', 'resourceVersion') ?? '',
      },
      reason: fields.reason,
      message: fields.message,
      source: { component: fields.component },
      firstTimestamp: at,
      lastTimestamp: at,
      count: 1,
      type: fields.type,
      eventTime: null,
      reportingComponent: fields.component,
      reportingInstance: '',
    });
  }
}
