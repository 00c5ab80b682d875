/** Whether a token is due to be replaced, and whether it may be now. */
import type { EpochMs } from '../../domain/instant.ts';
import {
  maxLeftovers,
  maxUnfinished,
  type RotationCause,
  rotateBeforeMs,
  tokenTags,
  unreferencedMs,
} from '../../domain/token.ts';
import type { TokenAction, TokenAlarm } from './observedToken.ts';
import { isOurs, lifespanOf, markedTokens, type TokenView, unreferencedTokens } from './tokenView.ts';

export interface RotationPlan {
  readonly create: readonly TokenAction[];
  readonly alarms: readonly TokenAlarm[];
  readonly nextLookAt?: EpochMs;
}

const nothing: RotationPlan = { create: [], alarms: [] };

/** When the latest version falls due for its age; undefined = its end is unknown. */
export function dueAt({ policy, latest, expiresAt }: TokenView): EpochMs | undefined {
  if (latest === undefined || expiresAt === undefined) return undefined;
  return expiresAt - rotateBeforeMs(policy, lifespanOf(latest, expiresAt));
}

/**
 * The vault says "near expiry" thirty days ahead whatever the lifespan, hence at once for a short one. Before half of it
 * is over the event is no reason, or every rotation would bring the next.
 * https://learn.microsoft.com/azure/key-vault/general/event-grid-overview, read 2026-11.
 */
function isNearExpiry({ observed, latest, expiresAt, now }: TokenView): boolean {
  if (observed.cause !== 'nearExpiry' || latest === undefined || expiresAt === undefined) return false;
  return expiresAt - now < lifespanOf(latest, expiresAt) / 2;
}

/** A request on demand is answered by one version, however often it is delivered. */
function isAsked({ observed, versions }: TokenView): boolean {
  if (observed.cause !== 'asked' || observed.askedId === undefined) return false;
  return !(versions ?? []).some(({ tags }) => tags[tokenTags.asked] === observed.askedId);
}

/**
 * The first that fits:
 *   1. there is no such secret: the first token of all.
 *   2. a version that is not ours: its PAT can neither be found in the server's list nor revoked.
 *   3. Azure DevOps rejects it.
 *   4. its end is unknown, or near.
 *   5. the vault says so, and half of the lifespan is over.
 *   6. somebody asked for it, and no version answers that request yet.
 */
function causeOf(view: TokenView): RotationCause | undefined {
  const { latest, observed, now } = view;
  if (latest === undefined) return 'absent';
  if (!isOurs(latest)) return 'unmarked';
  if (observed.proof?.known === true && observed.proof.value === 'rejected') return 'rejected';
  if (now >= (dueAt(view) ?? now)) return 'expiring';
  if (isNearExpiry(view)) return 'nearExpiry';
  return isAsked(view) ? 'asked' : undefined;
}

/**
 * Storing into a secret that was deleted is refused until somebody recovers or purges it, and each attempt would make a
 * PAT for nothing. Where the vault does not tell, old PATs of ours in the server's list do; young ones only are a first
 * rotation that was cut short.
 */
function isDeleted(view: TokenView): boolean {
  const { deleted } = view.observed;
  if (deleted?.known === true) return deleted.value;
  return markedTokens(view).some(({ validFrom }) => view.now - validFrom >= unreferencedMs);
}

/** Vault and server answered, and what is in the vault could be proven or was rejected. */
function isReadable({ observed, versions, personal }: TokenView): boolean {
  const isProvable = observed.proof === undefined || observed.proof.known;
  return observed.latest.known && versions !== undefined && personal !== undefined && isProvable;
}

/** Rotations that were cut short again and again wait; undefined = there are not so many. */
function heldBack(view: TokenView): RotationPlan | undefined {
  const unfinished = unreferencedTokens(view).map(({ validFrom }) => validFrom + unreferencedMs);
  const young = unfinished.filter((at) => at > view.now);
  const isFull = unfinished.length >= maxLeftovers;
  if (young.length < maxUnfinished && !isFull) return undefined;
  const detail = `${unfinished.length} PATs were never stored, ${young.length} of them in the last hour`;
  const waiting: RotationPlan = { create: [], alarms: [{ reason: 'unfinishedRotations', detail }] };
  return isFull || young.length === 0 ? waiting : { ...waiting, nextLookAt: Math.min(...young) };
}

/**
 * Nothing is created while the vault, the PATs or the proof are unknown: what could not be stored or proven would only be
 * left behind. Two rotations at once each create one; the vault's latest version decides which of them stays.
 */
export function planRotation(view: TokenView): RotationPlan {
  const { policy, observed, now } = view;
  if (policy.mode !== 'rotate' || !isReadable(view)) return nothing;
  const cause = causeOf(view);
  if (cause === undefined) return nothing;
  if (cause === 'absent' && isDeleted(view))
    return { create: [], alarms: [{ reason: 'secretDeleted', subject: policy.vaultSecret }] };
  const held = heldBack(view);
  if (held !== undefined) return held;
  const asked = observed.askedId === undefined ? {} : { askedId: observed.askedId };
  return { create: [{ kind: 'create', cause, validTo: now + policy.lifetimeMs, ...asked }], alarms: [] };
}
