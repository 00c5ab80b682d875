/**
 * What to do about one token after one look. A rotation is no procedure: each look sees how far things are and takes the
 * next step, so that whoever comes after a crash goes on where it ended, and two at once do no harm.
 *
 *   due, and it may be replaced            create: make, prove and store a new one
 *   a copy holds anything but the latest   spread the vault's latest version, once it is proven
 *   vault and copies hold the latest       note since when
 *   the grace after that is over           revoke what was before
 *   people have to know                    note on the version that they were told
 */
import { formatInstant } from '../../domain/names.ts';
import { graceMsOf, type TokenPolicy, tokenTags, type VaultVersion } from '../../domain/token.ts';
import type { ObservedToken, TokenAction, TokenPlan } from './observedToken.ts';
import { planRetirement } from './retirement.ts';
import { dueAt, planRotation } from './rotation.ts';
import { tokenAlarms } from './tokenAlarms.ts';
import { allCopiesHoldLatest, isAccepted, provenAt, type TokenView, viewToken } from './tokenView.ts';
import { dueNotice } from './warnings.ts';

/** Copies known to hold something else, if Azure DevOps takes what they would get. An unknown one is left to the next look. */
function planSpread(view: TokenView): readonly TokenAction[] {
  const { latest, observed } = view;
  if (latest === undefined || !isAccepted(view)) return [];
  const copies = observed.copies.filter(({ holds }) => holds.known && holds.value !== 'latest').map(({ copy }) => copy);
  return copies.length === 0 ? [] : [{ kind: 'spread', version: latest.version, copies }];
}

/**
 * The grace counts from when everything was seen to hold the version. Where a copy holds something else after that, it
 * begins anew for every old token, because nobody can tell which one pods have read there. This is noted before the copy
 * is written, so that it holds even if nobody lives to note it afterwards.
 */
function provenChange(
  view: TokenView,
  latest: VaultVersion,
  spreads: boolean,
): Readonly<Record<string, string>> | undefined {
  const isMarked = provenAt(latest) !== undefined;
  if (spreads) return isMarked ? { [tokenTags.strayed]: formatInstant(view.now) } : undefined;
  if (isMarked || !isAccepted(view) || !allCopiesHoldLatest(view)) return undefined;
  return { [tokenTags.proven]: formatInstant(view.now) };
}

/** Everything there is to write on the latest version, in one action: tags are replaced as a whole. */
function planNote(view: TokenView, spreads: boolean): readonly TokenAction[] {
  const { latest, versions } = view;
  if (latest === undefined || versions === undefined) return [];
  const notice = dueNotice(view);
  const proven = provenChange(view, latest, spreads);
  if (notice === undefined && proven === undefined) return [];
  const warned = notice === undefined ? {} : { [tokenTags.warned]: String(notice.days) };
  const told = notice === undefined ? {} : { notice };
  return [{ kind: 'note', version: latest.version, tags: { ...latest.tags, ...proven, ...warned }, ...told }];
}

export function planToken(policy: TokenPolicy, observed: ObservedToken): TokenPlan {
  const view = viewToken(policy, observed);
  const rotation = planRotation(view);
  const retirement = planRetirement(view);
  const spread = planSpread(view);
  const notes = planNote(view, spread.length > 0);
  const nextLooks = [rotation.nextLookAt, retirement.nextLookAt, dueLater(view), graceOver(view, notes)];
  const known = nextLooks.flatMap((at) => at ?? []);
  return {
    actions: [...retirement.actions, ...notes, ...rotation.create, ...spread],
    alarms: [...tokenAlarms(view), ...rotation.alarms],
    nextLookAt: known.length === 0 ? undefined : Math.min(...known),
    expiresAt: view.expiresAt,
  };
}

function dueLater(view: TokenView): number | undefined {
  const at = view.policy.mode === 'rotate' ? dueAt(view) : undefined;
  return at !== undefined && at > view.now ? at : undefined;
}

/** The grace that begins with this look's own note. */
function graceOver({ policy, latest, now }: TokenView, notes: readonly TokenAction[]): number | undefined {
  const marks = [tokenTags.proven, tokenTags.strayed];
  const begins = notes.some(
    (note) => note.kind === 'note' && marks.some((tag) => note.tags[tag] !== latest?.tags[tag]),
  );
  return begins ? now + graceMsOf(policy) : undefined;
}
