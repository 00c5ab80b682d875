/** From mayfly.yaml to targets: which vault, which organisation and which clusters each token has to do with. */
import { randomBytes } from 'node:crypto';
import type { DelegatedUserTokens } from './adapters/azure/delegatedUserTokens.ts';
import type { KeyVaultOptions } from './adapters/azure/keyVaultClient.ts';
import { once } from './adapters/retry.ts';
import { randomNonces } from './adapters/system.ts';
import type { ClusterConfig, DelegatedUserConfig, HooksConfig, MayflyConfig, TokenConfig } from './config/policy.ts';
import { accessOf, type CredentialSources, credentialOf } from './connections.ts';
import { defined } from './domain/defined.ts';
import { ConfigError } from './domain/errors.ts';
import { minutesMs } from './domain/instant.ts';
import { Secret } from './domain/secret.ts';
import type { TokenPolicy } from './domain/token.ts';
import { hookSecretTarget, type TokenNudge } from './domain/tokenNudge.ts';
import { markOf } from './hooks/verify.ts';
import type { HookVault } from './ports/hooks.ts';
import type { ClusterSecrets, PersonalTokens, TokenVault } from './ports/tokens.ts';
import type { Log } from './ports.ts';
import type { HookSecretDeps, HookSource } from './reconcile/hookSecrets/rotateHookSecret.ts';
import type { TokenDeps, TokenIntent } from './reconcile/tokens/tokenDeps.ts';
import { signInTargetOf } from './signInUpkeep.ts';
import type { TokenFinding, TokenTarget } from './tokens.ts';

export interface TokenSources extends CredentialSources {
  /** undefined = neither the settings nor the configuration name a vault. */
  readonly vault: Omit<KeyVaultOptions, 'timeoutMs'> | undefined;
  /** Where the delegated user signs in; absent = Entra. */
  readonly authority?: string | undefined;
}

/** What all targets share; each is made at its first use. */
interface Shared {
  readonly config: MayflyConfig;
  readonly sources: TokenSources;
  readonly vault: () => Promise<HookVault>;
  readonly user: (() => Promise<DelegatedUserTokens>) | undefined;
  readonly cluster: (name: string) => ClusterSecrets;
}

function vaultOptions({ vault }: TokenSources): KeyVaultOptions {
  if (vault !== undefined) return vault;
  throw new ConfigError('the settings', [{ path: 'MAYFLY_VAULT_URL', rule: 'must be set', found: 'nothing' }]);
}

/** Connected by its first call; one that cannot be connected is out of reach, and the others go on. */
function lazySecrets(config: ClusterConfig, sources: TokenSources): ClusterSecrets {
  const { name, namespace } = config;
  const connect = once(async () => {
    const [{ clusterSecretsOver }, { wireKubernetesApi }, access] = await Promise.all([
      import('./adapters/kubernetes/clusterSecrets.ts'),
      import('./adapters/kubernetes/wireApi.ts'),
      accessOf(config.access, sources),
    ]);
    return clusterSecretsOver(wireKubernetesApi(access, { clock: sources.clock }), { name, namespace });
  });
  return {
    cluster: name,
    readValue: async (secret, key) => (await connect()).readValue(secret, key),
    writeValue: async (secret, key, value) => (await connect()).writeValue(secret, key, value),
  };
}

async function signedIn(user: DelegatedUserConfig, sources: TokenSources): Promise<DelegatedUserTokens> {
  const [{ delegatedUserTokens }, { tokenVault }] = await Promise.all([
    import('./adapters/azure/delegatedUserTokens.ts'),
    import('./adapters/azure/tokenVault.ts'),
  ]);
  const { tenantId, clientId, keyVaultSecret } = user;
  return delegatedUserTokens({
    tenantId,
    clientId,
    secretName: keyVaultSecret,
    vault: tokenVault(vaultOptions(sources)),
    clock: sources.clock,
    ...defined({ authority: sources.authority }),
  });
}

function policyOf({ installation, organisations }: MayflyConfig, token: TokenConfig): TokenPolicy {
  const organisation = organisations.find(({ name }) => name === token.organisation);
  return {
    installation,
    name: token.name,
    organisation: organisation?.url ?? '',
    vaultSecret: token.keyVaultSecret,
    mode: token.mode,
    scope: token.scopes.join(' '),
    lifetimeMs: token.lifetime,
    ...defined({ rotateBeforeMs: token.rotateBefore }),
    graceMs: token.grace,
    copies: token.secrets,
  };
}

async function personalTokens(shared: Shared, organisationUrl: string): Promise<PersonalTokens | undefined> {
  if (shared.user === undefined) return undefined;
  const [{ azureDevOpsPersonalTokens }, tokens] = await Promise.all([
    import('./adapters/azureDevOps/personalTokens.ts'),
    shared.user(),
  ]);
  const credential = { kind: 'bearer', tokens } as const;
  return azureDevOpsPersonalTokens({ organisationUrl, credential, clock: shared.sources.clock });
}

async function tokenDeps(shared: Shared, policy: TokenPolicy): Promise<Omit<TokenDeps, 'log'>> {
  const { clock } = shared.sources;
  const [{ azureDevOpsTokenProof }, vault, personal] = await Promise.all([
    import('./adapters/azureDevOps/tokenProof.ts'),
    shared.vault(),
    personalTokens(shared, policy.organisation),
  ]);
  const names = [...new Set(policy.copies.map(({ cluster }) => cluster))];
  return {
    policy,
    vault: vault satisfies TokenVault,
    ...defined({ personalTokens: personal }),
    proof: azureDevOpsTokenProof({ organisationUrl: policy.organisation, clock }),
    clusters: names.map((name) => shared.cluster(name)),
    clock,
    nonces: randomNonces,
  };
}

