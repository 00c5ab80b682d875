/**
 * Events on the control ConfigMap of a pool: what `kubectl describe configmap mayfly-pool-7` shows. The server forgets
 * an Event an hour after its last change (--event-ttl), so one that is still true has to be said again.
 */
import { z } from 'zod';
import { hasErrorKind } from '../../domain/errors.ts';
import { shortHash } from '../../domain/hash.ts';
import type { EpochMs } from '../../domain/instant.ts';
import type { JsonObject, JsonPatch } from '../../domain/json.ts';
import { labels, managedBy } from '../../domain/names.ts';
import type { PoolEvent } from '../../ports.ts';
import type { KubernetesApi } from './api.ts';
import { mapName } from './controlMap.ts';
import { parsed, unlessKind } from './reading.ts';

const eventSchema = z.object({
  metadata: z.object({ resourceVersion: z.string() }),
  count: z.number().int().nullish(),
});
const mapSchema = z.object({ metadata: z.object({ uid: z.string() }) });

/** kubernetes/pkg/apis/core/validation, NoteLengthLimit: the most that events.k8s.io takes. */
const maxMessageLength = 1024;
/** Of reading and writing; each further one means that another control plane said the same in between. */
const maxAttempts = 3;

interface Place {
  readonly api: KubernetesApi;
  readonly namespace: string;
  readonly poolId: number;
}

/** Costs two requests where it was said before, else three, and two more for each race that was lost. */
export async function recordEvent(place: Place, event: PoolEvent, now: EpochMs): Promise<void> {
  const said = { ...event, message: event.message.slice(0, maxMessageLength) };
  for (let attempt = 1; ; attempt++) {
    try {
      await writeEvent(place, said, now);
      return;
    } catch (error) {
      // Written (409), expired (404) or counted (422) meanwhile: read it anew.
      if (attempt === maxAttempts || !hasErrorKind(error, 'conflict', 'notFound', 'invalid')) throw error;
    }
  }
}

async function writeEvent({ api, namespace, poolId }: Place, event: PoolEvent, now: EpochMs): Promise<void> {
  const name = eventName(poolId, event);
  const known = await unlessKind('notFound', undefined, api.get('events', namespace, name));
  if (known !== undefined) {
    await api.patch('events', namespace, name, repetition(known, event, now));
    return;
  }
  // Without the UID the Event exists, but `kubectl describe` does not find it.
  const map = await unlessKind('notFound', undefined, api.get('configmaps', namespace, mapName(poolId)));
  const uid = map && parsed(mapSchema, 'reading the control map', map).metadata.uid;
  await api.create('events', namespace, eventObject({ name, namespace, poolId, uid }, event, now));
}

/** The same for every control plane that says the same, so that they count on one Event. */
const eventName = (poolId: number, { subject, reason }: PoolEvent): string =>
  `${mapName(poolId)}.${shortHash(`${subject}\n${reason}`, 13)}`;

const timestamp = (at: EpochMs): string => new Date(at).toISOString().replace(/\.\d+Z$/, 'Z');

interface About {
  readonly name: string;
  readonly namespace: string;
  readonly poolId: number;
  readonly uid: string | undefined;
}

function eventObject({ name, namespace, poolId, uid }: About, event: PoolEvent, now: EpochMs): JsonObject {
  const at = timestamp(now);
  return {
    apiVersion: 'v1',
    kind: 'Event',
    metadata: { name, namespace, labels: { [labels.managedBy]: managedBy } },
    involvedObject: { apiVersion: 'v1', kind: 'ConfigMap', name: mapName(poolId), namespace, ...(uid && { uid }) },
    reason: event.reason,
    message: event.message,
    type: event.type,
    source: { component: managedBy },
    reportingComponent: managedBy,
    firstTimestamp: at,
    lastTimestamp: at,
    count: 1,
  };
}

function repetition(known: JsonObject, event: PoolEvent, now: EpochMs): JsonPatch {
  const { metadata, count } = parsed(eventSchema, 'reading an Event', known);
  return [
    // Two that count at once would otherwise count one.
    { op: 'test', path: '/metadata/resourceVersion', value: metadata.resourceVersion },
    { op: 'add', path: '/count', value: (count ?? 1) + 1 },
    { op: 'add', path: '/lastTimestamp', value: timestamp(now) },
    { op: 'add', path: '/message', value: event.message },
    { op: 'add', path: '/type', value: event.type },
  ];
}
