/**
 * The one place where Mayfly is put together, and the only one that reads the environment.
 *
 *   hook ------> receiver --(secrets)--> settings, then vault
 *                   \-----(messages)--> Service Bus
 *   sweep --------------(messages)--> Service Bus
 *   reconcile -> intent -> pass --> Azure DevOps, clusters --(follow-up)--> Service Bus
 *
 * Every part is made at its first use, and what is heavy in it is loaded by import() then: a cold hook loads Service
 * Bus and no other SDK. A part that could not be made is tried again by the next caller; nothing stays broken for the
 * life of the process.
 */

import { keyVault } from './adapters/azure/keyVault.ts';
import { type ServiceBusQueueOptions, serviceBusIntentQueue } from './adapters/azure/serviceBusQueue.ts';
import { entraTokens, identityOf } from './adapters/azure/tokens.ts';
import { functionsLog } from './adapters/functionsLog.ts';
import { once } from './adapters/retry.ts';
import { systemClock } from './adapters/system.ts';
import { type App, type AppParts, createApp } from './application.ts';
import { ConfigError, hasErrorKind } from './domain/errors.ts';
import { Secret } from './domain/secret.ts';
import type { HookSecrets } from './hooks/verify.ts';
import { errorFields } from './intents.ts';
import type { TokenSource, Vault } from './ports.ts';
import { timerPeriodMs } from './schedule.ts';

export type { App };

type Environment = Readonly<Record<string, string | undefined>>;

/** Where the vault keeps the hook secrets. */
export const hookSecretNames = { current: 'mayfly-hook-secret', previous: 'mayfly-hook-secret-previous' } as const;

const connection = 'ServiceBusConnection';

/**
 * A setting that holds something. A reference to the vault that the platform could not resolve stands there as text:
 * that is no value.
 */
function setting(env: Environment, name: string): string | undefined {
  const value = env[name]?.trim();
  return value === undefined || value === '' || value.startsWith('@Microsoft.KeyVault(') ? undefined : value;
}

function required(env: Environment, name: string): string {
  const value = setting(env, name);
  if (value === undefined) throw new ConfigError('the settings', [{ path: name, rule: 'is set', found: 'nothing' }]);
  return value;
}

function hookSecretsOf(env: Environment): HookSecrets | undefined {
  const current = setting(env, 'MAYFLY_HOOK_SECRET');
  const previous = setting(env, 'MAYFLY_HOOK_SECRET_PREVIOUS');
  if (current === undefined) return undefined;
  return { current: new Secret(current), previous: previous === undefined ? undefined : new Secret(previous) };
}

/** Without a vault the settings are the last word, and without either nobody can be told from a stranger. */
async function readHookSecrets(env: Environment, vault: Vault | undefined): Promise<HookSecrets> {
  if (vault === undefined) {
    const secrets = hookSecretsOf(env);
    if (secrets !== undefined) return secrets;
    throw new ConfigError('the settings', [{ path: 'MAYFLY_HOOK_SECRET', rule: 'is set', found: 'nothing' }]);
  }
  const current = await vault.getSecret(hookSecretNames.current);
  const previous = await vault.getSecret(hookSecretNames.previous).catch((error: unknown) => {
    if (hasErrorKind(error, 'notFound')) return undefined;
    throw error;
  });
  return { current, previous };
}

function queueAccess(env: Environment, tokens: TokenSource): ServiceBusQueueOptions['access'] {
  const namespace = setting(env, `${connection}__fullyQualifiedNamespace`);
  if (namespace !== undefined) return { kind: 'namespace', namespace, tokens };
  return { kind: 'connectionString', connectionString: new Secret(required(env, connection)) };
}

/** The parts of the real thing. Settings are looked at when a part is made, never before the first call. */
export function partsOf(env: Environment): AppParts {
  const identity = identityOf(env, setting(env, 'MAYFLY_IDENTITY_CLIENT_ID'));
  const tokens = entraTokens({ identity });
  const vaultUrl = setting(env, 'MAYFLY_VAULT_URL');
  const vault = vaultUrl === undefined ? undefined : keyVault({ vaultUrl, tokens });
  const log = functionsLog(console);
  return {
    clock: systemClock,
    random: Math.random,
    hookSecrets: hookSecretsOf(env),
    readHookSecrets: () =>
      readHookSecrets(env, vault).catch((error: unknown) => {
        log.write('error', 'hook.secretUnreadable', errorFields(error));
        throw error;
      }),
    queue: once(async () =>
      serviceBusIntentQueue({ access: queueAccess(env, tokens), queue: required(env, 'MAYFLY_QUEUE') }),
    ),
    pools: () => Promise.reject(new Error('not wired')),
    sweepPeriodMs: once(() => timerPeriodMs(setting(env, 'MAYFLY_SWEEP') ?? '0 * * * * *')),
  };
}

export const getApp: () => Promise<App> = once(async () => createApp(partsOf(process.env)));
