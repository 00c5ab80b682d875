/** What the rotation of the hook secret needs of the outside world. Rejects with a classified UpstreamError. */
import type { HookSubscription } from '../domain/hookSecret.ts';
import type { Secret } from '../domain/secret.ts';
import type { TokenVault } from './tokens.ts';

/** A vault that also gives the value of a version that is not the latest. */
export interface HookVault extends TokenVault {
  /** Rejects `notFound` where there is no such version and `forbidden` for a disabled one. */
  readVersion(name: string, version: string): Promise<Secret>;
}

/** What a subscription is to send, as Basic. */
export interface HookCredential {
  readonly userName: string;
  readonly password: Secret;
}

export interface HookTest {
  readonly delivered: boolean;
  /** By which the receiver knows the secret that it was shown; undefined = the server did not pass its answer on. */
  readonly mark?: string;
  /** What went wrong, in the server's words. */
  readonly detail?: string;
}

/** The subscriptions of one organisation that send to this installation. */
export interface HookSubscriptions {
  /** Those of a project. Complete or rejected. */
  list(projectId: string): Promise<readonly HookSubscription[]>;
  /** Writes it anew with all its inputs and this credential, and enables it unless a person has disabled it. */
  write(subscription: HookSubscription, credential: HookCredential): Promise<void>;
  /** Lets the server send a test notification as this subscription would, had it this credential. Nothing is stored. */
  rehearse(subscription: HookSubscription, credential: HookCredential): Promise<HookTest>;
  /** Lets the server send a test notification of the subscription as it is stored. */
  test(subscription: HookSubscription, credential: HookCredential): Promise<HookTest>;
}
