/**
 * The images that are rebuilt, put together from the configuration: who builds each, and on which control maps its state
 * lies. Timer, nudges and people on demand all end here. What is heavy is loaded by the first look.
 */
import type { MayflyConfig } from './config/policy.ts';
import type { CredentialSources } from './connections.ts';
import { defined } from './domain/defined.ts';
import { joinImages } from './domain/imageJoin.ts';
import type { KnownImage } from './domain/imagePolicy.ts';
import type { ImageState } from './domain/imageState.ts';
import type { EpochMs } from './domain/instant.ts';
import type { PoolPolicy } from './domain/template.ts';
import { imageBuilderOf, packagesOf } from './imageBuilders.ts';
import { prePullAfterLooks } from './imagePrePulls.ts';
import { ageHours } from './plan/images/planImages.ts';
import type { Clock, Cluster, Log } from './ports.ts';
import type { ImageReport, RebuildDeps, RebuiltImage } from './reconcile/images/deps.ts';
import type { ImagePlace } from './reconcile/images/imageRecord.ts';
import { imageRegistryOf } from './registries.ts';

export interface ImageParts {
  readonly images: readonly RebuiltImage[];
  readonly deps: Omit<RebuildDeps, 'images' | 'log'>;
  /** What follows each look, such as pulling what is in force ahead; never rejects. */
  readonly after?: (reports: readonly ImageReport[], log: Log) => Promise<void>;
}

/** How one image stands, for people. */
export interface ImageStatus {
  readonly image: string;
  readonly reference: string;
  /** False = no control map could be read. */
  readonly known: boolean;
  readonly inForce?: { readonly digest: string; readonly version?: string; readonly ageHours: number };
  readonly candidate?: { readonly digest: string; readonly version?: string; readonly proven: string };
  readonly build?: { readonly key: string; readonly state: string; readonly reason?: string };
  /** Earlier ones to go back to. */
  readonly good: readonly string[];
  readonly moved?: string;
  readonly requested?: string;
}

/** `nothing` = there is no earlier image to go back to; `nowhere` = no pool that Mayfly serves runs it. */
export type Asked = 'asked' | 'unknown' | 'nothing' | 'nowhere';

export interface Images {
  readonly names: readonly string[];
  /** One look at all of them. Never rejects; undefined = the timer is soon enough. */
  look(log: Log): Promise<EpochMs | undefined>;
  /** Writes a wish on a control map, where the next look finds it. Rejects when none of them can be written. */
  ask(name: string, kind: 'build' | 'rollback'): Promise<Asked>;
  states(): Promise<readonly ImageStatus[]>;
}

const versionOf = ({ version }: KnownImage) => defined({ version });

function statusOf({ policy }: RebuiltImage, state: ImageState | undefined, now: EpochMs): ImageStatus {
  const base = { image: policy.name, reference: policy.reference };
  if (state === undefined) return { ...base, known: false, good: [] };
  const { inForce, candidate, build, good, moved, requested } = state;
  return {
    ...base,
    known: true,
    good: good.map(({ digest }) => digest),
    ...(inForce !== undefined && {
      inForce: {
        digest: inForce.digest,
        ...versionOf(inForce),
        ageHours: ageHours(state, now) ?? 0,
      },
    }),
    ...(candidate !== undefined && {
      candidate: {
        digest: candidate.digest,
        ...versionOf(candidate),
        proven: `${candidate.proven.length} of ${policy.provenAgents}`,
      },
    }),
    ...(build !== undefined && { build: { key: build.key, state: build.state, ...defined({ reason: build.reason }) } }),
    ...defined({ moved: moved?.digest, requested: requested?.kind }),
  };
}

/** What all maps that answer say together; undefined = none did. */
async function stateOf({ policy, places }: RebuiltImage): Promise<ImageState | undefined> {
  const { readImage } = await import('./reconcile/images/imageRecord.ts');
  const reads = await Promise.allSettled(places.map((place) => readImage(place, policy.name)));
  const states = reads.flatMap((read) => (read.status === 'fulfilled' ? [read.value] : []));
  return states.length === 0 ? undefined : joinImages(states);
}

/** On one map is enough: looks read all of them. */
async function wish({ policy, places }: RebuiltImage, kind: 'build' | 'rollback'): Promise<void> {
  const { moveImage } = await import('./reconcile/images/imageRecord.ts');
  const failures: unknown[] = [];
  for (const place of places) {
    try {
      await moveImage(place, policy.name, (state) => ({ ...state, requested: { kind } }));
      return;
    } catch (error) {
      failures.push(error);
    }
  }
  throw failures[0];
}

export function imagesOver({ images, deps, after }: ImageParts): Images {
  return {
    names: images.map(({ policy }) => policy.name),
    async look(log) {
      const { nextLookOf, rebuildImages } = await import('./reconcile/images/rebuildImages.ts');
      const reports = await rebuildImages({ ...deps, images, log });
      await after?.(reports, log);
      return nextLookOf(reports);
    },
    async ask(name, kind) {
      const image = images.find(({ policy }) => policy.name === name);
      if (image === undefined) return 'unknown';
      if (image.places.length === 0) return 'nowhere';
      if (kind === 'rollback' && (await stateOf(image))?.good.length === 0) return 'nothing';
      await wish(image, kind);
      return 'asked';
    },
    states: () => Promise.all(images.map(async (image) => statusOf(image, await stateOf(image), deps.clock.now()))),
  };
}

/** The control maps of all pools that run an image. A pool in shadow is touched by nobody. */
function placesOf(
  name: string,
  policies: readonly PoolPolicy[],
  cluster: (name: string) => Cluster,
): readonly ImagePlace[] {
  return policies
    .filter(({ mode, images }) => mode === 'active' && images?.some((each) => each.name === name) === true)
    .flatMap(({ clusters, poolId }) => clusters.map((each) => ({ cluster: cluster(each), poolId })));
}

export interface ConfiguredImages {
  readonly config: MayflyConfig;
  readonly policies: readonly PoolPolicy[];
  readonly cluster: (name: string) => Cluster;
  readonly sources: CredentialSources;
}

/** Nothing is connected before it is used. */
export function imagePartsOf({ config, policies, cluster, sources }: ConfiguredImages): ImageParts {
  const clock: Clock = sources.clock;
  return {
    images: config.images.map((image) => ({
      policy: image.policy,
      builder: imageBuilderOf(image.builder, config, sources),
      places: placesOf(image.policy.name, policies, cluster),
    })),
    deps: { registry: imageRegistryOf(config, sources), packages: packagesOf(config, sources), clock },
    after: prePullAfterLooks({ config, policies, sources }),
  };
}
