/** The registry without a wire: what a control plane in a simulation asks. Whoever is in this process may pull. */
import type { Content } from '../../../shared/adapters/registry/distribution.ts';
import { imageOf, nextOf } from '../../../shared/adapters/registry/imageContent.ts';
import { type ImageReference, parseImageReference } from '../../../shared/domain/imageReference.ts';
import type { ImageRegistry, ResolvedImage } from '../../../shared/ports/images.ts';
import { InProcessCalls, type InProcessOptions } from '../azureDevOps/inProcessCall.ts';
import type { Stored } from './content.ts';
import type { RegistryStore } from './store.ts';

class Refusal extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.status = status;
  }
}

const door = {
  door: 'registry',
  upstream: 'registry',
  refusal: (error: unknown) => (error instanceof Refusal ? { status: error.status, detail: error.message } : undefined),
} as const;

/** `host` is what references name the store by. */
export function inProcessRegistry(host: string, store: RegistryStore, options: InProcessOptions): ImageRegistry {
  const calls = new InProcessCalls(options, door);
  return {
    resolve: (text) => {
      const name = { verb: 'resolve', operation: 'reading an image', target: text, absent: undefined };
      return calls.call(name, () => resolve(host, store, text));
    },
  };
}

function resolve(host: string, store: RegistryStore, text: string): ResolvedImage | undefined {
  const reference = parseImageReference(text);
  if (reference === undefined) throw new Refusal(400, text);
  if (reference.registry !== host) throw new Refusal(503, `${reference.registry} is not known here`);
  const manifest = store.manifest(reference.repository, reference.digest ?? reference.tag ?? '');
  return manifest === undefined ? undefined : imageOf(manifest.digest, configOf(store, reference, manifest));
}

const contentOf = ({ digest, mediaType, bytes }: Stored): Content => ({ digest, mediaType, body: bytes });

function configOf(store: RegistryStore, reference: ImageReference, manifest: Stored): Content {
  const { kind, digest } = nextOf(contentOf(manifest));
  const found =
    kind === 'config' ? store.blob(reference.repository, digest) : store.manifest(reference.repository, digest);
  if (found === undefined) throw new Refusal(404, `${digest} is missing`);
  return kind === 'config' ? contentOf(found) : configOf(store, reference, found);
}
