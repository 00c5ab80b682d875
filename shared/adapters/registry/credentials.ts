/** What answers a registry's challenge, and who may be shown it. */
import { UpstreamError } from '../../domain/errors.ts';
import type { Secret } from '../../domain/secret.ts';
import type { TokenSource } from '../../ports.ts';
import { isLoopback } from '../loopback.ts';

export type RegistryCredential =
  | { readonly kind: 'anonymous' }
  /** Read anew whenever a token is fetched, so that a changed password is noticed. */
  | { readonly kind: 'basic'; readonly username: string; readonly password: () => Promise<Secret> }
  /** Azure Container Registry: an Entra token is exchanged for the registry's own. */
  | { readonly kind: 'acr'; readonly tokens: TokenSource };

/**
 * Where the API of a registry is: Docker Hub's is not at the name that images bear. Plain HTTP on this machine only.
 * Throws `invalid` for what has the form of a host and can be none, as 1.2.3.400.
 */
export function apiOf(registry: string): URL {
  const secure = URL.parse(`https://${registry === 'docker.io' ? 'registry-1.docker.io' : registry}/`);
  if (secure === null)
    throw new UpstreamError({ upstream: 'registry', operation: 'reading an image', kind: 'invalid', detail: registry });
  return isLoopback(secure.href) ? new URL(`http://${registry}/`) : secure;
}

/**
 * Whether an address that a registry names may be called: https, or this machine if the registry is on it. A registry
 * elsewhere must not send us to ports of our own host.
 */
export function isReachable(url: URL, api: URL): boolean {
  if (url.username !== '' || url.password !== '') return false;
  const local = isLoopback(url.href);
  return local ? isLoopback(api.href) : url.protocol === 'https:';
}

export async function basicHeader(credential: RegistryCredential & { readonly kind: 'basic' }): Promise<string> {
  const password = (await credential.password()).reveal().trim();
  return `Basic ${Buffer.from(`${credential.username}:${password}`, 'utf8').toString('base64')}`;
}
