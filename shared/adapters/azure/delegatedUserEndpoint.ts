/**
 * The token endpoint of Entra for a user: a code, a device code or a refresh token becomes an access token and a new
 * refresh token. Without an SDK: MSAL keeps refresh tokens to itself, and here they have to lie in the vault.
 */
import { z } from 'zod';
import type { UpstreamErrorFields, UpstreamErrorKind } from '../../domain/errors.ts';
import { UpstreamError } from '../../domain/errors.ts';
import type { EpochMs } from '../../domain/instant.ts';
import { secondsMs } from '../../domain/instant.ts';
import { Secret } from '../../domain/secret.ts';
import { signInErrorText } from '../../domain/signInErrors.ts';
import { httpKinds } from '../httpKinds.ts';
import { isLoopback } from '../loopback.ts';
import { retryAfterMs } from '../retryAfter.ts';

export interface DelegatedUserEndpointOptions {
  readonly tenantId: string;
  /** Of an app that is registered as a public client. */
  readonly clientId: string;
  /** Default: https://login.microsoftonline.com. */
  readonly authority?: string;
  readonly timeoutMs?: number;
}

export interface UserTokens {
  readonly accessToken: Secret;
  /** Undefined = the server gave none; the old one stays good. */
  readonly refreshToken: Secret | undefined;
  readonly expiresInMs: number;
  /** Who signed in, as an id token tells it. For people only: it is not verified. */
  readonly user: string | undefined;
  /** The server's own time. */
  readonly at: EpochMs;
}

export type Grant = Readonly<Record<string, string | Secret>>;

export interface DelegatedUserEndpoint {
  /** Redeems a grant. `unauthorized` says in its detail what is the matter and what to do. */
  redeem(operation: string, grant: Grant): Promise<UserTokens>;
  /** Posts a form below `oauth2/v2.0/` and answers the JSON of a success. */
  post(operation: string, path: string, form: Grant): Promise<{ readonly body: unknown; readonly at: EpochMs }>;
  /** Where a person signs in, to be sent back to `redirectUri` with a code. */
  authorizeUrl(query: Readonly<Record<string, string>>): string;
}

/** A refusal in the words of OAuth: while a device code is polled, the word decides whether to go on. */
export class SignInRefused extends UpstreamError {
  /** `invalid_grant`, `authorization_pending`, ... */
  readonly error: string;

  constructor(error: string, fields: UpstreamErrorFields) {
    super(fields);
    this.error = error;
  }
}

const tokenSchema = z.object({
  access_token: z.string().min(1),
  refresh_token: z.string().min(1).nullish(),
  expires_in: z.coerce.number().positive(),
  id_token: z.string().nullish(),
});

export function delegatedUserEndpoint(options: DelegatedUserEndpointOptions): DelegatedUserEndpoint {
  const { tenantId, clientId, authority = 'https://login.microsoftonline.com' } = options;
  const base = `${checked(authority).replace(/\/+$/, '')}/${encodeURIComponent(tenantId)}/oauth2/v2.0`;
  const post: DelegatedUserEndpoint['post'] = (operation, path, form) =>
    exchange(operation, `${base}/${path}`, { client_id: clientId, ...form }, options.timeoutMs ?? 10_000);
  return {
    post,
    redeem: async (operation, grant) => {
      const { body, at } = await post(operation, 'token', grant);
      const parsed = tokenSchema.safeParse(body);
      if (!parsed.success) throw failure(operation, 'unexpected', { detail: 'the answer holds no token' });
      const { access_token, refresh_token, expires_in, id_token } = parsed.data;
      return {
        accessToken: new Secret(access_token),
        refreshToken: refresh_token ? new Secret(refresh_token) : undefined,
        expiresInMs: secondsMs(expires_in),
        user: userOf(id_token ?? undefined),
        at,
      };
    },
    authorizeUrl: (query) => `${base}/authorize?${new URLSearchParams({ client_id: clientId, ...query }).toString()}`,
  };
}

/** A refresh token over plain HTTP is readable on the way; the stand-ins on this machine are the only exception. */
function checked(authority: string): string {
  if (authority.startsWith('https:') || isLoopback(authority)) return authority;
  throw failure('reading the address of Entra', 'invalid', { detail: `${authority} is not https` });
}

