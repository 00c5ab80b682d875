/**
 * Looks after the images that are rebuilt: fulfils wishes, starts and follows builds, notices tags that moved, and
 * brings what all control maps know together. Safe to run at any time and by several control planes at once.
 */

import { defined } from '../../domain/defined.ts';
import { errorKind } from '../../domain/errors.ts';
import type { ImageState, Ingredients } from '../../domain/imageState.ts';
import { type EpochMs, minutesMs } from '../../domain/instant.ts';
import { ordered } from '../../plan/images/builds.ts';
import { due, isUnderWay } from '../../plan/images/due.ts';
import { ageHours } from '../../plan/images/planImages.ts';
import { isNew } from '../../plan/images/transitions.ts';
import type { ImageReport, Rebuild, RebuildDeps, RebuiltImage } from './deps.ts';
import { joinAll, readAll, spread, unlessDown } from './everywhere.ts';
import { begin, followBuild, moveBuild } from './followBuild.ts';
import type { ImagePlace } from './imageRecord.ts';
import { adopt, watchTag } from './tag.ts';
import { answerEverywhere, fulfil } from './wishes.ts';

/** How soon to look again while a build is under way. */
const buildLookMs = minutesMs(1);

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
  // What somebody has pushed since the last look must not pass for what this build is about to push.
  await watchTag(rebuild, joined);
  const state = await moveBuild(rebuild, own.build, (each) => ordered(each, verdict, image.policy, newest, now));
  if (state === undefined) return;
  say(`ordered ${verdict.key}: ${verdict.reason}`);
  await answerEverywhere(rebuild, 'build');
  await begin(rebuild, state);
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
  await unlessDown(fulfil(rebuild, states), rebuild);
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
