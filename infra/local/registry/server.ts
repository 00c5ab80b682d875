/**
 * A container registry on this machine, spoken to by Mayfly, and by whatever pushes in one piece. Its blobs may come from
 * a second address, as those of ACR and Docker Hub do. What it does not model answers 501 and says so.
 */
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import { Hono } from 'hono';
import type { WorldClock } from '../world/clock.ts';
import { SystemClock } from '../world/clock.ts';
import { Faults, Journal } from '../world/faults.ts';
import { type AccessOptions, RegistryAccess } from './access.ts';
import { door, failure, type RegistryApp } from './door.ts';
import { pullRoutes, type RegistryParts, storageRoutes } from './pullRoutes.ts';
import { pushRoutes } from './pushRoutes.ts';
import { RegistryStore } from './store.ts';
import { tokenRoutes } from './tokenRoutes.ts';

export interface RegistryOptions {
  readonly access?: AccessOptions;
  /** Blobs are redirected to a second port. */
  readonly redirectsBlobs?: boolean;
  readonly port?: number;
  readonly store?: RegistryStore;
  readonly clock?: WorldClock;
  readonly faults?: Faults;
  readonly journal?: Journal;
}

export interface RegistryStandIn {
  /** `127.0.0.1:<port>`, as image references name it. */
  readonly host: string;
  readonly port: number;
  readonly store: RegistryStore;
  readonly access: RegistryAccess;
  readonly faults: Faults;
  /** Of both doors: `registry` and `registryStorage`. */
  readonly journal: Journal;
  close(): Promise<void>;
}

async function listen(app: RegistryApp, port: number): Promise<Server> {
  const server = createAdaptorServer({ fetch: app.fetch, overrideGlobalObjects: false }) as Server;
  server.keepAliveTimeout = 65_000;
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(port, '127.0.0.1', resolve);
  });
  return server;
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port;

function close(server: Server): Promise<void> {
  return new Promise((resolve) => {
    server.close(() => resolve());
    server.closeAllConnections();
  });
}

function notModelled(app: RegistryApp): void {
  app.all('*', (c) => failure(501, 'UNSUPPORTED', `${c.req.method} ${c.req.path} is not modelled by this stand-in.`));
}

export async function startRegistry(options: RegistryOptions = {}): Promise<RegistryStandIn> {
  const { clock = new SystemClock(), faults = new Faults(), journal = new Journal() } = options;
  const { store = new RegistryStore(), access: accessOptions = { kind: 'open' } } = options;
  const access = new RegistryAccess(accessOptions, () => clock.now());
  const closing = new AbortController();
  const watched = { clock, faults, journal, closing: closing.signal };

  const storage: RegistryApp = new Hono();
  door(storage, { ...watched, name: 'registryStorage' });
  storageRoutes(storage, { store, access, storageUrl: undefined });
  notModelled(storage);
  const storageServer = options.redirectsBlobs === true ? await listen(storage, 0) : undefined;

  const storageUrl = storageServer === undefined ? undefined : `http://127.0.0.1:${portOf(storageServer)}`;
  const parts: RegistryParts = { store, access, storageUrl };
  const app: RegistryApp = new Hono();
  door(app, { ...watched, name: 'registry' });
  tokenRoutes(app, access);
  pullRoutes(app, parts);
  pushRoutes(app, parts);
  notModelled(app);
  const server = await listen(app, options.port ?? 0);

  const port = portOf(server);
  return {
    host: `127.0.0.1:${port}`,
    port,
    store,
    access,
    faults,
    journal,
    close: async () => {
      closing.abort();
      await Promise.all([server, ...(storageServer === undefined ? [] : [storageServer])].map(close));
    },
  };
}
