/** What the rotation of tokens needs of the outside world. Like all ports: rejects with a classified UpstreamError. */
import type { EpochMs } from '../domain/instant.ts';
import type { Secret } from '../domain/secret.ts';
import type { PersonalToken, Tags, VaultVersion } from '../domain/token.ts';
import type { Stamped } from '../ports.ts';

export interface VaultSecret extends VaultVersion {
  readonly value: Secret;
}

/** Key Vault has no compare-and-set: tags are a record, never a lock. */
export interface TokenVault {
  /** The latest version with its value; undefined = there is no such secret. A disabled one rejects `forbidden`. */
  readLatest(name: string): Promise<VaultSecret | undefined>;
  /** All versions, newest first, disabled ones too, and the vault's time (its Date header); complete or rejected. */
  listVersions(name: string): Promise<Stamped<readonly VaultVersion[]>>;
  /** True while a secret of this name was deleted and can be recovered: until then nothing can be stored under it. */
  isDeleted(name: string): Promise<boolean>;
  /** Stores a new version, which becomes the latest. */
  store(
    name: string,
    value: Secret,
    about: { readonly expiresAt?: EpochMs; readonly tags: Tags },
  ): Promise<VaultVersion>;
  /** Replaces the tags of one version; the value stays. */
  tag(name: string, version: string, tags: Tags): Promise<void>;
}

/** Types the plan needs too live in the domain. */
export type { PersonalToken, Tags, VaultVersion };

export interface NewPersonalToken {
  readonly displayName: string;
  readonly scope: string;
  readonly validTo: EpochMs;
}

export interface CreatedPersonalToken extends PersonalToken {
  readonly token: Secret;
}

/** The PAT Lifecycle API of one organisation, as the service user whose tokens they are. */
export interface PersonalTokens {
  /** The active ones and the server's time (its Date header). Complete or rejected. */
  list(): Promise<Stamped<readonly PersonalToken[]>>;
  /** Sent once, never retried: a lost reply rejects. The lifespan is what the server gave, which may be less. */
  create(token: NewPersonalToken): Promise<CreatedPersonalToken>;
  revoke(authorizationId: string): Promise<'revoked' | 'absent'>;
}

/** Whether Azure DevOps takes a token for what it is meant to do. A failed call rejects; it never means `rejected`. */
export interface TokenProof {
  prove(token: Secret): Promise<'accepted' | 'rejected'>;
}

/** The Secrets of one cluster that hold a copy of a token. */
export interface ClusterSecrets {
  readonly cluster: string;
  /** The value under a key; undefined = no such Secret or key. */
  readValue(secret: string, key: string): Promise<Secret | undefined>;
  /** Sets the value under a key; creates the Secret, with our labels, where there is none. */
  writeValue(secret: string, key: string, value: Secret): Promise<void>;
}