async function exchange(operation: string, url: string, form: Grant, timeoutMs: number) {
  const { status, headers, text } = await send(operation, url, form, timeoutMs);
  const date = Date.parse(headers.get('date') ?? '');
  const body = jsonIn(text);
  if (status === 200 && body !== undefined) return { body, at: Number.isNaN(date) ? Date.now() : date };
  const wait = retryAfterMs(headers.get('retry-after'), Date.now());
  throw refusalIn(operation, status, body, wait);
}

async function send(operation: string, url: string, form: Grant, timeoutMs: number) {
  const body = new URLSearchParams();
  for (const [name, value] of Object.entries(form)) body.set(name, value instanceof Secret ? value.reveal() : value);
  try {
    const answer = await fetch(url, {
      method: 'POST',
      body,
      headers: { accept: 'application/json' },
      redirect: 'error',
      signal: AbortSignal.timeout(timeoutMs),
    });
    return { status: answer.status, headers: answer.headers, text: await answer.text() };
  } catch (error) {
    const late = error instanceof DOMException && error.name === 'TimeoutError';
    // What fetch throws where there is no answer, or a redirect.
    if (!late && !(error instanceof TypeError)) throw error;
    throw failure(operation, late ? 'timeout' : 'unavailable', { cause: error });
  }
}

/** What Entra calls an error (RFC 6749, 5.2, and error_codes of its own). */
const errorSchema = z.object({
  error: z.string(),
  error_codes: z.array(z.number()).optional(),
  error_description: z.string().nullish(),
});

/** What ends a sign-in for good; the words of RFC 6749 and those of Entra and RFC 8628. */
const broken = new Set([
  'invalid_grant',
  'interaction_required',
  'consent_required',
  'login_required',
  'access_denied',
  'authorization_declined',
  'bad_verification_code',
  'expired_token',
]);
const misconfigured = new Set(['invalid_client', 'unauthorized_client', 'invalid_request', 'invalid_scope']);

function refusalIn(operation: string, status: number, body: unknown, retryAfter: number | undefined): UpstreamError {
  const parsed = errorSchema.safeParse(body);
  if (!parsed.success) return failure(operation, kindOfStatus(status), { status, retryAfterMs: retryAfter });
  return signInRefused(operation, parsed.data, { status, retryAfterMs: retryAfter });
}

/** Also for what a browser brings back instead of a code. */
export function signInRefused(
  operation: string,
  refusal: z.infer<typeof errorSchema>,
  { status = 400, retryAfterMs: wait }: { readonly status?: number; readonly retryAfterMs?: number | undefined } = {},
): SignInRefused {
  const { error } = refusal;
  const code = codeOf(refusal);
  const detail = code === undefined ? error : signInErrorText(code);
  const fields = { upstream: 'entra', operation, status, retryAfterMs: wait, detail } as const;
  return new SignInRefused(error, { ...fields, kind: kindOf(error, status) });
}

/** The number stands in error_codes, and at the beginning of the description. */
function codeOf(body: z.infer<typeof errorSchema>): string | undefined {
  const [first] = body.error_codes ?? [];
  return first === undefined ? /^AADSTS(\d+)/.exec(body.error_description ?? '')?.[1] : String(first);
}

function kindOf(error: string, status: number): UpstreamErrorKind {
  if (broken.has(error) || misconfigured.has(error)) return 'unauthorized';
  if (error === 'temporarily_unavailable') return 'unavailable';
  return kindOfStatus(status);
}

const kindOfStatus = (status: number): UpstreamErrorKind =>
  httpKinds[status] ?? (status >= 500 ? 'unavailable' : status >= 400 ? 'invalid' : 'unexpected');

interface FailureFields {
  readonly status?: number;
  readonly retryAfterMs?: number | undefined;
  readonly detail?: string | undefined;
  readonly cause?: unknown;
}

function failure(operation: string, kind: UpstreamErrorKind, { cause, ...fields }: FailureFields): UpstreamError {
  return new UpstreamError({ upstream: 'entra', operation, kind, ...fields }, cause === undefined ? {} : { cause });
}

function jsonIn(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** preferred_username of an id token. */
function userOf(idToken: string | undefined): string | undefined {
  const payload = Buffer.from(idToken?.split('.')[1] ?? '', 'base64url').toString('utf8');
  const claims = z.object({ preferred_username: z.string() }).safeParse(jsonIn(payload));
  return claims.success ? claims.data.preferred_username : undefined;
}
