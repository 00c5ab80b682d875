/** From what the configuration says of a builder to one: which credential goes where. Each is made at its first use. */
import { once } from './adapters/retry.ts';
import type { ImageBuilderConfig, MayflyConfig } from './config/policy.ts';
import { accessOf, type CredentialSources, credentialOf } from './connections.ts';
import { defined } from './domain/defined.ts';
import type { AgentPackages, BuildOrder, ImageBuilder } from './ports/images.ts';

function named<T extends { readonly name: string }>(entries: readonly T[], name: string): T {
  const entry = entries.find((each) => each.name === name);
  if (entry === undefined) throw new RangeError(`nothing is named ${name}: the configuration was not checked`);
  return entry;
}

async function restOf(config: MayflyConfig, organisation: string, sources: CredentialSources) {
  const { azureDevOpsRest } = await import('./adapters/azureDevOps/rest.ts');
  const { url, credential } = named(config.organisations, organisation);
  return azureDevOpsRest({ organisationUrl: url, credential: credentialOf(credential, sources), clock: sources.clock });
}

async function make(
  builder: ImageBuilderConfig,
  config: MayflyConfig,
  sources: CredentialSources,
): Promise<ImageBuilder> {
  switch (builder.kind) {
    case 'pipeline': {
      const { pipelineRunBuilder } = await import('./adapters/builders/pipelineRun.ts');
      const { organisation, project, pipeline, branch } = builder;
      const rest = await restOf(config, organisation, sources);
      return pipelineRunBuilder({ rest, project, pipelineId: pipeline, clock: sources.clock, ...defined({ branch }) });
    }
    case 'acrTask': {
      const [{ acrTaskBuilder }, { armRest }] = await Promise.all([
        import('./adapters/builders/acrTask.ts'),
        import('./adapters/azure/armRest.ts'),
      ]);
      const { kind: _, clientId, ...task } = builder;
      return acrTaskBuilder({ ...task, arm: armRest({ tokens: sources.tokens(clientId), clock: sources.clock }) });
    }
    case 'cluster': {
      const [{ clusterBuildBuilder }, { wireKubernetesApi }, { buildImageJobManifest }, access] = await Promise.all([
        import('./adapters/builders/clusterBuild.ts'),
        import('./adapters/kubernetes/wireApi.ts'),
        import('./plan/manifestBuild.ts'),
        accessOf(named(config.clusters, builder.cluster).access, sources),
      ]);
      const api = wireKubernetesApi(access, { clock: sources.clock });
      const { build } = builder;
      const manifest = (order: BuildOrder) => buildImageJobManifest(build, order);
      return clusterBuildBuilder({ api, namespace: build.namespace, manifest });
    }
  }
}

/**
 * Two installations may have images of one name and one builder: the key that the builder is told says whose it is. A
 * builder that cannot be made rejects every call, and its image alone is not looked after.
 */
export function imageBuilderOf(
  builder: ImageBuilderConfig,
  config: MayflyConfig,
  sources: CredentialSources,
): ImageBuilder {
  const made = once(() => make(builder, config, sources));
  const ours = (order: BuildOrder): BuildOrder => ({ ...order, key: `${config.installation}-${order.key}` });
  return {
    find: async (order) => (await made()).find(ours(order)),
    start: async (order) => (await made()).start(ours(order)),
    get: async (order, id) => (await made()).get(ours(order), id),
    cancel: async (order, id) => (await made()).cancel(ours(order), id),
  };
}

/** All organisations of the service offer the same packages: the first one is asked. */
export function packagesOf(config: MayflyConfig, sources: CredentialSources): AgentPackages {
  const made = once(async () => {
    const { azureDevOpsPackages } = await import('./adapters/azureDevOps/packages.ts');
    return azureDevOpsPackages(await restOf(config, config.organisations[0]?.name ?? '', sources));
  });
  return { newest: async (platform) => (await made()).newest(platform) };
}
