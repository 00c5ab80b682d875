/**
 * How the state of an image moves. Each step is a function from state to state that changes nothing where it no longer
 * applies, so it can be worked out anew on whatever a control map says by the time it is written.
 */
import type { ImagePolicy, KnownImage } from '../../domain/imagePolicy.ts';
import type { ImageState, RolledBackImage } from '../../domain/imageState.ts';
import type { EpochMs } from '../../domain/instant.ts';

export type ImageChange =
  /** `since` names the candidate: the same image may be tried again later. */
  | { readonly kind: 'proved'; readonly digest: string; readonly since: EpochMs; readonly agents: readonly string[] }
  | { readonly kind: 'rolledBack'; readonly digest: string; readonly since: EpochMs; readonly reason: string };

/** An image and what its agents have shown by now. */
export interface JudgedImage {
  readonly policy: ImagePolicy;
  readonly state: ImageState;
  /** What is not written down yet. */
  readonly changes: readonly ImageChange[];
}

interface Dated {
  readonly since: EpochMs;
}

type Kept = Pick<ImagePolicy, 'keptImages'>;

const without = <T extends { readonly digest: string }>(all: readonly T[], digest: string): readonly T[] =>
  all.filter((each) => each.digest !== digest);

/**
 * Now, or right after what is already written: maps are brought together by what is newest, and the clock of whoever
 * wrote before may be ahead of this one.
 */
const notBefore = (at: EpochMs, ...others: readonly (Dated | undefined)[]): EpochMs =>
  Math.max(at, ...others.map((other) => (other === undefined ? at : other.since + 1)));

/**
 * What was in force goes to the good ones, dated now: whoever reads of it as a candidate knows that it has been one.
 * Where nothing was, there is nothing to go back to: what the configuration names is the tag, which has moved on.
 */
function succeeded({ inForce, good }: ImageState, at: EpochMs, { keptImages }: Kept): readonly KnownImage[] {
  if (inForce === undefined) return good;
  return [{ ...inForce, since: at }, ...without(good, inForce.digest)].slice(0, keptImages);
}

function withoutCandidate(state: ImageState): ImageState {
  const { candidate: _, ...rest } = state;
  return rest;
}

function promoted(state: ImageState, at: EpochMs, policy: Kept): ImageState {
  const { candidate } = state;
  if (candidate === undefined) return state;
  const { proven: _, ...image } = candidate;
  const since = notBefore(at, candidate, state.inForce);
  const good = without(succeeded(state, since, policy), image.digest);
  return { ...withoutCandidate(state), inForce: { ...image, since, tried: candidate.since }, good };
}

const dropped = (state: ImageState, entry: RolledBackImage): ImageState => ({
  ...state,
  rolledBack: [entry, ...without(state.rolledBack, entry.digest)],
});

/** What agents of a candidate have shown. Promotes it as soon as enough of them have come through. */
export function applied(
  state: ImageState,
  change: ImageChange,
  policy: Kept & Pick<ImagePolicy, 'provenAgents'>,
  at: EpochMs,
): ImageState {
  const { candidate } = state;
  if (candidate === undefined || candidate.digest !== change.digest || candidate.since !== change.since) return state;
  if (change.kind === 'rolledBack') {
    const { digest, since: tried, reason } = change;
    return withoutCandidate(dropped(state, { digest, since: notBefore(at, candidate), reason, tried }));
  }
  const proven = [...new Set([...candidate.proven, ...change.agents])].toSorted();
  const shown = { ...state, candidate: { ...candidate, proven } };
  return proven.length >= policy.provenAgents ? promoted(shown, at, policy) : shown;
}

/** Nothing was ever in force, tried, or given up. Where people have removed a value the others tell that it was there. */
export const isNew = ({ inForce, candidate, good, rolledBack }: ImageState): boolean =>
  inForce === undefined && candidate === undefined && good.length === 0 && rolledBack.length === 0;

export const knows = ({ inForce, candidate, good, rolledBack }: ImageState, digest: string): boolean =>
  [inForce, candidate, ...good, ...rolledBack].some((each) => each?.digest === digest);

export type Offered = Omit<KnownImage, 'since'>;

/** Why an image does not become a candidate; undefined = it may. */
export function offerRefusal(
  { inForce, candidate, rolledBack }: ImageState,
  { digest }: Offered,
): 'inForce' | 'candidate' | 'rolledBack' | undefined {
  if (inForce?.digest === digest) return 'inForce';
  if (candidate?.digest === digest) return 'candidate';
  return rolledBack.some((each) => each.digest === digest) ? 'rolledBack' : undefined;
}

/** A newer image takes the place of an unproven candidate. `asked` = somebody wants it though it was rolled back. */
export function offered(state: ImageState, image: Offered, at: EpochMs, asked: boolean): ImageState {
  const refusal = offerRefusal(state, image);
  if (refusal !== undefined && !(asked && refusal === 'rolledBack')) return state;
  const { inForce, candidate, good, rolledBack } = state;
  const before = [inForce, ...good, ...rolledBack].filter((each) => each?.digest === image.digest);
  return { ...state, candidate: { ...image, since: notBefore(at, candidate, ...before), proven: [] } };
}

/** On demand: the last good image comes into force, and what was in force is no candidate again. */
export function restored(state: ImageState, at: EpochMs): ImageState {
  const { inForce, good } = state;
  const [previous, ...others] = good;
  if (previous === undefined || inForce === undefined) return state;
  const since = notBefore(at, inForce, previous);
  const entry = { digest: inForce.digest, since, reason: 'requested' };
  return { ...dropped(state, entry), inForce: { ...previous, since }, good: others };
}
