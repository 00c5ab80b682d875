/**
 * The personal access tokens of the users of an organisation: made, listed and revoked by their owners, and taken by
 * every other route until they end. Source: vsts-rest-api-specs tokens.json 7.2, and the documentation "Manage personal
 * access tokens with policies" where no other is named.
 */
import { randomBytes, randomUUID } from 'node:crypto';
import type { EpochMs } from '../../../shared/domain/instant.ts';
import { hoursMs } from '../../../shared/domain/instant.ts';
import type { PersonalTokenError } from '../../../shared/domain/personalTokenErrors.ts';
import type { TokenRegistry, UserIdentity } from './wire/tokens.ts';

export interface PersonalTokenPolicy {
  /** A longer lifespan is cut to this, silently. */
  maxLifespanMs?: number;
  refusesFullScope?: boolean;
  /** The organisation restricts the creation of tokens. */
  restrictsCreation?: boolean;
  /** Answered to every creation, for what no rule here brings about. */
  refusal?: PersonalTokenError;
}

export interface PersonalTokenRecord {
  readonly owner: string;
  readonly authorizationId: string;
  readonly displayName: string;
  readonly scope: string;
  readonly validFrom: EpochMs;
  readonly validTo: EpochMs;
  readonly token: string;
  readonly revokedAt?: EpochMs;
}

export interface TokenDraft {
  readonly displayName: string;
  readonly scope: string;
  readonly validTo: EpochMs;
  readonly allOrgs: boolean;
}

export type Created =
  | { readonly kind: 'created'; readonly record: PersonalTokenRecord }
  | { readonly kind: 'refused'; readonly error: PersonalTokenError };

export type DisplayFilter = 'active' | 'revoked' | 'expired' | 'all';

export interface PersonalTokenWorldOptions {
  /** The server's time. */
  readonly now: () => EpochMs;
  /** That by which `tokens` end; the server's own by default. */
  readonly localNow?: () => EpochMs;
  readonly tokens: TokenRegistry;
  readonly policy?: PersonalTokenPolicy;
  /** Random by default. */
  readonly newToken?: () => string;
  readonly newId?: () => string;
}

/** No token lives longer than a year (documentation, "Use personal access tokens"); what is asked beyond is refused. */
const longestMs = hoursMs(24 * 366);
const scopeRule = /^(app_token|vso\.[a-z_]+)( (app_token|vso\.[a-z_]+))*$/;

export class PersonalTokenWorld {
  readonly policy: PersonalTokenPolicy;
  readonly #options: PersonalTokenWorldOptions;
  #records: PersonalTokenRecord[] = [];

  constructor(options: PersonalTokenWorldOptions) {
    this.#options = options;
    this.policy = { ...options.policy };
  }

  /** By the back door: all of all owners, oldest first. */
  get records(): readonly PersonalTokenRecord[] {
    return this.#records;
  }

  /** The server's time. */
  now(): EpochMs {
    return this.#options.now();
  }

  isActive(record: PersonalTokenRecord): boolean {
    return record.revokedAt === undefined && record.validTo > this.#options.now();
  }

  create(owner: UserIdentity, draft: TokenDraft): Created {
    const error = this.#refusal(draft);
    if (error !== undefined) return { kind: 'refused', error };
    const { newToken = () => randomBytes(42).toString('hex'), newId = randomUUID, now, tokens } = this.#options;
    const validFrom = now();
    const latest = validFrom + (this.policy.maxLifespanMs ?? Number.POSITIVE_INFINITY);
    const record: PersonalTokenRecord = {
      owner: owner.name,
      authorizationId: newId(),
      displayName: draft.displayName,
      scope: draft.scope,
      validFrom,
      validTo: Math.min(draft.validTo, latest),
      token: newToken(),
    };
    this.#records.push(record);
    tokens.add({
      token: record.token,
      kind: 'pat',
      identity: owner,
      scope: record.scope,
      expiresAt: this.#localEnd(record),
    });
    return { kind: 'created', record };
  }

  list(owner: UserIdentity, filter: DisplayFilter = 'active'): readonly PersonalTokenRecord[] {
    const own = this.#records.filter((record) => record.owner === owner.name);
    return own.filter((record) => filter === 'all' || this.#stateOf(record) === filter);
  }

  /** False = the user has no such token that is not revoked already. */
  revoke(owner: UserIdentity, authorizationId: string): boolean {
    const found = this.list(owner, 'all').find((record) => record.authorizationId === authorizationId);
    if (found === undefined || found.revokedAt !== undefined) return false;
    const revoked = { ...found, revokedAt: this.#options.now() };
    this.#records = this.#records.map((record) => (record === found ? revoked : record));
    this.#options.tokens.revoke(found.token);
    return true;
  }

  /** The registry counts by the clock of the machine, which may differ from the server's. */
  #localEnd({ validTo }: PersonalTokenRecord): EpochMs {
    const { now, localNow = now } = this.#options;
    return validTo - (now() - localNow());
  }

  #stateOf(record: PersonalTokenRecord): Exclude<DisplayFilter, 'all'> {
    if (record.revokedAt !== undefined) return 'revoked';
    return this.isActive(record) ? 'active' : 'expired';
  }

  #refusal({ displayName, scope, validTo, allOrgs }: TokenDraft): PersonalTokenError | undefined {
    const { refusal, restrictsCreation, refusesFullScope } = this.policy;
    const now = this.#options.now();
    const rules: readonly (readonly [PersonalTokenError, boolean])[] = [
      ['disablePatCreationPolicyViolation', restrictsCreation === true],
      ['displayNameRequired', displayName.trim() === ''],
      ['invalidScope', !scopeRule.test(scope)],
      ['invalidValidTo', !(validTo > now && validTo <= now + longestMs)],
      // Blocked for everybody since 2026-03-15 (Azure DevOps Blog, retirement of global personal access tokens).
      ['globalPATCreationBlocked', allOrgs],
      ['fullScopePatPolicyViolation', refusesFullScope === true && scope.split(' ').includes('app_token')],
    ];
    return refusal ?? rules.find(([, violated]) => violated)?.[0];
  }
}
