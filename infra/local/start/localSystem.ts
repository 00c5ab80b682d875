/**
 * The whole of Mayfly's world on one machine: Azure DevOps with its hooks, a Kubernetes cluster whose pods run agents,
 * Service Bus, a managed identity and a Key Vault, each behind its own port, and on request the Functions host with the
 * built control plane. The control plane cannot tell: it finds addresses and credentials in its settings, as always.
 */

import { readFile } from 'node:fs/promises';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parseConfig } from '../../../shared/config/parseConfig.ts';
import type { MayflyConfig, PoolConfig } from '../../../shared/config/policy.ts';
import { ConfigError } from '../../../shared/domain/errors.ts';
import { organisationShort } from '../../../shared/domain/names.ts';
import type { ListenerTimes } from '../agent/listener.ts';
import type { JobSpec, QueuedJob } from '../azureDevOps/records.ts';
import type { AzureDevOpsServer } from '../azureDevOps/wire/server.ts';
import type { TokenRegistry } from '../azureDevOps/wire/tokens.ts';
import type { AzureDevOpsWorld } from '../azureDevOps/world.ts';
import type { FunctionsHost } from '../functionsHost/functionsHost.ts';
import type { LogSink } from '../functionsHost/invocations.ts';
import type { ContainerContext } from '../kubernetes/podStory.ts';
import type { KubernetesWorld } from '../kubernetes/world.ts';
import { type ServiceBusStandIn, startServiceBus } from '../serviceBus/serviceBus.ts';
import { SystemClock, type WorldClock } from '../world/clock.ts';
import type { Watched } from '../world/faults.ts';
import { seededRandom } from '../world/random.ts';
import { Ledger } from './ledger.ts';
import { type Inventory, type LeftOvers, leftOvers } from './leftOvers.ts';
import { type LocalAzure, startAzure } from './localAzure.ts';
import { startCluster } from './localCluster.ts';
import { startControlPlane } from './localControlPlane.ts';
import { forwardVaultEvents } from './localEvents.ts';
import {
  type DeliveredHook,
  type LocalHooks,
  type LocalOrganisation,
  projectName,
  startOrganisation,
} from './localOrganisation.ts';
import { hookPath, localSecrets, localSettings, queueName } from './localSettings.ts';
import { localState } from './localState.ts';
import { startPlayDoor } from './playDoor.ts';
import { localPodTimes, type PodTimes } from './podTimes.ts';
import { claimPorts, type Ports, parts, portError, portsFrom } from './ports.ts';

export interface LocalSystemOptions {
  /** The first of seven ports; 0 = any that are free. */
  readonly portBase: number;
  /** With the Functions host. */
  readonly host: boolean;
  /** The built entry that it runs; default: what `npm run build` built. */
  readonly main?: string;
  /** On top of the local ones. MAYFLY_CONFIG may name another file than the repository's. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly podTimes?: PodTimes;
  readonly agentTimes?: Partial<ListenerTimes>;
  readonly hooks?: LocalHooks;
  readonly parallelJobs?: number;
  readonly seed?: number;
  /** What the functions log. */
  readonly onLog?: LogSink;
  /** Told of each container of a pod when it starts. */
  readonly onContainer?: (context: ContainerContext) => void;
  /** For the doors of Azure DevOps and of the cluster. */
  readonly watched?: Watched;
}

export interface LocalSystem {
  readonly clock: WorldClock;
  readonly devOps: AzureDevOpsWorld;
  readonly devOpsServer: AzureDevOpsServer;
  /** Whom Azure DevOps knows by which token. */
  readonly devOpsTokens: TokenRegistry;
  /** Identities and vault. */
  readonly azure: LocalAzure;
  readonly cluster: KubernetesWorld;
  readonly serviceBus: ServiceBusStandIn;
  readonly host: FunctionsHost | undefined;
  readonly ports: Ports;
  readonly settings: Readonly<Record<string, string>>;
  readonly pools: readonly PoolConfig[];
  readonly ledger: Ledger;
  /** Why agents ended with 2; empty in a sound run. */
  readonly agentFailures: readonly unknown[];
  onHook(listener: (hook: DeliveredHook) => void): () => void;
  /** By the pool's name; throws RangeError for an unknown one. */
  queueJob(pool: string, spec: Omit<JobSpec, 'poolId'>): QueuedJob;
  /** Runs the sweep now, through the host's admin API. */
  sweep(): Promise<void>;
  leftOvers(): LeftOvers;
  /** Agents fall silent, doors close, running functions are given a second. */
  close(): Promise<void>;
}

