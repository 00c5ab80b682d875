/**
 * What an answer of Azure DevOps means. A success is 200 (201, 204) *and* JSON: to a broken token it answers 203, 302
 * or 200 with a sign-in page, and an empty or null body is not an empty list.
 */

import type { UpstreamErrorKind } from '../../domain/errors.ts';
import { UpstreamError } from '../../domain/errors.ts';
import type { EpochMs } from '../../domain/instant.ts';
import { httpKinds } from '../httpKinds.ts';
import { retryAfterMs } from '../retryAfter.ts';

/** An answer as it came off the wire. */
export interface RawAnswer {
  readonly status: number;
  readonly headers: Readonly<Record<string, string | readonly string[] | undefined>>;
  readonly text: string;
}

export interface Answer {
  readonly status: number;
  /** Parsed JSON, never null; undefined where nothing was sent and nothing was wanted. */
  readonly body: unknown;
  readonly continuationToken: string | undefined;
  /** The server's own time; undefined = it sent none that can be read. */
  readonly at: EpochMs | undefined;
}

const header = (raw: RawAnswer, name: string): string | undefined => {
  const value = raw.headers[name];
  return typeof value === 'string' && value !== '' ? value : undefined;
};

/**
 * How long the server asks us to stay away, in ms; it may ask so on a 200, too, or only tell how long it has held the
 * answer back (rate limits documentation, 2025-09).
 */
export const throttleHintMs = (raw: RawAnswer, now: EpochMs): number | undefined =>
  retryAfterMs(header(raw, 'retry-after'), now) ?? retryAfterMs(header(raw, 'x-ratelimit-delay'), now);

/** The meaning of `raw`, or a classified rejection. `wantsBody`: an answer without JSON is an error. */
export function meaningOf(raw: RawAnswer, operation: string, wantsBody: boolean): Answer {
  const kind = kindOf(raw);
  if (kind !== undefined) throw failure(raw, operation, kind);
  const answer = { status: raw.status, continuationToken: header(raw, 'x-ms-continuationtoken'), at: dateOf(raw) };
  if (raw.text === '' && !wantsBody) return { ...answer, body: undefined };
  if (!isJson(raw)) {
    throw failure(raw, operation, isHtml(raw) ? 'unauthorized' : 'unexpected', 'the answer is not JSON');
  }
  const body = parse(raw.text);
  if (body === undefined || body === null) throw failure(raw, operation, 'unexpected', 'no value in the body');
  return { ...answer, body };
}

const successes = new Set([200, 201, 204]);

/** undefined = a success as far as the status goes. */
function kindOf(raw: RawAnswer): UpstreamErrorKind | undefined {
  const { status } = raw;
  if (successes.has(status)) return undefined;
  if (status === 203 || Math.floor(status / 100) === 3) return 'unauthorized';
  // A 404 proves absence only in Azure DevOps' own words; a gateway's page proves nothing.
  if (status === 404 && !isJson(raw)) return 'unexpected';
  if (status >= 500) return 'unavailable';
  return httpKinds[status] ?? (status >= 400 ? 'invalid' : 'unexpected');
}

function failure(raw: RawAnswer, operation: string, kind: UpstreamErrorKind, detail?: string): UpstreamError {
  return new UpstreamError({
    upstream: 'azureDevOps',
    operation,
    kind,
    status: raw.status,
    retryAfterMs: throttleHintMs(raw, dateOf(raw) ?? Date.now()),
    detail: detail ?? exceptionOf(raw) ?? serviceErrorOf(raw),
  });
}

const maxDetailLength = 300;

/** "TypeKey: message" of the server's exception, or what the PAT Lifecycle API has instead; undefined = it sent none. */
function exceptionOf(raw: RawAnswer): string | undefined {
  const body = isJson(raw) ? parse(raw.text) : undefined;
  if (typeof body !== 'object' || body === null) return undefined;
  const { typeKey, message, patTokenError, patTokenErrorMessage } = body as Readonly<Record<string, unknown>>;
  const words = [typeKey ?? patTokenError, message ?? patTokenErrorMessage].filter((word) => typeof word === 'string');
  return words.length === 0 ? undefined : words.join(': ').slice(0, maxDetailLength);
}

/** Where the body is a page or nothing, the exception stands in a header, as an address is written. */
function serviceErrorOf(raw: RawAnswer): string | undefined {
  const text = header(raw, 'x-tfs-serviceerror');
  if (text === undefined) return undefined;
  try {
    return decodeURIComponent(text.replaceAll('+', ' ')).slice(0, maxDetailLength);
  } catch {
    return text.slice(0, maxDetailLength);
  }
}

const contentType = (raw: RawAnswer): string => header(raw, 'content-type')?.toLowerCase() ?? '';
const isJson = (raw: RawAnswer): boolean => /^application\/(\S+\+)?json\b/.test(contentType(raw));
const isHtml = (raw: RawAnswer): boolean => /^text\/html\b/.test(contentType(raw));

function dateOf(raw: RawAnswer): EpochMs | undefined {
  const at = Date.parse(header(raw, 'date') ?? '');
  return Number.isNaN(at) ? undefined : at;
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
