/** The stand-in itself, by plain HTTP. */
import { afterEach, describe, expect, it } from 'vitest';
import { buildImage, descriptor } from '../../../infra/local/registry/content.ts';
import { type RegistryOptions, type RegistryStandIn, startRegistry } from '../../../infra/local/registry/server.ts';
import { imageRegistry } from '../../../shared/adapters/registry/imageRegistry.ts';

let standIn: RegistryStandIn;

afterEach(() => standIn.close());

async function open(options: RegistryOptions = {}): Promise<RegistryStandIn> {
  standIn = await startRegistry(options);
  return standIn;
}

const call = (path: string, init: RequestInit = {}): Promise<Response> =>
  fetch(`http://${standIn.host}${path}`, { redirect: 'manual', ...init });

async function codeOf(response: Response): Promise<string> {
  const body = (await response.json()) as { readonly errors: readonly { readonly code: string }[] };
  return `${response.status} ${body.errors[0]?.code}`;
}

const image = buildImage({ labels: { 'dev.mayfly.agent-version': '5.278.0' } });
const accept = { accept: image.manifest.mediaType };
const form = (fields: Record<string, string>): RequestInit => ({ method: 'POST', body: new URLSearchParams(fields) });

describe('registry stand-in: pull', () => {
  it('sends a manifest by tag and by digest, and its headers alone for HEAD', async () => {
    const { store } = await open();
    const digest = store.push('agents/linux', 'stable', { labels: { 'dev.mayfly.agent-version': '5.278.0' } });
    expect(digest).toBe(image.manifest.digest);
    for (const reference of ['stable', digest]) {
      const response = await call(`/v2/agents/linux/manifests/${reference}`, { headers: accept });
      expect(Buffer.from(await response.arrayBuffer())).toEqual(image.manifest.bytes);
      expect(response.headers.get('docker-content-digest')).toBe(digest);
    }
    const head = await call('/v2/agents/linux/manifests/stable', { method: 'HEAD', headers: accept });
    expect([await head.text(), head.headers.get('content-length')]).toEqual(['', `${image.manifest.bytes.length}`]);
  });

  it('sends nothing of a kind that the client has not asked for', async () => {
    const { store } = await open();
    store.pushIndex('agents/linux', 'stable', [{}]);
    expect(await codeOf(await call('/v2/agents/linux/manifests/stable', { headers: accept }))).toBe(
      '404 MANIFEST_UNKNOWN',
    );
  });

  it('names what is unknown', async () => {
    const { store } = await open();
    store.push('agents/linux', 'stable');
    expect(await codeOf(await call('/v2/other/manifests/stable', { headers: accept }))).toBe('404 NAME_UNKNOWN');
    expect(await codeOf(await call('/v2/agents/linux/manifests/other', { headers: accept }))).toBe(
      '404 MANIFEST_UNKNOWN',
    );
    expect(await codeOf(await call(`/v2/agents/linux/blobs/sha256:${'0'.repeat(64)}`))).toBe('404 BLOB_UNKNOWN');
  });

  it('lists tags', async () => {
    const { store } = await open();
    store.push('agents/linux', 'stable');
    store.push('agents/linux', '2026.47');
    expect(await (await call('/v2/agents/linux/tags/list')).json()).toEqual({
      name: 'agents/linux',
      tags: ['2026.47', 'stable'],
    });
  });

  it('sends blobs from a storage that takes signed links and no other credential', async () => {
    const { store } = await open({ redirectsBlobs: true });
    store.push('agents/linux', 'stable', { labels: { 'dev.mayfly.agent-version': '5.278.0' } });
    const response = await call(`/v2/agents/linux/blobs/${image.config.digest}`);
    const location = response.headers.get('location') ?? '';
    expect(response.status).toBe(307);
    expect(Buffer.from(await (await fetch(location)).arrayBuffer())).toEqual(image.config.bytes);
    expect((await fetch(location, { headers: { authorization: 'Bearer x' } })).status).toBe(400);
    expect((await fetch(location.replace('signed', 'forged'))).status).toBe(403);
  });

  it('answers 501 to what it does not model, naming it', async () => {
    await open();
    const response = await call('/v2/agents/linux/referrers/sha256:0');
    expect([response.status, await response.text()]).toEqual([
      501,
      expect.stringContaining('GET /v2/agents/linux/referrers'),
    ]);
  });
});

