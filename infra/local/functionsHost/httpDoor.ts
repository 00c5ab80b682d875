/**
 * The host's HTTP side: HTTP triggers, and of the admin API what people use by hand. Answers as the host does: 404
 * for what no route or method fits, 401 without a body for a missing key, 204 for no result, 500 empty for a throw.
 */
import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Registration } from './core.ts';
import { type EventGridDoor, webhookPath } from './eventGridDoor.ts';
import { answer, writeResult } from './httpResponse.ts';
import type { InvocationRequest, InvocationResult, TypedData } from './invocations.ts';
import { triggerOf } from './invocations.ts';
import type { FunctionKeys } from './keys.ts';
import { isMaster, mayCall } from './keys.ts';
import type { Route } from './routes.ts';
import { matchRoute, routeOf } from './routes.ts';

export interface HttpDoorParts {
  readonly functions: readonly Registration[];
  readonly keys: FunctionKeys;
  readonly routePrefix: string;
  readonly invoke: (registration: Registration, request: InvocationRequest) => Promise<InvocationResult>;
  /** The trigger's input for POST /admin/functions/{name}. */
  readonly adminInput: (registration: Registration, input: string) => TypedData;
  readonly pass: () => Promise<void>;
  readonly eventGrid: EventGridDoor;
}

interface Endpoint {
  readonly registration: Registration;
  readonly route: Route;
  readonly methods: readonly string[];
  readonly authLevel: string;
}

/** 100 MB. Source: Azure Functions documentation, HTTP trigger, limits. */
const maxBodyBytes = 100 * 1024 * 1024;

export class HttpDoor {
  readonly #parts: HttpDoorParts;
  readonly #endpoints: readonly Endpoint[];

  constructor(parts: HttpDoorParts) {
    this.#parts = parts;
    this.#endpoints = parts.functions
      .flatMap((registration) => endpointOf(registration, parts.routePrefix))
      .sort(byRank);
  }

  async handle(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', `http://${request.headers.host ?? '127.0.0.1'}`);
    if (url.pathname.toLowerCase().startsWith('/admin/')) return this.#admin(request, response, url);
    if (url.pathname.toLowerCase().startsWith('/runtime/')) return this.#webhook(request, response, url);
    if (url.pathname === '/') return answer(response, 200, 'Your Functions 4.0 app is up and running.', 'text/plain');
    return this.#call(request, response, url);
  }

  async #call(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    const found = this.#find(request.method ?? 'GET', url.pathname);
    if (found === undefined) return answer(response, 404);
    const { registration, authLevel } = found.endpoint;
    const body = await readBody(request);
    if (body === undefined) return answer(response, 413);
    if (!mayCall(this.#parts.keys, registration.metadata.name, authLevel, { request, url }))
      return answer(response, 401);
    await this.#parts.pass();
    const result = await this.#parts.invoke(registration, {
      reason: 'http',
      input: { http: rpcRequest(request, url, found.params, body) },
      traceparent: headerText(request.headers['traceparent']),
    });
    if (result.ok) writeResult(response, result.returnValue);
    else answer(response, 500);
  }

  #find(
    method: string,
    path: string,
  ): { readonly endpoint: Endpoint; readonly params: Readonly<Record<string, string>> } | undefined {
    for (const endpoint of this.#endpoints) {
      if (!endpoint.methods.includes(method)) continue;
      const params = matchRoute(endpoint.route, path);
      if (params !== undefined) return { endpoint, params };
    }
    return undefined;
  }

  async #webhook(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    const body = await readBody(request);
    if (body === undefined) return answer(response, 413);
    if (url.pathname.toLowerCase() === webhookPath) {
      return this.#parts.eventGrid.handle(request, response, url, body.toString('utf8'));
    }
    return answer(response, 501, `${url.pathname} is not modelled by this stand-in.`, 'text/plain');
  }

  async #admin(request: IncomingMessage, response: ServerResponse, url: URL): Promise<void> {
    const body = await readBody(request);
    if (url.pathname === '/admin/host/ping') return answer(response, 200);
    if (!isMaster(this.#parts.keys, request, url)) return answer(response, 401);
    const call = `${request.method} ${url.pathname}`;
    if (call === 'GET /admin/host/status') return answer(response, 200, JSON.stringify(status()), 'application/json');
    const name = /^POST \/admin\/functions\/([^/]+)$/.exec(call)?.[1];
    if (name === undefined) return answer(response, 501, `${call} is not modelled by this stand-in.`, 'text/plain');
    return this.#adminInvoke(response, decodeURIComponent(name), body?.toString('utf8') ?? '');
  }

  /** Answers 202 and runs in the background; a body that is not a JSON object is refused. */
  #adminInvoke(response: ServerResponse, name: string, body: string): void {
    const registration = this.#parts.functions.find(
      ({ metadata }) => metadata.name.toLowerCase() === name.toLowerCase(),
    );
    const input = adminInputOf(body);
    answer(response, registration === undefined ? 404 : input === undefined ? 400 : 202);
    if (registration === undefined || input === undefined) return;
    void this.#parts.invoke(registration, {
      reason: 'admin',
      input: this.#parts.adminInput(registration, input),
      triggerMetadata: {},
    });
  }
}

