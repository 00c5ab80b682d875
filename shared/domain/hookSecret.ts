/**
 * The shared secret of the service hooks while it is being replaced. All of its versions lie in one vault secret. Two
 * things are remembered, each on the object it is about: on a version's tags, whether it is still accepted beside the
 * latest; in a subscription's user name, which version was written to it, for its password reads back masked.
 */
import type { EpochMs } from './instant.ts';
import { minutesMs, secondsMs } from './instant.ts';

/** One version of the secret in the vault, without its value. */
export interface HookSecretVersion {
  readonly version: string;
  readonly createdAt: EpochMs;
  readonly enabled: boolean;
  readonly tags: Readonly<Record<string, string>>;
}

/** serviceHooks.json 7.2, SubscriptionStatus. */
export const hookSubscriptionStatuses = [
  'enabled',
  'onProbation',
  'disabledByUser',
  'disabledBySystem',
  'disabledByInactiveIdentity',
] as const;
export type HookSubscriptionStatus = (typeof hookSubscriptionStatuses)[number];

/** A subscription of ours: what it sends is addressed to this installation. */
export interface HookSubscription {
  readonly id: string;
  readonly projectId: string;
  readonly status: HookSubscriptionStatus;
  /** Of its Basic credential; reads back as it is. */
  readonly userName: string;
}

export const hookTags = {
  /** `accepted` or `dropped`; a version without it was put there by a person. */
  state: 'mayfly-hook',
  /** Since when every subscription is known to send this version, in ms. */
  provenAt: 'mayfly-hook-proven-at',
} as const;

/**
 * A receiver asks the vault for the latest secrets at most this often. Whoever stores a new one lets so much time pass
 * before anybody sends it.
 */
export const hookRereadMs = secondsMs(10);

/** How old what a receiver remembers may become, so that a secret that was dropped is refused at last. */
export const hookKeepMs = minutesMs(5);

/** A shorter secret gets no mark: of something that a person thought up, even a digest tells too much. */
export const markedSecretLength = 24;

export const hookUserName = (mark: string): string => `mayfly-${mark}`;

export const isAccepted = ({ enabled, tags }: HookSecretVersion): boolean =>
  enabled && tags[hookTags.state] === 'accepted';

/** The latest version and beside it those that a rotation still accepts; all others are refused. */
export function acceptedBeside(
  versions: readonly HookSecretVersion[],
  latest: Pick<HookSecretVersion, 'version'>,
): readonly HookSecretVersion[] {
  return versions.filter((each) => each.version !== latest.version && isAccepted(each));
}

/** undefined = not every subscription is known to send this version. */
export function provenAt({ tags }: HookSecretVersion): EpochMs | undefined {
  const at = Number(tags[hookTags.provenAt] ?? Number.NaN);
  return Number.isSafeInteger(at) ? at : undefined;
}
