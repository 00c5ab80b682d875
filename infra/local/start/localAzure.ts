/** The managed identity of the local control plane, and its Key Vault. */
import { startKeyVault, vaultResource } from '../azure/keyVault.ts';
import { startManagedIdentity } from '../azure/managedIdentity.ts';
import type { TokenRegistry } from '../azureDevOps/wire/tokens.ts';
import type { WorldClock } from '../world/clock.ts';
import { localSecrets } from './localSettings.ts';

/** Of Azure DevOps in Entra, in every tenant (learn.microsoft.com, azure/devops/integrate, service principals). */
const devOpsResource = '499b84ac-1321-427f-aa17-267ca6975798';

export interface AzureOptions {
  readonly clock: WorldClock;
  /** 0 = any free one. */
  readonly ports: { readonly managedIdentity: number; readonly keyVault: number };
  readonly devOpsTokens: TokenRegistry;
  /** The pools that the identity administers; it has no other right. */
  readonly poolIds: readonly number[];
}

export interface LocalAzure {
  readonly ports: AzureOptions['ports'];
  readonly settings: Readonly<Record<string, string>>;
  close(): Promise<void>;
}

/** Tokens for Azure DevOps are known to the organisation as the user "mayfly" from the moment they are given out. */
export async function startAzure({ clock, ports, devOpsTokens, poolIds }: AzureOptions): Promise<LocalAzure> {
  const identity = await startManagedIdentity({
    clock,
    port: ports.managedIdentity,
    header: localSecrets.identityHeader,
    onGrant: ({ token, resource, expiresAt }) => {
      if (resource !== devOpsResource) return;
      const rights = { read: poolIds, manage: poolIds, hooks: false };
      devOpsTokens.add({ token, kind: 'entra', identity: { kind: 'user', name: 'mayfly', rights }, expiresAt });
    },
  });
  const vault = await startKeyVault({
    clock,
    port: ports.keyVault,
    accepts: (token) => identity.accepts(token, vaultResource) !== undefined,
  }).catch(async (error: unknown) => {
    await identity.close();
    throw error;
  });
  vault.secrets.set('mayfly-hook-secret', localSecrets.hook, {});
  return {
    ports: { managedIdentity: identity.port, keyVault: vault.port },
    settings: { ...identity.settings, MAYFLY_VAULT_URL: vault.url },
    close: async () => {
      await Promise.all([identity.close(), vault.close()]);
    },
  };
}
