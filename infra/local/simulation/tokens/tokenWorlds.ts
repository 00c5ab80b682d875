/** The three places that know a token: the server that makes and ends PATs, the vault, and the Secrets of clusters. */
import type { EpochMs } from '../../../../shared/domain/instant.ts';
import type { PersonalToken, Tags, VaultVersion } from '../../../../shared/domain/token.ts';
import type { NewPersonalToken } from '../../../../shared/ports/tokens.ts';
import type { WorldClock } from '../../world/clock.ts';
import { TokenRefusal } from './tokenDoor.ts';

/** Told after every change, with what changed. */
export type Changed = () => void;

export interface Issued extends PersonalToken {
  readonly value: string;
  /** From when on it is accepted. */
  readonly knownAt: EpochMs;
  isSuspended?: true;
  revokedAt?: EpochMs;
}

/** The PATs of one service user. Its lifespan policy cuts silently, as the real one does. */
export class PatServer {
  readonly #clock: WorldClock;
  readonly #changed: Changed;
  readonly #issued = new Map<string, Issued>();
  skewMs = 0;
  maxLifespanMs = Number.POSITIVE_INFINITY;
  /** A new PAT is accepted only after this time. */
  lagMs = 0;
  /** Creation is forbidden by policy. */
  refuses = false;
  created = 0;
  onCreate: (issued: Issued) => void = () => undefined;
  onRevoke: (issued: Issued) => void = () => undefined;

  constructor(clock: WorldClock, changed: Changed) {
    this.#clock = clock;
    this.#changed = changed;
  }

  now(): EpochMs {
    return this.#clock.now() + this.skewMs;
  }

  create({ displayName, scope, validTo }: NewPersonalToken, lagMs = this.lagMs): Issued {
    if (this.refuses && displayName !== 'by hand')
      throw new TokenRefusal('forbidden', 'disablePatCreationPolicyViolation');
    const number = ++this.created;
    const validFrom = this.now();
    const until = Math.min(validTo, validFrom + this.maxLifespanMs);
    const authorizationId = `authorization-${number}`;
    const knownAt = validFrom + lagMs;
    const value = `value-of-pat-${number}`;
    const issued = { authorizationId, displayName, scope, validFrom, validTo: until, value, knownAt };
    this.#issued.set(authorizationId, issued);
    this.#clock.after(until - validFrom, this.#changed);
    this.onCreate(issued);
    this.#changed();
    return issued;
  }

  list(): readonly Issued[] {
    return [...this.#issued.values()].filter((one) => this.#isLive(one));
  }

  revoke(authorizationId: string): 'revoked' | 'absent' {
    const one = this.#issued.get(authorizationId);
    if (one === undefined || !this.#isLive(one)) return 'absent';
    one.revokedAt = this.now();
    this.onRevoke(one);
    this.#changed();
    return 'revoked';
  }

  /** Listed as before, accepted no longer. */
  suspend(value: string): void {
    for (const one of this.#issued.values()) if (one.value === value) one.isSuspended = true;
  }

  accepts(value: string | undefined): boolean {
    const now = this.now();
    return [...this.#issued.values()].some(
      (one) => one.value === value && now >= one.knownAt && one.isSuspended !== true && this.#isLive(one),
    );
  }

  #isLive(one: Issued): boolean {
    return one.revokedAt === undefined && this.now() < one.validTo;
  }
}

export interface StoredVersion extends VaultVersion {
  readonly value: string;
}

/** The versions of one secret, newest first. Instants have whole seconds, as Key Vault's. */
export class VaultShelf {
  readonly #clock: WorldClock;
  readonly #changed: Changed;
  #versions: StoredVersion[] = [];
  /** While it can be recovered its name is taken. */
  #deleted: StoredVersion[] | undefined;
  skewMs = 0;
  onStore: (version: StoredVersion) => void = () => undefined;

  constructor(clock: WorldClock, changed: Changed) {
    this.#clock = clock;
    this.#changed = changed;
  }

  now(): EpochMs {
    return Math.floor((this.#clock.now() + this.skewMs) / 1000) * 1000;
  }

  get latest(): StoredVersion | undefined {
    return this.#versions[0];
  }

  get versions(): readonly StoredVersion[] {
    return this.#versions;
  }

  read(): StoredVersion | undefined {
    if (this.latest?.enabled === false) throw new TokenRefusal('forbidden', 'the secret is disabled');
    return this.latest;
  }

  store(value: string, about: { readonly expiresAt?: EpochMs; readonly tags: Tags }): StoredVersion {
    if (this.isDeleted) throw new TokenRefusal('conflict', 'ObjectIsDeletedButRecoverable');
    const version = `version-${this.#versions.length + 1}`;
    const stored = { version, value, createdAt: this.now(), enabled: true, ...about };
    this.#versions = [stored, ...this.#versions];
    this.onStore(stored);
    this.#changed();
    return stored;
  }

  get isDeleted(): boolean {
    return this.#deleted !== undefined;
  }

  remove(): void {
    // What stood until now ends here, for whoever counts.
    this.#changed();
    this.#deleted = this.#versions;
    this.#versions = [];
    this.#changed();
  }

  recover(): void {
    this.#changed();
    this.#versions = this.#deleted ?? this.#versions;
    this.purge();
  }

  purge(): void {
    this.#deleted = undefined;
    this.#changed();
  }

  change(version: string, change: Partial<Pick<StoredVersion, 'tags' | 'enabled'>>): void {
    if (!this.#versions.some((one) => one.version === version)) throw new TokenRefusal('notFound', 'no such version');
    this.#versions = this.#versions.map((one) => (one.version === version ? { ...one, ...change } : one));
    this.#changed();
  }
}

/** What the Secrets of all clusters hold, by cluster, Secret and key. */
export class CopyShelf {
  readonly #changed: Changed;
  readonly #values = new Map<string, string>();
  onWrite: (name: string, value: string) => void = () => undefined;

  constructor(changed: Changed) {
    this.#changed = changed;
  }

  get values(): ReadonlyMap<string, string> {
    return this.#values;
  }

  write(name: string, value: string, by: 'plane' | 'person' = 'plane'): void {
    if (by === 'plane') this.onWrite(name, value);
    this.#values.set(name, value);
    this.#changed();
  }
}

export const copyName = (cluster: string, secret: string, key: string): string => `${cluster}/${secret}/${key}`;
