/**
 * One build, from the order to the candidate. The record on the home map is moved by compare and set before and after
 * every effect, so of several control planes one acts; the builder is asked for the build's key before each start, so a
 * lost reply starts no second one.
 */
import { defined } from '../../domain/defined.ts';
import { errorKind, hasErrorKind } from '../../domain/errors.ts';
import { type ImagePolicy, pinned, repositoryOf } from '../../domain/imagePolicy.ts';
import { isAllowed } from '../../domain/imageReference.ts';
import type { BuildRecord, ImageState } from '../../domain/imageState.ts';
import { minutesMs } from '../../domain/instant.ts';
import { built, done, failed, movedFrom, restarted, running, startsOf } from '../../plan/images/builds.ts';
import { knows, type Offered } from '../../plan/images/transitions.ts';
import type { Build, BuildOrder, ResolvedImage } from '../../ports/images.ts';
import type { Rebuild } from './deps.ts';
import { moveImage } from './imageRecord.ts';
import { orderOf } from './order.ts';

/** Longer than any call to a builder takes, its time on the way included. */
const startGraceMs = minutesMs(5);
/** A builder that has nothing to show for so many starts of one try has failed. */
const maxStarts = 5;
/** Replicas of a registry, and caches before it, may show what was pushed only by then. */
const showsAfterMs = minutesMs(10);

/** The state after the move, or undefined where somebody else has moved the record meanwhile. */
export async function moveBuild(
  { home, image }: Rebuild,
  seen: BuildRecord | undefined,
  move: (state: ImageState) => ImageState,
): Promise<ImageState | undefined> {
  const { was, is } = await moveImage(home, image.policy.name, movedFrom(seen, move));
  return was === is ? undefined : is;
}

/** Goes on with the build of this state as far as that is possible now. */
export async function followBuild(rebuild: Rebuild, state: ImageState): Promise<void> {
  const { build } = state;
  if (build?.state === 'starting') await resume(rebuild, state, build);
  if (build?.state === 'running') await look(rebuild, state, build);
  if (build?.state === 'built') await resolve(rebuild, state, build);
}

/** Somebody else may be about to start it. Whether it was started, anybody may find out. */
async function resume(rebuild: Rebuild, state: ImageState, record: BuildRecord): Promise<void> {
  const { image, now } = rebuild;
  let found: Build | undefined;
  try {
    found = await image.builder.find(orderOf(image.policy, record, state.seen));
  } catch (error) {
    // Whether it was started stays unknown; but people are to be told some time, and another week is to have its build.
    if (isLate(rebuild, record)) await again(rebuild, record, `start_${errorKind(error)}`, undefined);
    throw error;
  }
  if (found !== undefined) return adopt(rebuild, record, found);
  if (now - record.since < startGraceMs) return;
  if (startsOf(record) >= maxStarts) return again(rebuild, record, 'notStarted', undefined);
  const mine = await moveBuild(rebuild, record, (each) => restarted(each, now));
  if (mine !== undefined) await begin(rebuild, mine);
}

const isLate = ({ image, now }: Rebuild, { since }: BuildRecord): boolean => now - since > image.policy.buildTimeoutMs;

/** For the one who wrote that it is starting. */
export async function begin(rebuild: Rebuild, { build: record, seen }: ImageState): Promise<void> {
  if (record === undefined) return;
  const order = orderOf(rebuild.image.policy, record, seen);
  try {
    const build = await findOrStart(rebuild, order);
    if (build !== undefined) await adopt(rebuild, record, build);
  } catch (error) {
    // A reply that is lost, or a builder that is down, is asked again later: by then it knows whether there is a build.
    if (!hasErrorKind(error, 'unauthorized', 'forbidden', 'notFound', 'invalid')) throw error;
    rebuild.fail(error);
    const why = { reason: `start_${errorKind(error)}`, excerpt: error instanceof Error ? error.message : '' };
    await moveBuild(rebuild, record, (each) => failed(each, why, rebuild.now));
    rebuild.say(`refused ${order.key}`);
  }
}

async function findOrStart({ image, say }: Rebuild, order: BuildOrder): Promise<Build | undefined> {
  const { builder } = image;
  const found = await builder.find(order);
  if (found !== undefined) return found;
  let started: Build;
  try {
    started = await builder.start(order);
    say(`started ${order.key}`);
  } catch (error) {
    if (!hasErrorKind(error, 'conflict')) throw error;
    return builder.find(order);
  }
  // Somebody whose call was on its way for longer than the grace may have started one as well: all keep the same one.
  const first = await builder.find(order).catch(() => undefined);
  if (first === undefined || first.id === started.id) return started;
  await builder.cancel(order, started.id);
  return first;
}

