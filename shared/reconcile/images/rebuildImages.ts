/**
 * Looks after the images that are rebuilt: fulfils wishes, starts and follows builds, notices tags that moved, and
 * brings what all control maps know together. Safe to run at any time and by several control planes at once.
 */

import { defined } from '../../domain/defined.ts';
import { errorKind } from '../../domain/errors.ts';
import { joinImages } from '../../domain/imageJoin.ts';
import { type ImagePolicy, pinned } from '../../domain/imagePolicy.ts';
import { isAllowed } from '../../domain/imageReference.ts';
import type { ImageState, Ingredients } from '../../domain/imageState.ts';
import { type EpochMs, minutesMs } from '../../domain/instant.ts';
import { answered, ordered } from '../../plan/images/builds.ts';
import { due, isUnderWay } from '../../plan/images/due.ts';
import { ageHours } from '../../plan/images/planImages.ts';
import { offered, restored } from '../../plan/images/transitions.ts';
import type { ImageReport, Rebuild, RebuildDeps, RebuiltImage } from './deps.ts';
import { begin, followBuild, moveBuild, offeredOf } from './followBuild.ts';
import { type ImagePlace, moveImage, readImage } from './imageRecord.ts';

/** How soon to look again while a build is under way. */
const buildLookMs = minutesMs(1);

/** What a read gave; what it did not is unknown, and told. */
async function unlessDown<T>(read: Promise<T>, { fail }: Pick<Rebuild, 'fail'>): Promise<T | undefined> {
  try {
    return await read;
  } catch (error) {
    fail(error);
    return undefined;
  }
}

async function newestIngredients(rebuild: Rebuild): Promise<Ingredients> {
  const { deps, image } = rebuild;
  const { agentPackage, baseImage } = image.policy;
  const [agent, base] = await Promise.all([
    agentPackage === undefined || deps.packages === undefined
      ? undefined
      : unlessDown(deps.packages.newest(agentPackage), rebuild),
    baseImage === undefined ? undefined : unlessDown(deps.registry.resolve(baseImage), rebuild),
  ]);
  return defined({ agent, base: base?.digest });
}

/** `joined` = what all maps say, wishes included; `own` = the home map, where builds are decided. */
async function startIfDue(rebuild: Rebuild, own: ImageState, joined: ImageState): Promise<void> {
  const { image, now, say } = rebuild;
  const newest = await newestIngredients(rebuild);
  const verdict = due(image.policy, { ...own, ...defined({ requested: joined.requested }) }, newest, now);
  if (!verdict.due) return;
  const state = await moveBuild(rebuild, own.build, (each) => ordered(each, verdict, image.policy, newest, now));
  if (state === undefined) return;
  say(`ordered ${verdict.key}: ${verdict.reason}`);
  await answerEverywhere(rebuild, 'build');
  await begin(rebuild, state);
}

/** One move on every map that can be reached. */
async function everywhere(rebuild: Rebuild, step: (state: ImageState) => ImageState): Promise<void> {
  const { places, policy } = rebuild.image;
  await Promise.all(places.map((place) => unlessDown(moveImage(place, policy.name, step), rebuild)));
}

const answerEverywhere = (rebuild: Rebuild, kind: 'build' | 'rollback' | 'try'): Promise<void> =>
  everywhere(rebuild, (state) => answered(state, kind));

/** A build that is asked for is decided with all others; the rest is done at once. */
async function fulfil(rebuild: Rebuild, joined: ImageState): Promise<void> {
  const { requested, build } = joined;
  // Whoever asks while one is under way gets that one.
  if (requested?.kind === 'build' && isUnderWay(build)) await answerEverywhere(rebuild, 'build');
  if (requested?.kind === 'rollback') await rollBack(rebuild, joined);
  if (requested?.kind === 'try') await tryAgain(rebuild, requested.digest);
}

/** Once: where the image in force is no longer the one that was to go, somebody else has done it. */
async function rollBack(rebuild: Rebuild, joined: ImageState): Promise<void> {
  const { image, now, say } = rebuild;
  await everywhere(rebuild, (state) => {
    const all = informed(state, joined, image.policy);
    return all.inForce?.digest === joined.inForce?.digest ? answered(restored(all, now), 'rollback') : state;
  });
  say('rolled back on demand');
}

/** With what is known elsewhere of candidates and of what is in force. */
function informed(state: ImageState, joined: ImageState, { keptImages }: ImagePolicy): ImageState {
  const { build, seen, excerpt, requested, moved } = state;
  const { inForce, candidate, good, rolledBack } = joinImages([state, joined]);
  const kept = good.slice(0, keptImages);
  return { good: kept, rolledBack, ...defined({ inForce, candidate, build, seen, excerpt, requested, moved }) };
}

/** Only what the registry has, and only from where images may come. */
async function tryAgain(rebuild: Rebuild, digest: string): Promise<void> {
  const { deps, image, now, say } = rebuild;
  const reference = pinned(image.policy, digest) ?? '';
  const isTrusted = isAllowed(reference, image.policy.allowedRepositories);
  const found = isTrusted ? await deps.registry.resolve(reference) : undefined;
  await everywhere(rebuild, (state) => {
    const rest = answered(state, 'try');
    return found === undefined ? rest : offered(rest, { ...offeredOf(found), digest }, now, true);
  });
  say(found === undefined ? `cannot try ${digest}` : `tries ${digest}`);
}

