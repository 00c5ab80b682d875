/**
 * A personal access token (PAT) as Mayfly keeps it: one secret in the vault, copies in clusters. The vault's latest
 * version is the truth; its tags are a record of what was done with it, never a lock, because Key Vault has no
 * compare-and-set. Values are `Secret`s and never part of what a plan sees.
 */
import { type EpochMs, hoursMs, minutesMs, secondsMs } from './instant.ts';

export type Tags = Readonly<Record<string, string>>;

/** One version of a secret in the vault, without its value. */
export interface VaultVersion {
  readonly version: string;
  readonly createdAt: EpochMs;
  readonly expiresAt?: EpochMs;
  readonly enabled: boolean;
  readonly tags: Tags;
}

/** A personal access token as the server lists it. */
export interface PersonalToken {
  readonly authorizationId: string;
  readonly displayName: string;
  readonly validFrom: EpochMs;
  readonly validTo: EpochMs;
  /** OAuth scopes, space-separated. */
  readonly scope: string;
}

/** A key of a Secret in a cluster that holds a copy of the token. */
export interface TokenCopy {
  readonly cluster: string;
  readonly secret: string;
  readonly key: string;
}

export interface TokenPolicy {
  /** The id of the installation: with the name it marks the PATs that are ours. */
  readonly installation: string;
  /** In lower-case letters, digits and dashes: it is part of display names. */
  readonly name: string;
  /** The URL of the organisation it is for. */
  readonly organisation: string;
  /** The name of the secret in the vault. */
  readonly vaultSecret: string;
  /** `watch`: a person puts new versions into the vault. `rotate`: Mayfly makes them. */
  readonly mode: 'watch' | 'rotate';
  /** OAuth scopes asked for, space-separated. */
  readonly scope: string;
  /** The lifespan asked for; the server may give less. */
  readonly lifetimeMs: number;
  /** A rotation is due when less than this remains. Absent: a third of the lifespan given, at least 3 days. */
  readonly rotateBeforeMs?: number;
  /** How long the old one lives on after every copy has been seen to hold the new one. */
  readonly graceMs: number;
  readonly copies: readonly TokenCopy[];
}

const dayMs = hoursMs(24);
/** What remains at least when a rotation falls due: a weekend and a day for whoever has to mend what refuses it. */
const leastRotateBeforeMs = 3 * dayMs;

/**
 * How long before its end a token is replaced. Never more than half of its lifespan: a server that clamps lifespans to
 * a few days would otherwise be asked for a new token at every look.
 */
export function rotateBeforeMs(policy: Pick<TokenPolicy, 'rotateBeforeMs'>, lifespanMs: number): number {
  const wanted = policy.rotateBeforeMs ?? Math.max(lifespanMs / 3, leastRotateBeforeMs);
  return Math.min(wanted, lifespanMs / 2);
}

/**
 * The least time for which an old token lives on. Whoever read the vault before the newest version was stored may write
 * the older token into a cluster until its call times out; within this time all such writes have landed or failed.
 */
export const leastGraceMs = minutesMs(15);

/** The grace in force: a shorter one than is safe is not taken at its word. */
export const graceMsOf = ({ graceMs }: Pick<TokenPolicy, 'graceMs'>): number => Math.max(graceMs, leastGraceMs);

/**
 * A token of ours that no version of the vault tells of belongs to a rotation that is under way or was cut short. Its
 * pass ends long before this.
 */
export const unreferencedMs = hoursMs(1);

/** A token that was made longer ago than this is stored no more: it must not outlive its claim to the hour above. */
export const storeWithinMs = minutesMs(10);

/**
 * A new PAT may not be known to every part of the server at once: one that is rejected is proven again after each of
 * these waits, in ms, before it is given up.
 */
export const freshProofWaitsMs = [secondsMs(2), secondsMs(5), secondsMs(10)] as const;

/** A copy is written within this time after the vault was re-read, or not at all. */
export const writeWithinMs = secondsMs(60);

/** So many rotations cut short within the hour, and the next waits: whatever cuts them short would cut it short too. */
export const maxUnfinished = 3;

/** So many left over in all, because nothing may be revoked while the latest one is broken, and no more are made. */
export const maxLeftovers = 10;

/** A local clock that is further than this from the server's is worth an alarm. It decides nothing. */
export const clockSkewMs = minutesMs(5);

/** Days before its end at which people are told, each once for one version. */
export const warningDays = [30, 14, 7, 3, 1] as const;

/** The tags of vault versions. Instants are decimal milliseconds of the server's time. */
export const tokenTags = {
  /** The rotation that made this version. Its presence says that the version is ours. */
  rotation: 'mayfly-rotation',
  /** Under this id the PAT is listed and revoked. A person may set it too. */
  authorization: 'mayfly-authorization',
  /** When the server ends the token: what it gave, not what was asked for. */
  expires: 'mayfly-expires',
  /** From when the server counts its lifespan. */
  begins: 'mayfly-begins',
  /** Since when the vault and every copy have held it, proven. */
  proven: 'mayfly-proven',
  /** When a copy was last seen to hold something else although all had held this version. */
  strayed: 'mayfly-strayed',
  /** The lowest of the warning days that people were told of. */
  warned: 'mayfly-warned',
  /** On an old version: when its PAT was revoked, or when people were asked to. */
  retired: 'mayfly-retired',
  /** The request on demand that this version answers. */
  asked: 'mayfly-asked',
} as const;

const prefixOf = (installation: string, token: string): string => `mayfly-${installation}-${token}-`;

/** Under this name the server lists a PAT of ours. `rotation` is eight hexadecimal digits. */
export function tokenDisplayName(installation: string, token: string, rotation: string): string {
  return `${prefixOf(installation, token)}${rotation}`;
}

/** Only PATs that this accepts are ever touched for their name alone. */
export function isTokenDisplayName(installation: string, token: string, displayName: string): boolean {
  const prefix = prefixOf(installation, token);
  return displayName.startsWith(prefix) && /^[0-9a-f]{8}$/.test(displayName.slice(prefix.length));
}

/** What keeps a token from being whole, as people are told it. */
export const tokenReasons = [
  'secretMissing',
  'secretDeleted',
  'secretDisabled',
  'vaultForbidden',
  'vaultThrottled',
  'vaultUnreachable',
  'tagsRefused',
  'tokenRejected',
  'tokenUnproven',
  'tokenExpired',
  'tokenExpiresSoon',
  'expiryUnknown',
  'tokenUnlisted',
  'newTokenRejected',
  'signInBroken',
  'creationRefused',
  'creationFailed',
  'storeFailed',
  'lifespanClamped',
  'personalTokensUnknown',
  'revocationFailed',
  'unfinishedRotations',
  'clusterUnreachable',
  'copyRefused',
  'oldTokenLeft',
  'clockSkew',
] as const;
export type TokenReason = (typeof tokenReasons)[number];

/** Why a new PAT is made. */
export const rotationCauses = ['absent', 'unmarked', 'rejected', 'expiring', 'nearExpiry', 'asked'] as const;
export type RotationCause = (typeof rotationCauses)[number];
