/** What one look at a token gave: what the plan decides on. No value of a token is in it. */
import type { EpochMs } from '../../domain/instant.ts';
import type { Read } from '../../domain/read.ts';
import type { PersonalToken, RotationCause, TokenCopy, TokenReason, VaultVersion } from '../../domain/token.ts';

export const tokenCauses = ['timer', 'nextLook', 'nearExpiry', 'newVersion', 'asked'] as const;
export type TokenCause = (typeof tokenCauses)[number];

/** Whether Azure DevOps took the vault's latest version in this look. */
export type Proof = 'accepted' | 'rejected';

export interface ObservedCopy {
  readonly copy: TokenCopy;
  /** By comparison with the vault's latest version; `nothing` = no such Secret or key. */
  readonly holds: Read<'latest' | 'other' | 'nothing'>;
}

export interface ObservedToken {
  /** The server's time: of the PAT API where it was asked, else of the vault. */
  readonly at: EpochMs;
  /** How far this machine's clock is ahead of the server's, in ms. */
  readonly skewMs: number;
  /** The vault's latest version; undefined = there is no such secret. */
  readonly latest: Read<VaultVersion | undefined>;
  /** Whether it was deleted and can be recovered; asked where there is no latest version. */
  readonly deleted?: Read<boolean>;
  /** All versions, the latest first. */
  readonly versions: Read<readonly VaultVersion[]>;
  /** Undefined = there was nothing to prove. */
  readonly proof: Read<Proof> | undefined;
  /** The active PATs of the service user; undefined = there is none that Mayfly may act for. */
  readonly personal: Read<readonly PersonalToken[]> | undefined;
  readonly copies: readonly ObservedCopy[];
  readonly cause: TokenCause;
  /** Names a request on demand, so that its second delivery rotates nothing. */
  readonly askedId?: string;
}

export interface TokenAlarm {
  readonly reason: TokenReason;
  readonly subject?: string;
  readonly detail?: string;
}

/** What people are told once for a version, when its tags have been written. */
export type TokenNotice =
  | { readonly kind: 'expiresSoon'; readonly days: number; readonly expiresAt: EpochMs }
  | { readonly kind: 'oldTokenLeft' };

export type TokenAction =
  | {
      readonly kind: 'revoke';
      readonly authorizationId: string;
      readonly displayName: string;
      /** The vault's latest version of this look: the action is void under any other. */
      readonly latest: string;
      /** Where the PAT was stored; undefined = no version tells of it. */
      readonly version?: VaultVersion;
    }
  /** Replaces the tags of a version. */
  | {
      readonly kind: 'note';
      readonly version: string;
      readonly tags: VaultVersion['tags'];
      readonly notice?: TokenNotice;
    }
  | { readonly kind: 'create'; readonly cause: RotationCause; readonly validTo: EpochMs; readonly askedId?: string }
  | { readonly kind: 'spread'; readonly version: string; readonly copies: readonly TokenCopy[] };

export type TokenActionKind = TokenAction['kind'];

export interface TokenPlan {
  /** In the order in which they are carried out. */
  readonly actions: readonly TokenAction[];
  readonly alarms: readonly TokenAlarm[];
  /** By the server's time; undefined = the ordinary timer is soon enough. */
  readonly nextLookAt: EpochMs | undefined;
  /** Of the vault's latest version; undefined = nobody knows. */
  readonly expiresAt: EpochMs | undefined;
}