export const repositoryRoot = fileURLToPath(new URL('../../..', import.meta.url));
const defaultHooks: LocalHooks = { latencyMs: 300 };

/** Throws PortsTaken before anything is started, and ConfigError for a mayfly.yaml with problems. */
export async function startLocalSystem(options: LocalSystemOptions): Promise<LocalSystem> {
  const wanted = options.host ? parts : parts.filter((part) => part !== 'functions');
  await claimPorts(portsFrom(options.portBase), wanted);
  const opened: Opened = [];
  try {
    return await compose(options, opened);
  } catch (error) {
    await closeAll(opened);
    throw portError(error);
  }
}

async function closeAll(opened: Opened): Promise<void> {
  for (const close of opened.splice(0).toReversed()) await close().catch(() => undefined);
}

interface Doors {
  readonly organisation: LocalOrganisation;
  readonly azure: LocalAzure;
  readonly cluster: KubernetesWorld;
  readonly serviceBus: ServiceBusStandIn;
  readonly ports: Ports;
  readonly agentFailures: readonly unknown[];
}

type Opened = (() => Promise<unknown>)[];

/** All stand-ins, listening. */
async function openDoors(
  options: LocalSystemOptions,
  pools: readonly PoolConfig[],
  clock: WorldClock,
  opened: Opened,
): Promise<Doors> {
  const random = seededRandom(options.seed ?? Date.now());
  const asked = portsFrom(options.portBase);
  const { hooks = defaultHooks, parallelJobs = 25, podTimes: times = localPodTimes, agentTimes, watched } = options;
  const port = asked.azureDevOps;
  const organisation = await startOrganisation({ clock, random, port, pools, parallelJobs, hooks, ...watched });
  opened.push(() => organisation.server.close());

  const powerOff = new AbortController();
  const agentFailures: unknown[] = [];
  const cluster = await startCluster({
    clock,
    random,
    port: asked.kubernetes,
    times,
    ...(agentTimes !== undefined && { agentTimes }),
    powerOff: powerOff.signal,
    onAgentFailure: (error) => agentFailures.push(error),
    onContainer: options.onContainer,
    ...watched,
  });
  opened.push(async () => {
    powerOff.abort();
    await cluster.server.close();
  });

  const key = localSecrets.serviceBusKey;
  const serviceBus = await startServiceBus({ clock, port: asked.serviceBus, key, queues: [intentQueue] });
  opened.push(() => serviceBus.close());
  const poolIds = pools.map(({ id }) => id);
  const azure = await startAzure({ clock, ports: asked, devOpsTokens: organisation.tokens, poolIds });
  opened.push(() => azure.close());

  const listening = { azureDevOps: organisation.server.port, kubernetes: cluster.server.port };
  const ports = { ...asked, ...listening, serviceBus: serviceBus.port, ...azure.ports };
  return { organisation, azure, cluster: cluster.world, serviceBus, ports, agentFailures };
}

async function readConfig(path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const found = error instanceof Error && 'code' in error ? String(error.code) : 'no text';
    const problem = { path: 'the document', rule: 'must be readable', found };
    throw new ConfigError('mayfly.yaml', [problem], { cause: error });
  }
}

