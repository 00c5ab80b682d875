import { inspect } from 'node:util';
import { afterEach, describe, expect, it } from 'vitest';
import { type RegistryOptions, type RegistryStandIn, startRegistry } from '../../../infra/local/registry/server.ts';
import { VirtualClock } from '../../../infra/local/world/clock.ts';
import type { RegistryCredential } from '../../../shared/adapters/registry/credentials.ts';
import { type ImageRegistryOptions, imageRegistry } from '../../../shared/adapters/registry/imageRegistry.ts';
import { UpstreamError } from '../../../shared/domain/errors.ts';
import { Secret } from '../../../shared/domain/secret.ts';
import type { Clock } from '../../../shared/ports.ts';

const labels = { 'dev.mayfly.agent-version': '5.278.0' };
const accounts = { mayfly: 'secret-password' };
const opened: RegistryStandIn[] = [];

afterEach(async () => {
  await Promise.all(opened.splice(0).map((standIn) => standIn.close()));
});

async function aRegistry(options: RegistryOptions = {}): Promise<RegistryStandIn> {
  const standIn = await startRegistry(options);
  opened.push(standIn);
  standIn.store.push('agents/linux', 'stable', { labels });
  return standIn;
}

const basic = (password = accounts.mayfly): RegistryCredential => ({
  kind: 'basic',
  username: 'mayfly',
  password: async () => new Secret(password),
});

const acr = (token = 'entra-token'): RegistryCredential => ({
  kind: 'acr',
  tokens: { getToken: async () => ({ token: new Secret(token), expiresAt: Number.POSITIVE_INFINITY }) },
});

const reader = (credential: RegistryCredential, options: ImageRegistryOptions = {}) =>
  imageRegistry({ credentialOf: () => credential, retry: { pauseMs: 1 }, ...options });

const failureOf = (promise: Promise<unknown>): Promise<UpstreamError> =>
  promise.then(
    () => Promise.reject(new Error('resolved')),
    (error: unknown) => (error instanceof UpstreamError ? error : Promise.reject(error)),
  );

const countOf = ({ journal }: RegistryStandIn, verb: string): number =>
  journal.calls.filter((call) => call.verb === verb).length;

