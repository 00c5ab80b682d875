import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { VirtualClock } from '../../../../infra/local/world/clock.ts';
import { cachedTokens, entraTokens, identityOf, vaultTokens } from '../../../../shared/adapters/azure/tokens.ts';
import type { UpstreamErrorKind } from '../../../../shared/domain/errors.ts';
import { UpstreamError } from '../../../../shared/domain/errors.ts';
import { minutesMs } from '../../../../shared/domain/instant.ts';
import { Secret } from '../../../../shared/domain/secret.ts';
import type { Scripted, TheServer } from '../theServer.ts';
import { answering, startServer } from '../theServer.ts';

const start = Date.UTC(2026, 0, 5, 8);

/** Tokens of an hour, numbered; `fail` makes the next renewal reject. */
function theSource(clock: VirtualClock) {
  let issued = 0;
  const state: { fail?: UpstreamErrorKind } = {};
  const tokens = cachedTokens(clock, (scope) => {
    const { fail: kind } = state;
    if (kind !== undefined) return Promise.reject(new UpstreamError({ upstream: 'entra', operation: 'x', kind }));
    issued += 1;
    return Promise.resolve({ token: new Secret(`${scope}-${issued}`), expiresAt: clock.now() + minutesMs(60) });
  });
  const get = async (scope = 'a'): Promise<string> => (await tokens.getToken(scope)).token.reveal();
  return { get, state };
}

describe('cachedTokens', () => {
  it('asks once per scope, even for many callers at once', async () => {
    const { get } = theSource(new VirtualClock(start));
    expect(await Promise.all([get(), get(), get('b'), get()])).toEqual(['a-1', 'a-1', 'b-2', 'a-1']);
    expect(await get()).toBe('a-1');
  });

  it('renews five minutes before the end', async () => {
    const clock = new VirtualClock(start);
    const { get } = theSource(clock);
    await get();
    await clock.advance(minutesMs(54));
    expect(await get()).toBe('a-1');
    await clock.advance(minutesMs(1));
    expect(await get()).toBe('a-2');
  });

  it('lives on the old token while a renewal fails, but not on one about to end', async () => {
    const clock = new VirtualClock(start);
    const { get, state } = theSource(clock);
    await get();
    await clock.advance(minutesMs(56));
    state.fail = 'unavailable';
    expect(await get()).toBe('a-1');
    await clock.advance(minutesMs(3));
    await expect(get()).rejects.toMatchObject({ kind: 'unavailable' });
  });
});

describe('vaultTokens', () => {
  it('re-reads the vault when its time is over', async () => {
    const clock = new VirtualClock(start);
    let version = 0;
    const vault = { getSecret: (name: string) => Promise.resolve(new Secret(`${name}-${++version}`)) };
    const tokens = vaultTokens(vault, 'pat', minutesMs(2), clock);
    const get = async (): Promise<string> => (await tokens.getToken('any')).token.reveal();
    expect(await get()).toBe('pat-1');
    await clock.advance(minutesMs(1));
    expect(await get()).toBe('pat-1');
    await clock.advance(minutesMs(1));
    expect(await get()).toBe('pat-2');
  });

  it('leave out the white space that a file ends in, for those who put the token into a Secret', async () => {
    const vault = { getSecret: () => Promise.resolve(new Secret('pat\r\n')) };
    const { token } = await vaultTokens(vault, 'pat', minutesMs(2), new VirtualClock(start)).getToken('any');
    expect(token.reveal()).toBe('pat');
  });
});

describe('identityOf', () => {
  const workload = { AZURE_TENANT_ID: 't', AZURE_CLIENT_ID: 'c', AZURE_FEDERATED_TOKEN_FILE: '/f' };
  it.each([
    { name: 'nothing set', given: {}, id: undefined, want: { kind: 'managed' } },
    { name: 'a client id configured', given: {}, id: 'mine', want: { kind: 'managed', clientId: 'mine' } },
    {
      name: 'the webhook of workload identity at work',
      given: workload,
      id: undefined,
      want: { kind: 'workload', tenantId: 't', clientId: 'c', tokenFilePath: '/f' },
    },
    {
      name: 'both, the configured client id wins',
      given: workload,
      id: 'mine',
      want: { kind: 'workload', tenantId: 't', clientId: 'mine', tokenFilePath: '/f' },
    },
    { name: 'no token file', given: { ...workload, AZURE_FEDERATED_TOKEN_FILE: '' }, want: { kind: 'managed' } },
  ])('with $name is $want.kind', ({ given, id, want }) => {
    expect(identityOf(given, id)).toEqual(want);
  });
});

describe('entraTokens with a managed identity', () => {
  let server: TheServer;
  beforeEach(async () => {
    server = await startServer();
    vi.stubEnv('IDENTITY_ENDPOINT', `${server.url}/msi/token`);
    vi.stubEnv('IDENTITY_HEADER', 'header-secret');
  });
  afterEach(async () => {
    vi.unstubAllEnvs();
    await server.stop();
  });

  it('asks the endpoint of the host and keeps the token', async () => {
    const expires = Math.floor(Date.now() / 1000) + 3600;
    server.respond(answering({ body: { access_token: 'entra-1', expires_on: String(expires), token_type: 'Bearer' } }));
    const tokens = entraTokens({ identity: { kind: 'managed', clientId: 'client-ok' } });
    const { token } = await tokens.getToken('https://vault.azure.net/.default');
    await tokens.getToken('https://vault.azure.net/.default');
    expect(token.reveal()).toBe('entra-1');
    expect(server.asked).toHaveLength(1);
    expect(server.asked[0]?.headers['x-identity-header']).toBe('header-secret');
    expect(server.asked[0]?.query.get('client_id')).toBe('client-ok');
  });

  const refusals: readonly (Scripted & { name: string; want: UpstreamErrorKind })[] = [
    { name: 'no such identity', status: 400, body: { error: 'invalid_request' }, want: 'unauthorized' },
    { name: 'a refused identity', status: 403, body: { error: 'access_denied' }, want: 'unauthorized' },
  ];
  it.each(refusals)('$name is $want, without a token in its words', async ({ name, want, ...script }) => {
    server.respond(answering(script));
    const tokens = entraTokens({ identity: { kind: 'managed', clientId: `client-${name}` } });
    const error = await tokens.getToken('https://x/.default').catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: 'UpstreamError', upstream: 'entra', kind: want });
    expect(String(error)).not.toContain('header-secret');
  });
});
