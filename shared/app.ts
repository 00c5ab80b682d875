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
import { resolve } from 'node:path';
import { hookVault } from './adapters/azure/hookVault.ts';
import { type KeyVaultOptions, keyVault } from './adapters/azure/keyVault.ts';
import { type ServiceBusQueueOptions, serviceBusIntentQueue } from './adapters/azure/serviceBusQueue.ts';
import { entraTokens, identityOf } from './adapters/azure/tokens.ts';
import { functionsLog } from './adapters/functionsLog.ts';
import { once } from './adapters/retry.ts';
import { systemClock } from './adapters/system.ts';
import { type App, type AppParts, createApp } from './application.ts';
import type { ConfigNews } from './config/configSource.ts';
import type { MayflyConfig, SecretReference } from './config/policy.ts';
import type { ConfiguredPools } from './configuredPools.ts';
import { defined } from './domain/defined.ts';
import { ConfigError, hasErrorKind } from './domain/errors.ts';
import { Secret } from './domain/secret.ts';
import type { HookSecrets } from './hooks/verify.ts';
import { errorFields } from './intents.ts';
import type { PoolParts } from './pools.ts';
import type { HookVault } from './ports/hooks.ts';
import type { TokenSource, Vault } from './ports.ts';
import { acceptedSecrets } from './reconcile/hookSecrets/acceptedSecrets.ts';
import type { ImageMemory } from './reconcile/images/agentVersions.ts';
import { timerPeriodMs } from './schedule.ts';

export type { App };

type Environment = Readonly<Record<string, string | undefined>>;

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
  if (value === undefined)
    throw new ConfigError('the settings', [{ path: name, rule: 'must be set', found: 'nothing' }]);
  return value;
}

function hookSecretsOf(env: Environment): HookSecrets | undefined {
  const current = setting(env, 'MAYFLY_HOOK_SECRET');
  const previous = setting(env, 'MAYFLY_HOOK_SECRET_PREVIOUS');
  if (current === undefined) return undefined;
  return { current: new Secret(current), previous: previous === undefined ? undefined : new Secret(previous) };
}

/** One source of tokens an identity, and so one cache. */
function tokenSources(env: Environment): (clientId?: string) => TokenSource {
  const sources = new Map<string, TokenSource>();
  return (clientId = setting(env, 'MAYFLY_IDENTITY_CLIENT_ID')) => {
    const known = sources.get(clientId ?? '');
    if (known !== undefined) return known;
    const made = entraTokens({ identity: identityOf(env, clientId) });
    sources.set(clientId ?? '', made);
    return made;
  };
}

/** The vault of the settings, or else the one that the configuration names. */
const vaultUrlOf = (env: Environment, config: MayflyConfig): string | undefined =>
  setting(env, 'MAYFLY_VAULT_URL') ?? config.keyVault?.url;

/** One client for each vault; undefined = neither the settings nor the configuration name one. */
function clientsOf<V>(
  env: Environment,
  tokens: TokenSource,
  make: (options: KeyVaultOptions) => V,
): (config: MayflyConfig) => V | undefined {
  const clients = new Map<string, V>();
  return (config) => {
    const vaultUrl = vaultUrlOf(env, config);
    if (vaultUrl === undefined) return undefined;
    const vault = clients.get(vaultUrl) ?? make({ vaultUrl, tokens });
    clients.set(vaultUrl, vault);
    return vault;
  };
}

const vaults = (env: Environment, tokens: TokenSource) => clientsOf<Vault>(env, tokens, keyVault);

async function readSecret(env: Environment, vault: Vault | undefined, reference: SecretReference): Promise<Secret> {
  if (reference.kind === 'environment') return new Secret(required(env, reference.name));
  if (vault !== undefined) return vault.getSecret(reference.name);
  throw new ConfigError('the settings', [{ path: 'MAYFLY_VAULT_URL', rule: 'must be set', found: 'nothing' }]);
}

/**
 * The latest secrets, from where the configuration says; where it says nothing, the settings are the last word. Rejects
 * when they cannot be had, and when the configuration cannot be read: then nobody can be told from a stranger.
 */
async function readHookSecrets(
  env: Environment,
  config: MayflyConfig,
  { vaultOf, hookVaultOf }: Pick<Sources, 'vaultOf' | 'hookVaultOf'>,
): Promise<HookSecrets> {
  if (config.hooks === undefined) {
    return hookSecretsOf(env) ?? { current: new Secret(required(env, 'MAYFLY_HOOK_SECRET')) };
  }
  const { current, previous, subscriptions } = config.hooks;
  const vault = vaultOf(config);
  const rotated = subscriptions.length === 0 ? undefined : hookVaultOf(config);
  return {
    ...(rotated === undefined
      ? { current: await readSecret(env, vault, current) }
      : await acceptedSecrets(rotated, current.name)),
    previous: previous === undefined ? undefined : await readSecret(env, vault, previous).catch(absentIsNone),
  };
}

