/**
 * One organisation over the connection of azure-devops-node-api. Calls go through its HTTP client and not through its
 * typed API: that drops continuation tokens, turns a 404 and a sign-in page alike into null, and spends three requests
 * to find its own URLs (17.0.1, read and run 2026-11).
 */
import { hasErrorKind, UpstreamError } from '../../domain/errors.ts';
import type { JsonValue } from '../../domain/json.ts';
import type { Clock, TokenSource } from '../../ports.ts';
import type { RetryOptions } from '../retry.ts';
import { once, retrying } from '../retry.ts';
import { systemClock } from '../system.ts';
import type { Answer, RawAnswer } from './answer.ts';
import { meaningOf, throttleHintMs } from './answer.ts';
import { azureDevOpsScope } from './scope.ts';

export interface AzureDevOpsCredential {
  /** `bearer` for Entra tokens. */
  readonly kind: 'bearer' | 'personalAccessToken';
  readonly tokens: TokenSource;
}

export interface AzureDevOpsOptions {
  /** For example https://dev.azure.com/contoso, without a slash at its end or with one. */
  readonly organisationUrl: string;
  readonly credential: AzureDevOpsCredential;
  /** Of each attempt, from the first byte sent to the last one received. */
  readonly timeoutMs?: number;
  readonly clock?: Clock;
  readonly retry?: Omit<RetryOptions, 'clock'>;
  /** The server asks, on whatever answer, to be left alone for so long. */
  readonly onThrottleHint?: (retryAfterMs: number) => void;
}

export interface AzureDevOpsCall {
  /** A short gerund for errors. */
  readonly operation: string;
  readonly method: 'GET' | 'POST' | 'PUT' | 'PATCH' | 'DELETE';
  /** Below the organisation, for example `_apis/distributedtask/pools`. */
  readonly path: string;
  readonly query: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly body?: JsonValue;
  /** True where sending twice does what sending once does. */
  readonly repeatable: boolean;
  /** True where a success has no body. */
  readonly answersNothing?: boolean;
}

export interface AzureDevOpsRest {
  call(call: AzureDevOpsCall): Promise<Answer>;
}

const defaultTimeoutMs = 15_000;

/** Rejects with a classified UpstreamError for anything but a success with the body that the method wants. */
export function azureDevOpsRest(options: AzureDevOpsOptions): AzureDevOpsRest {
  const { timeoutMs = defaultTimeoutMs, clock = systemClock, credential } = options;
  const base = options.organisationUrl.replace(/\/+$/, '');
  const connection = once(() => connect(base, credential.kind, timeoutMs));
  const attempt = async (call: AzureDevOpsCall): Promise<Answer> => {
    const [{ webApi, handler }, { token }] = await Promise.all([
      connection(),
      credential.tokens.getToken(azureDevOpsScope),
    ]);
    // A token file often ends in a line break, which no header may hold.
    handler.token = token.reveal().trim();
    const raw = await exchange(webApi.rest.client, base, call, timeoutMs);
    const hint = throttleHintMs(raw, clock.now());
    if (hint !== undefined) options.onThrottleHint?.(hint);
    try {
      return meaningOf(raw, call.operation, call.method !== 'DELETE' && call.answersNothing !== true);
    } catch (error) {
      // It may have been replaced since it was read: the next call must not have to wait until that is noticed.
      if (hasErrorKind(error, 'unauthorized')) credential.tokens.forget?.(azureDevOpsScope);
      throw error;
    }
  };
  return {
    call: (call) => (call.repeatable ? retrying(() => attempt(call), { clock, ...options.retry }) : attempt(call)),
  };
}

type Sdk = typeof import('./sdk.ts');
type HttpClient = InstanceType<Sdk['WebApi']>['rest']['client'];

async function connect(base: string, kind: AzureDevOpsCredential['kind'], timeoutMs: number) {
  const sdk = await import('./sdk.ts');
  // Both handlers send X-TFS-FedAuthRedirect: Suppress and read `token` anew for each request.
  const made = kind === 'bearer' ? sdk.getBearerHandler('', false) : sdk.getPersonalAccessTokenHandler('', false);
  const handler: typeof made & { token?: string } = made;
  const settings = { keepAlive: true, socketTimeout: timeoutMs, allowRedirects: false, allowRetries: false };
  const webApi = new sdk.WebApi(base, handler, settings, { productName: 'mayfly', productVersion: '0' });
  return { webApi, handler };
}

async function exchange(
  client: HttpClient,
  base: string,
  call: AzureDevOpsCall,
  timeoutMs: number,
): Promise<RawAnswer> {
  const deadline = AbortSignal.timeout(timeoutMs);
  try {
    const sent = send(client, call, `${base}/${call.path}?${search(call.query)}`);
    return await read(await within(deadline, sent), deadline);
  } catch (error) {
    throw connectionFailure(error, call.operation, deadline.aborted);
  }
}

function send(client: HttpClient, call: AzureDevOpsCall, url: string): Promise<Response> {
  const headers = { accept: 'application/json', 'accept-encoding': 'identity' };
  const withBody = { ...headers, 'content-type': 'application/json; charset=utf-8' };
  switch (call.method) {
    case 'GET':
      return client.get(url, headers);
    case 'DELETE':
      return client.del(url, headers);
    case 'POST':
      return client.post(url, JSON.stringify(call.body), withBody);
    case 'PUT':
      return client.put(url, JSON.stringify(call.body), withBody);
    case 'PATCH':
      return client.patch(url, JSON.stringify(call.body), withBody);
  }
}

type Response = Awaited<ReturnType<HttpClient['request']>>;

/** The socket's own timeout measures idleness only; a server that drips headers is cut off here. */
async function within(deadline: AbortSignal, sent: Promise<Response>): Promise<Response> {
  const expired = Promise.withResolvers<never>();
  const expire = (): void => {
    expired.reject(deadline.reason);
    sent.then(({ message }) => message.destroy(), ignore);
  };
  deadline.addEventListener('abort', expire, { once: true });
  try {
    return await Promise.race([sent, expired.promise]);
  } finally {
    deadline.removeEventListener('abort', expire);
  }
}

const ignore = (): void => undefined;

async function read({ message }: Response, deadline: AbortSignal): Promise<RawAnswer> {
  const cut = (): void => {
    message.destroy();
  };
  deadline.addEventListener('abort', cut, { once: true });
  try {
    // Iterating rejects when the connection breaks in the middle; an answer that is cut short must not pass as whole.
    const chunks: Buffer[] = [];
    for await (const chunk of message) chunks.push(chunk as Buffer);
    return { status: message.statusCode ?? 0, headers: message.headers, text: Buffer.concat(chunks).toString('utf8') };
  } finally {
    deadline.removeEventListener('abort', cut);
  }
}

function connectionFailure(error: unknown, operation: string, expired: boolean): UpstreamError {
  const { code, message } = error as { readonly code?: string; readonly message?: string };
  const late = expired || code === 'ETIMEDOUT' || message?.startsWith('Request timeout') === true;
  const kind = late ? 'timeout' : 'unavailable';
  return new UpstreamError({ upstream: 'azureDevOps', operation, kind, detail: code }, { cause: error });
}

function search(query: AzureDevOpsCall['query']): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined);
  return given.map(([name, value]) => `${encodeURIComponent(name)}=${encodeURIComponent(String(value))}`).join('&');
}
