/**
 * The next step in the life of the hook secret. Each pass observes, does one step and observes again, so whoever dies
 * in the middle is followed by somebody who reads the same from the same objects.
 *
 *   begin    mark the latest version as accepted, then store a new one beside it
 *   spread   write the latest version to the subscriptions that send another, and prove all of them
 *   drop     accept the former versions no longer
 *
 * Nothing that a subscription may be sending is ever refused: a version stops being accepted only by `drop`, which comes
 * when every subscription has been proven to send a later one for longer than any pass lives and any notification is
 * sent again. Two passes at once store two versions; both are accepted and the latest wins.
 */
import {
  acceptedBeside,
  type HookSecretVersion,
  type HookSubscription,
  hookUserName,
  isAccepted,
  provenAt,
} from '../domain/hookSecret.ts';
import { type EpochMs, minutesMs } from '../domain/instant.ts';

export interface HookSecretPolicy {
  /** A latest version of this age is replaced. */
  readonly rotateAfterMs: number;
  /** Between the proof of all subscriptions and the drop: above the 10 min of a function and the 3 min of resends. */
  readonly graceMs: number;
}

export const hookGraceMs = minutesMs(30);

export interface HookSecretView {
  readonly now: EpochMs;
  /** Somebody asks for a rotation now. */
  readonly asked: boolean;
  readonly latest: HookSecretVersion;
  /** Of the latest value; undefined = it is too short to have one. */
  readonly mark: string | undefined;
  readonly versions: readonly HookSecretVersion[];
  readonly subscriptions: readonly HookSubscription[];
  /** Every project could be read and has at least one. Unknown is never zero. */
  readonly subscriptionsKnown: boolean;
}

export type HookSecretStep =
  | { readonly kind: 'begin'; readonly former: HookSecretVersion }
  | { readonly kind: 'spread'; readonly mark: string }
  | { readonly kind: 'drop'; readonly versions: readonly HookSecretVersion[]; readonly mark: string }
  /** Nothing to do before `nextAt`. */
  | { readonly kind: 'rest'; readonly nextAt: EpochMs }
  /** Something would be to do, but not as long as subscriptions are unknown. */
  | { readonly kind: 'blocked' };

/** Disabled by a person stays disabled; whatever else is not enabled is repaired. */
export const needsRepair = ({ status }: HookSubscription): boolean =>
  status !== 'enabled' && status !== 'disabledByUser';

/** True when the subscription has to be written so that it sends the secret of this mark. */
export const needsWrite = (subscription: HookSubscription, mark: string): boolean =>
  subscription.userName !== hookUserName(mark) || needsRepair(subscription);

export function planHookSecret(view: HookSecretView, policy: HookSecretPolicy): HookSecretStep {
  const { latest, versions, subscriptions, subscriptionsKnown } = view;
  const former = acceptedBeside(versions, latest);
  // Before the first rotation as well: what stands still loses events, and is written with the secret that there is.
  const isOurs = isAccepted(latest) || former.length > 0 || subscriptions.some(needsRepair);
  const dueAt = latest.createdAt + policy.rotateAfterMs;
  const due = wantsNew(view, former, isOurs, dueAt);
  if (due && subscriptionsKnown) return { kind: 'begin', former: latest };
  const open = isOurs ? finish(view, former, policy) : undefined;
  return open ?? (due ? { kind: 'blocked' } : { kind: 'rest', nextAt: dueAt });
}

function wantsNew(
  { now, mark, asked }: HookSecretView,
  former: readonly HookSecretVersion[],
  isOurs: boolean,
  dueAt: EpochMs,
): boolean {
  // A person's own value that cannot be marked cannot be proven either.
  if (isOurs && mark === undefined) return true;
  return former.length === 0 && (asked || now >= dueAt);
}

/** What is left to do of a rotation that has begun; undefined = nothing. */
function finish(
  { now, latest, mark, subscriptions, subscriptionsKnown }: HookSecretView,
  former: readonly HookSecretVersion[],
  { graceMs }: HookSecretPolicy,
): HookSecretStep | undefined {
  if (mark === undefined) return undefined;
  if (subscriptions.some((each) => needsWrite(each, mark))) return { kind: 'spread', mark };
  if (former.length === 0) return undefined;
  const proven = provenAt(latest);
  if (proven === undefined) return { kind: 'spread', mark };
  if (!subscriptionsKnown) return { kind: 'blocked' };
  const dropAt = proven + graceMs;
  return now >= dropAt ? { kind: 'drop', versions: former, mark } : { kind: 'rest', nextAt: dropAt };
}
