import { randomUUID } from 'node:crypto';
import { ManagedIdentityCredential } from '@azure/identity';
import { SecretClient } from '@azure/keyvault-secrets';
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { KeyVaultStandIn } from '../../../infra/local/azure/keyVault.ts';
import { startKeyVault, vaultResource } from '../../../infra/local/azure/keyVault.ts';
import type { ManagedIdentityStandIn } from '../../../infra/local/azure/managedIdentity.ts';
import { startManagedIdentity } from '../../../infra/local/azure/managedIdentity.ts';
import { applySettings } from '../../../infra/local/functionsHost/settings.ts';
import { keyVault } from '../../../shared/adapters/azure/keyVault.ts';
import { Secret } from '../../../shared/domain/secret.ts';

// Two caches of the SDK last as long as the process: tokens by client id, and the endpoint that was found first. So
// all tests share one endpoint and each has its own identity.
const clientIds = Array.from({ length: 20 }, () => randomUUID());
let clientId: string;
let identity: ManagedIdentityStandIn;
let vault: KeyVaultStandIn;
let restore: () => void;

beforeAll(async () => {
  identity = await startManagedIdentity({ clientIds: [...clientIds] });
  restore = applySettings(identity.settings);
});

afterAll(async () => {
  restore();
  await identity.close();
});

beforeEach(async () => {
  clientId = clientIds.pop() ?? '';
  const accepts = (token: string): boolean => identity.accepts(token, vaultResource)?.clientId === clientId;
  vault = await startKeyVault({ accepts, pageSize: 2 });
});

afterEach(() => vault.close());

function client(): SecretClient {
  return new SecretClient(vault.url.replace('http:', 'https:'), new ManagedIdentityCredential({ clientId }), {
    disableChallengeResourceVerification: true,
    retryOptions: { maxRetries: 1, retryDelayInMs: 10 },
    additionalPolicies: [
      {
        position: 'perRetry',
        policy: {
          name: 'plain',
          // The client insists on https, so the scheme is changed only for the wire and put back for a second round.
          sendRequest: async (request, next) => {
            const { url } = request;
            Object.assign(request, { url: url.replace('https:', 'http:'), allowInsecureConnection: true });
            try {
              return await next(request);
            } finally {
              request.url = url;
            }
          },
        },
      },
    ],
  });
}

describe('the managed identity endpoint', () => {
  it('gives a token for the resource and tells who has it', async () => {
    const { token, expiresOnTimestamp } = await new ManagedIdentityCredential({ clientId }).getToken(
      `${vaultResource}/.default`,
    );
    expect(identity.accepts(token, vaultResource)).toMatchObject({ clientId, resource: vaultResource });
    expect(identity.accepts(token, 'https://management.azure.com')).toBeUndefined();
    expect(expiresOnTimestamp).toBeGreaterThan(Date.now() + 23 * 3_600_000);
  });

  it('refuses an identity that the app does not have', async () => {
    const stranger = new ManagedIdentityCredential({ clientId: randomUUID() });
    const before = identity.grants.length;
    await expect(stranger.getToken(`${vaultResource}/.default`)).rejects.toThrow(/no managed identity/i);
    expect(identity.grants).toHaveLength(before);
  });

  const rows = [
    { name: 'no header', path: '?api-version=2019-08-01&resource=r', header: false, want: 401 },
    { name: 'another version', path: '?api-version=2017-09-01&resource=r', header: true, want: 400 },
    { name: 'no resource', path: '?api-version=2019-08-01', header: true, want: 400 },
    { name: 'another path', path: '/x?api-version=2019-08-01&resource=r', header: true, want: 501 },
  ];

  it.each(rows)('answers $want for $name', async ({ path, header, want }) => {
    const { IDENTITY_ENDPOINT, IDENTITY_HEADER } = identity.settings;
    const reply = await fetch(IDENTITY_ENDPOINT + path, {
      headers: header ? { 'X-IDENTITY-HEADER': IDENTITY_HEADER } : {},
    });
    expect(reply.status).toBe(want);
  });
});

