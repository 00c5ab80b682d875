/**
 * The service user that signed in once: its refresh token lies in the vault and is replaced at each use. One that is
 * not used for 90 days ends (learn.microsoft.com, refresh-tokens, 2026-10), and only a person can begin anew.
 */
import type { EpochMs } from './instant.ts';
import { hoursMs } from './instant.ts';

/** The tags of its versions. Instants are decimal milliseconds of Entra's time. */
export const signInTags = {
  /** When this refresh token was given out. */
  rolledAt: 'mayfly-rolled-at',
  /** When a person signed in. */
  signedInAt: 'mayfly-signed-in-at',
  /** Who signed in, as Entra writes it. */
  user: 'mayfly-user',
} as const;

const dayMs = hoursMs(24);
export const signInIdleMs = 90 * dayMs;
/** A sign-in that nobody used for this long is rolled for its own sake. */
export const signInRollMs = 7 * dayMs;
/** Days before its end at which people are told. */
export const signInWarningDays = [30, 14, 7, 3, 1] as const;

/** What keeps a sign-in from being whole, as people are told it. */
export const signInReasons = ['signInMissing', 'signInBroken', 'signInUnknown', 'signInEnds'] as const;
export type SignInReason = (typeof signInReasons)[number];

export interface SignIn {
  /** Undefined where the version bears no tag: a person put it there by hand. */
  readonly user?: string;
  readonly signedInAt?: EpochMs;
  /** When it was last replaced, or else when its version was made. */
  readonly rolledAt: EpochMs;
  /** When it ends unless it is used before. */
  readonly endsAt: EpochMs;
}

/** A sign-in as its version in the vault tells it. */
export function signInOf(version: {
  readonly createdAt: EpochMs;
  readonly tags: Readonly<Record<string, string>>;
}): SignIn {
  const { createdAt, tags } = version;
  const rolledAt = instantOf(tags[signInTags.rolledAt]) ?? createdAt;
  const signedInAt = instantOf(tags[signInTags.signedInAt]);
  const user = tags[signInTags.user];
  return {
    ...(user !== undefined && { user }),
    ...(signedInAt !== undefined && { signedInAt }),
    rolledAt,
    endsAt: rolledAt + signInIdleMs,
  };
}

export const isRollDue = (signIn: SignIn, now: EpochMs): boolean => now - signIn.rolledAt >= signInRollMs;

/** The lowest warning day that has come; undefined = none, 0 = it is over. */
export function signInWarning({ endsAt }: SignIn, now: EpochMs): number | undefined {
  if (now >= endsAt) return 0;
  return signInWarningDays.filter((days) => endsAt - now <= days * dayMs).at(-1);
}

const instantOf = (text: string | undefined): EpochMs | undefined =>
  text !== undefined && /^\d{1,15}$/.test(text) ? Number(text) : undefined;
