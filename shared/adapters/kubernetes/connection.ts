/**
 * One cluster's API server: the SDK's configuration, authentication and HTTP library. An answer is a JSON object or a
 * classified rejection.
 */
import type { RequestContext } from '@kubernetes/client-node';
import { UpstreamError } from '../../domain/errors.ts';
import type { JsonObject, JsonValue } from '../../domain/json.ts';
import { isJsonObject } from '../../domain/json.ts';
import type { KubernetesAccess } from './access.ts';
import { kubeConfigOf } from './access.ts';
import type { Resource } from './api.ts';
import type { AnsweredStatus } from './status.ts';
import { kindOfStatus, retryAfterMs } from './status.ts';

export interface Call {
  readonly verb: NonNullable<AnsweredStatus['verb']>;
  readonly resource: Resource;
  readonly path: string;
  readonly query?: Readonly<Record<string, string | undefined>>;
  readonly body?: JsonValue;
  readonly metadataOnly?: boolean;
}

export interface Connection {
  /** `timeoutMs`: from the first byte sent to the last one received. */
  send(call: Call, timeoutMs: number): Promise<JsonObject>;
  /** For the one answer that is no JSON: what a container printed. */
  readText(call: Call, timeoutMs: number): Promise<string>;
}

/** Metadata without a second choice: a server that could only send whole Secrets shall refuse. */
function acceptOf({ metadataOnly = false, path }: Call): string {
  if (metadataOnly) return 'application/json;as=PartialObjectMetadataList;g=meta.k8s.io;v=v1';
  // As kubectl asks for a log: the server answers 406 where plain text alone is accepted.
  return path.endsWith('/log') ? 'application/json, */*' : 'application/json';
}

const methods = { list: 'GET', get: 'GET', create: 'POST', patch: 'PATCH', delete: 'DELETE' } as const;

export async function connect(access: KubernetesAccess): Promise<Connection> {
  const sdk = await import('./sdk.ts');
  const { config, server } = loaded(sdk, access);
  const { baseServer, httpApi } = sdk.createConfiguration({
    baseServer: new sdk.ServerConfiguration(server.replace(/\/+$/, ''), {}),
  });
  const exchange = async <T>(call: Call, deadline: AbortSignal, read: Meaning<T>): Promise<T> => {
    const context = baseServer.makeRequestContext(call.path, methods[call.verb]);
    fill(context, call);
    context.setSignal(deadline);
    await config.applySecurityAuthentication(context);
    const { httpStatusCode, headers, body } = await httpApi.send(context).toPromise();
    const text = await body.text();
    if (httpStatusCode >= 200 && httpStatusCode <= 299) return read(call, httpStatusCode, text);
    throw refusal(call, httpStatusCode, retryAfterMs(headers['retry-after']), parse(text));
  };
  const answered = async <T>(call: Call, timeoutMs: number, read: Meaning<T>): Promise<T> => {
    const deadline = AbortSignal.timeout(timeoutMs);
    try {
      return await exchange(call, deadline, read);
    } catch (error) {
      throw error instanceof UpstreamError ? error : connectionFailure(call, error, deadline.aborted);
    }
  };
  return {
    send: (call, timeoutMs) => answered(call, timeoutMs, objectIn),
    readText: (call, timeoutMs) => answered(call, timeoutMs, textIn),
  };
}

/** What an answer that is a success says. */
type Meaning<T> = (call: Call, status: number, text: string) => T;

function loaded(sdk: typeof import('./sdk.ts'), access: KubernetesAccess) {
  const operation = 'reading the access to the cluster';
  try {
    const config = kubeConfigOf(sdk, access);
    const server = config.getCurrentCluster()?.server;
    if (server !== undefined) return { config, server };
  } catch (error) {
    // The error of a YAML parser quotes the kubeconfig, keys included: neither it nor its message may get out.
    throw error instanceof UpstreamError ? error : unreadable(operation, codeOf(error) ?? 'it cannot be parsed');
  }
  throw unreadable(operation, 'no current cluster');
}

function fill(context: RequestContext, call: Call): void {
  for (const [name, value] of Object.entries(call.query ?? {})) {
    if (value !== undefined) context.setQueryParam(name, value);
  }
  context.setHeaderParam('Accept', acceptOf(call));
  if (call.body === undefined) return;
  context.setHeaderParam('Content-Type', call.verb === 'patch' ? 'application/json-patch+json' : 'application/json');
  context.setBody(JSON.stringify(call.body));
}

function objectIn(call: Call, status: number, text: string): JsonObject {
  const body = parse(text);
  if (body === undefined) throw unreadable(operationOf(call), 'the answer is no JSON object', status);
  return body;
}

/** A log may be any text, so only the status tells it from the page of a proxy. */
function textIn(call: Call, status: number, text: string): string {
  if (status !== 200) throw unreadable(operationOf(call), 'the answer is no log', status);
  return text;
}

function refusal(call: Call, status: number, retryAfter: number | undefined, body: JsonObject = {}): UpstreamError {
  const { kind, reason: given, message } = body;
  const reason = typeof given === 'string' ? given : undefined;
  // A 404 proves absence only as a Status of the API server; a gateway's page proves nothing.
  const proves = status !== 404 || kind === 'Status';
  return new UpstreamError({
    upstream: 'kubernetes',
    operation: operationOf(call),
    kind: proves ? kindOfStatus({ status, reason, verb: call.verb }) : 'unexpected',
    status,
    retryAfterMs: retryAfter,
    // What an API server says about a Secret that it refuses may quote it.
    detail: call.resource === 'secrets' ? reason : wordsOf(reason, message),
  });
}

function wordsOf(...words: readonly (JsonValue | undefined)[]): string | undefined {
  const said = words.flatMap((word) => (typeof word === 'string' && word !== '' ? [word] : [])).join(': ');
  return said === '' ? undefined : said.slice(0, maxMessageLength);
}

const maxMessageLength = 500;

function parse(text: string): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(text);
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}

const gerunds = { list: 'listing', get: 'getting', create: 'creating', patch: 'patching', delete: 'deleting' } as const;
const operationOf = (call: Call): string => `${gerunds[call.verb]} ${call.resource}`;

/** Codes of undici and of the system that mean that nobody answered in time. */
const lateCodes = new Set([
  'ETIMEDOUT',
  'UND_ERR_CONNECT_TIMEOUT',
  'UND_ERR_HEADERS_TIMEOUT',
  'UND_ERR_BODY_TIMEOUT',
  'ABORT_ERR',
]);

function connectionFailure(call: Call, error: unknown, expired: boolean): UpstreamError {
  const code = codeOf(error);
  const kind = expired || (code !== undefined && lateCodes.has(code)) ? 'timeout' : 'unavailable';
  const operation = operationOf(call);
  return new UpstreamError({ upstream: 'kubernetes', operation, kind, detail: code }, { cause: error });
}

/** fetch hides the system's error in `cause`. */
function codeOf(error: unknown): string | undefined {
  if (!(error instanceof Error)) return undefined;
  const code = 'code' in error && typeof error.code === 'string' ? error.code : undefined;
  return code ?? codeOf(error.cause);
}

export function unreadable(operation: string, detail: string, status?: number): UpstreamError {
  return new UpstreamError({ upstream: 'kubernetes', operation, kind: 'unexpected', status, detail });
}
