/**
 * From the entries of mayfly.yaml to connections: which credential goes to which organisation and cluster. Each is made
 * at its first use and kept; nothing is read from the vault before somebody needs it.
 */
import { vaultTokens } from './adapters/azure/tokens.ts';
import type { AzureDevOpsCredential } from './adapters/azureDevOps/rest.ts';
import { azureDevOpsScope } from './adapters/azureDevOps/scope.ts';
import type { KubernetesAccess } from './adapters/kubernetes/access.ts';
import { once } from './adapters/retry.ts';
import { randomNonces } from './adapters/system.ts';
import type {
  ClusterConfig,
  MayflyConfig,
  OrganisationConfig,
  OrganisationCredential,
  SecretReference,
} from './config/policy.ts';
import { minutesMs } from './domain/instant.ts';
import type { Secret } from './domain/secret.ts';
import type { PoolPolicy } from './domain/template.ts';
import type { PoolParts } from './pools.ts';
import type { PipelineRuns } from './ports/runs.ts';
import type { AgentPools, Clock, Cluster, Throttle, TokenSource } from './ports.ts';
import type { ImageMemory } from './reconcile/images/agentVersions.ts';
import { imageRegistryOf } from './registries.ts';

/** What connections are made of. */
export interface CredentialSources {
  /** Entra tokens of the identity with this client id; without one, of the default identity. */
  readonly tokens: (clientId?: string) => TokenSource;
  /** `notFound` where there is none. */
  readonly readSecret: (reference: SecretReference) => Promise<Secret>;
  readonly clock: Clock;
  /** Outlives versions of the configuration: content does not change under its digest. */
  readonly imageMemory?: ImageMemory;
}

/** A token in the vault is read again after this long: well inside the grace that a rotation leaves the old one. */
const keepMs = minutesMs(5);

/** The secret behind a reference as a token, wherever it lies. */
const storedTokens = (reference: SecretReference, { readSecret, clock }: CredentialSources): TokenSource =>
  vaultTokens({ getSecret: () => readSecret(reference) }, reference.name, keepMs, clock);

export function credentialOf(credential: OrganisationCredential, sources: CredentialSources): AzureDevOpsCredential {
  if (credential.kind === 'managedIdentity') return { kind: 'bearer', tokens: sources.tokens(credential.clientId) };
  return { kind: 'personalAccessToken', tokens: storedTokens(credential.secret, sources) };
}

/** What init containers register their agents with, by the URL of an organisation; undefined = none is configured. */
function registrationTokens(
  config: MayflyConfig,
  sources: CredentialSources,
): NonNullable<PoolParts['registrationToken']> {
  const credentials = config.organisations.flatMap(({ url, registration }) =>
    registration === undefined ? [] : [[url, credentialOf(registration, sources)] as const],
  );
  const byUrl = new Map(credentials);
  return (organisationUrl) => {
    const credential = byUrl.get(organisationUrl);
    return credential && (async () => (await credential.tokens.getToken(azureDevOpsScope)).token);
  };
}

interface OrganisationDoors {
  readonly pools: AgentPools;
  readonly runs: PipelineRuns;
  readonly throttle: Throttle;
}

/** Both over one connection. */
async function organisationDoors(
  organisation: OrganisationConfig,
  sources: CredentialSources,
): Promise<OrganisationDoors> {
  const [{ azureDevOpsRest }, { poolsOver }, { runsOver }, { ThrottleMemory }] = await Promise.all([
    import('./adapters/azureDevOps/rest.ts'),
    import('./adapters/azureDevOps/pools.ts'),
    import('./adapters/azureDevOps/runs.ts'),
    import('./adapters/azureDevOps/throttle.ts'),
  ]);
  const credential = credentialOf(organisation.credential, sources);
  const throttle = new ThrottleMemory(sources.clock);
  const rest = azureDevOpsRest({
    organisationUrl: organisation.url,
    credential,
    clock: sources.clock,
    onThrottleHint: (retryAfterMs) => throttle.heard(retryAfterMs),
  });
  return { pools: poolsOver(rest), runs: runsOver(rest), throttle };
}

const optional = <K extends string>(key: K, value: string | undefined): Partial<Record<K, string>> =>
  value === undefined ? {} : ({ [key]: value } as Record<K, string>);

/** How the adapter reaches a cluster, with the secrets that the configuration only names. */
export async function accessOf(access: ClusterConfig['access'], sources: CredentialSources): Promise<KubernetesAccess> {
  switch (access.kind) {
    case 'inCluster':
    case 'kubeconfigFile':
      return access;
    case 'kubeconfig': {
      const text = await sources.readSecret(access.secret);
      return { kind: 'kubeconfig', text, ...optional('context', access.context) };
    }
    case 'aks': {
      const token = sources.tokens(access.clientId);
      return { kind: 'server', server: access.server, token, ...optional('caData', access.caData) };
    }
    case 'token': {
      const token = storedTokens(access.secret, sources);
      return { kind: 'server', server: access.server, token, ...optional('caData', access.caData) };
    }
  }
}

