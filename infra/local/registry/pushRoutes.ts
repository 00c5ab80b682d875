/** Writing, as far as clients that push in one piece go. Source: OCI distribution-spec v1.1, "Push". */
import { randomUUID } from 'node:crypto';
import { isJsonObject } from '../../../shared/domain/json.ts';
import { digestOf, type Stored, stored } from './content.ts';
import { failure, type RegistryApp, type RegistryContext } from './door.ts';
import { type RegistryParts, refused } from './pullRoutes.ts';

const bytesOf = async (c: RegistryContext): Promise<Buffer> => Buffer.from(await c.req.arrayBuffer());

const created = (location: string, digest: string): Response =>
  new Response(null, { status: 201, headers: { location, 'docker-content-digest': digest } });

async function putBlob(c: RegistryContext, { store }: RegistryParts): Promise<Response> {
  const name = c.req.param('name') ?? '';
  const bytes = await bytesOf(c);
  if (c.req.query('digest') !== digestOf(bytes))
    return failure(400, 'DIGEST_INVALID', 'provided digest did not match uploaded content');
  const blob = stored('application/octet-stream', bytes);
  store.putBlob(name, blob);
  return created(`/v2/${name}/blobs/${blob.digest}`, blob.digest);
}

/** Digests that a manifest names: blobs for an image, manifests for an index. Undefined = it is no manifest. */
function namedBy({
  bytes,
}: Stored): { readonly blobs: readonly string[]; readonly manifests: readonly string[] } | undefined {
  try {
    const json: unknown = JSON.parse(bytes.toString('utf8'));
    if (!isJsonObject(json) || json['schemaVersion'] !== 2) return undefined;
    const { config, layers, manifests } = json;
    const digests = (list: unknown): string[] =>
      (Array.isArray(list) ? list : [list]).filter(isJsonObject).map((each) => String(each['digest'] as string));
    return { blobs: [...digests(config), ...digests(layers)], manifests: digests(manifests) };
  } catch {
    return undefined;
  }
}

async function putManifest(c: RegistryContext, { store }: RegistryParts): Promise<Response> {
  const [name = '', reference = ''] = [c.req.param('name'), c.req.param('reference')];
  const manifest = stored(c.req.header('content-type') ?? '', await bytesOf(c));
  const named = namedBy(manifest);
  if (named === undefined) return failure(400, 'MANIFEST_INVALID', 'manifest invalid');
  if (reference.includes(':') && reference !== manifest.digest)
    return failure(400, 'DIGEST_INVALID', 'provided digest did not match uploaded content');
  const missing =
    named.blobs.some((digest) => store.blob(name, digest) === undefined) ||
    named.manifests.some((digest) => store.manifest(name, digest) === undefined);
  if (missing) return failure(404, 'MANIFEST_BLOB_UNKNOWN', 'blob unknown to registry');
  store.putManifest(name, manifest, reference.includes(':') ? undefined : reference);
  return created(`/v2/${name}/manifests/${manifest.digest}`, manifest.digest);
}

export function pushRoutes(app: RegistryApp, parts: RegistryParts): void {
  app.post('/v2/:name{.+}/blobs/uploads/', (c) => {
    const refusal = refused(c, parts, 'push');
    if (refusal !== undefined) return refusal;
    if (c.req.query('mount') !== undefined || c.req.query('digest') !== undefined)
      return failure(501, 'UNSUPPORTED', 'The stand-in models uploads by POST, then PUT.');
    return new Response(null, { status: 202, headers: { location: `${c.req.path}${randomUUID()}` } });
  });
  app.put('/v2/:name{.+}/blobs/uploads/:upload', (c) => refused(c, parts, 'push') ?? putBlob(c, parts));
  app.put('/v2/:name{.+}/manifests/:reference', (c) => refused(c, parts, 'push') ?? putManifest(c, parts));
}
