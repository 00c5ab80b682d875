/** Azure Resource Manager over HTTP: one request, one JSON answer or a classified rejection. */
import type { UpstreamErrorKind } from '../../domain/errors.ts';
import { UpstreamError } from '../../domain/errors.ts';
import type { JsonObject } from '../../domain/json.ts';
import { isJsonObject } from '../../domain/json.ts';
import type { Clock, TokenSource } from '../../ports.ts';
import { httpKinds } from '../httpKinds.ts';
import { isLoopback } from '../loopback.ts';
import type { RetryOptions } from '../retry.ts';
import { retrying } from '../retry.ts';
import { retryAfterMs } from '../retryAfter.ts';
import { systemClock } from '../system.ts';

export interface ArmOptions {
  readonly tokens: TokenSource;
  /** Of the public cloud, unless given. */
  readonly endpoint?: string;
  readonly timeoutMs?: number;
  readonly clock?: Clock;
  readonly retry?: Omit<RetryOptions, 'clock'>;
}

export interface ArmCall {
  /** A short gerund for errors. */
  readonly operation: string;
  readonly method: 'GET' | 'PUT' | 'POST';
  /** A resource id, with what follows it. */
  readonly path: string;
  readonly apiVersion: string;
  readonly body?: JsonObject;
  /** True where sending twice does what sending once does. */
  readonly repeatable: boolean;
}

export interface ArmRest {
  /** The body of a success; undefined where it has none. */
  call(call: ArmCall): Promise<JsonObject | undefined>;
}

const publicEndpoint = 'https://management.azure.com';

/** The audience of tokens for Azure Resource Manager. */
export const armScope = `${publicEndpoint}/.default`;

export function armRest(options: ArmOptions): ArmRest {
  const { tokens, endpoint = publicEndpoint, timeoutMs = 15_000, clock = systemClock, retry } = options;
  const base = endpoint.replace(/\/+$/, '');
  const attempt = async (call: ArmCall): Promise<JsonObject | undefined> => {
    // A token over plain HTTP is readable on the way; the stand-ins on this machine are the only exception.
    if (!base.startsWith('https:') && !isLoopback(base)) throw failed(call, 'invalid', { detail: 'not https' });
    const { token } = await tokens.getToken(armScope);
    const deadline = AbortSignal.timeout(timeoutMs);
    try {
      const response = await fetch(`${base}${call.path}?api-version=${call.apiVersion}`, {
        method: call.method,
        headers: {
          authorization: `Bearer ${token.reveal().trim()}`,
          accept: 'application/json',
          ...(call.body !== undefined && { 'content-type': 'application/json' }),
        },
        redirect: 'error',
        signal: deadline,
        ...(call.body !== undefined && { body: JSON.stringify(call.body) }),
      });
      return meaningOf(call, response, await response.text(), clock.now());
    } catch (error) {
      if (error instanceof UpstreamError) throw error;
      throw failed(call, deadline.aborted ? 'timeout' : 'unavailable', { cause: error });
    }
  };
  return {
    call: (call) => (call.repeatable ? retrying(() => attempt(call), { clock, ...retry }) : attempt(call)),
  };
}

function meaningOf(call: ArmCall, response: Response, text: string, now: number): JsonObject | undefined {
  const body = parse(text);
  const { status, ok } = response;
  if (ok && text.trim() === '' && call.method === 'POST') return undefined;
  if (ok && body !== undefined) return body;
  const kind = ok ? 'unexpected' : kindOf(status, body);
  const retryAfter = retryAfterMs(response.headers.get('retry-after'), now);
  throw failed(call, kind, { status, retryAfterMs: retryAfter, detail: ok ? 'no JSON object' : wordsOf(body) });
}

/** A 404 proves absence only in ARM's own words; a gateway's page proves nothing. */
function kindOf(status: number, body: JsonObject | undefined): UpstreamErrorKind {
  if (status === 404 && !isJsonObject(body?.['error'])) return 'unexpected';
  if (status === 412) return 'conflict';
  return httpKinds[status] ?? (status >= 500 ? 'unavailable' : 'invalid');
}

interface Particulars {
  readonly status?: number;
  readonly retryAfterMs?: number | undefined;
  readonly detail?: string | undefined;
  readonly cause?: unknown;
}

function failed({ operation }: ArmCall, kind: UpstreamErrorKind, { cause, ...rest }: Particulars): UpstreamError {
  return new UpstreamError({ upstream: 'azureResourceManager', operation, kind, ...rest }, { cause });
}

const maxDetailLength = 300;

/** "Code: message" of the error; neither quotes a token. */
function wordsOf(body: JsonObject | undefined): string | undefined {
  const error = body?.['error'];
  if (!isJsonObject(error)) return undefined;
  const words = [error['code'], error['message']].filter((word) => typeof word === 'string');
  return words.join(': ').slice(0, maxDetailLength);
}

function parse(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
