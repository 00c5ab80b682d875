/**
 * The ClusterSecrets port over the few verbs of the Kubernetes API. A Secret may hold more than a token of ours, so
 * each write touches one key, and nothing but that key is looked at.
 */
import { z } from 'zod';
import { hasErrorKind, UpstreamError } from '../../domain/errors.ts';
import type { JsonObject, JsonPatch } from '../../domain/json.ts';
import { labels, managedBy, pointer } from '../../domain/names.ts';
import { Secret } from '../../domain/secret.ts';
import type { ClusterSecrets } from '../../ports/tokens.ts';
import type { KubernetesApi } from './api.ts';
import { parsed, unlessKind } from './reading.ts';

export interface ClusterSecretsOptions {
  /** The cluster's name. */
  readonly name: string;
  readonly namespace: string;
}

const secretSchema = z.object({
  metadata: z.object({ resourceVersion: z.string() }),
  data: z.record(z.string(), z.string()).nullish(),
  immutable: z.boolean().nullish(),
});

/** Reading costs one request; writing two, and two more for each race that was lost. */
export function clusterSecretsOver(api: KubernetesApi, options: ClusterSecretsOptions): ClusterSecrets {
  const { name: cluster, namespace } = options;
  return {
    cluster,
    readValue: async (name, key) => {
      const object = await unlessKind('notFound', undefined, api.get('secrets', namespace, name));
      const value = object && parsed(secretSchema, 'reading a token in a Secret', object).data?.[key];
      return value === undefined ? undefined : new Secret(Buffer.from(value, 'base64').toString('utf8'));
    },
    writeValue: async (name, key, value) => {
      const place = { namespace, name, key, encoded: Buffer.from(value.reveal(), 'utf8').toString('base64') };
      for (let attempt = 1; ; attempt++) {
        try {
          await write(api, place);
          return;
        } catch (error) {
          // Made (409) or deleted (404) meanwhile, or no longer as it was read (422): read it anew.
          if (attempt === maxAttempts || !hasErrorKind(error, 'conflict', 'notFound', 'invalid')) throw error;
        }
      }
    },
  };
}

/** Of reading and writing; each further one means that somebody else wrote in between. */
const maxAttempts = 3;

interface Place {
  readonly namespace: string;
  readonly name: string;
  readonly key: string;
  /** In base64, as in `data`. */
  readonly encoded: string;
}

async function write(api: KubernetesApi, place: Place): Promise<void> {
  const { namespace, name, key, encoded } = place;
  const object = await unlessKind('notFound', undefined, api.get('secrets', namespace, name));
  if (object === undefined) {
    await api.create('secrets', namespace, {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name, namespace, labels: { [labels.managedBy]: managedBy } },
      type: 'Opaque',
      data: { [key]: encoded },
    });
    return;
  }
  const patch = patchOf(object, place);
  if (patch.length > 0) await api.patch('secrets', namespace, name, patch);
}

function patchOf(object: JsonObject, { key, encoded }: Place): JsonPatch {
  const operation = 'writing a token into a Secret';
  const { metadata, data, immutable } = parsed(secretSchema, operation, object);
  if (data?.[key] === encoded) return [];
  if (immutable === true) {
    const detail = 'the Secret is immutable: delete it, and it is made anew';
    throw new UpstreamError({ upstream: 'kubernetes', operation, kind: 'forbidden', detail });
  }
  const add = { op: 'add', path: pointer('data', key), value: encoded } as const;
  if (data) return [add];
  // `data` as a whole is added only to the very Secret that had none: it would take away what another writer put there.
  const unchanged = { op: 'test', path: '/metadata/resourceVersion', value: metadata.resourceVersion } as const;
  return [unchanged, { op: 'add', path: '/data', value: {} }, add];
}
