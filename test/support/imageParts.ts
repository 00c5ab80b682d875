/** An image to rebuild over control maps in memory: what a builder and a registry answer is up to the test. */
import { UpstreamError, type UpstreamErrorKind } from '../../shared/domain/errors.ts';
import { type ImagePolicy, pinned } from '../../shared/domain/imagePolicy.ts';
import { formatField, readImageState } from '../../shared/domain/imageRecords.ts';
import { type ImageState, imageFields, imageKey, imageShort } from '../../shared/domain/imageState.ts';
import type { EpochMs } from '../../shared/domain/instant.ts';
import type { Build, ImageBuilder, ImageRegistry, ResolvedImage } from '../../shared/ports/images.ts';
import type { RebuildDeps } from '../../shared/reconcile/images/deps.ts';
import type { ImagePlace } from '../../shared/reconcile/images/imageRecord.ts';
import { anImagePolicy } from './images.ts';

type Data = Record<string, string>;

export const upstream = (kind: UpstreamErrorKind): UpstreamError =>
  new UpstreamError({ upstream: 'azureDevOps', operation: 'asking a builder', kind });

/** Keys of an image as a state of it is written. */
export function written(state: Partial<ImageState>, image = 'linux'): Data {
  const full: ImageState = { good: [], rolledBack: [], ...state };
  return Object.fromEntries(
    imageFields.flatMap((field) => {
      const text = formatField(full, field);
      return text === undefined ? [] : [[imageKey(imageShort(image), field), text]];
    }),
  );
}

/** A control map; `down` = it cannot be reached. `before` runs ahead of each write: somebody else was quicker. */
export class MapInMemory {
  data: Data;
  down = false;
  /** So many of the next writes fail. */
  refused = 0;
  writes = 0;
  before: ((data: Data) => Data) | undefined;

  constructor(state: Partial<ImageState> = {}) {
    this.data = written(state);
  }

  place(poolId = 7): ImagePlace {
    const answer = <T>(value: () => T): Promise<T> =>
      this.down ? Promise.reject(upstream('unavailable')) : Promise.resolve().then(value);
    return {
      poolId,
      cluster: {
        name: 'primary',
        getControl: () => answer(() => ({ ...this.data })),
        testAndPatchControl: (_poolId, expected, changes) =>
          answer(() => {
            if (this.refused > 0) {
              this.refused -= 1;
              throw upstream('unavailable');
            }
            this.data = this.before?.(this.data) ?? this.data;
            this.before = undefined;
            if (Object.entries(expected).some(([key, value]) => this.data[key] !== value)) return 'changed';
            const all = Object.entries({ ...this.data, ...changes });
            this.data = Object.fromEntries(all.flatMap(([key, text]) => (text === undefined ? [] : [[key, text]])));
            this.writes += 1;
            return 'written';
          }),
      },
    };
  }

  state(image = 'linux'): ImageState {
    return readImageState(this.data, imageShort(image)).state;
  }
}

/** Builds that somebody has started, by key; `calls` in their order. */
export class BuilderInMemory implements ImageBuilder {
  readonly calls: string[] = [];
  readonly builds = new Map<string, Build>();
  /** What comes of the next start; absent = it runs. */
  onStart: ((key: string) => Promise<Build>) | undefined;

  find: ImageBuilder['find'] = async ({ key }) => {
    this.calls.push(`find ${key}`);
    return this.builds.get(key);
  };

  start: ImageBuilder['start'] = async ({ key }) => {
    this.calls.push(`start ${key}`);
    const { onStart } = this;
    this.onStart = undefined;
    if (onStart !== undefined) return onStart(key);
    const build: Build = { id: `run-${key}`, status: 'running' };
    this.builds.set(key, build);
    return build;
  };

  get: ImageBuilder['get'] = async (_order, id) => {
    this.calls.push(`get ${id}`);
    return [...this.builds.values()].find((build) => build.id === id);
  };

  cancel: ImageBuilder['cancel'] = async (_order, id) => {
    this.calls.push(`cancel ${id}`);
  };
}

export interface Parts {
  readonly policy: ImagePolicy;
  readonly maps: readonly MapInMemory[];
  readonly builder: BuilderInMemory;
  /** What references stand for; `down` = the registry does not answer. */
  readonly images: Map<string, ResolvedImage | 'down'>;
  readonly deps: RebuildDeps;
  now: EpochMs;
}

export function imageParts(maps: readonly MapInMemory[], now: EpochMs, changes: Partial<ImagePolicy> = {}): Parts {
  const policy = anImagePolicy(changes);
  const images = new Map<string, ResolvedImage | 'down'>();
  const registry: ImageRegistry = {
    resolve: async (reference) => {
      const found = images.get(reference);
      if (found === 'down') throw upstream('unavailable');
      return found;
    },
  };
  const builder = new BuilderInMemory();
  const places = maps.map((map, index) => map.place(7 + index));
  const parts: Parts = {
    policy,
    maps,
    builder,
    images,
    now,
    deps: {
      images: [{ policy, builder, places }],
      registry,
      packages: { newest: async () => '5.279.0' },
      clock: { now: () => parts.now },
      log: { write: () => undefined },
    },
  };
  return parts;
}

/** The registry has it, under its digest and, if wanted, under the tag. */
export function has({ images, policy }: Parts, digest: string, tagged = true): void {
  const found: ResolvedImage = { digest, agentVersion: '5.279.0', createdAt: 1000 };
  images.set(pinned(policy, { digest }) ?? '', found);
  if (tagged) images.set(policy.reference, found);
}
