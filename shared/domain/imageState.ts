/**
 * What is known of one rebuilt image, kept on the control ConfigMaps of the pools that run it:
 *
 *   mayfly.image.<image6>.name        the image, for people
 *   mayfly.image.<image6>.inForce     <digest> from=... version=... since=... built=... tried=...
 *   mayfly.image.<image6>.candidate   the same, and proven=<agents that have come through>
 *   mayfly.image.<image6>.good        earlier ones to go back to, a line each, the newest first
 *   mayfly.image.<image6>.rolledBack  <digest> since=... reason=... tried=..., a line each: no candidate again unless asked for
 *   mayfly.image.<image6>.moved       <digest> since=...: what somebody else pushed under the tag
 *   mayfly.image.<image6>.build       <key> state=... try=... since=... starts=... id=... reason=...
 *   mayfly.image.<image6>.seen        of the last build: week=<ISO week> agent=<version> base=<digest>
 *   mayfly.image.<image6>.excerpt     the end of the log of a build that failed
 *   mayfly.image.<image6>.requested   by people: build, rollback or try <digest>
 */
import { shortHash } from './hash.ts';
import type { KnownImage } from './imagePolicy.ts';
import type { EpochMs } from './instant.ts';

export interface Candidate extends KnownImage {
  /** Names of its agents that have come online and finished a job. */
  readonly proven: readonly string[];
}

export interface RolledBackImage {
  readonly digest: string;
  readonly since: EpochMs;
  readonly reason?: string;
  /** Of an image that failed: the trial in which it did. */
  readonly tried?: EpochMs;
}

/**
 * `starting` = somebody is about to start it, or has and did not hear the answer; `built` = done, but what its tag
 * stands for is not known yet; `done` and `failed` are for good.
 */
export const buildStates = ['starting', 'running', 'built', 'done', 'failed'] as const;

export interface BuildRecord {
  readonly key: string;
  readonly state: (typeof buildStates)[number];
  /** 1, or 2 after a failure. */
  readonly try: number;
  /** When the present state, or try, or start, began. */
  readonly since: EpochMs;
  /** How often this try has been started without an answer; absent = once. */
  readonly starts?: number;
  /** The builder's own name for it. */
  readonly id?: string;
  /** Why it is built, or why it failed. */
  readonly reason?: string;
  /** Of what it pushed, where the builder told. */
  readonly digest?: string;
}

/** Of what a build is made. */
export interface Ingredients {
  readonly agent?: string;
  readonly base?: string;
}

/** What the last build was made of, and for. */
export interface Seen extends Ingredients {
  /** The last week that had its build, as in 2026-W05. */
  readonly week?: string;
}

export type ImageRequest = { readonly kind: 'build' | 'rollback' } | { readonly kind: 'try'; readonly digest: string };

export interface ImageState {
  readonly inForce?: KnownImage;
  readonly candidate?: Candidate;
  readonly good: readonly KnownImage[];
  readonly rolledBack: readonly RolledBackImage[];
  readonly moved?: RolledBackImage;
  readonly build?: BuildRecord;
  readonly seen?: Seen;
  readonly excerpt?: string;
  readonly requested?: ImageRequest;
}

export const imageFields = [
  'inForce',
  'candidate',
  'good',
  'rolledBack',
  'moved',
  'build',
  'seen',
  'excerpt',
  'requested',
] as const;
export type ImageField = (typeof imageFields)[number];

export const noImageState: ImageState = { good: [], rolledBack: [] };

const prefix = 'mayfly.image.';
export const imageShort = (image: string): string => shortHash(image, 6);
export const imageKey = (image6: string, field: ImageField | 'name'): string => `${prefix}${image6}.${field}`;
