/**
 * Manifests and blobs of one registry. What is returned has been checked against its digest: a header is only what a
 * server says of itself. Source: OCI distribution-spec v1.1, "Pulling manifests", "Pulling blobs".
 */
import { createHash } from 'node:crypto';
import { type ImageReference, isDigest } from '../../domain/imageReference.ts';
import type { Clock } from '../../ports.ts';
import { type RetryOptions, retrying } from '../retry.ts';
import { challengeIn } from './challenge.ts';
import { apiOf, isReachable, type RegistryCredential } from './credentials.ts';
import { exchange, type RegistryAnswer, type RegistryCall, refusal, unexpected } from './exchange.ts';
import { mediaTypes } from './imageContent.ts';
import { registryTokens } from './registryTokens.ts';

export interface DistributionOptions {
  readonly registry: string;
  readonly credential: RegistryCredential;
  readonly clock: Clock;
  readonly timeoutMs: number;
  readonly retry: Omit<RetryOptions, 'clock'>;
}

export interface Content {
  /** Of the bytes. */
  readonly digest: string;
  /** As the header says, without parameters. */
  readonly mediaType: string;
  readonly body: Buffer;
}

export interface Distribution {
  /** What the registry says is the digest of a manifest; undefined = it does not say so without sending it. */
  headManifest(reference: ImageReference): Promise<string | undefined>;
  /** undefined = there is no such manifest. */
  getManifest(reference: ImageReference): Promise<Content | undefined>;
  /** A blob that a manifest of this repository names: its absence is an error. */
  getBlob(repository: string, digest: string): Promise<Content>;
}

function digestOf(body: Buffer, algorithm = 'sha256'): string {
  return `${algorithm}:${createHash(algorithm).update(body).digest('hex')}`;
}

const maxRedirects = 5;
const isRedirect = (status: number): boolean => [301, 302, 303, 307, 308].includes(status);
const manifestPath = ({ repository, digest, tag = 'latest' }: ImageReference): string =>
  `/v2/${repository}/manifests/${digest ?? tag}`;

export function distribution(options: DistributionOptions): Distribution {
  const { clock, timeoutMs } = options;
  const api = apiOf(options.registry);
  const send = (call: RegistryCall): Promise<RegistryAnswer> => exchange(call, timeoutMs);
  const tokens = registryTokens({ ...options, api, send });

  /** The first redirect that leaves the registry leaves its credential behind, for good. */
  const follow = async (call: RegistryCall, hops = 0): Promise<RegistryAnswer> => {
    const answer = await send(call);
    const location = answer.headers.get('location');
    if (!isRedirect(answer.status) || location === null) return answer;
    const url = URL.parse(location, call.url.href);
    if (hops >= maxRedirects || url === null || !isReachable(url, api))
      throw unexpected(call.operation, 'the registry sends us to where we do not go');
    const { authorization: _, ...anonymous } = call.headers;
    return follow({ ...call, url, headers: url.origin === api.origin ? call.headers : anonymous }, hops + 1);
  };

  /** One attempt: with the token in hand, and once more with a new one if that is asked for. */
  const attempt = async (call: Omit<RegistryCall, 'url'>, path: string, scope: string): Promise<RegistryAnswer> => {
    const url = new URL(path, api);
    const withHeader = (authorization: string | undefined): Promise<RegistryAnswer> =>
      follow({ ...call, url, headers: { ...call.headers, ...(authorization !== undefined && { authorization }) } });
    const first = await withHeader(tokens.kept(scope));
    if (first.status !== 401) return judged(first, call.operation);
    tokens.drop(scope);
    const challenge = challengeIn(first.headers.get('www-authenticate'));
    const header = challenge === undefined ? undefined : await tokens.answer(challenge, scope);
    const second = header === undefined ? first : await withHeader(header);
    if (second.status === 401) tokens.drop(scope);
    return judged(second, call.operation);
  };

  /** Passing failures reject, so that they are repeated; what a status says of the content is for the caller. */
  const judged = (answer: RegistryAnswer, operation: string): RegistryAnswer => {
    if (answer.status === 200 || answer.status === 404 || answer.status === 405) return answer;
    throw refusal(answer, operation, clock.now());
  };

  const call = (repository: string, path: string, given: Omit<RegistryCall, 'url'>): Promise<RegistryAnswer> =>
    retrying(() => attempt(given, path, `repository:${repository}:pull`), { ...options.retry, clock });

  const headers = { accept: mediaTypes.join(', ') };
  return {
    headManifest: async (reference) => {
      const operation = 'looking at an image';
      const path = manifestPath(reference);
      const answer = await call(reference.repository, path, { operation, method: 'HEAD', headers });
      const digest = answer.headers.get('docker-content-digest')?.trim() ?? '';
      return answer.status === 200 && isDigest(digest) ? digest : undefined;
    },
    getManifest: async (reference) => {
      const operation = 'reading an image';
      const path = manifestPath(reference);
      const answer = await call(reference.repository, path, { operation, method: 'GET', headers });
      if (answer.status === 404 && refusal(answer, operation, clock.now()).kind === 'notFound') return undefined;
      return checked(answer, reference.digest, operation, clock);
    },
    getBlob: async (repository, digest) => {
      const operation = 'reading the configuration of an image';
      const path = `/v2/${repository}/blobs/${digest}`;
      return checked(await call(repository, path, { operation, method: 'GET', headers: {} }), digest, operation, clock);
    },
  };
}

/** `wanted` = the digest that was asked for; the header must not contradict the bytes either. */
function checked(answer: RegistryAnswer, wanted: string | undefined, operation: string, clock: Clock): Content {
  const { status, headers, body } = answer;
  if (status !== 200) throw refusal(answer, operation, clock.now());
  const claims = [wanted, headers.get('docker-content-digest')?.trim()].filter((claim) => claim !== undefined);
  if (!claims.every((claim) => hasDigest(body, claim)))
    throw unexpected(operation, 'the answer does not have the digest that it should have');
  const [mediaType = ''] = (headers.get('content-type') ?? '').split(';');
  return { digest: wanted ?? digestOf(body), mediaType: mediaType.trim().toLowerCase(), body };
}

const hasDigest = (body: Buffer, digest: string): boolean =>
  isDigest(digest) && digestOf(body, digest.slice(0, digest.indexOf(':'))) === digest;
