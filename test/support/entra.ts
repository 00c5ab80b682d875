/** Entra with one user, a vault and our adapter over them, on virtual time. */
import { startEntra } from '../../infra/local/azure/entra.ts';
import type { EntraUser } from '../../infra/local/azure/entraWorld.ts';
import { EntraWorld } from '../../infra/local/azure/entraWorld.ts';
import { startKeyVault } from '../../infra/local/azure/keyVault.ts';
import { VirtualClock } from '../../infra/local/world/clock.ts';
import type { DelegatedUserEndpointOptions } from '../../shared/adapters/azure/delegatedUserEndpoint.ts';
import type { DelegatedUserTokens } from '../../shared/adapters/azure/delegatedUserTokens.ts';
import { delegatedUserTokens } from '../../shared/adapters/azure/delegatedUserTokens.ts';
import type { KeyVaultTokenVault } from '../../shared/adapters/azure/tokenVault.ts';
import { tokenVault } from '../../shared/adapters/azure/tokenVault.ts';
import { Secret } from '../../shared/domain/secret.ts';
import type { Clock } from '../../shared/ports.ts';

export const vaultBearer = 'a-token-for-vaults';
export const signInSecret = 'mayfly-sign-in';

export async function startTestEntra() {
  const clock = new VirtualClock();
  const user: EntraUser = { name: 'mayfly-service@contoso.com' };
  const browser: { user: EntraUser | undefined } = { user };
  const ids = { tenantId: 'contoso-tenant', clientId: 'public-client' };
  const world = new EntraWorld({ now: () => clock.now(), tenantId: ids.tenantId, clientIds: [ids.clientId] });
  const entra = await startEntra({ world, browserUser: () => browser.user, clock });
  const keyVault = await startKeyVault({ accepts: (token) => token === vaultBearer, clock });
  // Pauses between repetitions take no time here.
  const impatient: Clock = { now: () => clock.now(), sleep: () => Promise.resolve() };
  const vault: KeyVaultTokenVault = tokenVault({
    vaultUrl: keyVault.url,
    tokens: { getToken: async () => ({ token: new Secret(vaultBearer), expiresAt: Number.POSITIVE_INFINITY }) },
    retry: { clock: impatient },
  });
  const endpoint: DelegatedUserEndpointOptions = { ...ids, authority: entra.url, timeoutMs: 2000 };
  return {
    ...ids,
    clock,
    impatient,
    user,
    browser,
    world,
    entra,
    keyVault,
    vault,
    endpoint,
    /** A process of its own: nothing is cached between two of them. */
    aProcess: (): DelegatedUserTokens =>
      delegatedUserTokens({ ...endpoint, vault, secretName: signInSecret, clock: impatient }),
    /** Signs the user in by the back door. */
    signIn: () => {
      const scope = 'a/.default offline_access';
      const { deviceCode, userCode } = world.beginDevice(scope);
      world.answerDevice(userCode, user);
      const { refreshToken = '' } = world.redeemDevice(deviceCode);
      keyVault.secrets.set(signInSecret, refreshToken, { tags: { 'mayfly-user': user.name } });
      return refreshToken;
    },
    close: async () => {
      await Promise.all([entra.close(), keyVault.close()]);
    },
  };
}

export type TestEntra = Awaited<ReturnType<typeof startTestEntra>>;
