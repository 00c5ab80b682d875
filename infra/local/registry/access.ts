/**
 * Who may do what at the registry, and the tokens that say so. Sources: distribution, "Token Authentication
 * Specification" and "Token Scope Documentation"; Azure/acr, docs/AAD-OAuth.md.
 */
import { randomBytes } from 'node:crypto';
import type { EpochMs } from '../../../shared/domain/instant.ts';
import { secondsMs } from '../../../shared/domain/instant.ts';

export interface AccessOptions {
  /** open = no credential is asked for; token = Docker's token service; acr = with Entra tokens; basic = no tokens. */
  readonly kind: 'open' | 'token' | 'acr' | 'basic';
  readonly accounts?: Readonly<Record<string, string>>;
  /** Repositories that anybody may pull with an anonymous token. */
  readonly isPublic?: (repository: string) => boolean;
  /** True for an Entra token that may pull. */
  readonly acceptsEntra?: (token: string) => boolean;
  readonly tokenLifetimeSeconds?: number;
  /** False = the answer does not say how long the token lives, as ACR's does not. */
  readonly tellsLifetime?: boolean;
  /** Another address in the challenge than the right one. */
  readonly realm?: string;
}

interface Granted {
  /** `repository:name:pull,push` */
  readonly scopes: readonly string[];
  readonly endsAt: EpochMs;
}

export type Access = 'granted' | 'challenge' | 'insufficient';

export class RegistryAccess {
  readonly #options: AccessOptions;
  readonly #now: () => EpochMs;
  readonly #tokens = new Map<string, Granted>();
  readonly #refreshTokens = new Map<string, EpochMs>();

  constructor(options: AccessOptions, now: () => EpochMs) {
    this.#options = options;
    this.#now = now;
  }

  get kind(): AccessOptions['kind'] {
    return this.#options.kind;
  }

  get lifetimeSeconds(): number {
    return this.#options.tokenLifetimeSeconds ?? 300;
  }

  get tellsLifetime(): boolean {
    return this.#options.tellsLifetime ?? this.kind !== 'acr';
  }

  /** Whether a call may do `action` in a repository. */
  check(authorization: string | undefined, repository: string, action: 'pull' | 'push'): Access {
    if (this.kind === 'open') return 'granted';
    if (this.kind === 'basic') return this.accountOf(authorization) === undefined ? 'challenge' : 'granted';
    const token = /^Bearer (.+)$/i.exec(authorization ?? '')?.[1];
    const granted = token === undefined ? undefined : this.#tokens.get(token);
    if (granted === undefined || granted.endsAt <= this.#now()) return 'challenge';
    return granted.scopes.some((scope) => covers(scope, repository, action)) ? 'granted' : 'insufficient';
  }

  /** Source: Token Authentication Specification, step 2. */
  challenge(origin: string, repository: string, actions: string): string {
    if (this.kind === 'basic') return 'Basic realm="Registry Realm"';
    const path = this.kind === 'acr' ? '/oauth2/token' : '/token';
    const realm = this.#options.realm ?? `${origin}${path}`;
    const service = new URL(origin).host;
    return `Bearer realm="${realm}",service="${service}",scope="repository:${repository}:${actions}"`;
  }

  /** The account of a Basic header; undefined = none, or a wrong password. */
  accountOf(authorization: string | undefined): string | undefined {
    const encoded = /^Basic (.+)$/i.exec(authorization ?? '')?.[1];
    if (encoded === undefined) return undefined;
    const [name = '', ...rest] = Buffer.from(encoded, 'base64').toString('utf8').split(':');
    const { accounts = {} } = this.#options;
    return Object.hasOwn(accounts, name) && accounts[name] === rest.join(':') ? name : undefined;
  }

  /** What is asked for and may not be had is left out; the token is given all the same. */
  grant(scopes: readonly string[], account: string | undefined): string {
    const allowed = scopes.filter((scope) => account !== undefined || this.#isPublicPull(scope));
    const issuedAt = Math.floor(this.#now() / 1000);
    const claims = { iat: issuedAt, exp: issuedAt + this.lifetimeSeconds, access: allowed };
    const token = this.kind === 'acr' ? jwt(claims) : randomBytes(24).toString('base64url');
    this.#tokens.set(token, { scopes: allowed, endsAt: this.#now() + secondsMs(this.lifetimeSeconds) });
    return token;
  }

  /** Undefined = the Entra token is not accepted. Refresh tokens live for three hours (Azure/acr, AAD-OAuth.md). */
  exchange(entraToken: string): string | undefined {
    if (this.#options.acceptsEntra?.(entraToken) !== true) return undefined;
    const issuedAt = Math.floor(this.#now() / 1000);
    const token = jwt({ iat: issuedAt, exp: issuedAt + 10_800, grant_type: 'refresh_token' });
    this.#refreshTokens.set(token, this.#now() + secondsMs(10_800));
    return token;
  }

  isRefreshToken(token: string): boolean {
    return (this.#refreshTokens.get(token) ?? 0) > this.#now();
  }

  /** All access tokens end now, as when a registry changes its keys. */
  revokeTokens(): void {
    this.#tokens.clear();
  }

  #isPublicPull(scope: string): boolean {
    const [, repository = '', actions] = scope.split(':');
    return actions === 'pull' && this.#options.isPublic?.(repository) === true;
  }
}

function covers(scope: string, repository: string, action: string): boolean {
  const [type, name, actions = ''] = scope.split(':');
  return type === 'repository' && name === repository && actions.split(',').includes(action);
}

/** As readable as ACR's; the signature is only noise, because nobody but the stand-in looks at it. */
function jwt(claims: Readonly<Record<string, unknown>>): string {
  const part = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url');
  return `${part({ alg: 'RS256', typ: 'JWT' })}.${part(claims)}.${randomBytes(24).toString('base64url')}`;
}