const knows = ({ inForce, candidate, good, rolledBack }: ImageState, digest: string): boolean =>
  [inForce, candidate, ...good, ...rolledBack].some((each) => each?.digest === digest);

const isNew = ({ inForce, candidate, rolledBack }: ImageState): boolean =>
  inForce === undefined && candidate === undefined && rolledBack.length === 0;

/** What the tag stands for is in force until something else has been proven. Rejects where nobody can tell. */
async function adopt(rebuild: Rebuild): Promise<void> {
  const { deps, image, now, say } = rebuild;
  const { reference, allowedRepositories } = image.policy;
  const found = isAllowed(reference, allowedRepositories) ? await deps.registry.resolve(reference) : undefined;
  if (found === undefined) return;
  await everywhere(rebuild, (state) =>
    isNew(state) ? { ...state, inForce: { ...offeredOf(found), since: now } } : state,
  );
  say(`took ${found.digest} as it is`);
}

/** What the tag stands for now, where nobody of ours has pushed it. */
async function watchTag(rebuild: Rebuild, joined: ImageState): Promise<void> {
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
      ? settled(offered(state, offeredOf(found), now, false))
      : { ...state, moved: { digest, since: now } },
  );
}

function settled(state: ImageState): ImageState {
  const { moved, ...rest } = state;
  return moved === undefined ? state : rest;
}

/** As far as maps can be read, in the order of the places. */
async function readAll(rebuild: Rebuild): Promise<readonly (ImageState | undefined)[]> {
  const { places, policy } = rebuild.image;
  return Promise.all(places.map((place) => unlessDown(readImage(place, policy.name), rebuild)));
}

const joinAll = (states: readonly (ImageState | undefined)[]): ImageState =>
  joinImages(states.filter((state) => state !== undefined));

/** What one map knows of candidates, all of them come to know. Builds and wishes stay where they are. */
async function spread(rebuild: Rebuild): Promise<ImageState> {
  const joined = joinAll(await readAll(rebuild));
  await everywhere(rebuild, (state) => informed(state, joined, rebuild.image.policy));
  return joined;
}

async function goOn(rebuild: Rebuild, own: ImageState, joined: ImageState): Promise<void> {
  if (isUnderWay(own.build)) return followBuild(rebuild, own);
  // A build moves the tag: what it stands for before the first one is what there is to go back to.
  if (isNew(joined)) await adopt(rebuild);
  return startIfDue(rebuild, own, joined);
}

async function look(rebuild: Rebuild): Promise<ImageState | undefined> {
  const states = await readAll(rebuild);
  const joined = joinAll(states);
  await unlessDown(fulfil(rebuild, joined), rebuild);
  // Without the map on which builds are decided none is begun and none goes on.
  const [own] = states;
  if (own === undefined) return spread(rebuild);
  await unlessDown(goOn(rebuild, own, joined), rebuild);
  const after = joinAll(await readAll(rebuild));
  if (!isUnderWay(after.build)) await watchTag(rebuild, after);
  return spread(rebuild);
}

async function rebuildImage(deps: RebuildDeps, image: RebuiltImage, home: ImagePlace): Promise<ImageReport> {
  const steps: string[] = [];
  const errors: unknown[] = [];
  const now = deps.clock.now();
  const rebuild: Rebuild = {
    deps,
    image,
    home,
    now,
    say: (step) => steps.push(step),
    fail: (error) => errors.push(error),
  };
  const state = await look(rebuild);
  const nextLookAt = isUnderWay(state?.build) ? now + buildLookMs : undefined;
  return { image: image.policy.name, state, steps, errors, nextLookAt };
}

function tell({ log, clock }: RebuildDeps, { image, state, steps, errors }: ImageReport): void {
  for (const error of errors)
    log.write('warn', 'image.failed', { image, error: error instanceof Error ? error.message : errorKind(error) });
  log.write('info', 'image.looked', {
    image,
    ageHours: state && ageHours(state, clock.now()),
    inForce: state?.inForce?.digest,
    candidate: state?.candidate?.digest,
    build: state?.build && `${state.build.key} ${state.build.state}`,
    steps: steps.join('; '),
  });
}

/** One look at all images. Rejects never: what failed is in the reports, and the next look decides afresh. */
export async function rebuildImages(deps: RebuildDeps): Promise<readonly ImageReport[]> {
  return Promise.all(
    deps.images.map(async (image) => {
      const [home] = image.places;
      const nowhere = { image: image.policy.name, state: undefined, steps: [], errors: [], nextLookAt: undefined };
      const report = home === undefined ? nowhere : await rebuildImage(deps, image, home);
      tell(deps, report);
      return report;
    }),
  );
}

/** The soonest of the looks that reports ask for. */
export function nextLookOf(reports: readonly ImageReport[]): EpochMs | undefined {
  const looks = reports.flatMap(({ nextLookAt }) => nextLookAt ?? []);
  return looks.length === 0 ? undefined : Math.min(...looks);
}