describe('the vault', () => {
  it('stores versions with tags and expiry and gives the latest', async () => {
    const expiresOn = new Date(Date.UTC(2027, 0, 1));
    const secrets = client();
    await secrets.setSecret('pat', 'one');
    const set = await secrets.setSecret('pat', 'two', {
      expiresOn,
      tags: { rotationId: 'r2' },
      contentType: 'text/plain',
    });
    const { value, properties } = await secrets.getSecret('pat');
    expect([value, properties.version, properties.tags, properties.expiresOn, properties.contentType]).toEqual([
      'two',
      set.properties.version,
      { rotationId: 'r2' },
      expiresOn,
      'text/plain',
    ]);
  });

  it('pages the versions and gives each by its id', async () => {
    const secrets = client();
    for (const value of ['one', 'two', 'three']) await secrets.setSecret('pat', value);
    const values: (string | undefined)[] = [];
    for await (const { version } of secrets.listPropertiesOfSecretVersions('pat')) {
      values.push((await secrets.getSecret('pat', version === undefined ? {} : { version })).value);
    }
    expect(values).toEqual(['one', 'two', 'three']);
  });

  it('changes tags in place, keeps the value, and withholds a disabled version', async () => {
    const secrets = client();
    const { properties } = await secrets.setSecret('pat', 'one', { tags: { a: '1' } });
    await secrets.updateSecretProperties('pat', properties.version ?? '', { tags: { b: '2' } });
    expect(vault.secrets.latest('pat')).toMatchObject({
      value: 'one',
      tags: { b: '2' },
      attributes: { enabled: true },
    });
    await secrets.updateSecretProperties('pat', properties.version ?? '', { enabled: false });
    await expect(secrets.getSecret('pat')).rejects.toMatchObject({ statusCode: 403 });
  });

  it('says what is not there, and keeps the name of what was deleted', async () => {
    const secrets = client();
    await expect(secrets.getSecret('nope')).rejects.toMatchObject({ statusCode: 404, code: 'SecretNotFound' });
    await secrets.setSecret('pat', 'one');
    expect((await fetch(`${vault.url}/secrets/pat?api-version=7.5`, { method: 'DELETE' })).status).toBe(401);
    vault.secrets.remove('pat');
    await expect(secrets.setSecret('pat', 'two')).rejects.toMatchObject({ statusCode: 409 });
  });

  it('makes the client wait on 429 with Retry-After', async () => {
    vault.secrets.set('pat', 'one');
    const secrets = client();
    await secrets.getSecret('pat');
    vault.faults.add({ kind: 'status', status: 429, retryAfterSeconds: 0 }, ({ door }) => door === 'keyVault');
    expect((await secrets.getSecret('pat')).value).toBe('one');
    expect(vault.journal.calls.map(({ outcome }) => outcome)).toEqual(['401', '200', 'status', '200']);
  });

  it('answers 401 with a challenge to a token of somebody else', async () => {
    const reply = await fetch(`${vault.url}/secrets/pat/?api%2Dversion=7.5`, {
      headers: { authorization: 'Bearer stranger' },
    });
    expect([reply.status, reply.headers.get('www-authenticate')]).toEqual([
      401,
      expect.stringContaining(vaultResource),
    ]);
  });

  it('serves the adapter of the control plane', async () => {
    vault.secrets.set('hook-secret', 'open sesame');
    const credential = new ManagedIdentityCredential({ clientId });
    const tokens = {
      getToken: async (scope: string) => {
        const { token, expiresOnTimestamp } = await credential.getToken(scope);
        return { token: new Secret(token), expiresAt: expiresOnTimestamp };
      },
    };
    expect((await keyVault({ vaultUrl: vault.url, tokens }).getSecret('hook-secret')).reveal()).toBe('open sesame');
  });
});
