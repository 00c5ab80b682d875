/**
 * A small Azure Functions host for one app in this process, for machines without Core Tools. What it models, and from
 * which source, is listed in docs/stand-ins/functions-host.md.
 */

import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { pathToFileURL } from 'node:url';
import type { JsonObject } from '../../../shared/domain/json.ts';
import type { WorldClock } from '../world/clock.ts';
import { SystemClock } from '../world/clock.ts';
import { captureConsole } from './consoleCapture.ts';
import { collect, onSystemLog, type Registration, Registry } from './core.ts';
import { EventGridDoor } from './eventGridDoor.ts';
import { readHostJson } from './hostJson.ts';
import { HttpDoor } from './httpDoor.ts';
import type { Invocation, InvocationRequest, LogSink } from './invocations.ts';
import { Invocations } from './invocations.ts';
import type { FunctionKeys } from './keys.ts';
import { functionKeys } from './keys.ts';
import { limited } from './limited.ts';
import type { Settings } from './settings.ts';
import { applySettings } from './settings.ts';
import type { ScheduleStore } from './timers.ts';
import { Triggers } from './triggers.ts';

export interface FunctionsHostOptions {
  /** Path of the app's built entry (ESM or CJS). A second start in the same process uses what the first registered. */
  readonly main?: string;
  /** Registers the functions through @azure/functions; for tests. */
  readonly register?: () => unknown;
  readonly port?: number;
  /** App settings; in the environment until close. */
  readonly settings?: Settings;
  readonly hostJson?: JsonObject;
  /** The namespace behind identity based connections (`NAME__fullyQualifiedNamespace`). */
  readonly serviceBus?: { readonly connectionString: string };
  readonly keys?: Partial<FunctionKeys>;
  /** Keeps timers' statuses beyond this host. */
  readonly schedules?: ScheduleStore;
  /** For timers, starvation and the journal; locks and SDK time-outs are the broker's and the SDK's. */
  readonly clock?: WorldClock;
  readonly onLog?: LogSink;
}

export interface FunctionsHost {
  readonly url: string;
  readonly keys: FunctionKeys;
  readonly functionNames: readonly string[];
  /** Every invocation so far, oldest first. */
  readonly invocations: readonly Invocation[];
  /** Resolves when no function runs. */
  idle(): Promise<void>;
  /** Hands nothing to functions for this long; locks run on meanwhile. */
  starve(ms: number): void;
  /** Lets go of every session in the middle of its work; its message is delivered again. */
  loseLocks(): void;
  /** Stops listening, waits for running functions up to `graceMs` (default 5 s), restores the environment. */
  close(graceMs?: number): Promise<void>;
}

const registries = new Map<string, Registry>();
const localSettings = { AZURE_FUNCTIONS_ENVIRONMENT: 'Development', FUNCTIONS_WORKER_RUNTIME: 'node' };

/** Listens on 127.0.0.1 and starts all triggers. Rejects when the app registers nothing or a trigger is unsound. */
export async function startFunctionsHost(options: FunctionsHostOptions): Promise<FunctionsHost> {
  const server = createServer();
  const port = await listen(server, options.port ?? 0);
  const settings = { ...localSettings, WEBSITE_HOSTNAME: `127.0.0.1:${port}`, ...options.settings };
  const restore = applySettings(settings);
  const undo: (() => unknown)[] = [() => server.close(), () => server.closeAllConnections(), restore];
  const dismantle = (): void => {
    for (const step of undo.splice(0).reverse()) step();
  };
  try {
    return await run(options, { server, port, settings, undo, dismantle });
  } catch (error) {
    dismantle();
    throw error;
  }
}

interface Frame {
  readonly server: Server;
  readonly port: number;
  readonly settings: Settings;
  readonly undo: (() => unknown)[];
  readonly dismantle: () => void;
}

async function run(options: FunctionsHostOptions, frame: Frame): Promise<FunctionsHost> {
  const clock = options.clock ?? new SystemClock();
  const log: LogSink = options.onLog ?? (() => {});
  onSystemLog((level, _category, text) => log('', level, text));
  const hostOptions = readHostJson(options.hostJson ?? { version: '2.0' });
  const registry = await load(options);
  const functions = [...registry.functions.values()];
  const invocations = new Invocations(registry, clock, log);
  frame.undo.push(captureConsole(() => invocations.currentFunction, log));
  const triggers = new Triggers({
    functions,
    settings: frame.settings,
    options: hostOptions,
    standIn: options.serviceBus?.connectionString,
    schedules: options.schedules ?? new Map(),
    clock,
    invocations,
    log,
  });
  const keys = functionKeys([...registry.functions.keys()], options.keys);
  const dispatch = {
    functions,
    keys,
    invoke: (registration: Registration, request: InvocationRequest) => invocations.run(registration, request),
    pass: () => triggers.gate.pass(),
  };
  const door = new HttpDoor({
    ...dispatch,
    routePrefix: hostOptions.routePrefix,
    adminInput: (registration, input) => triggers.adminInput(registration, input),
    eventGrid: new EventGridDoor(dispatch),
  });
  await runHooks(registry, 'appStart');
  frame.server.on('request', (request, response) => {
    door.handle(request, response).catch((error: unknown) => {
      log('', 'error', String(error));
      response.destroy();
    });
  });
  triggers.start();
  return hostOf(frame, { registry, invocations, triggers, keys });
}

interface HostParts {
  readonly registry: Registry;
  readonly invocations: Invocations;
  readonly triggers: Triggers;
  readonly keys: FunctionKeys;
}

function hostOf(frame: Frame, { registry, invocations, triggers, keys }: HostParts): FunctionsHost {
  return {
    url: `http://127.0.0.1:${frame.port}`,
    keys,
    functionNames: [...registry.functions.keys()],
    get invocations() {
      return invocations.all;
    },
    idle: () => invocations.idle(),
    starve: (ms) => triggers.gate.hold(ms),
    loseLocks: () => triggers.loseLocks(),
    close: async (graceMs = 5_000) => {
      await triggers.pause();
      await limited(graceMs, invocations.idle()).catch(() => {});
      await triggers.close();
      await runHooks(registry, 'appTerminate');
      frame.dismantle();
    },
  };
}

async function listen(server: Server, port: number): Promise<number> {
  await new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, '127.0.0.1', resolve));
  return (server.address() as AddressInfo).port;
}

async function runHooks(registry: Registry, name: 'appStart' | 'appTerminate'): Promise<void> {
  for (const hook of registry.hooks.get(name) ?? []) await hook({ hookData: {}, appHookData: {} });
}

async function load({ main, register }: FunctionsHostOptions): Promise<Registry> {
  if (register !== undefined) return complete(await collect(new Registry(), async () => register()));
  if (main === undefined) throw new Error('The host needs the app: give `main` or `register`.');
  const known = registries.get(main);
  if (known !== undefined) return known;
  const registry = complete(await collect(new Registry(), () => import(pathToFileURL(main).href)));
  registries.set(main, registry);
  return registry;
}

/** Azure would start and show "No job functions found"; here that is an error, for it is never meant. */
function complete(registry: Registry): Registry {
  if (registry.functions.size === 0) throw new Error('No job functions found: the app registered nothing.');
  return registry;
}
