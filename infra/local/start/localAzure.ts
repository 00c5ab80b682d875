/** The managed identities of the local control plane, and its Key Vault. */
import { entraAnswer } from '../azure/entra.ts';
import { type EntraUser, EntraWorld } from '../azure/entraWorld.ts';
import { type KeyVaultStandIn, startKeyVault, vaultResource } from '../azure/keyVault.ts';
import { type Grant, type ManagedIdentityStandIn, startManagedIdentity } from '../azure/managedIdentity.ts';
import type { PoolSet, Rights, TokenRegistry } from '../azureDevOps/wire/tokens.ts';
import type { WorldClock } from '../world/clock.ts';
import { localSecrets, localSignIn, registrationClientId, vaultNames } from './localSettings.ts';

/** Of Azure DevOps in Entra, in every tenant (learn.microsoft.com, azure/devops/integrate, service principals). */
export const devOpsResource = '499b84ac-1321-427f-aa17-267ca6975798';

export interface AzureOptions {
  readonly clock: WorldClock;
  /** 0 = any free one. */
  readonly ports: { readonly managedIdentity: number; readonly keyVault: number };
  readonly devOpsTokens: TokenRegistry;
  /** The pools that both identities administer. */
  readonly poolIds: readonly number[];
}

/** Read at every call: tests take a right away and give it back. */
export interface RegistrationRights extends Rights {
  manage: PoolSet;
}

export interface LocalAzure {
  readonly ports: AzureOptions['ports'];
  readonly identity: ManagedIdentityStandIn;
  /** Where the service user signs in, at the address of the managed identity. */
  readonly entra: EntraWorld;
  /** As whom tokens are made; also the one who is signed in to every browser. */
  readonly serviceUser: EntraUser;
  readonly vault: KeyVaultStandIn;
  /** Of who registers agents, by Entra token or PAT: the same pools as Mayfly, no project and no subscription. */
  readonly registrationRights: RegistrationRights;
  close(): Promise<void>;
}

/**
 * Tokens for Azure DevOps are known to the organisation from the moment they are given out: those of the app's own
 * identity as the user "mayfly", those of the second one as "mayfly-registration", which the vault does not let in.
 */
export async function startAzure({ clock, ports, devOpsTokens, poolIds }: AzureOptions): Promise<LocalAzure> {
  const mayfly = { kind: 'user', name: 'mayfly', rights: { read: poolIds, manage: poolIds, hooks: false } } as const;
  const registrationRights: RegistrationRights = { read: poolIds, manage: poolIds, hooks: false, projects: false };
  const registration = { kind: 'user', name: 'mayfly-registration', rights: registrationRights } as const;
  const known = ({ token, resource, clientId, expiresAt }: Grant): void => {
    if (resource !== devOpsResource) return;
    const identity = clientId === undefined ? mayfly : registration;
    devOpsTokens.add({ token, kind: 'entra', identity, expiresAt });
  };
  const serviceUser: EntraUser = { name: localSignIn.user };
  const entra = startSignIn(clock, devOpsTokens, poolIds);
  const identity = await startManagedIdentity({
    clock,
    others: (request) => entraAnswer({ world: entra, browserUser: () => serviceUser }, request),
    port: ports.managedIdentity,
    header: localSecrets.identityHeader,
    clientIds: [registrationClientId],
    onGrant: known,
  });
  const vault = await startKeyVault({
    clock,
    port: ports.keyVault,
    accepts: (token) => {
      const grant = identity.accepts(token, vaultResource);
      return grant !== undefined && grant.clientId === undefined;
    },
  }).catch(async (error: unknown) => {
    await identity.close();
    throw error;
  });
  vault.secrets.set(vaultNames.hook, localSecrets.hook, {});
  vault.secrets.set(vaultNames.registration, localSecrets.registration, {});
  devOpsTokens.add({ token: localSecrets.registration, kind: 'pat', identity: registration });
  return {
    ports: { managedIdentity: identity.port, keyVault: vault.port },
    identity,
    entra,
    serviceUser,
    vault,
    registrationRights,
    close: async () => {
      await Promise.all([identity.close(), vault.close()]);
    },
  };
}

/** Its tokens are known to the organisation as a user's own, who may therefore make personal access tokens. */
function startSignIn(clock: WorldClock, devOpsTokens: TokenRegistry, poolIds: readonly number[]): EntraWorld {
  const rights = { read: poolIds, manage: poolIds, hooks: true };
  return new EntraWorld({
    now: () => clock.now(),
    tenantId: localSignIn.tenantId,
    clientIds: [localSignIn.clientId],
    onGrant: ({ accessToken: token, user, scope, expiresAt }) => {
      if (!scope.includes(devOpsResource)) return;
      const identity = { kind: 'user', name: user.name, rights } as const;
      devOpsTokens.add({ token, kind: 'entra', identity, delegated: true, expiresAt });
    },
  });
}
