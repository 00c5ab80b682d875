/**
 * Access tokens of the service user that signed in. Its refresh token lies in the vault and is replaced at each use:
 * the new one is stored before the old one is put out of use, so that whoever dies in between leaves one that works
 * (a refresh token is not revoked by being used: learn.microsoft.com, refresh-tokens, 2026-10).
 */
import type { SignIn } from '../../domain/delegatedUser.ts';
import { isRollDue, signInOf, signInTags } from '../../domain/delegatedUser.ts';
import { UpstreamError } from '../../domain/errors.ts';
import { formatInstant } from '../../domain/names.ts';
import type { Secret } from '../../domain/secret.ts';
import type { TokenVault, VaultSecret } from '../../ports/tokens.ts';
import type { Clock, TokenSource } from '../../ports.ts';
import { retrying } from '../retry.ts';
import { systemClock } from '../system.ts';
import type { DelegatedUserEndpointOptions, UserTokens } from './delegatedUserEndpoint.ts';
import { delegatedUserEndpoint } from './delegatedUserEndpoint.ts';
import { cachedTokens } from './tokens.ts';

/** A vault that can also put one version out of use; its other versions stay readable. */
export interface SignInVault extends Pick<TokenVault, 'readLatest' | 'store'> {
  disable(name: string, version: string): Promise<void>;
}

export interface DelegatedUserTokensOptions extends DelegatedUserEndpointOptions {
  readonly vault: SignInVault;
  /** Of the refresh token in the vault. */
  readonly secretName: string;
  readonly clock?: Clock;
}

export interface DelegatedUserTokens extends TokenSource {
  /**
   * The sign-in as the vault tells it; one that was not used for a week is rolled, so that it never ends unused.
   * Undefined = nobody has signed in yet. Rejects like `getToken` where rolling it fails.
   */
  keepAlive(scope: string): Promise<SignIn | undefined>;
}

const operation = 'getting a token of the service user';

/** Rejects `unauthorized`, in words with the fix, where a person has to sign in again. */
export function delegatedUserTokens(options: DelegatedUserTokensOptions): DelegatedUserTokens {
  const { vault, secretName, clock = systemClock } = options;
  const endpoint = delegatedUserEndpoint(options);
  const redeem = (refreshToken: Secret, scope: string): Promise<UserTokens> =>
    // Used twice it gives two good ones, so a lost answer may be asked for again.
    retrying(
      () =>
        endpoint.redeem(operation, {
          grant_type: 'refresh_token',
          refresh_token: refreshToken,
          scope: `${scope} offline_access`,
        }),
      { clock },
    );
  const roll = async (scope: string) => {
    const old = await vault.readLatest(secretName);
    if (old === undefined) throw notSignedIn(secretName);
    const tokens = await redeem(old.value, scope);
    await replace(vault, secretName, old, tokens);
    return { token: tokens.accessToken, expiresAt: clock.now() + tokens.expiresInMs };
  };
  const cached = cachedTokens(clock, roll);
  return {
    getToken: (scope) => cached.getToken(scope),
    keepAlive: async (scope) => {
      const latest = await vault.readLatest(secretName);
      if (latest === undefined || !isRollDue(signInOf(latest), clock.now())) return latest && signInOf(latest);
      await roll(scope);
      const rolled = await vault.readLatest(secretName);
      return rolled && signInOf(rolled);
    },
  };
}

async function replace(vault: SignInVault, name: string, old: VaultSecret, tokens: UserTokens): Promise<void> {
  const { refreshToken, at } = tokens;
  if (refreshToken === undefined || refreshToken.reveal() === old.value.reveal()) return;
  await vault.store(name, refreshToken, { tags: { ...old.tags, [signInTags.rolledAt]: formatInstant(at) } });
  // Only the very one that was used: another process may have stored one since. It is no failure where this fails; a
  // version that is left enabled ends by itself, unused.
  await vault.disable(name, old.version).catch(() => undefined);
}

const notSignedIn = (name: string): UpstreamError =>
  new UpstreamError({
    upstream: 'entra',
    operation,
    kind: 'unauthorized',
    detail: `nobody has signed in: there is no secret ${name} in the vault. Sign in with \`npm run sign-in\`.`,
  });

/** Stores the refresh token of a person who has just signed in, and puts the one before it out of use. */
export async function storeSignIn(vault: SignInVault, name: string, tokens: UserTokens): Promise<SignIn> {
  const { refreshToken, user, at } = tokens;
  if (refreshToken === undefined) {
    const detail = 'Entra gave no refresh token: the app lacks the permission offline_access';
    throw new UpstreamError({ upstream: 'entra', operation: 'signing in', kind: 'unauthorized', detail });
  }
  const tags = {
    [signInTags.rolledAt]: formatInstant(at),
    [signInTags.signedInAt]: formatInstant(at),
    ...(user !== undefined && { [signInTags.user]: user }),
  };
  // One that cannot be read, disabled or not there, needs no end.
  const old = await vault.readLatest(name).catch(() => undefined);
  const signIn = signInOf(await vault.store(name, refreshToken, { tags }));
  if (old !== undefined) await vault.disable(name, old.version).catch(() => undefined);
  return signIn;
}
