/**
 * Bearer tokens of registries, each kept until shortly before its end and shown to nobody but the registry that asked
 * for it. Sources: distribution, "Token Authentication Specification"; Azure/acr, docs/AAD-OAuth.md.
 */
import type { EpochMs } from '../../domain/instant.ts';
import { secondsMs } from '../../domain/instant.ts';
import { Secret } from '../../domain/secret.ts';
import type { Clock } from '../../ports.ts';
import type { Challenge } from './challenge.ts';
import { basicHeader, isReachable, type RegistryCredential } from './credentials.ts';
import { jsonOf, type RegistryAnswer, type RegistryCall, refusal, unexpected } from './exchange.ts';

export interface RegistryTokenOptions {
  readonly api: URL;
  readonly credential: RegistryCredential;
  readonly clock: Clock;
  readonly send: (call: RegistryCall) => Promise<RegistryAnswer>;
}

type Bearer = Challenge & { readonly kind: 'bearer' };

export interface RegistryTokens {
  /** What to send without having been asked; undefined = nothing is known yet, or it has ended. */
  kept(scope: string): string | undefined;
  /** The Authorization header that answers this challenge; undefined = there is nothing to answer it with. */
  answer(challenge: Challenge, scope: string): Promise<string | undefined>;
  /** It was refused: do not send it again. */
  drop(scope: string): void;
}

/** Of a token that does not say how long it lives. Source: distribution, "Token Authentication Specification". */
const standardLifetimeMs = secondsMs(60);
/** Not used any more so long before its end: a call under way must arrive with it. */
const marginMs = secondsMs(10);
/** Of Entra tokens for registries; ACR also takes those for Azure Resource Manager, unless a policy forbids it. */
const acrScope = 'https://containerregistry.azure.net/.default';

interface Kept {
  readonly header: Secret;
  readonly endsAt: EpochMs;
}

/** For one registry. `scope` is ours, of one repository; what the challenge asks for may be spelled differently. */
export function registryTokens(options: RegistryTokenOptions): RegistryTokens {
  const { credential, clock } = options;
  const known = new Map<string, Kept>();
  return {
    kept: (scope) => {
      const kept = known.get(scope);
      return kept !== undefined && clock.now() < kept.endsAt ? kept.header.reveal() : undefined;
    },
    drop: (scope) => known.delete(scope),
    answer: async (challenge, scope) => {
      if (challenge.kind === 'basic') return credential.kind === 'basic' ? await basicHeader(credential) : undefined;
      const sentAt = clock.now();
      const { token, lifetimeMs } = await fetchToken(options, { ...challenge, scope: challenge.scope ?? scope });
      const header = new Secret(`Bearer ${token.reveal()}`);
      known.set(scope, { header, endsAt: sentAt + Math.max(lifetimeMs - marginMs, lifetimeMs / 2) });
      return header.reveal();
    },
  };
}

interface Token {
  readonly token: Secret;
  readonly lifetimeMs: number;
}

const operation = 'getting a registry token';

async function fetchToken(options: RegistryTokenOptions, challenge: Bearer): Promise<Token> {
  const realm = URL.parse(challenge.realm);
  if (realm === null || !isReachable(realm, options.api))
    throw unexpected(operation, 'the registry names a token service that is no https address');
  return options.credential.kind === 'acr'
    ? await exchangedToken(options, realm, challenge)
    : await plainToken(options, realm, challenge);
}

/** Anonymous, or with user and password. GET, because every token service knows it. */
async function plainToken(
  { credential, send, clock }: RegistryTokenOptions,
  realm: URL,
  challenge: Bearer,
): Promise<Token> {
  const url = new URL(realm);
  if (challenge.service !== undefined) url.searchParams.set('service', challenge.service);
  for (const scope of scopesOf(challenge)) url.searchParams.append('scope', scope);
  const headers = credential.kind === 'basic' ? { authorization: await basicHeader(credential) } : {};
  const answer = await send({ operation, method: 'GET', url, headers });
  return tokenIn(answer, ['token', 'access_token'], clock);
}

const scopesOf = ({ scope = '' }: Bearer): readonly string[] => scope.split(' ').filter((each) => each !== '');

/**
 * Entra token, to the registry's refresh token, to its access token. Both go to the registry itself: an Entra token is
 * worth more than one registry, so no other host is told one, whatever the challenge says.
 */
async function exchangedToken(
  { api, credential, send, clock }: RegistryTokenOptions,
  realm: URL,
  challenge: Bearer,
): Promise<Token> {
  if (credential.kind !== 'acr' || realm.origin !== api.origin)
    throw unexpected(operation, 'the registry names a token service on another host');
  const service = api.host;
  const post = (path: string, fields: Readonly<Record<string, string>>, scopes: readonly string[] = []) => {
    const form = new URLSearchParams({ ...fields, service });
    for (const scope of scopes) form.append('scope', scope);
    return send({ operation, method: 'POST', url: new URL(path, api), headers: {}, form });
  };
  const { token: entra } = await credential.tokens.getToken(acrScope);
  const exchanged = await post('/oauth2/exchange', { grant_type: 'access_token', access_token: entra.reveal() });
  const { token: refresh } = tokenIn(exchanged, ['refresh_token'], clock);
  const fields = { grant_type: 'refresh_token', refresh_token: refresh.reveal() };
  return tokenIn(await post('/oauth2/token', fields, scopesOf(challenge)), ['access_token'], clock);
}

function tokenIn(answer: RegistryAnswer, names: readonly string[], clock: Clock): Token {
  if (answer.status !== 200) throw refusal(answer, operation, clock.now());
  const body = jsonOf(answer.body);
  const text = names.map((name) => body?.[name]).find((value) => typeof value === 'string' && value !== '');
  // What may stand in a header; a line break in it would be another header.
  if (typeof text !== 'string' || !/^[\x21-\x7e]+$/.test(text)) throw unexpected(operation, 'no token in the answer');
  const seconds = body?.['expires_in'] ?? lifetimeIn(text);
  const isLifetime = typeof seconds === 'number' && seconds > 0;
  return { token: new Secret(text), lifetimeMs: isLifetime ? secondsMs(seconds) : standardLifetimeMs };
}

/** ACR tells no lifetime, but its tokens are JWTs that do: the difference, because our clock may be another. */
function lifetimeIn(token: string): number | undefined {
  const claims = jsonOf(Buffer.from(token.split('.')[1] ?? '', 'base64url'));
  const [issuedAt, endsAt] = [claims?.['iat'], claims?.['exp']];
  return typeof issuedAt === 'number' && typeof endsAt === 'number' ? endsAt - issuedAt : undefined;
}
