/**
 * What Node itself tells of HTTP in this process: when a request reached a server, and how long calls took as their
 * caller saw them, sockets included. Both HTTP clients are heard, Node's own and undici. Times of performance.now().
 */
import { subscribe, unsubscribe } from 'node:diagnostics_channel';
import type { ClientRequest, IncomingMessage } from 'node:http';

export interface Arrival {
  readonly url: string;
  readonly at: number;
}

/** A call to one of the doors; `to` is Infinity until its answer has been read. */
export interface Exchange {
  readonly port: number;
  readonly from: number;
  to: number;
}

export interface Sockets {
  arrivals: Arrival[];
  exchanges: Exchange[];
  clear(): void;
  close(): void;
}

interface UndiciRequest {
  readonly origin: string | URL;
}

export function listenToSockets(): Sockets {
  const open = new WeakMap<object, Exchange>();
  const sockets: Sockets = {
    arrivals: [],
    exchanges: [],
    clear: () => {
      sockets.arrivals = [];
      sockets.exchanges = [];
    },
    close: () => {
      for (const [name, listener] of Object.entries(listeners)) unsubscribe(name, listener);
    },
  };
  const began = (request: object, port: number): void => {
    const exchange: Exchange = { port, from: performance.now(), to: Number.POSITIVE_INFINITY };
    open.set(request, exchange);
    sockets.exchanges.push(exchange);
  };
  const ended = (request: object): void => {
    const exchange = open.get(request);
    if (exchange !== undefined) exchange.to = performance.now();
  };
  const listeners: Readonly<Record<string, (message: unknown) => void>> = {
    'http.server.request.start': (message) => {
      const { request } = message as { readonly request: IncomingMessage };
      sockets.arrivals.push({ url: request.url ?? '', at: performance.now() });
    },
    'http.client.request.start': (message) => {
      const { request } = message as { readonly request: ClientRequest };
      began(request, Number(/:(\d+)$/.exec(String(request.getHeader('host')))?.[1] ?? 0));
    },
    'http.client.response.finish': (message) => {
      const { request, response } = message as { readonly request: ClientRequest; readonly response: IncomingMessage };
      // Node tells of the head; the call is over when its body is.
      response.once('end', () => ended(request));
    },
    'undici:request:create': (message) => {
      const { request } = message as { readonly request: UndiciRequest };
      began(request, Number(new URL(request.origin).port));
    },
    'undici:request:trailers': (message) => ended((message as { readonly request: object }).request),
  };
  for (const [name, listener] of Object.entries(listeners)) subscribe(name, listener);
  return sockets;
}
