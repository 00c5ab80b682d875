/** The control ConfigMap of a pool: written by people and by every control plane, so each write touches single keys. */
import { z } from 'zod';
import type { ControlData } from '../../domain/control.ts';
import { defined } from '../../domain/defined.ts';
import { hasErrorKind } from '../../domain/errors.ts';
import type { JsonObject, JsonPatchOperation } from '../../domain/json.ts';
import { labels, managedBy, pointer } from '../../domain/names.ts';
import type { KubernetesApi } from './api.ts';
import { parsed, unlessKind } from './reading.ts';

export const mapName = (poolId: number): string => `mayfly-pool-${poolId}`;

const dataSchema = z.object({ data: z.record(z.string(), z.string()).optional() });
const versionSchema = z.object({ metadata: z.object({ resourceVersion: z.string() }) });
const operation = 'reading the control map';

interface ControlMap {
  readonly object: JsonObject;
  /** Absent where the map has none, which is not the same as empty: a key can be added only to what is there. */
  readonly data?: ControlData;
}

async function readMap(api: KubernetesApi, namespace: string, poolId: number): Promise<ControlMap | undefined> {
  const object = await unlessKind('notFound', undefined, api.get('configmaps', namespace, mapName(poolId)));
  return object && { object, ...defined(parsed(dataSchema, operation, object)) };
}

export async function getControl(
  api: KubernetesApi,
  namespace: string,
  poolId: number,
): Promise<ControlData | undefined> {
  const map = await readMap(api, namespace, poolId);
  return map && (map.data ?? {});
}

type Changes = Readonly<Record<string, string | undefined>>;

/** Of reading and writing; each further one means that somebody else wrote in between. */
const maxAttempts = 3;

async function unlessRaced<T>(write: () => Promise<T>): Promise<T> {
  for (let attempt = 1; ; attempt++) {
    try {
      return await write();
    } catch (error) {
      // Made (409) or deleted (404) meanwhile, or no longer as it was read (422): read it anew.
      if (attempt === maxAttempts || !hasErrorKind(error, 'conflict', 'notFound', 'invalid')) throw error;
    }
  }
}

/** Costs one request where nothing is to be changed, else two, and two more for each race that was lost. */
export function patchControl(api: KubernetesApi, namespace: string, poolId: number, changes: Changes): Promise<void> {
  return unlessRaced(async () => {
    const map = await readMap(api, namespace, poolId);
    if (map === undefined) await createMap(api, namespace, poolId, changes);
    else await patchMap(api, namespace, poolId, patchOf(map, changes));
  });
}

/**
 * Compare and set. The very version that was read is the condition of the write, because a JSON Patch cannot test that a
 * key is missing; where another key was written meanwhile, it is read and compared anew.
 */
export function testAndPatchControl(
  api: KubernetesApi,
  namespace: string,
  poolId: number,
  expected: Changes,
  changes: Changes,
): Promise<'written' | 'changed'> {
  return unlessRaced(async () => {
    const map = await readMap(api, namespace, poolId);
    const data = map?.data ?? {};
    if (Object.entries(expected).some(([key, value]) => textAt(data, key) !== value)) return 'changed';
    if (map === undefined) {
      await createMap(api, namespace, poolId, changes);
      return 'written';
    }
    const patch = patchOf(map, changes);
    await patchMap(api, namespace, poolId, patch.length === 0 ? [] : [unchanged(map), ...patch]);
    return 'written';
  });
}

const textAt = (data: ControlData, key: string): string | undefined =>
  Object.hasOwn(data, key) ? data[key] : undefined;

function unchanged({ object }: ControlMap): JsonPatchOperation {
  const { resourceVersion } = parsed(versionSchema, operation, object).metadata;
  return { op: 'test', path: '/metadata/resourceVersion', value: resourceVersion };
}

async function patchMap(
  api: KubernetesApi,
  namespace: string,
  poolId: number,
  patch: readonly JsonPatchOperation[],
): Promise<void> {
  if (patch.length > 0) await api.patch('configmaps', namespace, mapName(poolId), patch);
}

async function createMap(api: KubernetesApi, namespace: string, poolId: number, changes: Changes): Promise<void> {
  const data = Object.fromEntries(
    Object.entries(changes).flatMap(([key, value]) => (value === undefined ? [] : [[key, value]])),
  );
  await api.create('configmaps', namespace, {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: mapName(poolId), namespace, labels: { [labels.managedBy]: managedBy } },
    data,
  });
}

function patchOf(map: ControlMap, changes: Changes): readonly JsonPatchOperation[] {
  const operations = Object.entries(changes).flatMap(([key, value]) => operationsOf(map.data ?? {}, key, value));
  if (map.data !== undefined || operations.length === 0) return operations;
  // `data` as a whole is added only to the very map that had none: it would take away what another writer put there.
  return [unchanged(map), { op: 'add', path: '/data', value: {} }, ...operations];
}

function operationsOf(data: ControlData, key: string, value: string | undefined): readonly JsonPatchOperation[] {
  const path = pointer('data', key);
  const present = Object.hasOwn(data, key);
  if (value === undefined) return present ? [{ op: 'remove', path }] : [];
  // `add` replaces what is there, too, so a key that somebody removes meanwhile is no race.
  return present && data[key] === value ? [] : [{ op: 'add', path, value }];
}
