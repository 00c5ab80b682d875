/** What a registry holds, and what can be wrong with it. */
import type { BuiltImage, ImageSpec, Stored } from './content.ts';
import { buildImage, buildIndex } from './content.ts';

interface Repository {
  readonly manifests: Map<string, Stored>;
  readonly blobs: Map<string, Stored>;
  readonly tags: Map<string, string>;
}

export class RegistryStore {
  readonly #repositories = new Map<string, Repository>();
  /** What `Docker-Content-Digest` says in the stead of the truth, by digest. */
  readonly #lies = new Map<string, string>();
  readonly #corrupted = new Map<string, Buffer>();

  /** Undefined = NAME_UNKNOWN. */
  has(repository: string): boolean {
    return this.#repositories.has(repository);
  }

  /** By tag or digest. */
  manifest(repository: string, reference: string): Stored | undefined {
    const found = this.#repositories.get(repository);
    return found?.manifests.get(found.tags.get(reference) ?? reference);
  }

  blob(repository: string, digest: string): Stored | undefined {
    return this.#repositories.get(repository)?.blobs.get(digest);
  }

  tags(repository: string): readonly string[] {
    return [...(this.#repositories.get(repository)?.tags.keys() ?? [])].sort();
  }

  putBlob(repository: string, blob: Stored): void {
    this.#open(repository).blobs.set(blob.digest, blob);
  }

  putManifest(repository: string, manifest: Stored, tag?: string): void {
    const { manifests, tags } = this.#open(repository);
    manifests.set(manifest.digest, manifest);
    if (tag !== undefined) tags.set(tag, manifest.digest);
  }

  /** An image of one platform under a tag, which may have pointed elsewhere before. Gives its digest. */
  push(repository: string, tag: string, spec: ImageSpec = {}): string {
    const image = buildImage(spec);
    this.#putImage(repository, image);
    this.putManifest(repository, image.manifest, tag);
    return image.manifest.digest;
  }

  /** An index of images for several platforms, with an attestation. Gives the digest of the index. */
  pushIndex(repository: string, tag: string, specs: readonly ImageSpec[]): string {
    const images = specs.map(buildImage);
    const { index, attestation } = buildIndex(images, { format: specs[0]?.format ?? 'oci', attested: true });
    for (const image of [...images, ...(attestation === undefined ? [] : [attestation])]) {
      this.#putImage(repository, image);
    }
    this.putManifest(repository, index, tag);
    return index.digest;
  }

  moveTag(repository: string, tag: string, digest: string): void {
    this.#open(repository).tags.set(tag, digest);
  }

  /** As a clean-up does: the content goes, and every tag with it. */
  remove(repository: string, digest: string): void {
    const { manifests, blobs, tags } = this.#open(repository);
    manifests.delete(digest);
    blobs.delete(digest);
    for (const [tag, target] of tags) if (target === digest) tags.delete(tag);
  }

  lie(digest: string, header: string): void {
    this.#lies.set(digest, header);
  }

  corrupt(digest: string, bytes: Buffer): void {
    this.#corrupted.set(digest, bytes);
  }

  digestHeader(digest: string): string {
    return this.#lies.get(digest) ?? digest;
  }

  bytesOf({ digest, bytes }: Stored): Buffer {
    return this.#corrupted.get(digest) ?? bytes;
  }

  #putImage(repository: string, { manifest, config, layer }: BuiltImage): void {
    this.putBlob(repository, config);
    this.putBlob(repository, layer);
    this.putManifest(repository, manifest);
  }

  #open(repository: string): Repository {
    const found = this.#repositories.get(repository);
    if (found !== undefined) return found;
    const made: Repository = { manifests: new Map(), blobs: new Map(), tags: new Map() };
    this.#repositories.set(repository, made);
    return made;
  }
}
