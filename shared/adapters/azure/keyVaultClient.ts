/** One client of Azure Key Vault: connected by its first call, which goes alone, and with failures classified. */
import type { SecretClient, SecretClientOptions } from '@azure/keyvault-secrets';
import { UpstreamError } from '../../domain/errors.ts';
import type { TokenSource } from '../../ports.ts';
import { isLoopback } from '../loopback.ts';
import type { RetryOptions } from '../retry.ts';
import { once, retrying } from '../retry.ts';
import { azureFailure } from './azureFailure.ts';
import { tokenCredential } from './tokenCredential.ts';

export interface KeyVaultOptions {
  readonly vaultUrl: string;
  readonly tokens: TokenSource;
  /** Of each attempt. */
  readonly timeoutMs?: number;
  readonly retry?: Omit<RetryOptions, 'kinds'>;
}

export interface KeyVaultCall<T> {
  /** A short gerund for errors. */
  readonly operation: string;
  /** True where doing it twice does what doing it once does; else it is repeated only after a 429, which did nothing. */
  readonly repeatable: boolean;
  readonly run: (client: SecretClient, abortSignal: AbortSignal) => Promise<T>;
}

export interface KeyVaultClient {
  /** Rejects with a classified UpstreamError. */
  call<T>(call: KeyVaultCall<T>): Promise<T>;
}

export function keyVaultClient(options: KeyVaultOptions): KeyVaultClient {
  const { timeoutMs = 10_000 } = options;
  const client = once(() => connect(options));
  const attempt = async <T>({ operation, run }: KeyVaultCall<T>): Promise<T> => {
    try {
      return await run(await client(), AbortSignal.timeout(timeoutMs));
    } catch (error) {
      // Without the cause: an error of the SDK holds the request, and with it what was to be stored.
      throw new UpstreamError(azureFailure('keyVault', operation, error));
    }
  };
  // The client learns how to authenticate from the first answer. Calls that begin before it has come are sent without
  // a token, body and all (4.12.0), so the first one goes alone.
  const warm = firstAlone();
  const repeated = <T>(call: KeyVaultCall<T>): Promise<T> => {
    const kinds = call.repeatable ? (['throttled', 'unavailable'] as const) : (['throttled'] as const);
    return retrying(() => attempt(call), { ...options.retry, kinds });
  };
  return { call: (call) => warm(() => repeated(call)) };
}

async function connect({ vaultUrl, tokens }: KeyVaultOptions): Promise<SecretClient> {
  const sdk = await import('./keyVaultSdk.ts');
  // Repeated here and not by the SDK, which waits for as long as Retry-After says, whatever its own limit.
  const retryOptions = { maxRetries: 0 };
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

/** An answer that lacks what every such answer has. */
export const withoutValue = (operation: string, detail = 'no value'): UpstreamError =>
  new UpstreamError({ upstream: 'keyVault', operation, kind: 'unexpected', detail });
