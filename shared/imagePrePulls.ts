/** After each look: what is in force is pulled ahead in every cluster whose pools run it. */
import { once } from './adapters/retry.ts';
import type { ClusterConfig, MayflyConfig } from './config/policy.ts';
import { accessOf, type CredentialSources } from './connections.ts';
import { pinned } from './domain/imagePolicy.ts';
import { prePullFingerprint, prePullName } from './domain/prePull.ts';
import type { PoolPolicy, Template } from './domain/template.ts';
import type { PrePulls } from './ports/images.ts';
import type { Log } from './ports.ts';
import type { ImageReport } from './reconcile/images/deps.ts';
import type { WantedPrePull } from './reconcile/images/prePull.ts';

interface PrePullSource {
  readonly config: MayflyConfig;
  readonly policies: readonly PoolPolicy[];
  readonly sources: CredentialSources;
}

async function connect(
  { name, namespace, access }: ClusterConfig,
  { config, sources }: PrePullSource,
): Promise<PrePulls> {
  const [{ prePullsOver }, { wireKubernetesApi }, reached] = await Promise.all([
    import('./adapters/kubernetes/prePulls.ts'),
    import('./adapters/kubernetes/wireApi.ts'),
    accessOf(access, sources),
  ]);
  const api = wireKubernetesApi(reached, { clock: sources.clock });
  return prePullsOver(api, { cluster: name, namespace, installation: config.installation });
}

/** Templates of the pools that may run agents there. Windows nodes have nothing that sleeps. */
function templatesIn(cluster: string, image: string, policies: readonly PoolPolicy[]): readonly Template[] {
  return policies
    .filter(({ mode, clusters }) => mode === 'active' && clusters.includes(cluster))
    .flatMap(({ templates }) => templates)
    .filter(({ rebuilt, os }) => rebuilt === image && os === 'linux');
}

async function wantedIn(
  { name: cluster, namespace }: ClusterConfig,
  { config, policies }: PrePullSource,
  reports: readonly ImageReport[],
): Promise<readonly WantedPrePull[]> {
  const { buildPrePullManifest } = await import('./plan/manifestPrePull.ts');
  const { installation } = config;
  return config.images.flatMap(({ policy, prePull }) => {
    const inForce = reports.find(({ image }) => image === policy.name)?.state?.inForce;
    const reference = inForce === undefined ? undefined : pinned(policy, inForce);
    const templates = templatesIn(cluster, policy.name, policies);
    if (!prePull || reference === undefined || templates.length === 0) return [];
    const manifest = buildPrePullManifest({ installation, namespace, image: policy.name, reference, templates });
    const { annotations } = manifest['metadata'] as { readonly annotations: Readonly<Record<string, string>> };
    const fingerprint = annotations[prePullFingerprint] ?? '';
    return [{ name: prePullName(installation, policy.name), fingerprint, manifest }];
  });
}

/** Images whose state nobody could read: what is pulled of them stays. */
function keptBy({ config }: PrePullSource, reports: readonly ImageReport[]): ReadonlySet<string> {
  const unread = reports.filter(({ state }) => state === undefined);
  const pulled = config.images.filter(({ prePull }) => prePull).map(({ policy }) => policy.name);
  const names = unread.map(({ image }) => image).filter((image) => pulled.includes(image));
  return new Set(names.map((image) => prePullName(config.installation, image)));
}

const silent: Log = { write: () => undefined };

/** One list a cluster; where nothing is pulled ahead the right to it may be missing, and nobody is told. */
export function prePullAfterLooks(source: PrePullSource) {
  const clusters = source.config.clusters.map((config) => ({ config, made: once(() => connect(config, source)) }));
  return async (reports: readonly ImageReport[], log: Log): Promise<void> => {
    const { prePullImages } = await import('./reconcile/images/prePull.ts');
    const kept = keptBy(source, reports);
    await Promise.all(
      clusters.map(async ({ config, made }) => {
        const wanted = await wantedIn(config, source, reports);
        const cluster: PrePulls = {
          cluster: config.name,
          list: async () => (await made()).list(),
          create: async (manifest) => (await made()).create(manifest),
          replace: async (old, manifest) => (await made()).replace(old, manifest),
          remove: async (old) => (await made()).remove(old),
        };
        await prePullImages({ cluster, wanted, kept }, wanted.length === 0 && kept.size === 0 ? silent : log);
      }),
    );
  };
}
