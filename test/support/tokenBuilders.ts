/** Tokens for tests: valid by default, overridable in any field. Times are relative to `noon`. */
import { hoursMs, minutesMs } from '../../shared/domain/instant.ts';
import { formatInstant } from '../../shared/domain/names.ts';
import { known } from '../../shared/domain/read.ts';
import {
  type PersonalToken,
  type TokenPolicy,
  tokenDisplayName,
  tokenTags,
  type VaultVersion,
} from '../../shared/domain/token.ts';
import type { ObservedCopy, ObservedToken } from '../../shared/plan/tokens/observedToken.ts';
import { noon } from './builders.ts';

export const days = (count: number): number => hoursMs(24) * count;
export const ago = (ms: number): number => noon - ms;
export const ahead = (ms: number): number => noon + ms;

export const tokenPolicy: TokenPolicy = {
  installation: 'a1b2',
  name: 'registration',
  organisation: 'https://dev.azure.com/contoso',
  vaultSecret: 'agent-registration',
  mode: 'rotate',
  scope: 'vso.agentpools_manage',
  lifetimeMs: days(30),
  graceMs: minutesMs(20),
  copies: [{ cluster: 'east', secret: 'agent-token', key: 'token' }],
};

/** A PAT of ours, made by rotation `number`. */
export function aPersonalToken(number: number, overrides: Partial<PersonalToken> = {}): PersonalToken {
  return {
    authorizationId: `authorization-${number}`,
    displayName: tokenDisplayName('a1b2', 'registration', String(number).padStart(8, '0')),
    validFrom: ago(days(5)),
    validTo: ahead(days(60)),
    scope: tokenPolicy.scope,
    ...overrides,
  };
}

export interface VersionOverrides extends Partial<VaultVersion> {
  /** Since when it has been everywhere, in ms before noon; undefined = it has not. */
  readonly provenAgoMs?: number | undefined;
}

/** The version that rotation `number` stored, with the marks of a whole one. */
export function aVersion(number: number, { provenAgoMs = days(5), ...overrides }: VersionOverrides = {}): VaultVersion {
  const { createdAt = ago(days(5) + 1000) } = overrides;
  const proven =
    provenAgoMs === Number.POSITIVE_INFINITY ? {} : { [tokenTags.proven]: formatInstant(ago(provenAgoMs)) };
  return {
    version: `version-${number}`,
    createdAt,
    enabled: true,
    expiresAt: ahead(days(60)),
    ...overrides,
    tags: {
      [tokenTags.rotation]: String(number).padStart(8, '0'),
      [tokenTags.authorization]: `authorization-${number}`,
      [tokenTags.begins]: formatInstant(createdAt),
      [tokenTags.expires]: formatInstant(overrides.expiresAt ?? ahead(days(60))),
      ...proven,
      ...overrides.tags,
    },
  };
}

/** A version that a person stored, without any tag of ours. */
export function aVersionByHand(number: number, overrides: Partial<VaultVersion> = {}): VaultVersion {
  return { version: `version-${number}`, createdAt: ago(days(5)), enabled: true, tags: {}, ...overrides };
}

export function aCopy(holds: ObservedCopy['holds'] = known('latest'), cluster = 'east'): ObservedCopy {
  return { copy: { cluster, secret: 'agent-token', key: 'token' }, holds };
}

/** A whole token, five days old. Versions and PATs are given together, newest first. */
export function anObservedToken(overrides: Partial<ObservedToken> = {}): ObservedToken {
  const latest = aVersion(1);
  return {
    at: noon,
    skewMs: 0,
    latest: known(latest),
    versions: known([latest]),
    proof: known('accepted'),
    personal: known([aPersonalToken(1)]),
    copies: [aCopy()],
    cause: 'timer',
    ...overrides,
  };
}

/** The same with these versions, newest first, and a PAT for each unless said otherwise. */
export function observedVersions(
  versions: readonly VaultVersion[],
  personal: readonly PersonalToken[],
  overrides: Partial<ObservedToken> = {},
): ObservedToken {
  return anObservedToken({
    latest: known(versions[0]),
    versions: known(versions),
    personal: known(personal),
    ...overrides,
  });
}

/** A token of thirty days that ends in `inMs`. */
export const ending = (inMs: number): ObservedToken => {
  const version = aVersion(1, { expiresAt: ahead(inMs), createdAt: ago(days(30) - inMs) });
  return observedVersions([version], [aPersonalToken(1, { validTo: ahead(inMs) })]);
};
