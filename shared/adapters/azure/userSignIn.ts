/**
 * The first sign-in of a service user, by a browser on this machine or by one on another. Neither sees its password;
 * what comes of it is a refresh token.
 */
import { createHash, randomBytes } from 'node:crypto';
import { z } from 'zod';
import { hasErrorKind, UpstreamError } from '../../domain/errors.ts';
import { secondsMs } from '../../domain/instant.ts';
import { Secret } from '../../domain/secret.ts';
import type { Clock } from '../../ports.ts';
import { systemClock } from '../system.ts';
import type { DelegatedUserEndpoint, UserTokens } from './delegatedUserEndpoint.ts';
import { SignInRefused, signInRefused } from './delegatedUserEndpoint.ts';

const operation = 'signing in';

/** With a name for people, and with a refresh token. */
const withSignIn = (scope: string): string => `${scope} offline_access openid profile`;

export interface RedirectSignIn {
  /** What a person opens in a browser. */
  readonly url: string;
  /** True for what answers this very sign-in. */
  isMine(query: URLSearchParams): boolean;
  /** Redeems the code that the browser brought; rejects `unauthorized` where it brought none. */
  redeem(query: URLSearchParams): Promise<UserTokens>;
}

/** The authorization code flow with PKCE (RFC 7636). `redirectUri` is http://localhost with any port. */
export function redirectSignIn(endpoint: DelegatedUserEndpoint, scope: string, redirectUri: string): RedirectSignIn {
  const [verifier, state] = [randomBytes(32).toString('base64url'), randomBytes(16).toString('base64url')];
  return {
    url: endpoint.authorizeUrl({
      response_type: 'code',
      response_mode: 'query',
      redirect_uri: redirectUri,
      scope: withSignIn(scope),
      state,
      code_challenge: createHash('sha256').update(verifier).digest('base64url'),
      code_challenge_method: 'S256',
      // Whoever runs this is rarely signed in as the service user.
      prompt: 'select_account',
    }),
    isMine: (query) => query.get('state') === state,
    redeem: async (query) => {
      const code = query.get('code');
      if (code === null) throw cancelled(query);
      return endpoint.redeem(operation, {
        grant_type: 'authorization_code',
        code: new Secret(code),
        redirect_uri: redirectUri,
        code_verifier: new Secret(verifier),
      });
    },
  };
}

const cancelled = (query: URLSearchParams): SignInRefused =>
  signInRefused(operation, {
    error: query.get('error') ?? 'access_denied',
    error_description: query.get('error_description'),
  });

export interface DevicePrompt {
  readonly verificationUri: string;
  readonly userCode: string;
  readonly expiresInMs: number;
}

export interface DeviceCodeOptions {
  readonly onPrompt: (prompt: DevicePrompt) => void;
  readonly clock?: Clock;
  readonly signal?: AbortSignal;
}

const deviceSchema = z.object({
  device_code: z.string().min(1),
  user_code: z.string().min(1),
  verification_uri: z.string().min(1),
  expires_in: z.coerce.number().positive(),
  interval: z.coerce.number().positive().default(5),
});

/** The device code flow (RFC 8628): asks until the person has answered, and slower where Entra says so. */
export async function deviceCodeSignIn(
  endpoint: DelegatedUserEndpoint,
  scope: string,
  options: DeviceCodeOptions,
): Promise<UserTokens> {
  const { onPrompt, clock = systemClock, signal } = options;
  const { body } = await endpoint.post(operation, 'devicecode', { scope: withSignIn(scope) });
  const parsed = deviceSchema.safeParse(body);
  if (!parsed.success) {
    throw new UpstreamError({ upstream: 'entra', operation, kind: 'unexpected', detail: 'no device code came' });
  }
  const { device_code, user_code, verification_uri, expires_in, interval } = parsed.data;
  const endsAt = clock.now() + secondsMs(expires_in);
  onPrompt({ verificationUri: verification_uri, userCode: user_code, expiresInMs: secondsMs(expires_in) });
  const form = {
    grant_type: 'urn:ietf:params:oauth:grant-type:device_code',
    device_code: new Secret(device_code),
  };
  for (let pauseMs = secondsMs(interval); ; ) {
    await clock.sleep(pauseMs, signal);
    try {
      return await endpoint.redeem(operation, form);
    } catch (error) {
      if (clock.now() >= endsAt || !goesOn(error)) throw error;
      if (error instanceof SignInRefused && error.error === 'slow_down') pauseMs += secondsMs(5);
    }
  }
}

/** A lost answer is asked for again: the code is still good. */
const goesOn = (error: unknown): boolean =>
  error instanceof SignInRefused
    ? ['authorization_pending', 'slow_down'].includes(error.error)
    : hasErrorKind(error, 'unavailable', 'timeout', 'throttled');
