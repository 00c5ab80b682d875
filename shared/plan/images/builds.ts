/** How the record of a build moves. Like all moves of an image, each changes nothing where it no longer applies. */

import { defined } from '../../domain/defined.ts';
import type { ImagePolicy } from '../../domain/imagePolicy.ts';
import type { BuildRecord, ImageState, Ingredients } from '../../domain/imageState.ts';
import type { EpochMs } from '../../domain/instant.ts';
import { type Due, weekServed } from './due.ts';
import { type Offered, offered } from './transitions.ts';

/** After a second failure there is no third try before the next week, or before somebody asks. */
const lastTry = 2;
/** A log's end is for people; the map has to hold a good deal else. */
const maxExcerpt = 4000;

const turn = (build: BuildRecord | undefined): string =>
  build === undefined ? '' : [build.key, build.state, build.try, build.since].join(' ');

/** Moves the record only if it is still the one that the move was thought of for. */
export function movedFrom(
  seen: BuildRecord | undefined,
  move: (state: ImageState) => ImageState,
): (state: ImageState) => ImageState {
  return (state) => (turn(state.build) === turn(seen) ? move(state) : state);
}

/** Somebody is about to start it: whoever wrote this is the one who may. */
export function ordered(
  state: ImageState,
  { key, reason }: Extract<Due, { readonly due: true }>,
  policy: ImagePolicy,
  newest: Ingredients,
  now: EpochMs,
): ImageState {
  const { excerpt: _, ...rest } = answered(state, 'build');
  const week = weekServed(policy, now) ?? state.seen?.week;
  // What is not known now is still what it was for the last build, or the next look would see a change.
  const seen = { ...state.seen, ...newest, ...defined({ week }) };
  return { ...rest, build: { key, state: 'starting', try: 1, since: now, reason }, seen };
}

/** A wish that is fulfilled is no longer there. */
export function answered(state: ImageState, kind: NonNullable<ImageState['requested']>['kind']): ImageState {
  const { requested, ...rest } = state;
  return requested?.kind === kind ? rest : state;
}

const moved = (build: BuildRecord, to: Partial<BuildRecord>, now: EpochMs): BuildRecord => ({
  ...build,
  ...to,
  since: now,
});

/** The answer to a start never came and the builder knows of none: once more, by one of those who see that. */
export const restarted = (state: ImageState, now: EpochMs): ImageState =>
  state.build === undefined
    ? state
    : { ...state, build: moved(state.build, { starts: startsOf(state.build) + 1 }, now) };

/** How often this try has been started, as far as anybody wrote it down. */
export const startsOf = ({ starts = 1 }: BuildRecord): number => starts;

export const running = (state: ImageState, id: string, now: EpochMs): ImageState =>
  state.build === undefined ? state : { ...state, build: moved(state.build, { state: 'running', id }, now) };

export const built = (state: ImageState, digest: string | undefined, now: EpochMs): ImageState =>
  state.build === undefined
    ? state
    : { ...state, build: moved(state.build, { state: 'built', ...defined({ digest }) }, now) };

/** The first time it is tried once more. `forGood` = no other try could end otherwise. */
export function failed(
  state: ImageState,
  why: { readonly reason: string; readonly excerpt?: string; readonly forGood?: boolean },
  now: EpochMs,
): ImageState {
  const { build } = state;
  if (build === undefined) return state;
  const { id: _, starts: __, ...record } = build;
  const isLast = build.try >= lastTry || why.forGood === true;
  const next: BuildRecord = isLast
    ? { ...build, state: 'failed', since: now, reason: why.reason }
    : { ...record, state: 'starting', try: build.try + 1, since: now };
  const excerpt = why.excerpt?.slice(-maxExcerpt);
  return { ...state, build: next, ...(excerpt === undefined ? {} : { excerpt }) };
}

/** What was pushed becomes the candidate. The very image in force, built again, is as good as new. */
export function done(state: ImageState, image: Offered, now: EpochMs): ImageState {
  const { build, inForce } = state;
  if (build === undefined) return state;
  const next: ImageState = { ...state, build: moved(build, { state: 'done' }, now) };
  if (inForce?.digest === image.digest)
    return { ...next, inForce: { ...inForce, ...defined({ from: image.from }), builtAt: image.builtAt ?? now } };
  return offered(next, image, now, false);
}