async function compose(options: LocalSystemOptions, opened: Opened): Promise<LocalSystem> {
  const clock = new SystemClock();
  const text = await readConfig(resolve(repositoryRoot, options.settings?.['MAYFLY_CONFIG'] ?? 'mayfly.yaml'));
  // What the file says of pools does not hang on the addresses, which are known only when the doors are open.
  const { pools } = parseConfig(text, 'mayfly.yaml', localSettings(portsFrom(1)));
  const doors = await openDoors(options, pools, clock, opened);
  const { organisation, cluster, serviceBus, agentFailures } = doors;
  const devOps = organisation.world;
  const ledger = new Ledger(devOps, cluster);

  const settings = { ...localSettings(doors.ports), ...options.settings };
  const config = parseConfig(text, 'mayfly.yaml', settings);
  const host = options.host
    ? await startControlPlane({ ...options, settings, port: doors.ports.functions })
    : undefined;
  if (host !== undefined) opened.push(() => host.close(1000));
  if (host !== undefined) opened.push(await forwardVaultEvents(doors.azure.vault.secrets, clock, host));
  const functions = host === undefined ? doors.ports.functions : Number(new URL(host.url).port);
  organisation.subscribe(`http://127.0.0.1:${functions}${hookPath}`, settings['MAYFLY_HOOK_SECRET'] ?? '');

  const inventory = inventoryOf(config, organisation.server.url);
  const queue = (pool: string, spec: Omit<JobSpec, 'poolId'>): QueuedJob => queueJob(devOps, pools, pool, spec);
  const left = (): LeftOvers => leftOvers(devOps, cluster, inventory);
  const poolNames = pools.map(({ name }) => name);
  const state = (): unknown => localState({ devOps, pools, ledger, leftOvers: left });
  const play = await startPlayDoor({ poolNames, queueJob: queue, state }, doors.ports.play);
  opened.push(() => play.close());
  return {
    clock,
    devOps,
    devOpsServer: organisation.server,
    devOpsTokens: organisation.tokens,
    azure: doors.azure,
    cluster,
    serviceBus,
    host,
    ports: { ...doors.ports, functions, play: play.port },
    settings,
    pools,
    ledger,
    agentFailures,
    onHook: (listener) => organisation.onHook(listener),
    queueJob: queue,
    sweep: () => runSweep(host),
    leftOvers: left,
    close: () => closeAll(opened),
  };
}

function inventoryOf(config: MayflyConfig, organisationUrl: string): Inventory {
  return {
    installation: config.installation,
    organisationShort: organisationShort(organisationUrl),
    poolIds: config.pools.map(({ id }) => id),
    namespace: config.clusters[0]?.namespace ?? '',
  };
}

/** As infra/azure sets the queue up: sessions, duplicate detection, three deliveries, five minutes. */
const intentQueue = {
  name: queueName,
  requiresSession: true,
  requiresDuplicateDetection: true,
  duplicateWindowMs: 600_000,
  lockMs: 300_000,
  maxDeliveryCount: 3,
  defaultTtlMs: 300_000,
} as const;

const pipelines = ['checkout', 'catalogue', 'payments', 'search'] as const;

function queueJob(
  devOps: AzureDevOpsWorld,
  pools: readonly PoolConfig[],
  name: string,
  spec: Omit<JobSpec, 'poolId'>,
): QueuedJob {
  const pool = pools.find((each) => each.name === name);
  if (pool === undefined) throw new RangeError(`there is no pool ${name}`);
  const pipeline = pipelines[devOps.snapshot(pool.id).requests.length % pipelines.length] ?? pipelines[0];
  return devOps.queueJob({ project: projectName, pipeline, ...spec, poolId: pool.id });
}

async function runSweep(host: FunctionsHost | undefined): Promise<void> {
  if (host === undefined) throw new Error('There is no Functions host that could sweep.');
  const answer = await fetch(`${host.url}/admin/functions/sweep`, {
    method: 'POST',
    headers: { 'x-functions-key': host.keys.master, 'content-type': 'application/json' },
    body: JSON.stringify({ input: '' }),
  });
  await answer.body?.cancel();
  if (answer.status !== 202) throw new Error(`The host answered ${answer.status} to the sweep.`);
}
