/**
 * The records of several control maps as one. Maps are written one after the other and any of them may be out of reach
 * for a while, so each part has a rule by which the newest word wins, in whatever order the records are read.
 */
import { defined } from './defined.ts';
import type { KnownImage } from './imagePolicy.ts';
import { type Candidate, type ImageState, noImageState, type RolledBackImage } from './imageState.ts';
import type { EpochMs } from './instant.ts';

interface Dated {
  readonly since: EpochMs;
}

/** What people may have made of a map is bounded; so much memory is enough for years. */
const maxRemembered = 20;

const newest = <T extends Dated>(all: readonly T[], nameOf: (each: T) => string): T | undefined =>
  all.toSorted((a, b) => b.since - a.since || (nameOf(a) < nameOf(b) ? -1 : 1))[0];

const digestOf = ({ digest }: { readonly digest: string }): string => digest;

/** One entry of each digest, its newest; the newest first. */
function distinct<T extends Dated & { readonly digest: string }>(all: readonly T[]): readonly T[] {
  const byDigest = Map.groupBy(all, digestOf);
  const newestOfEach = [...byDigest.values()].flatMap((each) => newest(each, (one) => JSON.stringify(one)) ?? []);
  return newestOfEach.toSorted((a, b) => b.since - a.since || (a.digest < b.digest ? -1 : 1)).slice(0, maxRemembered);
}

/** The agents that any record knows to have come through. */
function joinCandidates(candidates: readonly Candidate[]): Candidate | undefined {
  const last = newest(candidates, digestOf);
  if (last === undefined) return undefined;
  const same = candidates.filter(({ digest, since }) => digest === last.digest && since === last.since);
  return { ...last, proven: [...new Set(same.flatMap(({ proven }) => proven))].toSorted() };
}

/** True when a record says that it has been given up since it became one. */
function isOver({ digest, since }: Candidate, inForce: KnownImage | undefined, parts: Memory): boolean {
  const isGivenUp = parts.rolledBack.some((each) => each.digest === digest && each.since >= since);
  const isSuperseded = parts.good.some((each) => each.digest === digest && each.since >= since);
  return isGivenUp || isSuperseded || (inForce?.digest === digest && inForce.since >= since);
}

/** An image in force, or that was, whose very trial failed on another map: one failure outweighs all that came through. */
const hasFailed = ({ digest, tried }: KnownImage, rolledBack: readonly RolledBackImage[]): boolean =>
  tried !== undefined && rolledBack.some((each) => each.digest === digest && (each.tried ?? -1) >= tried);

/** Of each digest the newest entry, with the last of its trials that any entry knows to have failed. */
function withLastTrial(all: readonly RolledBackImage[]): readonly RolledBackImage[] {
  return distinct(all).map((each) => {
    const trials = all.flatMap(({ digest, tried }) => (digest === each.digest && tried !== undefined ? [tried] : []));
    return trials.length === 0 ? each : { ...each, tried: Math.max(...trials) };
  });
}

const latest = (all: readonly KnownImage[]): KnownImage | undefined =>
  newest(all, (each) => `${Number.MAX_SAFE_INTEGER - (each.builtAt ?? 0)} ${each.digest} ${JSON.stringify(each)}`);

interface Judged {
  readonly inForce: KnownImage | undefined;
  readonly rolledBack: readonly RolledBackImage[];
}

/** The one that came last; where that has failed on another map, the last that has not, those of before included. */
function judged(states: readonly ImageState[]): Judged {
  const given = withLastTrial(states.flatMap((state) => state.rolledBack));
  const all = states.flatMap(({ inForce }) => inForce ?? []);
  const failed = all.filter((each) => hasFailed(each, given));
  // What has failed in a trial failed after all that was thought of it.
  const rolledBack = given.map((each) => {
    const inForceSince = failed.filter(({ digest }) => digest === each.digest).map(({ since }) => since + 1);
    return { ...each, since: Math.max(each.since, ...inForceSince) };
  });
  const last = latest(all);
  if (last === undefined || !failed.includes(last)) return { inForce: last, rolledBack };
  const isGone = (image: KnownImage): boolean =>
    rolledBack.some(({ digest, since }) => digest === image.digest && since >= image.since);
  const earlier = [...all, ...states.flatMap(({ good }) => good)].filter(
    (each) => !hasFailed(each, rolledBack) && !isGone(each),
  );
  return { inForce: latest(earlier), rolledBack };
}

interface Memory {
  readonly good: readonly KnownImage[];
  readonly rolledBack: readonly RolledBackImage[];
}

/** Commutative, associative and idempotent but for texts that only people read. */
export function joinImages(states: readonly ImageState[]): ImageState {
  if (states.length === 0) return noImageState;
  const { inForce, rolledBack: all } = judged(states);
  const rolledBack = all
    .filter(({ digest, since }) => digest !== inForce?.digest || since > inForce.since)
    .toSorted((x, y) => y.since - x.since || (x.digest < y.digest ? -1 : 1));
  const barred = new Map(rolledBack.map(({ digest, since }) => [digest, since]));
  const good = distinct(states.flatMap((state) => state.good).filter((each) => !hasFailed(each, all))).filter(
    ({ digest, since }) => digest !== inForce?.digest && (barred.get(digest) ?? -1) < since,
  );
  const candidate = joinCandidates(states.flatMap((state) => state.candidate ?? []));
  const builder = newest(
    states.flatMap((state) => (state.build === undefined ? [] : [{ ...state, since: state.build.since }])),
    ({ build }) => JSON.stringify(build),
  );
  return {
    good,
    rolledBack,
    ...defined({
      inForce,
      candidate: candidate !== undefined && isOver(candidate, inForce, { good, rolledBack }) ? undefined : candidate,
      moved: newest(
        states.flatMap((state) => state.moved ?? []),
        digestOf,
      ),
      build: builder?.build,
      seen: builder?.seen ?? states.find(({ seen }) => seen !== undefined)?.seen,
      excerpt: builder?.excerpt,
      requested: states.find(({ requested }) => requested !== undefined)?.requested,
    }),
  };
}