async function connectCluster(config: ClusterConfig, sources: CredentialSources): Promise<Cluster> {
  const [{ clusterOver }, { wireKubernetesApi }, access] = await Promise.all([
    import('./adapters/kubernetes/cluster.ts'),
    import('./adapters/kubernetes/wireApi.ts'),
    accessOf(config.access, sources),
  ]);
  const api = wireKubernetesApi(access, { clock: sources.clock });
  return clusterOver(api, { name: config.name, namespace: config.namespace, clock: sources.clock });
}

/**
 * A cluster that is connected by its first call. One whose credential cannot be had rejects every call and so is
 * unknown to the pass, like one out of reach, while the other clusters go on.
 */
export function lazyCluster(name: string, connect: () => Promise<Cluster>): Cluster {
  return {
    name,
    listAgentJobs: async (scope) => (await connect()).listAgentJobs(scope),
    getAgentJob: async (agentJob) => (await connect()).getAgentJob(agentJob),
    createAgentJob: async (manifest) => (await connect()).createAgentJob(manifest),
    patchAgentJob: async (agentJob, patch) => (await connect()).patchAgentJob(agentJob, patch),
    deleteAgentJob: async (agentJob, uid) => (await connect()).deleteAgentJob(agentJob, uid),
    createSecret: async (manifest) => (await connect()).createSecret(manifest),
    getSecretOwners: async (secret) => (await connect()).getSecretOwners(secret),
    deleteSecret: async (secret) => (await connect()).deleteSecret(secret),
    getControl: async (poolId) => (await connect()).getControl(poolId),
    patchControl: async (poolId, changes) => (await connect()).patchControl(poolId, changes),
    testAndPatchControl: async (poolId, expected, changes) =>
      (await connect()).testAndPatchControl(poolId, expected, changes),
    listQuotaRoom: async () => (await connect()).listQuotaRoom(),
    recordEvent: async (poolId, event) => (await connect()).recordEvent(poolId, event),
    listLeftovers: async (scope) => (await connect()).listLeftovers(scope),
    deleteLeftover: async (leftover) => (await connect()).deleteLeftover(leftover),
    endPod: async (pod, uid, graceSeconds) => (await connect()).endPod(pod, uid, graceSeconds),
    endPodsOf: async (jobName, graceSeconds) => (await connect()).endPodsOf(jobName, graceSeconds),
    readPodLog: async (pod, lines) => (await connect()).readPodLog(pod, lines),
  };
}

/** One maker a key, each made once; an unknown key is a fault of ours, since the configuration checks its references. */
function madeOnce<C, T>(entries: readonly (readonly [string, C])[], make: (entry: C) => Promise<T>) {
  const makers = new Map(entries.map(([key, entry]) => [key, once(() => make(entry))]));
  return (key: string): Promise<T> => {
    const maker = makers.get(key);
    return maker === undefined ? Promise.reject(new RangeError(`nothing is configured as ${key}`)) : maker();
  };
}

/** Everything that passes over the configured pools need. */
export function poolPartsOf(
  config: MayflyConfig,
  policies: readonly PoolPolicy[],
  sources: CredentialSources,
): PoolParts {
  const connectTo = madeOnce(
    config.clusters.map((cluster) => [cluster.name, cluster]),
    (cluster) => connectCluster(cluster, sources),
  );
  const organisationAt = madeOnce(
    config.organisations.map((organisation) => [organisation.url, organisation]),
    (organisation) => organisationDoors(organisation, sources),
  );
  const sessions = new Map(config.organisations.map((organisation) => [organisation.short, organisation.session]));
  return {
    policies,
    session: ({ organisation }) => sessions.get(organisation.short) ?? organisation.short,
    agentPools: async (url) => (await organisationAt(url)).pools,
    runs: async (url) => (await organisationAt(url)).runs,
    throttle: async (url) => (await organisationAt(url)).throttle,
    registrationToken: registrationTokens(config, sources),
    cluster: (name) => lazyCluster(name, () => connectTo(name)),
    keys: once(async () => (await import('./adapters/azureDevOps/agentKeys.ts')).rsaAgentKeys()),
    namespaces: new Map(config.clusters.map(({ name, namespace }) => [name, namespace])),
    images: {
      lookup: {
        registry: imageRegistryOf(config, sources),
        hosts: new Set(config.registries.map(({ host }) => host)),
        clock: sources.clock,
      },
      memory: sources.imageMemory ?? { known: new Map(), asking: new Map() },
    },
    nonces: randomNonces,
    clock: sources.clock,
  };
}
