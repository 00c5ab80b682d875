/** Registries by the names that images bear: what a reference stands for now, and what is said in the image. */

import { UpstreamError } from '../../domain/errors.ts';
import { atDigest, type ImageReference, parseImageReference } from '../../domain/imageReference.ts';
import type { ImageRegistry, ResolvedImage } from '../../ports/images.ts';
import type { Clock } from '../../ports.ts';
import type { RetryOptions } from '../retry.ts';
import { systemClock } from '../system.ts';
import type { RegistryCredential } from './credentials.ts';
import { type Content, type Distribution, distribution } from './distribution.ts';
import { unexpected } from './exchange.ts';
import { imageOf, nextOf } from './imageContent.ts';

export interface ImageRegistryOptions {
  /** By host and port, in lower case as in a parsed reference; undefined = anonymous. */
  readonly credentialOf?: (registry: string) => RegistryCredential | undefined;
  /** Of each attempt. */
  readonly timeoutMs?: number;
  readonly clock?: Clock;
  readonly retry?: Omit<RetryOptions, 'clock'>;
}

const defaultTimeoutMs = 15_000;

/**
 * Content never changes under its digest, so what was read once is kept for the life of the process; where a tag points
 * to, and whether a digest is still there, is asked each time.
 */
export function imageRegistry(options: ImageRegistryOptions = {}): ImageRegistry {
  const { credentialOf, timeoutMs = defaultTimeoutMs, clock = systemClock, retry = {} } = options;
  const registries = new Map<string, Distribution>();
  const read = new Map<string, ResolvedImage>();
  const of = (registry: string): Distribution => {
    const credential = credentialOf?.(registry) ?? { kind: 'anonymous' };
    const made = registries.get(registry) ?? distribution({ registry, credential, timeoutMs, clock, retry });
    registries.set(registry, made);
    return made;
  };
  return {
    resolve: async (text) => {
      const reference = parseImageReference(text);
      if (reference === undefined)
        throw new UpstreamError({
          upstream: 'registry',
          operation: 'resolving an image',
          kind: 'invalid',
          detail: text,
        });
      const registry = of(reference.registry);
      const told = await registry.headManifest(reference);
      const known = told === undefined ? undefined : read.get(told);
      if (known !== undefined && (reference.digest ?? told) === told) return known;
      const manifest = await registry.getManifest(reference);
      if (manifest === undefined) return undefined;
      const image = imageOf(manifest.digest, await configOf(registry, reference, manifest));
      read.set(image.digest, image);
      return image;
    },
  };
}

async function configOf(registry: Distribution, reference: ImageReference, manifest: Content): Promise<Content> {
  const first = nextOf(manifest);
  if (first.kind === 'config') return registry.getBlob(reference.repository, first.digest);
  const chosen = await registry.getManifest(atDigest(reference, first.digest));
  const second = chosen === undefined ? undefined : nextOf(chosen);
  if (second?.kind !== 'config') throw unexpected('reading an image', 'the index names an image that is none');
  return registry.getBlob(reference.repository, second.digest);
}
