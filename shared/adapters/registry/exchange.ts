/** One HTTP exchange with a registry or with whom it names: bounded in time and size, redirects not followed. */
import type { UpstreamErrorKind } from '../../domain/errors.ts';
import { UpstreamError } from '../../domain/errors.ts';
import { isJsonObject } from '../../domain/json.ts';
import { httpKinds } from '../httpKinds.ts';
import { retryAfterMs } from '../retryAfter.ts';

export interface RegistryCall {
  /** A short gerund for errors. */
  readonly operation: string;
  readonly method: 'GET' | 'HEAD' | 'POST';
  readonly url: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly form?: URLSearchParams;
}

export interface RegistryAnswer {
  readonly status: number;
  readonly headers: Headers;
  readonly body: Buffer;
}

/**
 * What registries must take for a manifest, and more than any image's configuration: whatever is longer is not read
 * into memory. Source: OCI distribution-spec v1.1, "Pushing Manifests".
 */
export const maxBodyBytes = 4 * 1024 * 1024;

/** Rejects as `timeout` or `unavailable`; a status is for the caller to judge. */
export async function exchange(call: RegistryCall, timeoutMs: number): Promise<RegistryAnswer> {
  const { operation, method, url, form } = call;
  const signal = AbortSignal.timeout(timeoutMs);
  // Digests are of the bytes as they are stored: nobody is to compress them on the way.
  const headers = { 'accept-encoding': 'identity', 'user-agent': 'mayfly', ...call.headers };
  try {
    const sent = { method, headers, redirect: 'manual', signal, ...(form !== undefined && { body: form }) } as const;
    const response = await fetch(url, sent);
    return { status: response.status, headers: response.headers, body: await read(response, operation) };
  } catch (error) {
    if (error instanceof UpstreamError) throw error;
    const kind = signal.aborted ? 'timeout' : 'unavailable';
    throw new UpstreamError({ upstream: 'registry', operation, kind, detail: codeOf(error) }, { cause: error });
  }
}

async function read(response: Response, operation: string): Promise<Buffer> {
  if (response.body === null) return Buffer.alloc(0);
  const chunks: Uint8Array[] = [];
  let length = 0;
  // Leaving the loop early cancels the body, and with it the connection.
  for await (const chunk of response.body) {
    length += chunk.length;
    if (length > maxBodyBytes) throw unexpected(operation, `the answer is longer than ${maxBodyBytes} bytes`);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

/** fetch hides what happened in the cause of its error. */
function codeOf(error: unknown): string | undefined {
  const { cause } = error as { readonly cause?: { readonly code?: unknown } };
  return typeof cause?.code === 'string' ? cause.code : undefined;
}

export function unexpected(operation: string, detail: string): UpstreamError {
  return new UpstreamError({ upstream: 'registry', operation, kind: 'unexpected', detail });
}

const isHtml = (answer: RegistryAnswer): boolean => /^text\/html\b/i.test(answer.headers.get('content-type') ?? '');

/** A 404 proves absence only in a registry's own words; a gateway's page proves nothing. */
function kindOf(answer: RegistryAnswer): UpstreamErrorKind {
  const { status } = answer;
  if (status === 404 && isHtml(answer)) return 'unexpected';
  if (status >= 500) return 'unavailable';
  return httpKinds[status] ?? (status >= 400 ? 'invalid' : 'unexpected');
}

/** What an answer that is no success means. */
export function refusal(answer: RegistryAnswer, operation: string, now: number): UpstreamError {
  return new UpstreamError({
    upstream: 'registry',
    operation,
    kind: kindOf(answer),
    status: answer.status,
    retryAfterMs: retryAfterMs(answer.headers.get('retry-after'), now),
    detail: wordsOf(answer),
  });
}

const maxDetailLength = 300;

/** "CODE: message" of the first error. Source: OCI distribution-spec v1.1, "Error Codes". */
function wordsOf(answer: RegistryAnswer): string | undefined {
  const errors = jsonOf(answer.body)?.['errors'];
  const first: unknown = Array.isArray(errors) ? errors[0] : undefined;
  if (!isJsonObject(first)) return undefined;
  const words = [first['code'], first['message']].filter((word) => typeof word === 'string');
  return words.length === 0 ? undefined : words.join(': ').slice(0, maxDetailLength);
}

/** undefined = no JSON object. */
export function jsonOf(body: Buffer) {
  try {
    const parsed: unknown = JSON.parse(body.toString('utf8'));
    return isJsonObject(parsed) ? parsed : undefined;
  } catch {
    return undefined;
  }
}
