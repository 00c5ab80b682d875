/** The settings with which the control plane finds the stand-ins; local.settings.sample.json holds those of the default ports. */
import { organisationName } from './localOrganisation.ts';
import type { Ports } from './ports.ts';

/** Credentials of the stand-ins. They open nothing but what listens on 127.0.0.1 while the local system runs. */
export const localSecrets = {
  hook: 'local-hook-secret',
  kubernetesToken: 'local-control-plane',
  serviceBusKey: 'bG9jYWw=',
  identityHeader: 'local-identity',
  /** The default key of the Functions host: `x-functions-key`. */
  hostKey: 'local',
  /** A PAT that registers agents and does nothing else. */
  registration: 'local-registration-personal-access-token',
} as const;

/** The user-assigned identity that registers agents and does nothing else. */
export const registrationClientId = '3e9c0f4e-6d0b-4c55-9a43-5b8c1d7f2a60';

/** Of the service user as whom tokens are made, for `delegatedUser` in a mayfly.yaml that is run here. */
export const localSignIn = {
  tenantId: '7c1b6f5e-20d4-4e0b-8a53-0f3a5d9f6e11',
  clientId: 'b0b3f7c2-9a6e-4f0c-8f58-6a1c6b1f2d33',
  user: 'mayfly-service@contoso.example',
} as const;

/** Names in the local Key Vault. */
export const vaultNames = { hook: 'mayfly-hook-secret', registration: 'mayfly-registration-pat' } as const;

export const queueName = 'mayfly-intents';
export const hookPath = '/api/hooks/azure-devops';

/** Every 6 s: in Azure once a minute is enough, here nobody waits that long to see the first placeholders. */
export const localSweep = '*/6 * * * * *';

/** Every minute: nothing but events and people would otherwise start one while somebody watches. */
export const localRotation = '0 * * * * *';

/** Every minute as well: in Azure once an hour is enough. */
export const localRebuild = '0 * * * * *';

const on = (port: number): string => `127.0.0.1:${port}`;

export function localSettings(ports: Ports): Readonly<Record<string, string>> {
  const bus = `Endpoint=sb://${on(ports.serviceBus)};SharedAccessKeyName=RootManageSharedAccessKey`;
  return {
    MAYFLY_CONFIG: 'mayfly.yaml',
    MAYFLY_QUEUE: queueName,
    MAYFLY_SWEEP: localSweep,
    MAYFLY_ROTATION: localRotation,
    MAYFLY_REBUILD: localRebuild,
    MAYFLY_HOOK_SECRET: localSecrets.hook,
    MAYFLY_HOOK_SECRET_PREVIOUS: '',
    MAYFLY_VAULT_URL: `http://${on(ports.keyVault)}`,
    MAYFLY_IDENTITY_CLIENT_ID: '',
    MAYFLY_ENTRA_URL: `http://${on(ports.managedIdentity)}`,
    MAYFLY_ADO_URL: `http://${on(ports.azureDevOps)}/${organisationName}`,
    MAYFLY_KUBERNETES_URL: `http://${on(ports.kubernetes)}`,
    MAYFLY_KUBERNETES_TOKEN: localSecrets.kubernetesToken,
    IDENTITY_ENDPOINT: `http://${on(ports.managedIdentity)}/msi/token`,
    IDENTITY_HEADER: localSecrets.identityHeader,
    ServiceBusConnection: `${bus};SharedAccessKey=${localSecrets.serviceBusKey};UseDevelopmentEmulator=true;`,
  };
}
