/** Reading: manifests, blobs, tags. Source: OCI distribution-spec v1.1, "Pull" and "Content Discovery". */
import type { RegistryAccess } from './access.ts';
import type { Stored } from './content.ts';
import { answerJson, failure, type RegistryApp, type RegistryContext } from './door.ts';
import type { RegistryStore } from './store.ts';

export interface RegistryParts {
  readonly store: RegistryStore;
  readonly access: RegistryAccess;
  /** Where blobs are sent from; undefined = from the registry itself. */
  readonly storageUrl: string | undefined;
}

export const originOf = (c: RegistryContext): string => new URL(c.req.url).origin;

/** Undefined = the call may go on. A token without the right is challenged again, with what it lacks. */
export function refused(c: RegistryContext, { access }: RegistryParts, action: 'pull' | 'push'): Response | undefined {
  const name = c.req.param('name') ?? '';
  const verdict = access.check(c.req.header('authorization'), name, action);
  if (verdict === 'granted') return undefined;
  const actions = action === 'pull' ? 'pull' : 'pull,push';
  const insufficient = verdict === 'insufficient' ? ',error="insufficient_scope"' : '';
  return failure(401, 'UNAUTHORIZED', 'authentication required', {
    'www-authenticate': `${access.challenge(originOf(c), name, actions)}${insufficient}`,
  });
}

function send(c: RegistryContext, { store }: RegistryParts, found: Stored): Response {
  const bytes = store.bytesOf(found);
  const headers = {
    'content-type': found.mediaType,
    'content-length': String(bytes.length),
    'docker-content-digest': store.digestHeader(found.digest),
    etag: `"${found.digest}"`,
  };
  return new Response(c.req.method === 'HEAD' ? null : new Uint8Array(bytes), { status: 200, headers });
}

/** A registry does not send what the client has not said it can read (distribution, registry/handlers/manifests.go). */
function isAccepted(c: RegistryContext, { mediaType }: Stored): boolean {
  const accepted = (c.req.header('accept') ?? '').split(',').map((each) => each.split(';')[0]?.trim());
  return accepted.includes(mediaType) || accepted.includes('*/*');
}

function manifest(c: RegistryContext, parts: RegistryParts): Response {
  const [name = '', reference = ''] = [c.req.param('name'), c.req.param('reference')];
  const refusal = refused(c, parts, 'pull');
  if (refusal !== undefined) return refusal;
  if (!parts.store.has(name)) return failure(404, 'NAME_UNKNOWN', 'repository name not known to registry');
  const found = parts.store.manifest(name, reference);
  if (found === undefined || !isAccepted(c, found)) return failure(404, 'MANIFEST_UNKNOWN', 'manifest unknown');
  return send(c, parts, found);
}

function blob(c: RegistryContext, parts: RegistryParts): Response {
  const [name = '', digest = ''] = [c.req.param('name'), c.req.param('digest')];
  const refusal = refused(c, parts, 'pull');
  if (refusal !== undefined) return refusal;
  const found = parts.store.blob(name, digest);
  if (found === undefined) return failure(404, 'BLOB_UNKNOWN', 'blob unknown to registry');
  if (parts.storageUrl === undefined) return send(c, parts, found);
  // Source: OCI distribution-spec v1.1, "Pulling blobs"; ACR and Docker Hub answer so.
  const location = `${parts.storageUrl}/${name}/${digest}?sig=signed`;
  return new Response(null, { status: 307, headers: { location } });
}

export function pullRoutes(app: RegistryApp, parts: RegistryParts): void {
  app.get('/v2/:name{.+}/manifests/:reference', (c) => manifest(c, parts));
  app.get('/v2/:name{.+}/blobs/:digest{sha.+}', (c) => blob(c, parts));
  app.get('/v2/:name{.+}/tags/list', (c) => {
    const name = c.req.param('name');
    const refusal = refused(c, parts, 'pull');
    if (refusal !== undefined) return refusal;
    if (!parts.store.has(name)) return failure(404, 'NAME_UNKNOWN', 'repository name not known to registry');
    return answerJson(200, { name, tags: parts.store.tags(name) });
  });
}

/** The storage account behind a registry: whoever has the signed link may read, and no other credential is taken. */
export function storageRoutes(app: RegistryApp, parts: RegistryParts): void {
  app.get('/:name{.+}/:digest{sha.+}', (c) => {
    // Source: Azure Storage, a signed link together with an Authorization header is refused.
    if (c.req.header('authorization') !== undefined) return new Response('InvalidAuthenticationInfo', { status: 400 });
    const found = parts.store.blob(c.req.param('name'), c.req.param('digest'));
    if (found === undefined || c.req.query('sig') !== 'signed')
      return new Response('AuthenticationFailed', { status: 403 });
    const bytes = parts.store.bytesOf(found);
    return new Response(new Uint8Array(bytes), { headers: { 'content-type': 'application/octet-stream' } });
  });
}
