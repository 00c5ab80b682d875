/** From the document, which is checked, to what the rest of Mayfly works with. */
import { isJsonObject } from '../domain/json.ts';
import { organisationShort } from '../domain/names.ts';
import type { Template, WarmSchedule } from '../domain/template.ts';
import type { SecretSource } from './fields.ts';
import type {
  ClusterAccess,
  HooksConfig,
  MayflyConfig,
  OrganisationConfig,
  OrganisationCredential,
  PoolConfig,
  SecretReference,
} from './policy.ts';
import { registryOf, repositoriesOf } from './registries.ts';
import type { ConfigDocument } from './schema.ts';

type OrganisationDocument = ConfigDocument['organisations'][number];
type AccessDocument = ConfigDocument['clusters'][number]['access'];
type TemplateDocument = ConfigDocument['templates'][number];
type PoolDocument = ConfigDocument['pools'][number];
type WarmDocument = PoolDocument['warm'][number];

export function composeConfig(document: ConfigDocument): MayflyConfig {
  const { generation, hooks, keyVault, delegatedUser } = document;
  const templates = document.templates.map(templateOf);
  return {
    ...(generation !== undefined && { generation }),
    installation: document.installation,
    organisations: document.organisations.map(organisationOf),
    clusters: document.clusters.map(({ access, ...cluster }) => ({ ...cluster, access: accessOf(access) })),
    templates,
    pools: document.pools.map((pool) => poolOf(pool, document)),
    ...(hooks !== undefined && { hooks: hooksOf(hooks) }),
    serviceBus: document.serviceBus,
    ...(keyVault !== undefined && { keyVault }),
    tokens: document.tokens,
    ...(delegatedUser !== undefined && { delegatedUser }),
    registries: document.registries.map((registry) => registryOf(registry, secretOf)),
    allowedRepositories: document.allowedRepositories ?? repositoriesOf(templates),
  };
}

function organisationOf(document: OrganisationDocument): OrganisationConfig {
  const { name, url, licenceGroup, parallelJobs, registration } = document;
  return {
    name,
    url,
    short: organisationShort(url),
    session: licenceGroup ?? name,
    credential: credentialOf(document.credential),
    ...(registration !== undefined && { registration: credentialOf(registration.credential) }),
    parallelJobs,
  };
}

function credentialOf(document: OrganisationDocument['credential']): OrganisationCredential {
  return document.kind === 'pat' ? { kind: 'pat', secret: secretOf(document) } : document;
}

function secretOf({ keyVaultSecret, environment }: SecretSource): SecretReference {
  return keyVaultSecret === undefined
    ? { kind: 'environment', name: environment ?? '' }
    : { kind: 'keyVault', name: keyVaultSecret };
}

function accessOf(document: AccessDocument): ClusterAccess {
  switch (document.kind) {
    case 'inCluster':
      return document;
    case 'kubeconfig': {
      const context = document.context === undefined ? {} : { context: document.context };
      return document.path === undefined
        ? { kind: 'kubeconfig', secret: secretOf(document), ...context }
        : { kind: 'kubeconfigFile', path: document.path, ...context };
    }
    case 'aks': {
      const { server, clientId } = document;
      return { kind: 'aks', server, ...caData(document), ...(clientId !== undefined && { clientId }) };
    }
    case 'token':
      return { kind: 'token', server: document.server, ...caData(document), secret: secretOf(document) };
  }
}

function caData({ caCertificate }: { readonly caCertificate?: string }): { readonly caData?: string } {
  if (caCertificate === undefined) return {};
  return { caData: caCertificate.includes('-----BEGIN') ? btoa(caCertificate) : caCertificate.trim() };
}

function templateOf(document: TemplateDocument): Template {
  const { allowTags: _, terminationGrace, fallback, pod, ...template } = document;
  return {
    ...template,
    ...(fallback !== undefined && { fallback: { template: fallback.template, afterMs: fallback.after } }),
    terminationGraceSeconds: Math.ceil(terminationGrace / 1000),
    pod: isJsonObject(pod) ? pod : {},
  };
}

function poolOf(pool: PoolDocument, document: ConfigDocument): PoolConfig {
  const clusters = pool.clusters ?? document.clusters.map(({ name }) => name);
  return { ...pool, clusters, warm: pool.warm.map(warmOf) };
}

function warmOf({ hours, ...warm }: WarmDocument): WarmSchedule {
  return { ...warm, ...hours };
}

function hooksOf({ secret, rotateAfter, subscriptions }: NonNullable<ConfigDocument['hooks']>): HooksConfig {
  const { current, previous } = secret;
  return {
    current: secretOf(current),
    ...(previous !== undefined && { previous: secretOf(previous) }),
    rotateAfter,
    subscriptions,
  };
}
