/** The secrets of a vault: names with versions, newest last. Knows no HTTP. */
import { randomBytes } from 'node:crypto';
import type { EpochMs } from '../../../shared/domain/instant.ts';

export interface SecretAttributes {
  readonly enabled: boolean;
  /** Unix seconds, as on the wire. */
  readonly exp?: number;
  readonly nbf?: number;
}

export interface SecretVersion {
  readonly name: string;
  readonly version: string;
  readonly value: string;
  readonly contentType: string | undefined;
  readonly tags: Readonly<Record<string, string>>;
  readonly attributes: SecretAttributes;
  readonly createdAt: EpochMs;
  readonly updatedAt: EpochMs;
}

export type SecretProperties = Partial<Pick<SecretVersion, 'contentType' | 'tags' | 'attributes'>>;

export class VaultSecrets {
  readonly #now: () => EpochMs;
  readonly #versions = new Map<string, SecretVersion[]>();
  readonly #deleted = new Map<string, SecretVersion[]>();
  readonly #newId: () => string;
  readonly #listeners = new Set<(version: SecretVersion) => void>();

  /** `newId` makes the names of versions; random by default. */
  constructor(now: () => EpochMs, newId: () => string = () => randomBytes(16).toString('hex')) {
    this.#now = now;
    this.#newId = newId;
  }

  /** Names are case-blind, as in the service. */
  versions(name: string): readonly SecretVersion[] {
    return this.#versions.get(name.toLowerCase()) ?? [];
  }

  latest(name: string): SecretVersion | undefined {
    return this.versions(name).at(-1);
  }

  names(): readonly string[] {
    return [...this.#versions.values()].flatMap((versions) => versions.at(-1)?.name ?? []).sort();
  }

  isDeleted(name: string): boolean {
    return this.#deleted.has(name.toLowerCase());
  }

  deleted(name: string): SecretVersion | undefined {
    return this.#deleted.get(name.toLowerCase())?.at(-1);
  }

  purge(name: string): void {
    this.#deleted.delete(name.toLowerCase());
  }

  set(name: string, value: string, properties: SecretProperties = {}): SecretVersion {
    const now = this.#now();
    const version: SecretVersion = {
      name,
      version: this.#newId(),
      value,
      contentType: properties.contentType,
      tags: properties.tags ?? {},
      attributes: properties.attributes ?? { enabled: true },
      createdAt: now,
      updatedAt: now,
    };
    this.#versions.set(name.toLowerCase(), [...this.versions(name), version]);
    for (const listener of this.#listeners) listener(version);
    return version;
  }

  /** Tells of each new version from now on, until the returned function is called. */
  onNewVersion(listener: (version: SecretVersion) => void): () => void {
    this.#listeners.add(listener);
    return () => this.#listeners.delete(listener);
  }

  /** Changes what is given; undefined = no such version. */
  update(name: string, version: string, properties: SecretProperties): SecretVersion | undefined {
    const before = this.versions(name).find((candidate) => candidate.version === version);
    if (before === undefined) return undefined;
    const attributes = { ...before.attributes, ...properties.attributes };
    const after = { ...before, ...properties, attributes, updatedAt: this.#now() };
    this.#versions.set(
      name.toLowerCase(),
      this.versions(name).map((candidate) => (candidate === before ? after : candidate)),
    );
    return after;
  }

  /** Withholds a version from reading, or gives it back; by default the latest. */
  enable(name: string, enabled: boolean, version = this.latest(name)?.version): void {
    const found = this.versions(name).find((candidate) => candidate.version === version);
    if (found !== undefined) this.update(name, found.version, { attributes: { ...found.attributes, enabled } });
  }

  /** Takes a soft delete back; all versions are there again. */
  recover(name: string): void {
    const versions = this.#deleted.get(name.toLowerCase());
    if (versions === undefined) return;
    this.#versions.set(name.toLowerCase(), versions);
    this.#deleted.delete(name.toLowerCase());
  }

  /** Soft delete: the name stays taken. */
  remove(name: string): SecretVersion | undefined {
    const last = this.latest(name);
    if (last === undefined) return undefined;
    this.#deleted.set(name.toLowerCase(), [...this.versions(name)]);
    this.#versions.delete(name.toLowerCase());
    return last;
  }
}
