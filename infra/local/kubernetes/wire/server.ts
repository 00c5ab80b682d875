/**
 * The HTTP door of the Kubernetes stand-in: what a real API server answers to the few verbs that Mayfly and a human
 * with kubectl use, over the same world as the in-process door. Everything else answers 501 and says what was asked.
 */
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import type { JsonObject } from '../../../../shared/domain/json.ts';
import { Faults, Journal } from '../../world/faults.ts';
import { type Random, seededRandom } from '../../world/random.ts';
import type { KubernetesWorld } from '../world.ts';
import { anonymous, localAdmin, type Tokens } from './identity.ts';
import { type Door, serve } from './turn.ts';

export interface KubernetesServerOptions {
  readonly world: KubernetesWorld;
  /** 0 = any free one. */
  readonly port?: number;
  /** Roles and bindings, as `loadManifests` reads them. */
  readonly rbac?: readonly JsonObject[];
  readonly tokens?: Tokens;
  /** In the journal; "kubernetes:<cluster>". */
  readonly door?: string;
  readonly journal?: Journal;
  readonly faults?: Faults;
  /** For faults that leave things to chance. */
  readonly random?: Random;
  /** Requests without a token may do everything, for `kubectl --server`. Only ever on 127.0.0.1. */
  readonly anonymousAdmin?: boolean;
}

export interface KubernetesServer {
  readonly url: string;
  readonly port: number;
  /** Ends open watches and hanging calls too. */
  close(): Promise<void>;
}

export async function startKubernetesServer(options: KubernetesServerOptions): Promise<KubernetesServer> {
  const door: Door = {
    world: options.world,
    rbac: options.rbac ?? [],
    tokens: options.tokens ?? new Map(),
    name: options.door ?? 'kubernetes',
    journal: options.journal ?? new Journal(),
    faults: options.faults ?? new Faults(),
    random: options.random ?? seededRandom(1),
    withoutToken: options.anonymousAdmin === true ? localAdmin : anonymous,
  };
  const server = createServer((request, response) => {
    response.on('error', () => response.destroy());
    void serve(door, request, response);
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject);
    server.listen(options.port ?? 0, '127.0.0.1', resolve);
  });
  const { port } = server.address() as AddressInfo;
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    close: () =>
      new Promise((resolve, reject) => {
        server.close((error) => (error === undefined ? resolve() : reject(error)));
        server.closeAllConnections();
      }),
  };
}
