/** The Vault port over Azure Key Vault: one request for each secret, two for the first (an anonymous challenge). */
import type { SecretClientOptions } from '@azure/keyvault-secrets';
import { UpstreamError } from '../../domain/errors.ts';
import { Secret } from '../../domain/secret.ts';
import type { TokenSource, Vault } from '../../ports.ts';
import { isLoopback } from '../loopback.ts';
import { once } from '../retry.ts';
import { azureFailure } from './azureFailure.ts';
import { tokenCredential } from './tokenCredential.ts';

export interface KeyVaultOptions {
  readonly vaultUrl: string;
  readonly tokens: TokenSource;
  readonly timeoutMs?: number;
}

export function keyVault(options: KeyVaultOptions): Vault {
  const { timeoutMs = 10_000 } = options;
  const client = once(() => connect(options));
  const read = async (name: string): Promise<Secret> => {
    const operation = 'getting a secret';
    try {
      const { value } = await (await client()).getSecret(name, { abortSignal: AbortSignal.timeout(timeoutMs) });
      if (value !== undefined) return new Secret(value);
    } catch (error) {
      throw azureFailure('keyVault', operation, error);
    }
    throw new UpstreamError({ upstream: 'keyVault', operation, kind: 'unexpected', detail: 'no value' });
  };
  // The client learns how to authenticate from the first answer. Calls that begin before it has come are sent without
  // a token, body and all (4.12.0), so the first one goes alone.
  const warm = firstAlone();
  return { getSecret: (name) => warm(() => read(name)) };
}

async function connect({ vaultUrl, tokens }: KeyVaultOptions) {
  const sdk = await import('./keyVaultSdk.ts');
  const retryOptions = { maxRetries: 2, retryDelayInMs: 300, maxRetryDelayInMs: 2000 };
  const plain = vaultUrl.startsWith('http:') && isLoopback(vaultUrl);
  const local = isLoopback(vaultUrl) && { disableChallengeResourceVerification: true };
  if (!plain) return new sdk.SecretClient(vaultUrl, tokenCredential(tokens), { retryOptions, ...local });
  return new sdk.SecretClient(vaultUrl.replace(/^http:/, 'https:'), tokenCredential(tokens), {
    retryOptions,
    ...local,
    additionalPolicies: [{ policy: plainOnTheWire, position: 'perRetry' }],
  });
}

type Policies = NonNullable<SecretClientOptions['additionalPolicies']>;

/**
 * For a stand-in on this machine. The client refuses to show a token to anything but https, whatever its options say
 * (keyvault-common 2.1.1), so it is told https and the scheme is changed on the last step before the wire.
 */
const plainOnTheWire: Policies[number]['policy'] = {
  name: 'plainOnTheWire',
  sendRequest: async (request, next) => {
    const { url } = request;
    request.url = url.replace(/^https:/, 'http:');
    request.allowInsecureConnection = true;
    try {
      return await next(request);
    } finally {
      request.url = url;
    }
  },
};

/** Lets one call through until it has ended, then all; a first call that fails is followed by the next one alone. */
function firstAlone(): <T>(call: () => Promise<T>) => Promise<T> {
  let warmed = false;
  let turn: Promise<unknown> = Promise.resolve();
  return (call) => {
    if (warmed) return call();
    const result = turn.then(async () => {
      const value = await call();
      warmed = true;
      return value;
    });
    turn = result.catch(() => undefined);
    return result;
  };
}
