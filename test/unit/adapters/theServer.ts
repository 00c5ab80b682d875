/** A tiny HTTP server on a free loopback port that answers what a test tells it, and notes what it was asked. */
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';

export interface Asked {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly headers: IncomingMessage['headers'];
  readonly body: string;
}

export type Respond = (asked: Asked, response: ServerResponse) => void;

export interface TheServer extends AsyncDisposable {
  readonly url: string;
  readonly asked: readonly Asked[];
  /** TCP connections so far. */
  readonly connections: () => number;
  respond(respond: Respond): void;
  /** Nobody listens from then on; stopping twice does no harm. */
  stop(): Promise<void>;
}

export async function startServer(): Promise<TheServer> {
  const asked: Asked[] = [];
  let connections = 0;
  let respond: Respond = (_asked, response) => response.writeHead(501).end();
  const answer = async (request: IncomingMessage, response: ServerResponse): Promise<void> => {
    const url = new URL(request.url ?? '/', 'http://localhost');
    const { method = '', headers } = request;
    const entry = { method, path: url.pathname, query: url.searchParams, headers, body: await text(request) };
    asked.push(entry);
    respond(entry, response);
  };
  const server = createServer((request, response) => void answer(request, response));
  server.on('connection', () => {
    connections += 1;
  });
  const stop = async (): Promise<void> => {
    server.closeAllConnections();
    await new Promise((closed) => server.close(closed));
  };
  await new Promise<void>((listening) => server.listen(0, '127.0.0.1', listening));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    asked,
    connections: () => connections,
    respond: (next) => {
      respond = next;
    },
    stop,
    [Symbol.asyncDispose]: stop,
  };
}

export interface Scripted {
  readonly status?: number;
  readonly type?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: unknown;
  /** As is, instead of JSON. */
  readonly raw?: string;
}

export function answering(script: Scripted): Respond {
  return (_asked, response) => {
    const content = script.raw ?? (script.body === undefined ? '' : JSON.stringify(script.body));
    const type = script.type ?? (content === '' ? undefined : 'application/json; charset=utf-8; api-version=7.1');
    response.writeHead(script.status ?? 200, {
      ...(type !== undefined && { 'content-type': type }),
      ...script.headers,
    });
    response.end(content);
  };
}

/** One after the other; the last one stays. */
export function inTurn(...responds: readonly Respond[]): Respond {
  let next = 0;
  return (asked, response) => {
    const respond = responds[Math.min(next, responds.length - 1)];
    next += 1;
    respond?.(asked, response);
  };
}

/** Sleeps take no time; their lengths are noted. */
export function impatientClock() {
  const slept: number[] = [];
  return {
    slept,
    now: () => Date.UTC(2026, 0, 5, 8),
    sleep: (ms: number): Promise<void> => {
      slept.push(ms);
      return Promise.resolve();
    },
  };
}
