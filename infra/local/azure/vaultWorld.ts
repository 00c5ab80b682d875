/**
 * A Key Vault as a state machine: the verbs of its REST API on secrets, each of which refuses what the service
 * refuses. Both doors, HTTP and in process, call it.
 */
import type { EpochMs } from '../../../shared/domain/instant.ts';
import { secondsMs } from '../../../shared/domain/instant.ts';
import { badParameter, nameTaken, noSecret, secretDisabled, throttled } from './vaultRefusal.ts';
import type { SecretProperties, SecretVersion } from './vaultSecrets.ts';
import { VaultSecrets } from './vaultSecrets.ts';

/** The service counts per vault and region: 4,000 transactions in 10 s (Key Vault documentation, "Service limits"). */
export interface VaultThrottle {
  readonly budget: number;
  readonly windowMs?: number;
}

export interface VaultWorldOptions {
  readonly now: () => EpochMs;
  /** Off when absent. */
  readonly throttle?: VaultThrottle;
  /** Makes the names of versions; random by default. */
  readonly newId?: () => string;
}

/** Source: Key Vault documentation, "Object identifiers", "About secrets"; limits of a secret: 25 KB, 15 tags. */
const nameRule = /^[0-9a-zA-Z-]{1,127}$/;
const maxValueBytes = 25_600;
const maxTags = 15;
const maxTagLength = 256;

export class VaultWorld {
  /** The same secrets by the back door, for tests and for seeding: nothing is refused or counted there. */
  readonly secrets: VaultSecrets;
  readonly #now: () => EpochMs;
  #throttle: VaultThrottle | undefined;
  #calls: EpochMs[] = [];

  constructor({ now, throttle, newId }: VaultWorldOptions) {
    this.#now = now;
    this.#throttle = throttle;
    this.secrets = new VaultSecrets(now, newId);
  }

  /** From now on; undefined = as many calls as one likes. */
  throttleTo(throttle: VaultThrottle | undefined): void {
    this.#throttle = throttle;
    this.#calls = [];
  }

  /** Expiry and not-before are for information; only a disabled version is withheld. */
  read(name: string, version?: string): SecretVersion {
    this.#enter(name);
    const found = version === undefined ? this.secrets.latest(name) : this.#version(name, version);
    if (found === undefined) throw noSecret(name);
    if (!found.attributes.enabled) throw secretDisabled();
    return found;
  }

  set(name: string, value: string, properties: SecretProperties): SecretVersion {
    this.#enter(name);
    if (Buffer.byteLength(value) > maxValueBytes) throw badParameter('The value is longer than 25 KB.');
    checkTags(properties);
    if (this.secrets.isDeleted(name)) throw nameTaken(name);
    return this.secrets.set(name, value, properties);
  }

  /** Tags are replaced as a whole; what is not given stays. */
  update(name: string, version: string, properties: SecretProperties): SecretVersion {
    this.#enter(name);
    checkTags(properties);
    const updated = this.secrets.update(name, version, properties);
    if (updated === undefined) throw noSecret(name);
    return updated;
  }

  /** Oldest first. The service documents no order. */
  versions(name: string): readonly SecretVersion[] {
    this.#enter(name);
    const versions = this.secrets.versions(name);
    if (versions.length === 0) throw noSecret(name);
    return versions;
  }

  /** The latest version of each secret. */
  list(): readonly SecretVersion[] {
    this.#count();
    return this.secrets.names().flatMap((name) => this.secrets.latest(name) ?? []);
  }

  remove(name: string): SecretVersion {
    this.#enter(name);
    const removed = this.secrets.remove(name);
    if (removed === undefined) throw noSecret(name);
    return removed;
  }

  /** The last version of one that was deleted and not purged. */
  readDeleted(name: string): SecretVersion {
    this.#enter(name);
    const found = this.secrets.deleted(name);
    if (found === undefined) throw noSecret(name);
    return found;
  }

  #version(name: string, version: string): SecretVersion | undefined {
    return this.secrets.versions(name).find((candidate) => candidate.version === version);
  }

  #enter(name: string): void {
    this.#count();
    if (!nameRule.test(name)) throw badParameter(`The request URI contains an invalid name: ${name}`);
  }

  /** A refused call costs nothing (Key Vault documentation, "Throttling guidance"). */
  #count(): void {
    if (this.#throttle === undefined) return;
    const { budget, windowMs = secondsMs(10) } = this.#throttle;
    const now = this.#now();
    this.#calls = this.#calls.filter((at) => at > now - windowMs);
    const [oldest = now] = this.#calls;
    if (this.#calls.length >= budget) throw throttled(Math.max(1, Math.ceil((oldest + windowMs - now) / 1000)));
    this.#calls.push(now);
  }
}

function checkTags({ tags = {} }: SecretProperties): void {
  const entries = Object.entries(tags);
  if (entries.length > maxTags) throw badParameter('More than 15 tags.');
  const long = entries.find(([name, value]) => Math.max(name.length, value.length) > maxTagLength);
  if (long !== undefined) throw badParameter(`The tag ${long[0]} is longer than 256 characters.`);
}