const intentOf = ({ cause, version, askedId, correlationId }: TokenNudge, deadlineAt: number): TokenIntent => ({
  cause,
  correlationId,
  deadlineAt,
  ...defined({ version, askedId }),
});

function tokenTarget(shared: Shared, config: TokenConfig): TokenTarget {
  const deps = once(() => tokenDeps(shared, policyOf(shared.config, config)));
  return {
    name: config.name,
    vaultSecret: config.keyVaultSecret,
    pass: async (nudge, deadlineAt, log) => {
      const [{ rotateToken }, ready] = await Promise.all([import('./reconcile/tokens/rotateToken.ts'), deps()]);
      return rotateToken({ ...ready, log }, intentOf(nudge, deadlineAt));
    },
    look: async (log) => {
      const [{ observeToken }, { planToken }, ready] = await Promise.all([
        import('./reconcile/tokens/observeToken.ts'),
        import('./plan/tokens/planToken.ts'),
        deps(),
      ]);
      const intent = { cause: 'timer', correlationId: 'health', deadlineAt: shared.sources.clock.now() } as const;
      const { observed } = await observeToken({ ...ready, log }, intent);
      const { alarms, expiresAt } = planToken(ready.policy, observed);
      return { alarms, expiresAt };
    },
  };
}

async function hookSources({ config, sources }: Shared, hooks: HooksConfig): Promise<readonly HookSource[]> {
  const [{ hookSubscriptions }, { azureDevOpsRest }] = await Promise.all([
    import('./adapters/azureDevOps/subscriptions.ts'),
    import('./adapters/azureDevOps/rest.ts'),
  ]);
  return hooks.subscriptions.flatMap(({ organisation: name, projects, url }) => {
    const organisation = config.organisations.find((each) => each.name === name);
    if (organisation === undefined) return [];
    const credential = credentialOf(organisation.credential, sources);
    const rest = azureDevOpsRest({ organisationUrl: organisation.url, credential, clock: sources.clock });
    return [{ organisation: name, projects, subscriptions: hookSubscriptions(rest, url, sources.clock) }];
  });
}

/** 256 bits of randomness. */
const newHookSecret = (): Secret => new Secret(randomBytes(32).toString('base64url'));

async function hookDeps(shared: Shared, hooks: HooksConfig): Promise<Omit<HookSecretDeps, 'log'>> {
  const [{ hookGraceMs }, vault, sources] = await Promise.all([
    import('./plan/hookSecret.ts'),
    shared.vault(),
    hookSources(shared, hooks),
  ]);
  return {
    vault,
    secretName: hooks.current.name,
    sources,
    policy: { rotateAfterMs: hooks.rotateAfter, graceMs: hookGraceMs },
    newSecret: newHookSecret,
    markOf: (secret) => markOf(secret.reveal()),
    clock: shared.sources.clock,
  };
}

/** A next step that is further away is left to the timer. */
const soonMs = minutesMs(59);

function hookTarget(shared: Shared, hooks: HooksConfig): TokenTarget {
  const deps = once(() => hookDeps(shared, hooks));
  const run = async (rotates: boolean, asked: boolean, log: Log): Promise<TokenFinding> => {
    const [module, ready] = await Promise.all([import('./reconcile/hookSecrets/rotateHookSecret.ts'), deps()]);
    const report = await (rotates ? module.rotateHookSecret : module.lookAtHookSecret)({ ...ready, log }, { asked });
    const waitMs = report.nextInMs === undefined || report.nextInMs > soonMs ? undefined : report.nextInMs;
    return { alarms: report.alarms.map(alarmText), lookAgainInMs: waitMs };
  };
  return {
    name: hookSecretTarget,
    vaultSecret: hooks.current.name,
    pass: ({ cause }, _deadlineAt, log) => run(true, cause === 'asked', log),
    look: (log) => run(false, false, log),
  };
}

type HookAlarm = Awaited<
  ReturnType<typeof import('./reconcile/hookSecrets/rotateHookSecret.ts')['rotateHookSecret']>
>['alarms'][number];

const alarmText = ({ code, organisation, projectId, subscriptionId, detail }: HookAlarm) => ({
  reason: code,
  ...defined({ subject: subscriptionId ?? projectId ?? organisation, detail }),
});

/** All that the configuration names; nothing is connected before it is used. */
export function tokenTargets(config: MayflyConfig, sources: TokenSources): readonly TokenTarget[] {
  const { delegatedUser, hooks } = config;
  const clusters = new Map(config.clusters.map((cluster) => [cluster.name, lazySecrets(cluster, sources)]));
  const user = delegatedUser && once(() => signedIn(delegatedUser, sources));
  const shared: Shared = {
    config,
    sources,
    vault: once(async () => (await import('./adapters/azure/hookVault.ts')).hookVault(vaultOptions(sources))),
    user,
    cluster: (name) => {
      const found = clusters.get(name);
      if (found === undefined) throw new RangeError(`no cluster is configured as ${name}`);
      return found;
    },
  };
  return [
    ...config.tokens.map((token) => tokenTarget(shared, token)),
    ...(hooks !== undefined && hooks.subscriptions.length > 0 ? [hookTarget(shared, hooks)] : []),
    ...(delegatedUser !== undefined && user !== undefined
      ? [
          signInTargetOf({
            vaultSecret: delegatedUser.keyVaultSecret,
            user,
            vault: () => shared.vault(),
            clock: sources.clock,
          }),
        ]
      : []),
  ];
}
