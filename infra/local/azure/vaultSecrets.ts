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

  constructor(now: () => EpochMs) {
    this.#now = now;
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

  set(name: string, value: string, properties: SecretProperties = {}): SecretVersion {
    const now = this.#now();
    const version: SecretVersion = {
      name,
      version: randomBytes(16).toString('hex'),
      value,
      contentType: properties.contentType,
      tags: properties.tags ?? {},
      attributes: properties.attributes ?? { enabled: true },
      createdAt: now,
      updatedAt: now,
    };
    this.#versions.set(name.toLowerCase(), [...this.versions(name), version]);
    return version;
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

  /** Soft delete: the name stays taken. */
  remove(name: string): SecretVersion | undefined {
    const last = this.latest(name);
    if (last === undefined) return undefined;
    this.#deleted.set(name.toLowerCase(), [...this.versions(name)]);
    this.#versions.delete(name.toLowerCase());
    return last;
  }
}