/** Right after the first rotation was set up there is no previous secret yet. */
function absentIsNone(error: unknown): undefined {
  if (hasErrorKind(error, 'notFound') || error instanceof ConfigError) return undefined;
  throw error;
}

function queueAccess(env: Environment, tokens: TokenSource): ServiceBusQueueOptions['access'] {
  const namespace = setting(env, `${connection}__fullyQualifiedNamespace`);
  if (namespace !== undefined) return { kind: 'namespace', namespace, tokens };
  return { kind: 'connectionString', connectionString: new Secret(required(env, connection)) };
}

const vaultOptions = (vaultUrl: string | undefined, tokens: TokenSource) =>
  vaultUrl === undefined ? undefined : { vaultUrl, tokens };

interface Sources {
  readonly tokens: (clientId?: string) => TokenSource;
  readonly vaultOf: (config: MayflyConfig) => Vault | undefined;
  readonly hookVaultOf: (config: MayflyConfig) => HookVault | undefined;
}

/** One line for each new version of the file; a refused one says what is wrong with it and what stays in force. */
function tellConfigNews(news: ConfigNews): void {
  const log = functionsLog(console);
  if (news.kind === 'inForce') {
    log.write('info', 'config.inForce', { hash: news.loaded.hash });
    return;
  }
  const problems = news.problems.map(({ path, rule, found }) => `${path}: ${rule}; found ${found}`).join(' | ');
  log.write('warn', 'config.refused', { problems, staysInForce: news.inForce?.hash ?? 'nothing' });
}

async function loadPools(
  env: Environment,
  { tokens, vaultOf }: Pick<Sources, 'tokens' | 'vaultOf'>,
  onNews?: (news: ConfigNews) => void,
): Promise<ConfiguredPools> {
  const { configuredPools } = await import('./configuredPools.ts');
  const imageMemory: ImageMemory = { known: new Map(), asking: new Map() };
  // The host names the folder of the app; elsewhere it is where the process was started.
  const folder = setting(env, 'AzureWebJobsScriptRoot') ?? process.cwd();
  return configuredPools({
    path: resolve(folder, setting(env, 'MAYFLY_CONFIG') ?? 'mayfly.yaml'),
    settings: env,
    now: () => systemClock.now(),
    log: functionsLog(console),
    ...defined({ onNews }),
    sources: (config) => ({
      tokens,
      clock: systemClock,
      imageMemory,
      readSecret: (reference) => readSecret(env, vaultOf(config), reference),
      vault: vaultOptions(vaultUrlOf(env, config), tokens()),
      authority: setting(env, 'MAYFLY_ENTRA_URL'),
    }),
  });
}

/** The parts of the real thing. Settings are looked at when a part is made, never before the first call. */
export function partsOf(env: Environment): AppParts {
  const tokens = tokenSources(env);
  const vaultOf = vaults(env, tokens());
  const hookVaultOf = clientsOf<HookVault>(env, tokens(), hookVault);
  const configured = once(() => loadPools(env, { tokens, vaultOf }, tellConfigNews));
  const log = functionsLog(console);
  return {
    clock: systemClock,
    random: Math.random,
    hookSecrets: hookSecretsOf(env),
    async readHookSecrets() {
      try {
        const config = await (await configured()).config();
        return await readHookSecrets(env, config, { vaultOf, hookVaultOf });
      } catch (error) {
        log.write('error', 'hook.secretUnreadable', errorFields(error));
        throw error;
      }
    },
    queue: once(async () =>
      serviceBusIntentQueue({ access: queueAccess(env, tokens()), queue: required(env, 'MAYFLY_QUEUE') }),
    ),
    pools: async () => (await configured()).pools(),
    tokens: async () => (await configured()).tokens(),
    images: async () => (await configured()).images(),
    configProblems: async () => (await configured()).problems(),
    sweepPeriodMs: once(() => timerPeriodMs(setting(env, 'MAYFLY_SWEEP') ?? '0 * * * * *')),
  };
}

/** The configured pools with their connections, for a command. Nothing is connected before it is used. */
export async function configuredPoolParts(env: Environment): Promise<PoolParts> {
  const tokens = tokenSources(env);
  return (await loadPools(env, { tokens, vaultOf: vaults(env, tokens()) })).parts();
}

export const getApp: () => Promise<App> = once(async () => createApp(partsOf(process.env)));
