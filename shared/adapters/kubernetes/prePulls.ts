/** The DaemonSets of one cluster that pull images ahead. */
import { z } from 'zod';
import { defined } from '../../domain/defined.ts';
import { isJsonObject } from '../../domain/json.ts';
import { pointer } from '../../domain/names.ts';
import { prePullFingerprint, prePullLabel, prePullPrefix } from '../../domain/prePull.ts';
import type { PrePulls } from '../../ports/images.ts';
import type { KubernetesApi } from './api.ts';
import { parsed, unlessKind } from './reading.ts';

export interface PrePullOptions {
  readonly cluster: string;
  readonly namespace: string;
  readonly installation: string;
}

const schema = z
  .object({
    metadata: z.object({
      name: z.string(),
      uid: z.string(),
      annotations: z.record(z.string(), z.string()).default({}),
    }),
  })
  .transform(({ metadata: { name, uid, annotations } }) => ({
    name,
    uid,
    ...defined({ fingerprint: annotations[prePullFingerprint] }),
  }));

export function prePullsOver(api: KubernetesApi, { cluster, namespace, installation }: PrePullOptions): PrePulls {
  const prefix = prePullPrefix(installation);
  return {
    cluster,
    list: async () => {
      const found = await api.list('daemonsets', namespace, { labelSelector: prePullLabel });
      return found
        .map((each) => parsed(schema, 'listing DaemonSets', each))
        .filter(({ name }) => name.startsWith(prefix));
    },
    create: async (manifest) => {
      await api.create('daemonsets', namespace, manifest);
    },
    replace: async (old, manifest) => {
      const { metadata, spec } = manifest;
      const annotations = isJsonObject(metadata) ? metadata['annotations'] : undefined;
      const template = isJsonObject(spec) ? spec['template'] : undefined;
      await api.patch('daemonsets', namespace, old.name, [
        { op: 'test', path: '/metadata/uid', value: old.uid },
        { op: 'add', path: pointer('metadata', 'annotations'), value: annotations ?? {} },
        { op: 'replace', path: '/spec/template', value: template ?? {} },
      ]);
    },
    remove: async ({ name, uid }) => {
      const options = { uid, propagationPolicy: 'Background' } as const;
      await unlessKind('notFound', undefined, api.delete('daemonsets', namespace, name, options));
    },
  };
}
