/** What the rules about one token have in common: names for what follows from a look. */
import { type EpochMs, minutesMs } from '../../domain/instant.ts';
import { parseInstant } from '../../domain/names.ts';
import {
  isTokenDisplayName,
  type PersonalToken,
  type TokenPolicy,
  tokenTags,
  type VaultVersion,
} from '../../domain/token.ts';
import type { ObservedToken } from './observedToken.ts';

export interface TokenView {
  readonly policy: TokenPolicy;
  readonly observed: ObservedToken;
  readonly now: EpochMs;
  /** Undefined = there is none, or nobody knows. */
  readonly latest: VaultVersion | undefined;
  /** Undefined = they are unknown. */
  readonly versions: readonly VaultVersion[] | undefined;
  /** All PATs of the service user; undefined = they are unknown, or it has none that Mayfly may act for. */
  readonly personal: readonly PersonalToken[] | undefined;
  readonly expiresAt: EpochMs | undefined;
}

export const authorizationOf = ({ tags }: VaultVersion): string | undefined => tags[tokenTags.authorization];
export const isOurs = ({ tags }: VaultVersion): boolean => tags[tokenTags.rotation] !== undefined;

/** The clocks of vault and Azure DevOps may differ by this. */
export const serverSkewMs = minutesMs(1);

/** A mark from before the version was stored was copied from another one by whoever put an old token back. */
export function provenAt({ tags, createdAt }: VaultVersion): EpochMs | undefined {
  const at = parseInstant(tags[tokenTags.proven]);
  return at === undefined || at < createdAt - serverSkewMs ? undefined : at;
}

/** What the PAT API says comes first: tags and attributes are copies that anybody with the vault may edit. */
export function expiryOf(version: VaultVersion, personal: readonly PersonalToken[] | undefined): EpochMs | undefined {
  const id = authorizationOf(version);
  const listed = personal?.find(({ authorizationId }) => authorizationId === id);
  return listed?.validTo ?? parseInstant(version.tags[tokenTags.expires]) ?? version.expiresAt;
}

/** How long the server lets it live in all, in ms. */
export function lifespanOf(version: VaultVersion, expiresAt: EpochMs): number {
  return expiresAt - (parseInstant(version.tags[tokenTags.begins]) ?? version.createdAt);
}

export function viewToken(policy: TokenPolicy, observed: ObservedToken): TokenView {
  const latest = observed.latest.known ? observed.latest.value : undefined;
  const personal = observed.personal?.known === true ? observed.personal.value : undefined;
  return {
    policy,
    observed,
    now: observed.at,
    latest,
    versions: observed.versions.known ? observed.versions.value : undefined,
    personal,
    expiresAt: latest === undefined ? undefined : expiryOf(latest, personal),
  };
}

export const isAccepted = ({ observed }: TokenView): boolean =>
  observed.proof?.known === true && observed.proof.value === 'accepted';

/** PATs that bear our mark and this token's name. */
export function markedTokens({ policy, personal }: TokenView): readonly PersonalToken[] {
  return (personal ?? []).filter(({ displayName }) =>
    isTokenDisplayName(policy.installation, policy.name, displayName),
  );
}

/** PATs of ours that no version of the vault tells of: rotations under way or cut short. */
export function unreferencedTokens(view: TokenView): readonly PersonalToken[] {
  const stored = new Set((view.versions ?? []).map(authorizationOf));
  return markedTokens(view).filter(({ authorizationId }) => !stored.has(authorizationId));
}

/** True when every copy was read in this look and holds the vault's latest version. */
export const allCopiesHoldLatest = ({ observed }: TokenView): boolean =>
  observed.copies.every(({ holds }) => holds.known && holds.value === 'latest');
