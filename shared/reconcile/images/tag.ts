/** What the tag of an image stands for, where none of our builds has pushed it. */
import { isAllowed } from '../../domain/imageReference.ts';
import type { ImageState } from '../../domain/imageState.ts';
import { isNew, knows, offered } from '../../plan/images/transitions.ts';
import type { Rebuild } from './deps.ts';
import { everywhere, unlessDown } from './everywhere.ts';
import { offeredOf } from './followBuild.ts';
import { moveImage } from './imageRecord.ts';

/**
 * What the tag stands for is in force until something else has been proven. Rejects where nobody can tell, or where the
 * home map does not take it: a build that moved the tag then would be run by all agents before any has tried it.
 */
export async function adopt({ deps, image, home, now, say }: Rebuild): Promise<void> {
  const { name, reference, allowedRepositories } = image.policy;
  const found = isAllowed(reference, allowedRepositories) ? await deps.registry.resolve(reference) : undefined;
  if (found === undefined) return;
  await moveImage(home, name, (state) =>
    isNew(state) ? { ...state, inForce: { ...offeredOf(image.policy, found), since: now } } : state,
  );
  say(`took ${found.digest} as it is`);
}

/** What the tag stands for now, where nobody of ours has pushed it. */
export async function watchTag(rebuild: Rebuild, joined: ImageState): Promise<void> {
  const { deps, image, now, say } = rebuild;
  const { policy } = image;
  if (!isAllowed(policy.reference, policy.allowedRepositories)) return;
  const found = await unlessDown(deps.registry.resolve(policy.reference), rebuild);
  if (found === undefined) return;
  const { digest } = found;
  if (isNew(joined) || knows(joined, digest)) return everywhere(rebuild, settled);
  if (joined.moved?.digest === digest) return;
  say(`the tag moved to ${digest}`);
  await everywhere(rebuild, (state) =>
    policy.followTag
      ? settled(offered(state, offeredOf(policy, found), now, false))
      : { ...state, moved: { digest, since: now } },
  );
}

function settled(state: ImageState): ImageState {
  const { moved, ...rest } = state;
  return moved === undefined ? state : rest;
}
