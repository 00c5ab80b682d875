/** What people asked for on any of the control maps of an image. */
import { pinned } from '../../domain/imagePolicy.ts';
import { isAllowed } from '../../domain/imageReference.ts';
import type { ImageState } from '../../domain/imageState.ts';
import { answered } from '../../plan/images/builds.ts';
import { isUnderWay } from '../../plan/images/due.ts';
import { offered, restored } from '../../plan/images/transitions.ts';
import type { Rebuild } from './deps.ts';
import { everywhere, informed, joinAll } from './everywhere.ts';
import { offeredOf } from './followBuild.ts';
import { moveImage } from './imageRecord.ts';

export const answerEverywhere = (rebuild: Rebuild, kind: 'build' | 'rollback' | 'try'): Promise<void> =>
  everywhere(rebuild, (state) => answered(state, kind));

/** A build that is asked for is decided with all others; the rest is done at once. `states` = of the maps, in order. */
export async function fulfil(rebuild: Rebuild, states: readonly (ImageState | undefined)[]): Promise<void> {
  const joined = joinAll(states);
  const { requested, build } = joined;
  // Whoever asks while one is under way gets that one.
  if (requested?.kind === 'build' && isUnderWay(build)) await answerEverywhere(rebuild, 'build');
  if (requested?.kind === 'rollback') await rollBack(rebuild, states, joined);
  if (requested?.kind === 'try') await tryAgain(rebuild, requested.digest);
}

/**
 * Done on the map that bears the wish, in the one write that takes it away: a write that fails leaves both or neither,
 * and nobody goes back twice. The other maps learn of it like of everything else.
 */
async function rollBack(
  rebuild: Rebuild,
  states: readonly (ImageState | undefined)[],
  joined: ImageState,
): Promise<void> {
  const { image, now, say } = rebuild;
  const place = image.places.find((_, index) => states[index]?.requested?.kind === 'rollback');
  if (place === undefined) return;
  const { was, is } = await moveImage(place, image.policy.name, (state) =>
    state.requested?.kind === 'rollback'
      ? answered(restored(informed(state, joined, image.policy), now), 'rollback')
      : state,
  );
  if (was === is) return;
  say('rolled back on demand');
  await answerEverywhere(rebuild, 'rollback');
}

/** Only what the registry has, and only from where images may come. */
async function tryAgain(rebuild: Rebuild, digest: string): Promise<void> {
  const { deps, image, now, say } = rebuild;
  const reference = pinned(image.policy, { digest }) ?? '';
  const isTrusted = isAllowed(reference, image.policy.allowedRepositories);
  const found = isTrusted ? await deps.registry.resolve(reference) : undefined;
  await everywhere(rebuild, (state) => {
    const rest = answered(state, 'try');
    return found === undefined ? rest : offered(rest, { ...offeredOf(image.policy, found), digest }, now, true);
  });
  say(found === undefined ? `cannot try ${digest}` : `tries ${digest}`);
}
