/** Listens on localhost for the browser that comes back from a sign-in. */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface LocalRedirect {
  /** http://localhost:<port>, which Entra allows with any port where http://localhost is registered. */
  readonly uri: string;
  /** The query of the first visit that `isMine` accepts. Aborting rejects. */
  visit(isMine: (query: URLSearchParams) => boolean, signal: AbortSignal): Promise<URLSearchParams>;
  close(): void;
}

const page = (text: string): string =>
  `<!DOCTYPE html><html lang="en"><head><meta charset="utf-8"><title>Mayfly</title></head><body><p>${text}</p></body></html>`;

export async function listenForRedirect(): Promise<LocalRedirect> {
  let accept = (_query: URLSearchParams): boolean => false;
  const server = createServer((request, response) => {
    const { searchParams } = new URL(request.url ?? '/', 'http://localhost');
    // Anybody on this machine, and any page in its browser, can call here; only Entra knows the state that was sent.
    const mine = request.method === 'GET' && accept(searchParams);
    response.writeHead(mine ? 200 : 400, { 'content-type': 'text/html; charset=utf-8', connection: 'close' });
    response.end(page(mine ? 'Done here. The terminal says how it went.' : 'This is not the sign-in that is awaited.'));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(0, 'localhost', resolve);
  });
  return {
    uri: `http://localhost:${(server.address() as AddressInfo).port}`,
    visit: (isMine, signal) =>
      new Promise((resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason), { once: true });
        accept = (query) => {
          if (!isMine(query)) return false;
          resolve(query);
          return true;
        };
      }),
    close: () => {
      server.close();
      server.closeAllConnections();
    },
  };
}
