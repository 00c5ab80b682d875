import type { ServerResponse } from 'node:http';

interface RpcCookie {
  readonly name: string;
  readonly value: string;
  readonly sameSite?: string;
  readonly [attribute: string]: unknown;
}

interface RpcResponse {
  readonly statusCode?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly cookies?: readonly RpcCookie[];
  readonly body?: { readonly string?: string; readonly bytes?: Uint8Array } | null;
}

export function answer(response: ServerResponse, statusCode: number, body?: string, contentType?: string): void {
  response.statusCode = statusCode;
  if (contentType !== undefined) response.setHeader('content-type', contentType);
  response.end(body);
}

/** Writes what an HTTP function returned; no result is 204. */
export function writeResult(response: ServerResponse, returnValue: unknown): void {
  const http = httpOf(returnValue);
  if (http === undefined) {
    answer(response, 204);
    return;
  }
  for (const [name, value] of Object.entries(http.headers ?? {})) response.setHeader(name, value);
  const cookies = (http.cookies ?? []).map(cookieText);
  if (cookies.length > 0) response.setHeader('set-cookie', cookies);
  response.statusCode = Number(http.statusCode ?? 200);
  response.end(http.body?.bytes ?? http.body?.string);
}

function httpOf(returnValue: unknown): RpcResponse | undefined {
  if (typeof returnValue !== 'object' || returnValue === null || !('http' in returnValue)) return undefined;
  return returnValue.http as RpcResponse;
}

/** RPC wraps optional values: `{ value }`. */
function cookieText(cookie: RpcCookie): string {
  const inner = (key: string): unknown => {
    const wrapped = cookie[key];
    return typeof wrapped === 'object' && wrapped !== null && 'value' in wrapped ? wrapped.value : undefined;
  };
  const named = [['path', 'path'] as const, ['domain', 'domain'] as const, ['maxAge', 'max-age'] as const];
  const parts = named.flatMap(([key, name]) => (inner(key) === undefined ? [] : [`${name}=${String(inner(key))}`]));
  const flags = ['secure', 'httpOnly'].filter((key) => inner(key) === true).map((key) => key.toLowerCase());
  const sameSite = cookie.sameSite === undefined ? [] : [`samesite=${cookie.sameSite}`];
  return [`${cookie.name}=${encodeURIComponent(cookie.value)}`, ...parts, ...sameSite, ...flags].join('; ');
}
