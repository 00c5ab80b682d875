/** From the entries of mayfly.yaml to what reads images: which credential goes to which registry. */
import type { RegistryCredential } from './adapters/registry/credentials.ts';
import { once } from './adapters/retry.ts';
import type { MayflyConfig, RegistryConfig } from './config/policy.ts';
import type { CredentialSources } from './connections.ts';
import type { ImageRegistry } from './ports/images.ts';

function credentialOf({ credential }: RegistryConfig, sources: CredentialSources): RegistryCredential {
  switch (credential.kind) {
    case 'anonymous':
      return credential;
    case 'basic': {
      const { username, secret } = credential;
      return { kind: 'basic', username, password: () => sources.readSecret(secret) };
    }
    case 'acr':
      return { kind: 'acr', tokens: sources.tokens(credential.clientId) };
  }
}

/** The client is loaded by the first question. A registry that is not listed is asked without a credential. */
export function imageRegistryOf(
  { registries }: Pick<MayflyConfig, 'registries'>,
  sources: CredentialSources,
): ImageRegistry {
  const byHost = new Map(registries.map((registry) => [registry.host, registry]));
  const client = once(async () => {
    const { imageRegistry } = await import('./adapters/registry/imageRegistry.ts');
    const credentials = new Map([...byHost].map(([host, registry]) => [host, credentialOf(registry, sources)]));
    return imageRegistry({ credentialOf: (host) => credentials.get(host), clock: sources.clock });
  });
  return { resolve: async (reference) => (await client()).resolve(reference) };
}