async function adopt(rebuild: Rebuild, record: BuildRecord, build: Build): Promise<void> {
  const state = await moveBuild(rebuild, record, (each) => running(each, build.id, rebuild.now));
  rebuild.say(`follows ${build.id}`);
  if (state?.build !== undefined && build.status !== 'queued' && build.status !== 'running')
    await conclude(rebuild, state.build, build);
}

async function look(rebuild: Rebuild, state: ImageState, record: BuildRecord): Promise<void> {
  const order = orderOf(rebuild.image.policy, record, state.seen);
  const build = record.id === undefined ? undefined : await lookAt(rebuild, order, record, record.id);
  if (build === 'silent') return;
  if (build !== undefined && (build.status === 'queued' || build.status === 'running')) {
    if (isLate(rebuild, record)) await giveUp(rebuild, order, record, build);
    return;
  }
  await conclude(rebuild, record, build);
}

/** A builder that says nothing for longer than a build may take is one whose build hangs. */
async function lookAt(
  rebuild: Rebuild,
  order: BuildOrder,
  record: BuildRecord,
  id: string,
): Promise<Build | undefined | 'silent'> {
  try {
    return await rebuild.image.builder.get(order, id);
  } catch (error) {
    rebuild.fail(error);
    if (isLate(rebuild, record)) await giveUp(rebuild, order, record, { id, status: 'running' });
    return 'silent';
  }
}

/** A build that hangs is cancelled; whether that works or not, the next try is another one. */
async function giveUp(rebuild: Rebuild, order: BuildOrder, record: BuildRecord, build: Build): Promise<void> {
  await rebuild.image.builder.cancel(order, build.id).catch(rebuild.fail);
  await again(rebuild, record, 'timedOut', build.excerpt);
}

async function conclude(rebuild: Rebuild, record: BuildRecord, build: Build | undefined): Promise<void> {
  if (build?.status !== 'succeeded') return again(rebuild, record, build?.status ?? 'vanished', build?.excerpt);
  const state = await moveBuild(rebuild, record, (each) => built(each, build.digest, rebuild.now));
  rebuild.say(`built ${build.id}`);
  if (state?.build !== undefined) await resolve(rebuild, state, state.build);
}

/** After a failure: the second try at once, or the end. */
async function again(
  rebuild: Rebuild,
  record: BuildRecord,
  reason: string,
  excerpt: string | undefined,
): Promise<void> {
  const why = excerpt === undefined ? { reason } : { reason, excerpt };
  const state = await moveBuild(rebuild, record, (each) => failed(each, why, rebuild.now));
  rebuild.say(`failed ${record.id ?? record.key}: ${reason}`);
  if (state?.build?.state === 'starting') await begin(rebuild, state);
}

/** What the build pushed becomes the candidate. While the registry is down the record waits as it is. */
async function resolve(rebuild: Rebuild, state: ImageState, record: BuildRecord): Promise<void> {
  const { deps, image, now } = rebuild;
  const { policy } = image;
  const reference = pinned(policy, { digest: record.digest ?? '' }) ?? policy.reference;
  const isTrusted = isAllowed(reference, policy.allowedRepositories);
  const found = isTrusted ? await deps.registry.resolve(reference) : undefined;
  const mayShow = isTrusted && now - record.since < showsAfterMs;
  if (mayShow && !isThere(state, record, found)) return rebuild.say(`waits for what ${record.id ?? record.key} pushed`);
  const step = (each: ImageState): ImageState => {
    if (!isTrusted) return failed(each, { reason: 'notAllowed', forGood: true }, now);
    if (found === undefined || each.moved?.digest === found.digest)
      return failed(each, { reason: 'notPushed', forGood: true }, now);
    return done(each, offeredOf(policy, found), now);
  };
  await moveBuild(rebuild, record, step);
  rebuild.say(found === undefined ? `found no image of ${reference}` : `resolved ${found.digest}`);
}

/** Where the builder told no digest, a tag that stands for what was known before may still be that of before. */
function isThere(state: ImageState, { digest }: BuildRecord, found: ResolvedImage | undefined): boolean {
  if (found === undefined) return false;
  return digest !== undefined || !(knows(state, found.digest) || state.moved?.digest === found.digest);
}

/** As the registry tells of it. */
export const offeredOf = (policy: ImagePolicy, { digest, agentVersion, createdAt }: ResolvedImage): Offered => ({
  digest,
  ...defined({ from: repositoryOf(policy), version: agentVersion, builtAt: createdAt }),
});
