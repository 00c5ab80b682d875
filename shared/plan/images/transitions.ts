/**
 * How the state of an image moves. Each step is a function from state to state that changes nothing where it no longer
 * applies, so it can be worked out anew on whatever a control map says by the time it is written.
 */
import { configuredDigest, type ImagePolicy, type KnownImage } from '../../domain/imagePolicy.ts';
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

type Kept = Pick<ImagePolicy, 'keptImages'>;

const without = <T extends { readonly digest: string }>(all: readonly T[], digest: string): readonly T[] =>
  all.filter((each) => each.digest !== digest);

/** What was in force goes to the good ones, dated now: whoever reads of it as a candidate knows that it has been one. */
function succeeded({ inForce, good }: ImageState, at: EpochMs, { keptImages }: Kept): readonly KnownImage[] {
  const last = inForce ?? { digest: configuredDigest, since: at };
  return [{ ...last, since: at }, ...without(good, last.digest)].slice(0, keptImages);
}

function withoutCandidate(state: ImageState): ImageState {
  const { candidate: _, ...rest } = state;
  return rest;
}

function promoted(state: ImageState, at: EpochMs, policy: Kept): ImageState {
  const { candidate } = state;
  if (candidate === undefined) return state;
  const { proven: _, ...image } = candidate;
  const good = without(succeeded(state, at, policy), image.digest);
  return { ...withoutCandidate(state), inForce: { ...image, since: at }, good };
}

function dropped(state: ImageState, { digest, since, reason }: RolledBackImage): ImageState {
  const entry = { digest, since, ...(reason === undefined ? {} : { reason }) };
  return { ...state, rolledBack: [entry, ...without(state.rolledBack, digest)] };
}

/** What agents of a candidate have shown. Promotes it as soon as enough of them have come through. */
export function applied(
  state: ImageState,
  change: ImageChange,
  policy: Kept & Pick<ImagePolicy, 'provenAgents'>,
  at: EpochMs,
): ImageState {
  const { candidate } = state;
  if (candidate === undefined || candidate.digest !== change.digest || candidate.since !== change.since) return state;
  if (change.kind === 'rolledBack')
    return withoutCandidate(dropped(state, { digest: change.digest, since: at, reason: change.reason }));
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
  return { ...state, candidate: { ...image, since: at, proven: [] } };
}

/** On demand: the last good image comes into force, and what was in force is no candidate again. */
export function restored(state: ImageState, at: EpochMs): ImageState {
  const { inForce, good } = state;
  const [previous, ...others] = good;
  if (previous === undefined || inForce === undefined) return state;
  const entry = { digest: inForce.digest, since: at, reason: 'requested' };
  return { ...dropped(state, entry), inForce: { ...previous, since: at }, good: others };
}
