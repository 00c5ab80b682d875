/** From the document, which is checked, to what the rest of Mayfly works with. */
import { isJsonObject } from '../domain/json.ts';
import { organisationShort } from '../domain/names.ts';
import type { Template, WarmSchedule } from '../domain/template.ts';
import type { SecretSource } from './fields.ts';
import { imageOf, referenceOf } from './images.ts';
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
  const templates = document.templates.map((template) => templateOf(template, document.images));
  const allowedRepositories = document.allowedRepositories ?? repositoriesOf(templates);
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
    allowedRepositories,
    images: document.images.map((image) => imageOf(image, allowedRepositories)),
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

function templateOf(document: TemplateDocument, images: ConfigDocument['images']): Template {
  const { allowTags: _, terminationGrace, fallback, pod, image, ...template } = document;
  return {
    ...template,
    ...imageNamed(image, images),
    agentVersion: template.agentVersion,
    ...(fallback !== undefined && { fallback: { template: fallback.template, afterMs: fallback.after } }),
    terminationGraceSeconds: Math.ceil(terminationGrace / 1000),
    pod: isJsonObject(pod) ? pod : {},
  };
}

/** One that is rebuilt goes by its tag until one has been proven; the registry tells its digest. */
function imageNamed(
  image: TemplateDocument['image'],
  images: ConfigDocument['images'],
): Pick<Template, 'image' | 'rebuilt'> {
  if (typeof image === 'string') return { image };
  const rebuilt = images.find(({ name }) => name === image.name);
  return { image: rebuilt === undefined ? '' : referenceOf(rebuilt), rebuilt: image.name };
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
