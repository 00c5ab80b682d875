/**
 * A Service Bus namespace for one machine. The real @azure/service-bus client runs against it unchanged through a
 * connection string with `UseDevelopmentEmulator=true`. What it models is listed in docs/stand-ins/service-bus.md.
 */
import { randomBytes } from 'node:crypto';
import type { WorldClock } from '../world/clock.ts';
import { SystemClock } from '../world/clock.ts';
import { Journal } from '../world/faults.ts';
import { Broker } from './broker.ts';
import type { Condition } from './conditions.ts';
import type { MessageSnapshot } from './message.ts';
import { Queue } from './queue.ts';
import type { QueueSpec } from './queueSpec.ts';
import { queueSettings } from './queueSpec.ts';

export type { MessageSnapshot } from './message.ts';
export type { QueueSpec } from './queueSpec.ts';

export interface ServiceBusOptions {
  readonly port?: number;
  readonly queues: readonly QueueSpec[];
  readonly clock?: WorldClock;
  /** The shared access key; random when left out. */
  readonly key?: string;
}

export interface QueueInspection {
  /** Visible messages, locked or not. */
  readonly active: readonly MessageSnapshot[];
  readonly scheduled: readonly MessageSnapshot[];
  readonly deferred: readonly MessageSnapshot[];
  readonly deadLettered: readonly MessageSnapshot[];
  readonly lockedSessions: readonly string[];
}

export interface ServiceBusStandIn {
  readonly connectionString: string;
  readonly port: number;
  readonly journal: Journal;
  /** What went wrong inside the broker itself; empty in a sound run. */
  readonly errors: readonly unknown[];
  queue(name: string): QueueInspection;
  /** Called after every change of a queue's messages; the returned function ends it. */
  onQueueChange(name: string, listener: () => void): () => void;
  /** Every session and message lock is lost now, as when they expire. */
  dropLocks(): void;
  /** Every client's socket breaks now; clients may connect again. */
  dropConnections(): void;
  /** The next sends are refused. Default: the entity is disabled, which the SDK does not retry. */
  failSends(count: number, condition?: Condition): void;
  /** Nothing is delivered and no session handed out for this long. */
  holdDeliveries(ms: number): void;
  close(): Promise<void>;
}

const keyName = 'RootManageSharedAccessKey';

/** Listens on 127.0.0.1; port 0 = any. Unknown queue names are refused on the wire and throw in `queue()`. */
export async function startServiceBus(options: ServiceBusOptions): Promise<ServiceBusStandIn> {
  const clock = options.clock ?? new SystemClock();
  const key = { name: keyName, value: options.key ?? randomBytes(32).toString('base64') };
  const queues = options.queues.map((spec) => new Queue(queueSettings(spec), clock));
  const journal = new Journal();
  const broker = new Broker({
    clock,
    key,
    queues,
    note: (verb, target, outcome = 'ok') => {
      const call = journal.begin({ door: 'serviceBus', caller: 'client', verb, target, at: clock.now() });
      call.outcome = outcome;
    },
  });
  const port = await broker.listen(options.port ?? 0);
  return {
    connectionString: `Endpoint=sb://127.0.0.1:${port};SharedAccessKeyName=${key.name};SharedAccessKey=${key.value};UseDevelopmentEmulator=true;`,
    port,
    journal,
    errors: broker.errors,
    queue: (name) => inspect(find(queues, name)),
    onQueueChange: (name, listener) => find(queues, name).onChange(listener),
    dropLocks: () => {
      for (const queue of queues) queue.dropLocks();
    },
    dropConnections: () => broker.dropConnections(),
    failSends: (count, condition = 'com.microsoft:entity-disabled') => broker.failSends(count, condition),
    holdDeliveries: (ms) => broker.holdDeliveries(ms),
    close: () => broker.close(),
  };
}

function find(queues: readonly Queue[], name: string): Queue {
  const queue = queues.find(({ path }) => path === name);
  if (queue === undefined) throw new RangeError(`The stand-in has no queue ${name}.`);
  return queue;
}

function inspect(queue: Queue): QueueInspection {
  const all = queue.snapshots();
  return {
    active: all.filter(({ state }) => state === 'active'),
    scheduled: all.filter(({ state }) => state === 'scheduled'),
    deferred: all.filter(({ state }) => state === 'deferred'),
    deadLettered: queue.deadLetters?.snapshots() ?? [],
    lockedSessions: queue.sessions.all().map(({ sessionId }) => sessionId),
  };
}
