/** What goes back over the wire, as a value, so that a fault can spoil it before it is sent. */
import type { ServerResponse } from 'node:http';
import type { JsonObject } from '../../../../shared/domain/json.ts';
import { KubernetesStatus } from '../statusError.ts';
import type { Watch, WatchEvent } from '../verbs.ts';

export interface BodyReply {
  readonly kind: 'body';
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
  /** For "299" warning headers, which kubectl prints. */
  readonly warnings: readonly string[];
  readonly headers?: Readonly<Record<string, string>>;
}

export interface WatchReply {
  readonly kind: 'watch';
  readonly timeoutMs: number;
  /** Begins the watch; throws before the first byte is sent when its options are refused. */
  readonly open: (listener: (event: WatchEvent) => void) => Watch;
  /** What of an event is sent. */
  readonly render: (event: WatchEvent) => JsonObject;
}

export type Reply = BodyReply | WatchReply;

export function jsonReply(status: number, body: unknown, rest: Partial<BodyReply> = {}): BodyReply {
  return {
    kind: 'body',
    status,
    contentType: 'application/json',
    body: JSON.stringify(body),
    warnings: [],
    ...rest,
  };
}

export function textReply(body: string): BodyReply {
  return { kind: 'body', status: 200, contentType: 'text/plain; charset=utf-8', body, warnings: [] };
}

/** Every failure is a Status object; what is no KubernetesStatus is a fault of the stand-in itself and says so. */
export function failureReply(error: unknown): BodyReply {
  const status =
    error instanceof KubernetesStatus
      ? error
      : new KubernetesStatus({
          code: 500,
          reason: 'InternalError',
          message: `Internal error occurred: ${error instanceof Error ? error.message : String(error)}`,
          details: { causes: [] },
        });
  const seconds = status.details?.retryAfterSeconds;
  const headers = seconds === undefined ? {} : { 'retry-after': String(seconds) };
  return jsonReply(status.code, status.body, { headers });
}

/** The headers of every answer. The date is that of the world, which decides about ages and deadlines. */
export function writeHead(response: ServerResponse, status: number, contentType: string, now: number): void {
  response.sendDate = false;
  response.statusCode = status;
  response.setHeader('date', new Date(now).toUTCString());
  response.setHeader('content-type', contentType);
  response.setHeader('cache-control', 'no-cache, private');
}

export function sendBody(response: ServerResponse, reply: BodyReply, now: number): void {
  writeHead(response, reply.status, reply.contentType, now);
  for (const [name, value] of Object.entries(reply.headers ?? {})) response.setHeader(name, value);
  if (reply.warnings.length > 0) {
    // Non-ASCII would not pass as a header; the server escapes it too (k8s.io/apiserver/pkg/warning).
    const lines = reply.warnings.map((warning) => `299 - ${JSON.stringify(warning.replaceAll(/[^\x20-\x7e]/g, '?'))}`);
    response.setHeader('warning', lines);
  }
  response.setHeader('content-length', Buffer.byteLength(reply.body));
  response.end(reply.body);
}
