/** The scalar kinds of mayfly.yaml. Each refusal is a rule that begins with "must". */
import { z } from 'zod';
import { parseDemand } from '../domain/demand.ts';

const unitsMs = { ms: 1, s: 1000, m: 60_000, h: 3_600_000 } as const;

function durationMs(text: string): number {
  const [, amount = '0', unit = 'ms'] = /^(\d+)(ms|s|m|h)$/.exec(text) ?? [];
  return Number(amount) * (Object.entries(unitsMs).find(([name]) => name === unit)?.[1] ?? 1);
}

/** "90s", "10m", "2h" -> ms. A bare number is refused: nobody reads the same unit into it. */
export function duration(standard: string, minimum = '1s', maximum = '24h') {
  return durationWithin(minimum, maximum).prefault(standard);
}

/** The same without a default. */
export function durationWithin(minimum: string, maximum: string) {
  return z
    .string()
    .regex(/^\d+(ms|s|m|h)$/, 'must be a duration such as 90s, 10m or 2h')
    .transform(durationMs)
    .refine(
      (ms) => ms >= durationMs(minimum) && ms <= durationMs(maximum),
      `must be between ${minimum} and ${maximum}`,
    );
}

export const nonEmpty = z.string().regex(/\S/, 'must not be empty');

/** Names that become parts of Kubernetes names and label values. */
export const label = z
  .string()
  .regex(/^[a-z0-9]([-a-z0-9]{0,61}[a-z0-9])?$/, 'must be 1 to 63 of a-z, 0-9 and -, with no - at either end');

const isLoopback = (host: string): boolean => /^(127(\.\d{1,3}){3}|localhost|\[::1\])$/.test(host);

function isSafeUrl(text: string): boolean {
  const url = URL.parse(text);
  if (url === null || url.username !== '' || url.password !== '') return false;
  if (url.search !== '' || url.hash !== '') return false;
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname));
}

/** A token over plain HTTP is readable on the way; the stand-ins on this machine are the only exception. */
export const url = z
  .string()
  .refine(isSafeUrl, 'must be an https URL (http on this machine only) without user, query or fragment');

export const organisationUrl = url.refine(
  (text) => !/^https:\/\/dev\.azure\.com\/*$/i.test(text),
  'must name the organisation, as in https://dev.azure.com/contoso',
);

export const count = (minimum: number, maximum: number) => z.int().min(minimum).max(maximum);

const quantity = (pattern: RegExp, rule: string) =>
  z.union([z.string().regex(pattern, rule), z.number().positive(rule)], { error: rule }).transform(String);

export const cpu = quantity(/^(?!0+(\.0*)?m?$)\d+(\.\d{1,3})?m?$/, 'must be a CPU quantity such as 500m or 2');
export const memory = quantity(
  /^(?!0+(\.0*)?\D*$)\d+(\.\d+)?([EPTGM]i?|Ki|k)?$/,
  'must be a memory quantity such as 512Mi or 4Gi',
);

/** What no template may claim or grant: it stands for a value that a request chose. */
const isReserved = (name: string): boolean => name.toLowerCase().startsWith('mayfly.');
const reservedRule = 'must not begin with mayfly., which is for parameters';

export const capabilityName = z
  .string()
  .regex(/^[^\s=]+$/, 'must be a capability name without spaces and =')
  .regex(/^(?!agent\.)/i, 'must not begin with Agent., which the agent sets itself')
  .refine((name) => !isReserved(name), reservedRule);

/** -gtVersion is none that could be granted: it leaves open which version to claim. */
const isGrantable = (text: string): boolean => ['exists', 'equals'].includes(parseDemand(text)?.kind ?? '');

export const grantedDemands = z
  .array(
    z
      .string()
      .refine(isGrantable, 'must be a demand: name, or name -equals value')
      .refine((text) => !isReserved(parseDemand(text)?.name ?? ''), reservedRule),
  )
  .default([]);

export const guid = z
  .string()
  .regex(/^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i, 'must be a GUID such as the client id of an identity');

const settingName = z.string().regex(/^[A-Za-z_][A-Za-z0-9_]*$/, 'must be the name of a setting');
const vaultSecretName = z.string().regex(/^[0-9A-Za-z-]{1,127}$/, 'must be the name of a Key Vault secret');

/** Of the two places exactly one; spread into a strict object together with `hasOneSource`. */
export const secretSource = {
  keyVaultSecret: vaultSecretName.describe('Name of the secret in the Key Vault.').exactOptional(),
  environment: settingName.describe('Name of the setting that holds it; for local use.').exactOptional(),
};

export interface SecretSource {
  readonly keyVaultSecret?: string;
  readonly environment?: string;
}

export const oneSource = 'must have exactly one of keyVaultSecret and environment';
export const hasOneSource = (value: SecretSource): boolean =>
  (value.keyVaultSecret === undefined) !== (value.environment === undefined);
