/** The contract of TokenVault at the other door: our adapter and the vendor's client against the server. */
import { describe, expect, it } from 'vitest';
import type { KeyVaultStandIn } from '../../../infra/local/azure/keyVault.ts';
import { startKeyVault } from '../../../infra/local/azure/keyVault.ts';
import { VirtualClock } from '../../../infra/local/world/clock.ts';
import type { FaultRule } from '../../../infra/local/world/faults.ts';
import { tokenVault } from '../../../shared/adapters/azure/tokenVault.ts';
import { UpstreamError } from '../../../shared/domain/errors.ts';
import { Secret } from '../../../shared/domain/secret.ts';
import type { TokenVault } from '../../../shared/ports/tokens.ts';
import type { Clock, TokenSource } from '../../../shared/ports.ts';
import { tokenVaultContract } from '../../contract/tokenVault.contract.ts';
import { startServer } from '../../unit/adapters/theServer.ts';

const bearer = 'a-token-for-vaults';
const tokens: TokenSource = {
  getToken: () => Promise.resolve({ token: new Secret(bearer), expiresAt: Date.now() + 3_600_000 }),
};
const methods: Readonly<Record<keyof TokenVault, { readonly verb: string; readonly target: RegExp }>> = {
  readLatest: { verb: 'GET', target: /^\/secrets\/[^/]+$/ },
  listVersions: { verb: 'GET', target: /\/versions$/ },
  isDeleted: { verb: 'GET', target: /^\/deletedsecrets\// },
  store: { verb: 'PUT', target: /./ },
  tag: { verb: 'PATCH', target: /./ },
};
const callsOf = (method: keyof TokenVault): FaultRule['matches'] => {
  const { verb, target } = methods[method];
  return (call) => call.verb === verb && target.test(call.target);
};

interface Opened {
  readonly clock: VirtualClock;
  readonly standIn: KeyVaultStandIn;
  readonly vault: TokenVault;
  readonly slept: readonly number[];
}

async function open(): Promise<Opened> {
  const clock = new VirtualClock();
  const standIn = await startKeyVault({ accepts: (token) => token === bearer, pageSize: 2, clock });
  const slept: number[] = [];
  // The pauses between repetitions take no time here.
  const impatient: Clock = {
    now: () => clock.now(),
    sleep: (ms) => {
      slept.push(ms);
      return Promise.resolve();
    },
  };
  const vault = tokenVault({ vaultUrl: standIn.url, tokens, timeoutMs: 3000, retry: { clock: impatient } });
  return { clock, standIn, vault, slept };
}

tokenVaultContract('over HTTP', async () => {
  const { clock, standIn, vault } = await open();
  const { world, faults } = standIn;
  // The first call of a client is made twice, at first without a token, and faults would strike the wrong one.
  await vault.readLatest('warm-up');
  const now = (): number => clock.now();
  return { world, vault, faults, callsOf, now, advance: (ms) => clock.advance(ms), close: () => standIn.close() };
});

describe('the adapter of the token vault', () => {
  it('sends nothing secret before the vault has asked for a token, whatever begins together', async () => {
    const server = await startServer();
    server.respond((asked, response) => {
      const known = asked.headers.authorization !== undefined;
      const challenge = `Bearer authorization="https://login.microsoftonline.com/t", resource="https://vault.azure.net"`;
      response.writeHead(known ? 200 : 401, {
        'content-type': 'application/json',
        ...(known ? {} : { 'www-authenticate': challenge }),
      });
      const id = `${server.url.replace('http:', 'https:')}/secrets/pat/1`;
      response.end(JSON.stringify(known ? { value: 'x', id, attributes: { enabled: true, created: 1 } } : {}));
    });
    const vault = tokenVault({ vaultUrl: server.url, tokens });
    await Promise.all(
      ['a', 'b', 'c', 'd'].map((name) => vault.store(name, new Secret(`planted-${name}`), { tags: {} })),
    );
    const anonymous = server.asked.filter(({ headers }) => headers.authorization === undefined);
    expect(anonymous.map(({ body }) => body)).toEqual(['']);
    expect(server.asked.filter(({ body }) => body.includes('planted-'))).toHaveLength(4);
    await server.stop();
  });

  it('waits as long as a short Retry-After says, a few times, and stores once', async () => {
    const { standIn, vault, slept } = await open();
    standIn.faults.add({ kind: 'status', status: 429, retryAfterSeconds: 2 }, callsOf('store'), 2);
    // The first request of all is the challenge, which scripted faults strike as well.
    await vault.store('pat', new Secret('x'), { tags: {} });
    expect([standIn.secrets.versions('pat').length, slept]).toEqual([1, [2000, 2000]]);
    await standIn.close();
  });

  it('hands a long Retry-After on at once', async () => {
    const { standIn, vault, slept } = await open();
    standIn.faults.add({ kind: 'status', status: 429, retryAfterSeconds: 600 }, callsOf('readLatest'));
    await expect(vault.readLatest('pat')).rejects.toMatchObject({ kind: 'throttled', retryAfterMs: 600_000 });
    expect(slept).toEqual([]);
    await standIn.close();
  });

  it('takes a 404 that is not the vault’s own for no absence', async () => {
    const { standIn, vault } = await open();
    standIn.faults.add({ kind: 'status', status: 404 }, callsOf('readLatest'), 10);
    await expect(vault.readLatest('pat')).rejects.toMatchObject({ kind: 'unexpected', status: 404 });
    await standIn.close();
  });

  it('is unavailable where nobody listens', async () => {
    const { standIn, vault } = await open();
    await standIn.close();
    await expect(vault.listVersions('pat')).rejects.toMatchObject({ upstream: 'keyVault', kind: 'unavailable' });
  });

  it('tells of a token source that fails as what it is', async () => {
    const { standIn } = await open();
    const broken = new UpstreamError({ upstream: 'entra', operation: 'getting a token', kind: 'unauthorized' });
    const vault = tokenVault({ vaultUrl: standIn.url, tokens: { getToken: () => Promise.reject(broken) } });
    await expect(vault.readLatest('pat')).rejects.toMatchObject({ upstream: 'entra', kind: 'unauthorized' });
    await standIn.close();
  });
});
