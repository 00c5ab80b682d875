/** What mayfly.yaml says of tokens: which ones Mayfly keeps, as whom it may make them, and whose hooks it looks after. */
import { z } from 'zod';
import { guid, label, secretSource, url } from './fields.ts';

const hourMs = 3_600_000;
const dayMs = 24 * hourMs;

function spanMs(text: string): number {
  const [, amount = '0', unit = 'h'] = /^(\d+)([hd])$/.exec(text) ?? [];
  return Number(amount) * (unit === 'd' ? dayMs : hourMs);
}

/** "12h", "30d" -> ms. What is counted in days has a kind of its own: elsewhere a day is a slip of the pen. */
export const span = (minimum: string, maximum: string) =>
  z
    .string()
    .regex(/^\d+[hd]$/, 'must be a time such as 12h or 30d')
    .transform(spanMs)
    .refine((ms) => ms >= spanMs(minimum) && ms <= spanMs(maximum), `must be between ${minimum} and ${maximum}`);

/** A label value of Kubernetes would allow more; these are what Secrets are called in practice. */
const secretName = z
  .string()
  .regex(/^[a-z0-9]([-a-z0-9.]{0,251}[a-z0-9])?$/, 'must be the name of a Secret: a-z, 0-9, - and .');
const secretKey = z.string().regex(/^[-._a-zA-Z0-9]{1,253}$/, 'must be a key of a Secret: letters, digits, -, _ and .');

const copy = z.strictObject({
  cluster: label,
  secret: secretName.describe('In the namespace of the cluster. It is made where there is none.'),
  key: secretKey.default('token'),
});

/** Everything is in one scope that nobody can narrow again, so it cannot be had here. */
const scope = z
  .string()
  .regex(/^vso\.[a-z_]+$/, 'must be a scope such as vso.agentpools_manage; full access is never asked for');

const keyVaultSecret = secretSource.keyVaultSecret.unwrap();

const token = z.strictObject({
  name: label,
  organisation: label,
  keyVaultSecret,
  mode: z
    .enum(['watch', 'rotate'])
    .default('watch')
    .describe('watch: a person puts new versions into the vault. rotate: Mayfly makes them as the delegated user.'),
  scopes: z.array(scope).min(1).default(['vso.agentpools_manage', 'vso.build']).describe('Of what Mayfly makes.'),
  lifetime: span('2d', '365d').prefault('30d').describe('Asked for; the server may give less.'),
  rotateBefore: span('1d', '180d').exactOptional().describe('Default: a third of the lifespan given, at least 3d.'),
  grace: span('1h', '7d').prefault('24h').describe('How long the former token lives on beside the new one.'),
  secrets: z.array(copy).default([]).describe('Copies in clusters.'),
});

export const tokensSchema = z.array(token).default([]);

export const delegatedUserSchema = z.strictObject({
  tenantId: guid,
  clientId: guid.describe('Of an app registration that allows public client flows.'),
  keyVaultSecret: keyVaultSecret.describe('Holds the refresh token that `sign-in` stored.'),
});

export const hookRotationSchema = {
  rotateAfter: span('1d', '365d').prefault('90d').describe('The age at which the secret is replaced.'),
  subscriptions: z
    .array(
      z.strictObject({
        organisation: label,
        projects: z.array(guid).min(1).describe('Ids of the projects.'),
        url: url.describe('Where their subscriptions send to: https://<app>/api/hooks/azure-devops'),
      }),
    )
    .default([])
    .describe('Written with each new secret. Without any, the secret is never replaced.'),
};