describe('registry stand-in: tokens', () => {
  it('challenges a call without a token, and one whose token lacks the right', async () => {
    const { host } = await open({ access: { kind: 'token', accounts: { a: 'b' } } });
    const path = '/v2/agents/linux/manifests/stable';
    const first = await call(path);
    const asked = `Bearer realm="http://${host}/token",service="${host}",scope="repository:agents/linux:pull"`;
    expect([first.status, first.headers.get('www-authenticate')]).toEqual([401, asked]);
    const { token } = (await (await call('/token?scope=repository:agents/linux:pull')).json()) as { token: string };
    const second = await call(path, { headers: { authorization: `Bearer ${token}` } });
    expect([second.status, second.headers.get('www-authenticate')]).toEqual([
      401,
      `${asked},error="insufficient_scope"`,
    ]);
  });

  it('gives no token for a wrong password', async () => {
    await open({ access: { kind: 'token', accounts: { a: 'b' } } });
    const authorization = `Basic ${Buffer.from('a:c').toString('base64')}`;
    expect(await codeOf(await call('/token', { headers: { authorization } }))).toBe('401 UNAUTHORIZED');
  });

  it('exchanges an Entra token for a refresh token, and that for an access token', async () => {
    const { host, store } = await open({ access: { kind: 'acr', acceptsEntra: (token) => token === 'entra' } });
    store.push('agents/linux', 'stable');
    const exchange = { grant_type: 'access_token', service: host, access_token: 'entra' };
    const { refresh_token } = (await (await call('/oauth2/exchange', form(exchange))).json()) as {
      refresh_token: string;
    };
    const refresh = {
      grant_type: 'refresh_token',
      service: host,
      refresh_token,
      scope: 'repository:agents/linux:pull',
    };
    const { access_token } = (await (await call('/oauth2/token', form(refresh))).json()) as { access_token: string };
    const headers = { ...accept, authorization: `Bearer ${access_token}` };
    expect((await call('/v2/agents/linux/manifests/stable', { headers })).status).toBe(200);
    expect(await codeOf(await call('/oauth2/exchange', form({ ...exchange, access_token: 'other' })))).toBe(
      '401 UNAUTHORIZED',
    );
    expect(await codeOf(await call('/oauth2/exchange', form({ ...exchange, service: 'other' })))).toBe(
      '400 BAD_REQUEST',
    );
    expect(await codeOf(await call('/oauth2/token', form({ ...refresh, refresh_token: 'x' })))).toBe(
      '401 UNAUTHORIZED',
    );
  });
});

describe('registry stand-in: push', () => {
  const push = async (bytes: Buffer, digest: string): Promise<Response> => {
    const begun = await call('/v2/agents/linux/blobs/uploads/', { method: 'POST' });
    return call(`${begun.headers.get('location')}?digest=${digest}`, { method: 'PUT', body: new Uint8Array(bytes) });
  };
  const putManifest = (reference: string): Promise<Response> =>
    call(`/v2/agents/linux/manifests/${reference}`, {
      method: 'PUT',
      headers: { 'content-type': image.manifest.mediaType },
      body: new Uint8Array(image.manifest.bytes),
    });

  it('takes an image whose parts have come before it', async () => {
    const { host } = await open();
    expect(await codeOf(await putManifest('stable'))).toBe('404 MANIFEST_BLOB_UNKNOWN');
    for (const part of [image.config, image.layer]) expect((await push(part.bytes, part.digest)).status).toBe(201);
    expect((await putManifest('stable')).headers.get('docker-content-digest')).toBe(image.manifest.digest);
    const resolved = await imageRegistry().resolve(`${host}/agents/linux:stable`);
    expect(resolved).toMatchObject({ digest: image.manifest.digest, agentVersion: '5.278.0' });
  });

  it('refuses what is not what its digest names, and what is no manifest', async () => {
    await open();
    expect(await codeOf(await push(image.layer.bytes, image.config.digest))).toBe('400 DIGEST_INVALID');
    for (const part of [image.config, image.layer]) await push(part.bytes, part.digest);
    expect(await codeOf(await putManifest(image.config.digest))).toBe('400 DIGEST_INVALID');
    const odd = JSON.stringify({ schemaVersion: 1, config: descriptor(image.config) });
    const response = await call('/v2/agents/linux/manifests/stable', { method: 'PUT', body: odd });
    expect(await codeOf(response)).toBe('400 MANIFEST_INVALID');
  });
});