describe('image registry: tokens', () => {
  it('uses one token until shortly before its end', async () => {
    const clock = new VirtualClock();
    const standIn = await aRegistry({ access: { kind: 'token', accounts, tokenLifetimeSeconds: 300 }, clock });
    const registry = reader(basic(), { clock });
    const reference = `${standIn.host}/agents/linux:stable`;
    await registry.resolve(reference);
    await clock.advance(285_000);
    await registry.resolve(reference);
    expect(countOf(standIn, 'GET token')).toBe(1);
    await clock.advance(10_000);
    await registry.resolve(reference);
    expect(countOf(standIn, 'GET token')).toBe(2);
  });

  it.each([
    { name: 'a minute where nobody says it', access: { kind: 'token', tellsLifetime: false } as const, endsMs: 50_000 },
    { name: 'what the token itself says', access: { kind: 'acr' } as const, endsMs: 290_000 },
  ])('takes for the life of a token $name', async ({ access, endsMs }) => {
    const clock = new VirtualClock();
    const standIn = await aRegistry({ access: { ...access, accounts, acceptsEntra: () => true }, clock });
    const registry = reader(access.kind === 'acr' ? acr() : basic(), { clock });
    const tokens = (): number => countOf(standIn, 'POST token') + countOf(standIn, 'GET token');
    await registry.resolve(`${standIn.host}/agents/linux:stable`);
    await clock.advance(endsMs - 1000);
    await registry.resolve(`${standIn.host}/agents/linux:stable`);
    expect(tokens()).toBe(1);
    await clock.advance(2000);
    await registry.resolve(`${standIn.host}/agents/linux:stable`);
    expect(tokens()).toBe(2);
  });

  it('gets a new token when the registry no longer takes the old one', async () => {
    const standIn = await aRegistry({ access: { kind: 'token', accounts } });
    const registry = reader(basic());
    const reference = `${standIn.host}/agents/linux:stable`;
    const first = await registry.resolve(reference);
    standIn.access.revokeTokens();
    expect(await registry.resolve(reference)).toEqual(first);
    expect(countOf(standIn, 'GET token')).toBe(2);
  });

  it('keeps the tokens of two repositories apart', async () => {
    const standIn = await aRegistry({ access: { kind: 'token', accounts } });
    standIn.store.push('agents/windows', 'stable');
    const registry = reader(basic());
    await registry.resolve(`${standIn.host}/agents/linux:stable`);
    await registry.resolve(`${standIn.host}/agents/windows:stable`);
    await registry.resolve(`${standIn.host}/agents/linux:stable`);
    expect(countOf(standIn, 'GET token')).toBe(2);
  });

  it('reads what is public without an account, and nothing else', async () => {
    const isPublic = (repository: string): boolean => repository === 'agents/linux';
    const standIn = await aRegistry({ access: { kind: 'token', isPublic } });
    standIn.store.push('private', 'stable');
    const registry = reader({ kind: 'anonymous' });
    expect(await registry.resolve(`${standIn.host}/agents/linux:stable`)).toMatchObject({ agentVersion: '5.278.0' });
    expect((await failureOf(registry.resolve(`${standIn.host}/private:stable`))).kind).toBe('unauthorized');
  });

  it('signs in with user and password where the registry wants just that', async () => {
    const standIn = await aRegistry({ access: { kind: 'basic', accounts } });
    const reference = `${standIn.host}/agents/linux:stable`;
    expect(await reader(basic()).resolve(reference)).toMatchObject({ agentVersion: '5.278.0' });
    expect((await failureOf(reader(basic('other')).resolve(reference))).kind).toBe('unauthorized');
    expect((await failureOf(reader({ kind: 'anonymous' }).resolve(reference))).kind).toBe('unauthorized');
  });

  it('rejects as unauthorized what is refused, and shows no secret', async () => {
    const standIn = await aRegistry({ access: { kind: 'token', accounts } });
    const azure = await aRegistry({ access: { kind: 'acr', acceptsEntra: () => false } });
    for (const [each, credential] of [
      [standIn, basic('wrong-secret')],
      [azure, acr('refused-secret')],
    ] as const) {
      const error = await failureOf(reader(credential).resolve(`${each.host}/agents/linux:stable`));
      expect(error).toMatchObject({ kind: 'unauthorized', upstream: 'registry', status: 401 });
      expect(inspect(error, { depth: 10 })).not.toMatch(/secret/);
    }
  });
});

describe('image registry: where it goes', () => {
  it('shows the storage that blobs come from no credential', async () => {
    const standIn = await aRegistry({ access: { kind: 'token', accounts }, redirectsBlobs: true });
    const resolved = await reader(basic()).resolve(`${standIn.host}/agents/linux:stable`);
    expect(resolved).toMatchObject({ agentVersion: '5.278.0' });
    const atStorage = standIn.journal.calls.filter((call) => call.door === 'registryStorage');
    expect(atStorage.map((call) => call.outcome)).toEqual(['200']);
  });

  it.each([
    { name: 'over plain HTTP', realm: 'http://auth.example/token' },
    { name: 'that is no address', realm: 'not an address' },
    { name: 'with a user in its address', realm: 'https://user:word@auth.example/token' },
  ])('asks no token service $name', async ({ realm }) => {
    const standIn = await aRegistry({ access: { kind: 'token', accounts, realm } });
    const error = await failureOf(reader(basic()).resolve(`${standIn.host}/agents/linux:stable`));
    expect(error).toMatchObject({ kind: 'unexpected', operation: 'getting a registry token' });
  });

  it('shows an Entra token to no other host than the registry', async () => {
    const other = await aRegistry({ access: { kind: 'acr', acceptsEntra: () => true } });
    const realm = `http://${other.host}/oauth2/token`;
    const standIn = await aRegistry({ access: { kind: 'acr', acceptsEntra: () => true, realm } });
    const error = await failureOf(reader(acr()).resolve(`${standIn.host}/agents/linux:stable`));
    expect(error.kind).toBe('unexpected');
    expect(other.journal.calls).toEqual([]);
  });
});

