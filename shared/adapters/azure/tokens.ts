/** Entra tokens of this process's own identity. There is no chain of credentials: what is not configured is not tried. */
import { UpstreamError } from '../../domain/errors.ts';
import type { EpochMs } from '../../domain/instant.ts';
import { minutesMs } from '../../domain/instant.ts';
import { Secret, trimmed } from '../../domain/secret.ts';
import type { Clock, TokenSource, Vault } from '../../ports.ts';
import { once } from '../retry.ts';
import { systemClock } from '../system.ts';
import { azureFailure } from './azureFailure.ts';

export type EntraIdentity =
  /** Of the host; `clientId` names a user-assigned one. */
  | { readonly kind: 'managed'; readonly clientId?: string }
  /** Of a pod: the projected token of its service account is exchanged. */
  | { readonly kind: 'workload'; readonly tenantId: string; readonly clientId: string; readonly tokenFilePath: string };

export interface EntraTokenOptions {
  readonly identity: EntraIdentity;
  readonly clock?: Clock;
  readonly timeoutMs?: number;
}

/** A workload identity where the webhook of Azure Workload Identity has set its variables, else a managed one. */
export function identityOf(env: Readonly<Record<string, string | undefined>>, clientId?: string): EntraIdentity {
  const { AZURE_TENANT_ID: tenantId, AZURE_FEDERATED_TOKEN_FILE: tokenFilePath } = env;
  const id = clientId ?? env['AZURE_CLIENT_ID'];
  if (tenantId && tokenFilePath && id) return { kind: 'workload', tenantId, clientId: id, tokenFilePath };
  return clientId === undefined ? { kind: 'managed' } : { kind: 'managed', clientId };
}

export function entraTokens(options: EntraTokenOptions): TokenSource {
  const { identity, clock = systemClock, timeoutMs = 10_000 } = options;
  const credential = once(() => credentialOf(identity));
  return cachedTokens(clock, async (scope) => {
    try {
      const abortSignal = AbortSignal.timeout(timeoutMs);
      const { token, expiresOnTimestamp } = await (await credential()).getToken(scope, { abortSignal });
      return { token: new Secret(token), expiresAt: expiresOnTimestamp };
    } catch (error) {
      throw entraFailure(error);
    }
  });
}

async function credentialOf(identity: EntraIdentity) {
  const sdk = await import('./identitySdk.ts');
  const retryOptions = { maxRetries: 2, retryDelayInMs: 300, maxRetryDelayInMs: 2000 };
  if (identity.kind === 'workload') {
    const { tenantId, clientId, tokenFilePath } = identity;
    return new sdk.WorkloadIdentityCredential({ tenantId, clientId, tokenFilePath, retryOptions });
  }
  return new sdk.ManagedIdentityCredential({
    retryOptions,
    ...(identity.clientId !== undefined && { clientId: identity.clientId }),
  });
}

/** A refused or missing identity is a broken credential, whatever status says so. */
function entraFailure(error: unknown): UpstreamError {
  const failure = azureFailure('entra', 'getting a token', error);
  const refused = failure.kind === 'invalid' || failure.kind === 'unexpected' || failure.kind === 'notFound';
  if (!refused) return failure;
  const { upstream, operation, status, detail } = failure;
  return new UpstreamError({ upstream, operation, kind: 'unauthorized', status, detail }, { cause: error });
}

interface Token {
  readonly token: Secret;
  readonly expiresAt: EpochMs;
}

/** Renewed this long before its end: a pass of a minute that begins with a token must end with it. */
const renewBeforeMs = minutesMs(5);
/** A token with less than this is not used any more, even if no other can be had. */
const usableMs = minutesMs(1);

/**
 * Keeps a token per scope in this process. Callers at the same time share one request; a renewal that fails is no
 * failure while the old token lasts.
 */
export function cachedTokens(clock: Clock, fetchToken: (scope: string) => Promise<Token>): TokenSource {
  const kept = new Map<string, Token>();
  const pending = new Map<string, Promise<Token>>();
  const renew = (scope: string): Promise<Token> => {
    const present = pending.get(scope);
    if (present !== undefined) return present;
    const fetching = fetchToken(scope)
      .then((token) => {
        kept.set(scope, token);
        return token;
      })
      .finally(() => pending.delete(scope));
    pending.set(scope, fetching);
    return fetching;
  };
  return {
    forget: (scope) => void kept.delete(scope),
    getToken: async (scope) => {
      const old = kept.get(scope);
      const left = (old?.expiresAt ?? 0) - clock.now();
      if (old !== undefined && left > renewBeforeMs) return old;
      try {
        return await renew(scope);
      } catch (error) {
        if (old !== undefined && left > usableMs) return old;
        throw error;
      }
    },
  };
}

/**
 * A personal access token that lies in the vault, re-read after `keepMs`: a rotation is noticed that late at most,
 * which must be less than the grace of the old token.
 */
export function vaultTokens(vault: Vault, secretName: string, keepMs: number, clock: Clock = systemClock): TokenSource {
  return cachedTokens(clock, async () => ({
    token: trimmed(await vault.getSecret(secretName)),
    expiresAt: clock.now() + renewBeforeMs + keepMs,
  }));
}
