/**
 * The HTTP door of the Azure DevOps stand-in: one organisation on a loopback port, spoken to by azure-devops-node-api,
 * by agents and by curl. What it does not model answers 501 and says so.
 */
import type { Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createAdaptorServer } from '@hono/node-server';
import { Hono } from 'hono';
import type { WorldClock } from '../../world/clock.ts';
import { Faults, Journal } from '../../world/faults.ts';
import { type Random, seededRandom } from '../../world/random.ts';
import { PersonalTokenWorld } from '../personalTokenWorld.ts';
import { PipelineRuns } from '../pipelineRuns.ts';
import type { AzureDevOpsWorld } from '../world.ts';
import { agentRoutes } from './agentRoutes.ts';
import { agentTokenRoutes, tokenPath } from './agentToken.ts';
import { buildRoutes } from './buildRoutes.ts';
import { discoveryRoutes } from './discovery.ts';
import { door } from './door.ts';
import { HookDelivery, type HookDisorder } from './hooks/delivery.ts';
import { fetchPost, type PostHook } from './hooks/post.ts';
import { hookRoutes } from './hooks/routes.ts';
import { Subscriptions } from './hooks/subscription.ts';
import { packageRoutes } from './packageRoutes.ts';
import { patRoutes } from './patRoutes.ts';
import { poolRoutes } from './poolRoutes.ts';
import { type RateLimit, RateLimiter } from './rateLimit.ts';
import { answer, notModelled, refusalJson } from './refusal.ts';
import { requestRoutes } from './requestRoutes.ts';
import { runBuildRoutes } from './runBuildRoutes.ts';
import { runRoutes } from './runRoutes.ts';
import { defaultHoldMs, listenerRoutes } from './sessionRoutes.ts';
import type { TokenRegistry } from './tokens.ts';
import type { Wire, WireApp, WireEnv } from './wire.ts';

export interface HookOptions {
  readonly latencyMs?: number;
  readonly disorder?: HookDisorder;
  readonly post?: PostHook;
  /** Test notifications of stored subscriptions are answered as queued. */
  readonly slowTests?: boolean;
}

export interface AzureDevOpsServerOptions {
  readonly world: AzureDevOpsWorld;
  readonly clock: WorldClock;
  readonly tokens: TokenRegistry;
  readonly journal?: Journal;
  readonly faults?: Faults;
  /** Default: the world's own name for it. */
  readonly organisation?: string;
  /** 0 = any free one. */
  readonly port?: number;
  readonly random?: Random;
  /** Off when absent. */
  readonly rateLimit?: RateLimit;
  readonly hooks?: HookOptions;
  /** How long an empty poll for messages is held, in ms. */
  readonly holdMs?: number;
  readonly badCredential?: Wire['badCredential'];
  /** The PATs of users; by default a world of its own over `tokens`. */
  readonly personalTokens?: PersonalTokenWorld;
  /** Pipelines that the Runs API can start; none when absent. */
  readonly pipelineRuns?: PipelineRuns;
  readonly agentPackages?: readonly string[];
}

export interface AzureDevOpsServer {
  /** `http://127.0.0.1:<port>/<organisation>` */
  readonly url: string;
  readonly port: number;
  readonly personalTokens: PersonalTokenWorld;
  readonly subscriptions: Subscriptions;
  readonly hookDelivery: HookDelivery;
  close(): Promise<void>;
}

function personalTokensOf({ personalTokens, world, clock, tokens }: AzureDevOpsServerOptions): PersonalTokenWorld {
  return personalTokens ?? new PersonalTokenWorld({ now: () => world.now(), localNow: () => clock.now(), tokens });
}

/** What image builds ask for. */
function buildsOf({ clock, pipelineRuns, agentPackages }: AzureDevOpsServerOptions) {
  return {
    pipelineRuns: pipelineRuns ?? new PipelineRuns(clock),
    agentPackages: agentPackages ?? ['4.261.0', '4.260.0'],
  };
}

function wireOf(options: AzureDevOpsServerOptions, closing: AbortSignal): Wire {
  const { world, clock, tokens, journal = new Journal(), faults = new Faults() } = options;
  const { random = seededRandom(1), hooks = {} } = options;
  const subscriptions = new Subscriptions();
  const baseUrl = (): string => world.organisation.url;
  const { post = fetchPost, slowTests = false, ...delivery } = hooks;
  return {
    world,
    clock,
    tokens,
    personalTokens: personalTokensOf(options),
    journal,
    faults,
    random,
    closing,
    subscriptions,
    hookDelivery: new HookDelivery({ ...delivery, post, clock, subscriptions, random, baseUrl }),
    rateLimiter: new RateLimiter(options.rateLimit),
    slowTests,
    holdMs: options.holdMs ?? defaultHoldMs,
    badCredential: options.badCredential ?? 'signInPage',
    ...buildsOf(options),
  };
}

function appOf(wire: Wire, organisation: string): WireApp {
  const app = new Hono<WireEnv>().basePath(`/${organisation}`);
  door(app, wire);
  discoveryRoutes(app, wire);
  agentTokenRoutes(app, wire);
  patRoutes(app, wire);
  poolRoutes(app, wire);
  agentRoutes(app, wire);
  requestRoutes(app, wire);
  packageRoutes(app, wire);
  runRoutes(app, wire);
  runBuildRoutes(app, wire);
  buildRoutes(app, wire);
  listenerRoutes(app, wire);
  hookRoutes(app, wire);
  app.all('*', (c) => answer(501, refusalJson(notModelled(`${c.req.method} ${c.req.path}`))));
  return app;
}

function listen(app: WireApp, port: number): Promise<Server> {
  const server = createAdaptorServer({ fetch: app.fetch, overrideGlobalObjects: false }) as Server;
  // Longer than any client keeps an idle connection: else a call may meet the server hanging up, a fault nobody scripted.
  server.keepAliveTimeout = 65_000;
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, '127.0.0.1', () => resolve(server));
  });
}

/** Starts the door and tells the world its addresses. One server per world. */
export async function startAzureDevOpsServer(options: AzureDevOpsServerOptions): Promise<AzureDevOpsServer> {
  const { world, organisation = world.organisation.name } = options;
  const closing = new AbortController();
  const wire = wireOf(options, closing.signal);
  const server = await listen(appOf(wire, organisation), options.port ?? 0);
  const { port } = server.address() as AddressInfo;
  const url = `http://127.0.0.1:${port}/${organisation}`;
  Object.assign(world.organisation, { name: organisation, url, authorizationUrl: `${url}${tokenPath}` });
  const unsubscribe = world.onJobState((event) => wire.hookDelivery.publish(event));
  const close = (): Promise<void> => {
    unsubscribe();
    wire.hookDelivery.close();
    closing.abort();
    return new Promise((resolve) => {
      server.close(() => resolve());
      server.closeAllConnections();
    });
  };
  const { personalTokens, subscriptions, hookDelivery } = wire;
  return { url, port, close, personalTokens, subscriptions, hookDelivery };
}