describe('image registry: what it believes', () => {
  it('rejects a manifest whose digest is not what the registry says', async () => {
    const { host, store } = await aRegistry();
    const digest = store.push('agents/linux', 'lying', { labels });
    store.lie(digest, `sha256:${'0'.repeat(64)}`);
    expect((await failureOf(reader({ kind: 'anonymous' }).resolve(`${host}/agents/linux:lying`))).kind).toBe(
      'unexpected',
    );
  });

  it('rejects content that is not what its digest names', async () => {
    const { host, store } = await aRegistry();
    const digest = store.push('agents/linux', 'stable', { labels });
    const other = store.push('agents/linux', 'other', { labels, content: 'other' });
    const bytes = store.manifest('agents/linux', other)?.bytes ?? Buffer.alloc(0);
    store.corrupt(digest, bytes);
    const registry = reader({ kind: 'anonymous' });
    expect((await failureOf(registry.resolve(`${host}/agents/linux@${digest}`))).kind).toBe('unexpected');
  });

  it('reads the content under a digest once, and asks for tags each time', async () => {
    const standIn = await aRegistry();
    const registry = reader({ kind: 'anonymous' });
    for (let times = 0; times < 3; times++) await registry.resolve(`${standIn.host}/agents/linux:stable`);
    const counts = ['HEAD manifests', 'GET manifests', 'GET blobs'].map((verb) => countOf(standIn, verb));
    expect(counts).toEqual([3, 1, 1]);
  });
});

describe('image registry: failures', () => {
  const patient = () => {
    const slept: number[] = [];
    const clock: Clock = { now: () => 0, sleep: async (ms) => void slept.push(ms) };
    return { slept, options: { clock, retry: { pauseMs: 200, jitter: () => 1 } } };
  };

  it('repeats what is throttled or broken, as late as it is told to', async () => {
    const { host, faults } = await aRegistry();
    const { slept, options } = patient();
    faults.add({ kind: 'status', status: 429, retryAfterSeconds: 2 }, ({ verb }) => verb === 'HEAD manifests');
    faults.add({ kind: 'truncated' }, ({ verb }) => verb === 'GET manifests');
    faults.add({ kind: 'lostBefore' }, ({ verb }) => verb === 'GET blobs');
    const resolved = await reader({ kind: 'anonymous' }, options).resolve(`${host}/agents/linux:stable`);
    expect(resolved).toMatchObject({ agentVersion: '5.278.0' });
    expect(slept).toEqual([2000, 200, 200]);
  });

  it('asks no more of a registry that wants to be left alone for long, and says for how long', async () => {
    const standIn = await aRegistry();
    const { slept, options } = patient();
    standIn.faults.add({ kind: 'status', status: 429, retryAfterSeconds: 600 }, () => true, 9);
    const error = await failureOf(
      reader({ kind: 'anonymous' }, options).resolve(`${standIn.host}/agents/linux:stable`),
    );
    expect(error).toMatchObject({ kind: 'throttled', retryAfterMs: 600_000 });
    expect([slept, standIn.journal.calls.length]).toEqual([[], 1]);
  });

  it('repeats a token service that is down, and gives up in the end', async () => {
    const standIn = await aRegistry({ access: { kind: 'token', accounts } });
    standIn.faults.add({ kind: 'status', status: 503 }, ({ verb }) => verb === 'GET token', 9);
    const error = await failureOf(reader(basic()).resolve(`${standIn.host}/agents/linux:stable`));
    expect(error).toMatchObject({ kind: 'unavailable', operation: 'getting a registry token' });
    expect(countOf(standIn, 'GET token')).toBe(3);
  });

  it('does not wait for ever', async () => {
    const standIn = await aRegistry();
    standIn.faults.add({ kind: 'hang' }, () => true);
    const registry = reader({ kind: 'anonymous' }, { timeoutMs: 30 });
    expect((await failureOf(registry.resolve(`${standIn.host}/agents/linux:stable`))).kind).toBe('timeout');
  });

  it('rejects as unavailable where nobody listens', async () => {
    const standIn = await aRegistry();
    await standIn.close();
    const error = await failureOf(reader({ kind: 'anonymous' }).resolve(`${standIn.host}/agents/linux:stable`));
    expect(error).toMatchObject({ kind: 'unavailable', detail: 'ECONNREFUSED' });
  });
});
