/**
 * Which PATs end. Ending one too early locks agents out, so everything has to be known in this one look: the vault's
 * latest version is proven and is the PAT it says it is, and the vault and every copy were read and hold nothing else.
 * What is unknown, a cluster out of reach for one, means that nothing is revoked.
 */
import type { EpochMs } from '../../domain/instant.ts';
import { formatInstant, parseInstant } from '../../domain/names.ts';
import { graceMsOf, type PersonalToken, tokenTags, unreferencedMs, type VaultVersion } from '../../domain/token.ts';
import type { TokenAction } from './observedToken.ts';
import {
  allCopiesHoldLatest,
  authorizationOf,
  expiryOf,
  isAccepted,
  isOurs,
  provenAt,
  serverSkewMs,
  type TokenView,
  unreferencedTokens,
} from './tokenView.ts';

export interface RetirementPlan {
  readonly actions: readonly TokenAction[];
  readonly nextLookAt?: EpochMs;
}

interface Candidate {
  readonly action: TokenAction;
  readonly readyAt: EpochMs;
}

const nothing: RetirementPlan = { actions: [] };

/** The PAT of the latest version, by its tag and in the server's list: only then is it sure which one must live. */
const isIdentified = ({ personal }: TokenView, latest: VaultVersion): boolean =>
  personal?.some(({ authorizationId }) => authorizationId === authorizationOf(latest)) === true;

/**
 * A version without the tags, or with ones that name no listed PAT, may hold any PAT that there was when it was stored: a
 * person may have put an old one back, or cleared the tags.
 */
function mayBeLatest(view: TokenView, latest: VaultVersion, pat: PersonalToken): boolean {
  if (isIdentified(view, latest)) return pat.authorizationId === authorizationOf(latest);
  return pat.validFrom <= latest.createdAt + serverSkewMs;
}

/**
 * Since when the vault and every copy are known to have held something newer; undefined = never yet. Any newer version
 * counts, so that rotations in quick succession do not keep each other's tokens alive.
 */
function freedAt(newer: readonly VaultVersion[]): EpochMs | undefined {
  const instants = newer.flatMap((version) => provenAt(version) ?? []);
  return instants.length === 0 ? undefined : Math.min(...instants);
}

/**
 * Whoever read the vault before the newer version came may still be writing the older token into a cluster, and pods may
 * just have read it there: hence the grace.
 */
function supersededTokens(view: TokenView, latest: VaultVersion): readonly Candidate[] {
  const { versions = [], personal = [], policy } = view;
  return versions.flatMap((version, place): readonly Candidate[] => {
    const id = authorizationOf(version);
    const pat = personal.find(({ authorizationId }) => authorizationId === id);
    const newer = versions.slice(0, place);
    const freed = freedAt(newer);
    // One that was put back counts where it was last.
    if (newer.some((other) => authorizationOf(other) === id)) return [];
    if (pat === undefined || freed === undefined || mayBeLatest(view, latest, pat)) return [];
    const readyAt = Math.max(freed + graceMsOf(policy), hiddenUntil(view, pat));
    return [{ action: revoke(latest, pat, version), readyAt }];
  });
}

/** Younger than an hour they may be those of a rotation under way, which nobody else can tell from one cut short. */
function leftovers(view: TokenView, latest: VaultVersion): readonly Candidate[] {
  const freed = freedAt(view.versions ?? []);
  if (freed === undefined) return [];
  const dead = unreferencedTokens(view).filter((pat) => !mayBeLatest(view, latest, pat));
  return dead.map((pat) => ({
    action: revoke(latest, pat),
    readyAt: Math.max(pat.validFrom + unreferencedMs, freed + graceMsOf(view.policy), hiddenUntil(view, pat)),
  }));
}

function revoke(latest: VaultVersion, pat: PersonalToken, version?: VaultVersion): TokenAction {
  const { authorizationId, displayName } = pat;
  const stored = version === undefined ? {} : { version };
  return { kind: 'revoke', authorizationId, displayName, latest: latest.version, ...stored };
}

/** A PAT that Mayfly cannot find in the server's list, or must not end because nobody knows which one is in use. */
function needsPeople(view: TokenView, latest: VaultVersion, version: VaultVersion): boolean {
  const id = authorizationOf(version);
  if (id === undefined || view.observed.personal === undefined) return true;
  const isListed = view.personal?.some(({ authorizationId }) => authorizationId === id) === true;
  return isListed && !isIdentified(view, latest) && !isOurs(version);
}

/** It was in use, as far as the tags tell, it is not over, and nobody was told yet. */
function isOldToken(view: TokenView, version: VaultVersion, place: number): boolean {
  const wasUsed = place === 1 || provenAt(version) !== undefined;
  const isOver = view.now >= (expiryOf(version, view.personal) ?? Number.POSITIVE_INFINITY);
  return wasUsed && !isOver && version.tags[tokenTags.retired] === undefined;
}

/** Old versions whose PAT people have to revoke: they are told, once each. */
function leftToPeople(view: TokenView, latest: VaultVersion): readonly Candidate[] {
  const { versions = [], policy, now } = view;
  return versions.flatMap((version, place): readonly Candidate[] => {
    const freed = freedAt(versions.slice(0, place));
    if (freed === undefined || !isOldToken(view, version, place) || !needsPeople(view, latest, version)) return [];
    const tags = { ...version.tags, [tokenTags.retired]: formatInstant(now) };
    const notice = { kind: 'oldTokenLeft' } as const;
    return [{ action: { kind: 'note', version: version.version, tags, notice }, readyAt: freed + graceMsOf(policy) }];
  });
}

/**
 * A version without the tag held one of the PATs of its time, nobody knows which, until something newer was everywhere.
 * Each of them has its grace from there.
 */
function hiddenUntil({ versions = [], policy }: TokenView, pat: PersonalToken): EpochMs {
  const graces = versions.flatMap((version, place) => {
    if (authorizationOf(version) !== undefined) return [];
    if (pat.validFrom > version.createdAt + serverSkewMs) return [];
    const freed = freedAt(versions.slice(0, place));
    return [(freed ?? Number.POSITIVE_INFINITY) + graceMsOf(policy)];
  });
  return Math.max(Number.NEGATIVE_INFINITY, ...graces);
}

/** When a copy was last seen to hold something else, under whichever version: nobody knows which PAT it was. */
function strayedAt(versions: readonly VaultVersion[]): EpochMs {
  const instants = versions.flatMap(({ tags }) => parseInstant(tags[tokenTags.strayed]) ?? []);
  return Math.max(Number.NEGATIVE_INFINITY, ...instants);
}

export function planRetirement(view: TokenView): RetirementPlan {
  const { latest, versions, now } = view;
  if (latest === undefined || versions === undefined) return nothing;
  if (!isAccepted(view) || !allCopiesHoldLatest(view)) return nothing;
  const revocable = [...supersededTokens(view, latest), ...leftovers(view, latest)];
  const leastReadyAt = strayedAt(versions) + graceMsOf(view.policy);
  const candidates = [...revocable, ...leftToPeople(view, latest)].map(({ action, readyAt }) => ({
    action,
    readyAt: Math.max(readyAt, leastReadyAt),
  }));
  const later = candidates.map(({ readyAt }) => readyAt).filter((at) => at > now && Number.isFinite(at));
  return {
    actions: candidates.filter(({ readyAt }) => readyAt <= now).map(({ action }) => action),
    ...(later.length === 0 ? {} : { nextLookAt: Math.min(...later) }),
  };
}
