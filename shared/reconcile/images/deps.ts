/** What the rebuild of images works with. */
import type { ImagePolicy } from '../../domain/imagePolicy.ts';
import type { ImageState } from '../../domain/imageState.ts';
import type { EpochMs } from '../../domain/instant.ts';
import type { AgentPackages, ImageBuilder, ImageRegistry } from '../../ports/images.ts';
import type { Clock, Log } from '../../ports.ts';
import type { ImagePlace } from './imageRecord.ts';

export interface RebuiltImage {
  readonly policy: ImagePolicy;
  readonly builder: ImageBuilder;
  /** The control maps of all pools that run it, in all their clusters. The first is the home of its builds. */
  readonly places: readonly ImagePlace[];
}

export interface RebuildDeps {
  readonly images: readonly RebuiltImage[];
  readonly registry: ImageRegistry;
  /** Absent = nobody knows when there is a newer one. */
  readonly packages?: AgentPackages;
  readonly clock: Pick<Clock, 'now'>;
  readonly log: Log;
}

export interface ImageReport {
  readonly image: string;
  /** After this look, as all maps that answered have it together; undefined = none did. */
  readonly state: ImageState | undefined;
  /** What was done, in the order in which it was. */
  readonly steps: readonly string[];
  readonly errors: readonly unknown[];
  /** Something is under way: when to look again; undefined = the hourly timer is soon enough. */
  readonly nextLookAt: EpochMs | undefined;
}

/** One image being looked after. */
export interface Rebuild {
  readonly deps: RebuildDeps;
  readonly image: RebuiltImage;
  readonly home: ImagePlace;
  readonly now: EpochMs;
  readonly say: (step: string) => void;
  readonly fail: (error: unknown) => void;
}
