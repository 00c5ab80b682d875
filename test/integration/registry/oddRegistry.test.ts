/** Answers that no registry should give, and that reach clients all the same. */
import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, describe, expect, it } from 'vitest';
import { buildImage, buildIndex, digestOf, type Stored } from '../../../infra/local/registry/content.ts';
import { imageRegistry } from '../../../shared/adapters/registry/imageRegistry.ts';
import { errorKind } from '../../../shared/domain/errors.ts';

interface OddAnswer {
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string | Buffer;
}

type Odd = (method: string, path: string) => OddAnswer;

let server: Server | undefined;

afterEach(async () => {
  await new Promise<void>((resolve) => {
    server?.close(() => resolve());
    server?.closeAllConnections();
  });
});

function write(response: ServerResponse, { status = 200, headers = {}, body = '' }: OddAnswer): void {
  response.writeHead(status, headers).end(body);
}

/** What comes of resolving a tag there: the image, undefined or the kind of the error. */
async function resolvedAt(odd: Odd): Promise<unknown> {
  server = createServer((request, response) => write(response, odd(request.method ?? '', request.url ?? '')));
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  const registry = imageRegistry({ retry: { maxRetries: 0 }, timeoutMs: 2000 });
  return registry.resolve(`127.0.0.1:${port}/agents/linux:stable`).catch(errorKind);
}

const image = buildImage({ labels: { 'dev.mayfly.agent-version': '5.278.0' } });
const resolved = {
  digest: image.manifest.digest,
  agentVersion: '5.278.0',
  createdAt: Date.parse('2026-11-16T03:00:00Z'),
};

const of = ({ mediaType, bytes }: Stored): OddAnswer => ({ headers: { 'content-type': mediaType }, body: bytes });
const isBlob = (path: string): boolean => path.includes('/blobs/');

/** A manifest in the place of the right one; blobs are in order. */
const withManifest =
  (answer: OddAnswer): Odd =>
  (_, path) =>
    isBlob(path) ? of(image.config) : answer;

const json = (mediaType: string, body: unknown): OddAnswer => ({
  headers: { 'content-type': mediaType },
  body: JSON.stringify(body),
});

const manifestType = image.manifest.mediaType;
const manifest = JSON.parse(image.manifest.bytes.toString('utf8')) as Readonly<Record<string, unknown>>;

describe('image registry: odd registries', () => {
  it('needs neither HEAD nor a digest in a header', async () => {
    const odd: Odd = (method, path) =>
      method === 'HEAD' ? { status: 405 } : of(isBlob(path) ? image.config : image.manifest);
    expect(await resolvedAt(odd)).toEqual(resolved);
  });

  it('passes over parameters of the content type', async () => {
    const answer = { ...of(image.manifest), headers: { 'content-type': `${manifestType}; charset=utf-8` } };
    expect(await resolvedAt(withManifest(answer))).toEqual(resolved);
  });

  it('goes by the manifest itself where the header says no more than JSON', async () => {
    const answer = { ...of(image.manifest), headers: { 'content-type': 'application/json' } };
    expect(await resolvedAt(withManifest(answer))).toEqual(resolved);
  });

  it('follows a redirect within the registry', async () => {
    const odd: Odd = (method, path) => {
      if (path.startsWith('/mirror')) return of(image.manifest);
      if (isBlob(path)) return of(image.config);
      return method === 'HEAD' ? { status: 404 } : { status: 307, headers: { location: '/mirror/manifest' } };
    };
    expect(await resolvedAt(odd)).toEqual(resolved);
  });

  it('asks again with GET where HEAD finds nothing', async () => {
    const odd: Odd = (method, path) =>
      method === 'HEAD' ? { status: 404 } : of(isBlob(path) ? image.config : image.manifest);
    expect(await resolvedAt(odd)).toEqual(resolved);
  });

  it('takes a 404 for an answer only in the words of a registry', async () => {
    const words = json('application/json', { errors: [{ code: 'MANIFEST_UNKNOWN', message: 'unknown' }] });
    expect(await resolvedAt(() => ({ ...words, status: 404 }))).toBeUndefined();
  });

  const nested = buildIndex([]).index;
  const wrapped = buildIndex([{ ...image, manifest: nested }]).index;
  const attestations = buildIndex([], { attested: true }).index;
  it.each<{ name: string; odd: Odd }>([
    {
      name: 'the 404 of a gateway',
      odd: () => ({ status: 404, headers: { 'content-type': 'text/html' }, body: '<html>' }),
    },
    { name: 'a page', odd: () => ({ headers: { 'content-type': 'text/html' }, body: '<html>' }) },
    { name: 'an empty manifest', odd: withManifest({ headers: { 'content-type': manifestType } }) },
    { name: 'no JSON', odd: withManifest({ headers: { 'content-type': manifestType }, body: '{"schema' }) },
    { name: 'a list', odd: withManifest(json(manifestType, [])) },
    {
      name: 'a manifest of schema 1',
      odd: withManifest(json('application/vnd.docker.distribution.manifest.v1+prettyjws', { schemaVersion: 1 })),
    },
    {
      name: 'a header that contradicts the manifest',
      odd: withManifest({ ...of(image.manifest), headers: { 'content-type': nested.mediaType } }),
    },
    { name: 'a manifest that is an index, too', odd: withManifest(json(manifestType, { ...manifest, manifests: [] })) },
    { name: 'a manifest without configuration', odd: withManifest(json(manifestType, { ...manifest, config: null })) },
    {
      name: 'something that is no image',
      odd: withManifest(
        json(manifestType, {
          ...manifest,
          config: { mediaType: 'application/vnd.cncf.helm.config.v1+json', digest: digestOf(Buffer.alloc(0)), size: 0 },
        }),
      ),
    },
    {
      name: 'a configuration of a gigabyte',
      odd: withManifest(
        json(manifestType, { ...manifest, config: { ...(manifest['config'] as object), size: 2 ** 30 } }),
      ),
    },
    { name: 'an index of nothing', odd: withManifest(of(nested)) },
    { name: 'an index of attestations', odd: withManifest(of(attestations)) },
    {
      name: 'an index in an index',
      odd: (_, path) => of(path.endsWith(nested.digest) ? nested : wrapped),
    },
    {
      name: 'a digest that cannot be',
      odd: withManifest({
        ...of(image.manifest),
        headers: { 'docker-content-digest': 'md5:1', 'content-type': manifestType },
      }),
    },
    { name: 'another configuration', odd: (_, path) => (isBlob(path) ? { body: '{}' } : of(image.manifest)) },
    { name: 'a manifest without end', odd: withManifest({ body: Buffer.alloc(5 * 1024 * 1024, 0x20) }) },
    { name: 'redirects in a circle', odd: (_, path) => ({ status: 307, headers: { location: path } }) },
    {
      name: 'a redirect to plain HTTP',
      odd: () => ({ status: 302, headers: { location: 'http://elsewhere.example/' } }),
    },
    { name: 'a redirect to nowhere', odd: () => ({ status: 302 }) },
  ])('rejects as unexpected: $name', async ({ odd }) => {
    expect(await resolvedAt(odd)).toBe('unexpected');
  });

  it('rejects as unauthorized a 401 that asks for nothing', async () => {
    expect(await resolvedAt(() => ({ status: 401 }))).toBe('unauthorized');
  });
});
