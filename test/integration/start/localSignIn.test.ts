/** The local system as far as tokens go: a service user signs in, makes a token, and the organisation takes it. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { localSignIn } from '../../../infra/local/start/localSettings.ts';
import { type LocalSystem, startLocalSystem } from '../../../infra/local/start/localSystem.ts';
import { delegatedUserEndpoint } from '../../../shared/adapters/azure/delegatedUserEndpoint.ts';
import { delegatedUserTokens, storeSignIn } from '../../../shared/adapters/azure/delegatedUserTokens.ts';
import { tokenVault } from '../../../shared/adapters/azure/tokenVault.ts';
import { redirectSignIn } from '../../../shared/adapters/azure/userSignIn.ts';
import { azureDevOpsPersonalTokens } from '../../../shared/adapters/azureDevOps/personalTokens.ts';
import { azureDevOpsScope } from '../../../shared/adapters/azureDevOps/scope.ts';
import { azureDevOpsTokenProof } from '../../../shared/adapters/azureDevOps/tokenProof.ts';
import { Secret } from '../../../shared/domain/secret.ts';
import type { TokenSource } from '../../../shared/ports.ts';

let system: LocalSystem;
beforeAll(async () => {
  system = await startLocalSystem({ portBase: 0, host: false });
});
afterAll(() => system.close());

const setting = (name: string): string => system.settings[name] ?? '';

/** As the app gets them: from the managed identity of the local system. */
function appTokens(): TokenSource {
  const endpoint = (scope: string): string =>
    `${setting('IDENTITY_ENDPOINT')}?api-version=2019-08-01&resource=${encodeURIComponent(scope.replace('/.default', ''))}`;
  return {
    getToken: async (scope) => {
      const headers = { 'X-IDENTITY-HEADER': setting('IDENTITY_HEADER') };
      const body = (await (await fetch(endpoint(scope), { headers })).json()) as { access_token: string };
      return { token: new Secret(body.access_token), expiresAt: Number.POSITIVE_INFINITY };
    },
  };
}

describe('the local system', () => {
  it('lets a service user sign in, make a token that is taken, and revoke it', async () => {
    const { tenantId, clientId, user } = localSignIn;
    const vault = tokenVault({ vaultUrl: setting('MAYFLY_VAULT_URL'), tokens: appTokens() });
    const entra = { tenantId, clientId, authority: setting('MAYFLY_ENTRA_URL') };
    const signIn = redirectSignIn(delegatedUserEndpoint(entra), azureDevOpsScope, 'http://localhost:1');
    const visited = await fetch(signIn.url, { redirect: 'manual' });
    const tokens = await signIn.redeem(new URL(visited.headers.get('location') ?? 'about:blank').searchParams);
    expect(await storeSignIn(vault, 'sign-in', tokens)).toMatchObject({ user });

    const organisationUrl = system.devOpsServer.url;
    const delegated = delegatedUserTokens({ ...entra, vault, secretName: 'sign-in' });
    const credential = { kind: 'bearer', tokens: delegated } as const;
    const personal = azureDevOpsPersonalTokens({ organisationUrl, credential });
    const made = await personal.create({
      displayName: 'mayfly-demo-agents-0000beef',
      scope: 'vso.agentpools_manage',
      validTo: Date.now() + 86_400_000,
    });
    const proof = azureDevOpsTokenProof({ organisationUrl });
    expect(await proof.prove(made.token)).toBe('accepted');
    expect(await personal.revoke(made.authorizationId)).toBe('revoked');
    expect(await proof.prove(made.token)).toBe('rejected');
  });

  it('lets its own identity make none', async () => {
    const credential = { kind: 'bearer', tokens: appTokens() } as const;
    const personal = azureDevOpsPersonalTokens({ organisationUrl: system.devOpsServer.url, credential });
    await expect(personal.list()).rejects.toMatchObject({ kind: 'unauthorized' });
  });
});