const byRank = (one: Endpoint, other: Endpoint): number => other.route.rank - one.route.rank;

function endpointOf(registration: Registration, routePrefix: string): readonly Endpoint[] {
  const { type, options } = triggerOf(registration);
  if (type !== 'httpTrigger') return [];
  const template = typeof options['route'] === 'string' ? options['route'] : registration.metadata.name;
  const methods = Array.isArray(options['methods'])
    ? options['methods'].map((method) => String(method).toUpperCase())
    : ['GET', 'POST'];
  const authLevel = typeof options['authLevel'] === 'string' ? options['authLevel'] : 'anonymous';
  return [{ registration, route: routeOf(`${routePrefix}/${template}`), methods, authLevel }];
}

function adminInputOf(body: string): string | undefined {
  try {
    const parsed: unknown = JSON.parse(body);
    if (typeof parsed !== 'object' || parsed === null) return undefined;
    const input = 'input' in parsed ? parsed.input : '';
    return typeof input === 'string' ? input : JSON.stringify(input);
  } catch {
    return undefined;
  }
}

const status = (): object => ({
  id: 'local',
  state: 'Running',
  version: '4.36.0',
  processUptime: Math.trunc(process.uptime() * 1000),
});

function rpcRequest(
  request: IncomingMessage,
  url: URL,
  params: Readonly<Record<string, string>>,
  body: Buffer,
): Readonly<Record<string, unknown>> {
  const headers = Object.entries(request.headers).flatMap(([name, value]) =>
    value === undefined ? [] : [[name, headerText(value)]],
  );
  return {
    method: request.method,
    url: url.href,
    nullableHeaders: nullable(Object.fromEntries(headers) as Record<string, string>),
    nullableQuery: nullable(Object.fromEntries(url.searchParams)),
    nullableParams: nullable(params),
    body: { bytes: body },
  };
}

function nullable(values: Readonly<Record<string, string>>): Readonly<Record<string, { readonly value: string }>> {
  return Object.fromEntries(Object.entries(values).map(([name, value]) => [name, { value }]));
}

const headerText = (value: string | readonly string[] | undefined): string | undefined =>
  typeof value === 'string' ? value : value?.join(', ');

async function readBody(request: IncomingMessage): Promise<Buffer | undefined> {
  const chunks: Buffer[] = [];
  let size = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    size += chunk.length;
    if (size <= maxBodyBytes) chunks.push(chunk);
  }
  return size > maxBodyBytes ? undefined : Buffer.concat(chunks);
}
