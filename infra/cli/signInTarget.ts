/** Where a sign-in goes: the service user of mayfly.yaml, or what the command line names. */
import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { entraTokens, identityOf } from '../../shared/adapters/azure/tokens.ts';
import { parseConfig } from '../../shared/config/parseConfig.ts';
import type { MayflyConfig } from '../../shared/config/policy.ts';
import { UpstreamError } from '../../shared/domain/errors.ts';
import { Secret } from '../../shared/domain/secret.ts';
import type { TokenSource } from '../../shared/ports.ts';

export class Complaint extends Error {}

export interface SignInOptions {
  /** The name of a token in mayfly.yaml. */
  readonly token?: string;
  readonly tenant?: string;
  readonly clientId?: string;
  readonly vault?: string;
  readonly secret?: string;
}

export interface SignInTarget {
  readonly tenantId: string;
  readonly clientId: string;
  readonly vaultUrl: string;
  readonly secretName: string;
  /** Where the sign-in is tried before it is stored; empty = nowhere. */
  readonly organisationUrls: readonly string[];
}

type Environment = Readonly<Record<string, string | undefined>>;

/** Throws Complaint where something is missing, and ConfigError for a mayfly.yaml with problems. */
export async function signInTarget(options: SignInOptions, env: Environment): Promise<SignInTarget> {
  const { token, tenant, clientId, vault, secret } = options;
  if (tenant && clientId && vault && secret) {
    return { tenantId: tenant, clientId, vaultUrl: vault, secretName: secret, organisationUrls: [] };
  }
  if (tenant || clientId || vault || secret) {
    throw new Complaint(
      '--tenant, --client-id, --vault and --secret belong together; without them mayfly.yaml is read.',
    );
  }
  return targetIn(await readConfig(env), token);
}

async function readConfig(env: Environment): Promise<MayflyConfig> {
  const path = resolve(env['MAYFLY_CONFIG'] ?? 'mayfly.yaml');
  const text = await readFile(path, 'utf8').catch(() => {
    throw new Complaint(`${path} cannot be read. Name another file with MAYFLY_CONFIG.`);
  });
  return parseConfig(text, 'mayfly.yaml', env);
}

function targetIn(config: MayflyConfig, token: string | undefined): SignInTarget {
  const { delegatedUser, keyVault, tokens, organisations } = config;
  if (delegatedUser === undefined || keyVault === undefined) {
    const missing = delegatedUser === undefined ? 'delegatedUser' : 'keyVault';
    throw new Complaint(`mayfly.yaml has no \`${missing}\`, so there is nowhere for a sign-in to go.`);
  }
  const rotated = tokens.filter(({ mode }) => mode === 'rotate');
  const wanted = rotated.filter(({ name }) => token === undefined || name === token);
  if (token !== undefined && wanted.length === 0) {
    const names = rotated.map(({ name }) => name).join(', ') || 'none';
    throw new Complaint(`mayfly.yaml has no token ${token} in mode rotate; it has ${names}.`);
  }
  const names = new Set(wanted.map(({ organisation }) => organisation));
  return {
    tenantId: delegatedUser.tenantId,
    clientId: delegatedUser.clientId,
    vaultUrl: keyVault.url,
    secretName: delegatedUser.keyVaultSecret,
    organisationUrls: organisations.filter(({ name }) => names.has(name)).map(({ url }) => url),
  };
}

/**
 * Tokens for the vault: of the identity of this machine where the environment names one, else of whoever is signed in
 * to the Azure CLI.
 */
export function vaultTokensOf(env: Environment): TokenSource {
  if (env['IDENTITY_ENDPOINT'] || env['AZURE_FEDERATED_TOKEN_FILE']) {
    return entraTokens({ identity: identityOf(env, env['MAYFLY_IDENTITY_CLIENT_ID'] || undefined) });
  }
  return {
    getToken: async (scope) => {
      const { AzureCliCredential } = await import('@azure/identity');
      try {
        const { token, expiresOnTimestamp } = await new AzureCliCredential().getToken(scope);
        return { token: new Secret(token), expiresAt: expiresOnTimestamp };
      } catch {
        const detail =
          'the Azure CLI gives no token for the vault. Run `az login` as somebody who may set its secrets.';
        throw new UpstreamError({ upstream: 'entra', operation: 'getting a token', kind: 'unauthorized', detail });
      }
    },
  };
}
