/**
 * The tokens that the stand-in knows, and whom each stands for. Tests and the local CLI add, revoke and expire them
 * at will; what is not in here (or no longer) is a broken credential.
 */
import type { EpochMs } from '../../../../shared/domain/instant.ts';

/** `all`, or the ids of the pools. */
export type PoolSet = 'all' | readonly number[];

export interface Rights {
  /** Pools that it sees: the Reader role. A pool outside answers 404, as if it did not exist. */
  readonly read: PoolSet;
  /** Pools that it administers at organisation level. */
  readonly manage: PoolSet;
  /** May edit hook subscriptions. */
  readonly hooks: boolean;
  /** Sees the projects and their builds; absent = it does. */
  readonly projects?: boolean;
  /** May tag, cancel and retry runs; absent = it may. */
  readonly changeBuilds?: boolean;
  /** May start runs of pipelines; absent = it may. */
  readonly queueBuilds?: boolean;
}

export interface UserIdentity {
  readonly kind: 'user';
  readonly name: string;
  readonly rights: Rights;
}

/** An agent with its own OAuth token: it may listen to its queue and nothing else. */
export interface AgentIdentity {
  readonly kind: 'agent';
  readonly name: string;
  readonly poolId: number;
  readonly agentId: number;
}

export type Identity = UserIdentity | AgentIdentity;

type TokenKind = 'pat' | 'entra' | 'agent';

export interface TokenEntry {
  readonly token: string;
  readonly kind: TokenKind;
  readonly identity: Identity;
  readonly expiresAt?: EpochMs;
  /** Of a user who signed in, not of an app: only such a token may manage personal access tokens. */
  readonly delegated?: boolean;
  /** OAuth scopes of a PAT, space-separated; absent = full access. */
  readonly scope?: string;
}

export const administrator: Rights = { read: 'all', manage: 'all', hooks: true };
export const reader: Rights = { read: 'all', manage: [], hooks: false };

export function holdsPool(set: PoolSet, poolId: number): boolean {
  return set === 'all' || set.includes(poolId);
}

/** Areas that a PAT with scopes opens only if it has one of these (learn.microsoft.com, OAuth scopes). */
const scopesOfAreas: readonly (readonly [path: RegExp, scope: RegExp])[] = [
  [/\/_apis\/distributedtask\//i, /^(app_token|vso\.agentpools(_manage|_listen)?)$/],
  [/\/_apis\/build\//i, /^(app_token|vso\.build(_execute)?)$/],
  [/\/_apis\/pipelines\//i, /^(app_token|vso\.build(_execute)?)$/],
];

/** Whether the scopes of a token reach a path; areas that are not listed are open to all. */
export function coversPath({ scope }: TokenEntry, path: string): boolean {
  const wanted = scopesOfAreas.find(([area]) => area.test(`${path}/`))?.[1];
  return scope === undefined || wanted === undefined || scope.split(' ').some((each) => wanted.test(each));
}

export class TokenRegistry {
  readonly #entries = new Map<string, TokenEntry>();

  add(entry: TokenEntry): void {
    this.#entries.set(entry.token, entry);
  }

  revoke(token: string): void {
    this.#entries.delete(token);
  }

  /** Lets a token end at this time; it stays known until then. */
  expire(token: string, at: EpochMs): void {
    const entry = this.#entries.get(token);
    if (entry !== undefined) this.#entries.set(token, { ...entry, expiresAt: at });
  }

  /** Ends all tokens of an identity, as when an agent is deleted. */
  revokeWhere(matches: (entry: TokenEntry) => boolean): void {
    for (const entry of [...this.#entries.values()].filter(matches)) this.#entries.delete(entry.token);
  }

  /**
   * Who an Authorization header stands for; undefined = nobody. Basic takes any user name with a PAT as password, and
   * also an Entra token (undocumented, but what `--auth PAT --token <jwt>` of the agent relies on: agent#4992,
   * azure-devops-docs#13363). Bearer takes Entra and agent tokens only.
   */
  authenticate(header: string | undefined, now: EpochMs): Identity | undefined {
    return this.entryOf(header, now)?.identity;
  }

  /** What the registry knows of the token in an Authorization header. */
  entryOf(header: string | undefined, now: EpochMs): TokenEntry | undefined {
    const presented = presentedToken(header);
    if (presented === undefined) return undefined;
    const entry = this.#entries.get(presented.token);
    if (entry === undefined || (entry.expiresAt ?? Number.POSITIVE_INFINITY) <= now) return undefined;
    return schemeAllows(presented.scheme, entry.kind) ? entry : undefined;
  }
}

interface PresentedToken {
  readonly scheme: 'basic' | 'bearer';
  readonly token: string;
}

function presentedToken(header: string | undefined): PresentedToken | undefined {
  const match = /^(basic|bearer) +(\S+) *$/i.exec(header ?? '');
  if (match === null) return undefined;
  const [, scheme = '', value = ''] = match;
  if (scheme.toLowerCase() === 'bearer') return { scheme: 'bearer', token: value };
  const credential = Buffer.from(value, 'base64').toString('utf8');
  const colon = credential.indexOf(':');
  return colon === -1 ? undefined : { scheme: 'basic', token: credential.slice(colon + 1) };
}

function schemeAllows(scheme: PresentedToken['scheme'], kind: TokenKind): boolean {
  return scheme === 'basic' ? kind !== 'agent' : kind !== 'pat';
}
