import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { keyVault } from '../../../../shared/adapters/azure/keyVault.ts';
import type { UpstreamErrorKind } from '../../../../shared/domain/errors.ts';
import { UpstreamError } from '../../../../shared/domain/errors.ts';
import { Secret } from '../../../../shared/domain/secret.ts';
import type { TokenSource, Vault } from '../../../../shared/ports.ts';
import type { Respond, Scripted, TheServer } from '../theServer.ts';
import { answering, startServer } from '../theServer.ts';

const challenge = 'Bearer authorization="https://login.microsoftonline.com/tenant", resource="https://vault.azure.net"';
const tokens: TokenSource = {
  getToken: (scope) => Promise.resolve({ token: new Secret(`token for ${scope}`), expiresAt: Date.now() + 3_600_000 }),
};

let server: TheServer;
beforeEach(async () => {
  server = await startServer();
});
afterEach(() => server.stop());

/** Answers the first, anonymous request with the challenge and all others with `respond`. */
const challenging =
  (respond: Respond): Respond =>
  (asked, response) => {
    if (asked.headers.authorization !== undefined) return respond(asked, response);
    answering({ status: 401, body: { error: { code: 'Unauthorized' } }, headers: { 'www-authenticate': challenge } })(
      asked,
      response,
    );
  };

const theVault = (source: TokenSource = tokens, timeoutMs = 3000): Vault =>
  keyVault({ vaultUrl: server.url, tokens: source, timeoutMs });

describe('getSecret', () => {
  it('reads the latest version with a token for vaults', async () => {
    server.respond(challenging(answering({ body: { value: 's3cret', id: `${server.url}/secrets/pat/1` } })));
    expect((await theVault().getSecret('pat')).reveal()).toBe('s3cret');
    expect(server.asked.map((asked) => asked.headers.authorization)).toEqual([
      undefined,
      'Bearer token for https://vault.azure.net/.default',
    ]);
    expect(server.asked[1]?.path).toMatch(/^\/secrets\/pat\/?$/);
  });

  it('sends the first call alone, so that only one goes without a token', async () => {
    server.respond(challenging(answering({ body: { value: 'v', id: `${server.url}/secrets/x/1` } })));
    const vault = theVault();
    await Promise.all(['a', 'b', 'c'].map((name) => vault.getSecret(name)));
    expect(server.asked.filter((asked) => asked.headers.authorization === undefined)).toHaveLength(1);
    expect(server.asked).toHaveLength(4);
  });

  const code = (name: string) => ({ error: { code: name, message: 'words' } });
  const traps: readonly (Scripted & { name: string; want: UpstreamErrorKind })[] = [
    { name: 'no such secret', status: 404, body: code('SecretNotFound'), want: 'notFound' },
    { name: 'a disabled secret', status: 403, body: code('Forbidden'), want: 'forbidden' },
    { name: 'a token that is refused', status: 401, body: code('Unauthorized'), want: 'unauthorized' },
    { name: 'no value', body: { id: 'https://x.vault.azure.net/secrets/pat/1' }, want: 'unexpected' },
  ];
  it.each(traps)('$name is $want', async ({ want, ...script }) => {
    server.respond(challenging(answering(script)));
    await expect(theVault().getSecret('pat')).rejects.toMatchObject({ upstream: 'keyVault', kind: want });
  });

  it('is a timeout where the vault never answers, and the next call is not held up by it', async () => {
    server.respond(() => undefined);
    const vault = theVault(tokens, 150);
    await expect(vault.getSecret('pat')).rejects.toMatchObject({ kind: 'timeout' });
    server.respond(challenging(answering({ body: { value: 'v', id: `${server.url}/secrets/pat/1` } })));
    expect((await vault.getSecret('pat')).reveal()).toBe('v');
  });

  it('tells of a token source that fails as what it is', async () => {
    const broken = new UpstreamError({ upstream: 'entra', operation: 'getting a token', kind: 'unauthorized' });
    server.respond(challenging(answering({ status: 500 })));
    const vault = theVault({ getToken: () => Promise.reject(broken) });
    await expect(vault.getSecret('pat')).rejects.toMatchObject({ upstream: 'entra', kind: 'unauthorized' });
  });
});
