/** What bears our mark beside Jobs and pods, read by metadata alone: of a Secret nothing else ever crosses the wire. */
import { z } from 'zod';
import type { Leftover, LeftoverKind } from '../../domain/leftover.ts';
import { leftoverKinds } from '../../domain/leftover.ts';
import type { NameScope } from '../../domain/names.ts';
import { scopeSelector } from './agentJobs.ts';
import type { KubernetesApi, Resource } from './api.ts';
import { instant } from './instants.ts';
import { parsed, unlessKind } from './reading.ts';

const resources: Readonly<Record<LeftoverKind, Resource>> = {
  Secret: 'secrets',
  Pod: 'pods',
  PersistentVolumeClaim: 'persistentvolumeclaims',
  NetworkPolicy: 'networkpolicies',
};

const owner = z.object({ kind: z.string(), name: z.string(), uid: z.string() });
const leftoverSchema = z.object({
  metadata: z.object({
    name: z.string(),
    uid: z.string(),
    creationTimestamp: instant,
    ownerReferences: z.array(owner).default([]),
  }),
});

const narrower: Readonly<Partial<Record<LeftoverKind, { readonly fieldSelector: string }>>> = {
  Pod: { fieldSelector: 'status.phase!=Pending,status.phase!=Running' },
};

/** Four requests in parallel. The deployed Role lists no Secrets: then those are not among them. */
export async function listLeftovers(
  api: KubernetesApi,
  namespace: string,
  scope: NameScope,
): Promise<readonly Leftover[]> {
  const options = { labelSelector: scopeSelector(scope), metadataOnly: true };
  const found = await Promise.all(
    leftoverKinds.map(async (kind) => {
      const objects = await unlessKind(
        'forbidden',
        [],
        api.list(resources[kind], namespace, { ...options, ...narrower[kind] }),
      );
      return objects.map((object) => leftoverOf(kind, object));
    }),
  );
  return found.flat();
}

function leftoverOf(kind: LeftoverKind, object: unknown): Leftover {
  const { name, uid, creationTimestamp, ownerReferences } = parsed(
    leftoverSchema,
    `reading a ${kind}`,
    object,
  ).metadata;
  return { kind, name, uid, createdAt: creationTimestamp, owners: ownerReferences };
}

export function deleteLeftover(
  api: KubernetesApi,
  namespace: string,
  { kind, name, uid }: Pick<Leftover, 'kind' | 'name' | 'uid'>,
): Promise<'deleted' | 'absent' | 'replaced'> {
  const deleted = api.delete(resources[kind], namespace, name, { uid }).then(() => 'deleted' as const);
  return unlessKind('conflict', 'replaced' as const, unlessKind('notFound', 'absent' as const, deleted));
}
