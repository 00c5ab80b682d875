import type { JsonObject, JsonValue } from '../../../../shared/domain/json.ts';
import { isJsonObject } from '../../../../shared/domain/json.ts';
import { annotations, labels } from '../../../../shared/domain/names.ts';

type Fields = Readonly<Record<string, JsonValue>>;

/** A Job of request 17, first attempt, as the API server returns it. */
export function aJobObject(changes: { labels?: Fields; annotations?: Fields; spec?: Fields; status?: Fields } = {}) {
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: 'mf-in01-or01-7-17-1',
      namespace: 'agents',
      uid: 'job-uid',
      creationTimestamp: '2026-01-05T08:00:00Z',
      labels: {
        [labels.managedBy]: 'mayfly',
        [labels.schema]: '1',
        [labels.installation]: 'in01',
        [labels.organisation]: 'or01',
        [labels.poolId]: '7',
        [labels.template]: 'linux',
        ...changes.labels,
      },
      annotations: {
        [annotations.phase]: 'started',
        [annotations.creator]: 'nonce-1',
        [annotations.createBy]: '1767600120000',
        ...changes.annotations,
      },
    },
    spec: { suspend: false, ...changes.spec },
    status: { ...changes.status },
  } satisfies JsonObject;
}

/** A pod of that Job whose only container is `agent`. */
export function aPodObject(
  changes: { metadata?: Fields; spec?: Fields; status?: Fields; conditions?: Fields; agent?: JsonValue } = {},
) {
  const conditions = Object.entries(changes.conditions ?? {}).map(([type, value]) => ({
    type,
    ...(isJsonObject(value) ? value : { status: value }),
  }));
  return {
    metadata: {
      name: 'mf-in01-or01-7-17-1-abcde',
      uid: 'pod-uid',
      creationTimestamp: '2026-01-05T08:00:10Z',
      labels: { 'batch.kubernetes.io/controller-uid': 'job-uid' },
      ownerReferences: [{ apiVersion: 'batch/v1', kind: 'Job', name: 'mf-in01-or01-7-17-1', uid: 'job-uid' }],
      ...changes.metadata,
    },
    spec: { containers: [{ name: 'agent' }, { name: 'a-sidecar' }], ...changes.spec },
    status: {
      phase: 'Pending',
      conditions: conditions as JsonValue,
      ...(changes.agent !== undefined && {
        containerStatuses: [
          { name: 'a-sidecar', state: { running: { startedAt: '2026-01-05T08:00:11Z' } } },
          { name: 'agent', state: changes.agent },
        ],
      }),
      ...changes.status,
    },
  } satisfies JsonObject;
}
