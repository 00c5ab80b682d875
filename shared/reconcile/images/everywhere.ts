/** Reads and writes of all control maps of an image, as far as they can be reached. */
import { defined } from '../../domain/defined.ts';
import { joinImages } from '../../domain/imageJoin.ts';
import type { ImagePolicy } from '../../domain/imagePolicy.ts';
import type { ImageState } from '../../domain/imageState.ts';
import type { Rebuild } from './deps.ts';
import { moveImage, readImage } from './imageRecord.ts';

/** What a read gave; what it did not is unknown, and told. */
export async function unlessDown<T>(read: Promise<T>, { fail }: Pick<Rebuild, 'fail'>): Promise<T | undefined> {
  try {
    return await read;
  } catch (error) {
    fail(error);
    return undefined;
  }
}

/** One move on every map that can be reached. */
export async function everywhere(rebuild: Rebuild, step: (state: ImageState) => ImageState): Promise<void> {
  const { places, policy } = rebuild.image;
  await Promise.all(places.map((place) => unlessDown(moveImage(place, policy.name, step), rebuild)));
}

/** As far as maps can be read, in the order of the places. */
export async function readAll(rebuild: Rebuild): Promise<readonly (ImageState | undefined)[]> {
  const { places, policy } = rebuild.image;
  return Promise.all(places.map((place) => unlessDown(readImage(place, policy.name), rebuild)));
}

export const joinAll = (states: readonly (ImageState | undefined)[]): ImageState =>
  joinImages(states.filter((state) => state !== undefined));

/** With what is known elsewhere of candidates and of what is in force. */
export function informed(state: ImageState, joined: ImageState, { keptImages }: ImagePolicy): ImageState {
  const { build, seen, excerpt, requested, moved } = state;
  const { inForce, candidate, good, rolledBack } = joinImages([state, joined]);
  const kept = good.slice(0, keptImages);
  return { good: kept, rolledBack, ...defined({ inForce, candidate, build, seen, excerpt, requested, moved }) };
}

/** What one map knows of candidates, all of them come to know. Builds and wishes stay where they are. */
export async function spread(rebuild: Rebuild): Promise<ImageState> {
  const joined = joinAll(await readAll(rebuild));
  await everywhere(rebuild, (state) => informed(state, joined, rebuild.image.policy));
  return joined;
}
