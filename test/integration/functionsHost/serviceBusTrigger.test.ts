import type { InvocationContext } from '@azure/functions';
import { app } from '@azure/functions';
import { ServiceBusClient } from '@azure/service-bus';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FunctionsHost } from '../../../infra/local/functionsHost/functionsHost.ts';
import { startFunctionsHost } from '../../../infra/local/functionsHost/functionsHost.ts';
import type { ServiceBusStandIn } from '../../../infra/local/serviceBus/serviceBus.ts';
import { startServiceBus } from '../../../infra/local/serviceBus/serviceBus.ts';

type OnIntent = (message: unknown, context: InvocationContext) => Promise<void> | void;

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

async function eventually(holds: () => boolean): Promise<void> {
  for (let turn = 0; turn < 1_200 && !holds(); turn += 1) await sleep(10);
  expect(holds()).toBe(true);
}

describe('Service Bus triggers', () => {
  let bus: ServiceBusStandIn;
  let client: ServiceBusClient;
  let host: FunctionsHost | undefined;

  beforeEach(async () => {
    bus = await startServiceBus({
      queues: [
        { name: 'intents', requiresSession: true, lockMs: 500, maxDeliveryCount: 3 },
        { name: 'plain', lockMs: 500, maxDeliveryCount: 2 },
      ],
    });
    client = new ServiceBusClient(bus.connectionString);
  });

  afterEach(async () => {
    await host?.close();
    host = undefined;
    await client.close();
    await bus.close();
  });

  async function start(handler: OnIntent, queueName = 'intents', maxConcurrentSessions = 2): Promise<FunctionsHost> {
    host = await startFunctionsHost({
      register: () =>
        app.serviceBusQueue('reconcile', {
          connection: 'ServiceBus',
          queueName: '%QUEUE%',
          isSessionsEnabled: queueName === 'intents',
          handler,
        }),
      settings: { QUEUE: queueName, ServiceBus__fullyQualifiedNamespace: 'mayfly.servicebus.windows.net' },
      serviceBus: bus,
      hostJson: {
        version: '2.0',
        extensions: {
          serviceBus: {
            maxConcurrentSessions,
            sessionIdleTimeout: '00:00:00.2',
            maxAutoLockRenewalDuration: '00:10:00',
          },
        },
      },
    });
    return host;
  }

  const send = (sessionId: string, body: unknown): Promise<void> =>
    client.createSender('intents').sendMessages({ sessionId, body, messageId: `${sessionId}-${String(body)}` });

  it('hands over body and metadata as the worker does, and completes', async () => {
    const seen: { message: unknown; metadata: InvocationContext['triggerMetadata'] }[] = [];
    await start((message, { triggerMetadata }) => void seen.push({ message, metadata: triggerMetadata }));
    await client.createSender('intents').sendMessages([
      { sessionId: '1', body: { poolId: 7 }, messageId: 'm1', applicationProperties: { cause: 'hook' } },
      { sessionId: '1', body: 123, messageId: 'm2' },
      { sessionId: '1', body: Buffer.from('no JSON'), messageId: 'm3' },
    ]);
    await eventually(() => bus.queue('intents').active.length === 0);
    expect(seen.map(({ message }) => message)).toEqual([{ poolId: 7 }, 123, 'no JSON']);
    expect(seen[0]?.metadata).toMatchObject({
      messageId: 'm1',
      sessionId: '1',
      deliveryCount: 1,
      sequenceNumber: 1,
      userProperties: { cause: 'hook' },
      applicationProperties: { cause: 'hook' },
    });
    expect(Date.parse(String(seen[0]?.metadata?.['enqueuedTimeUtc']))).toBeGreaterThan(0);
  });

  it('delivers again after a throw, counting from 1, up to the dead letters', async () => {
    const counts: unknown[] = [];
    await start((_message, { triggerMetadata }) => {
      counts.push(triggerMetadata?.['deliveryCount']);
      throw new Error('boom');
    });
    await send('a', 1);
    await eventually(() => bus.queue('intents').deadLettered.length === 1);
    expect(counts).toEqual([1, 2, 3]);
    expect(host?.invocations.map(({ outcome }) => outcome)).toEqual(['failed', 'failed', 'failed']);
  });

  it('serves sessions side by side, each in order, and turns to the next when one is idle', async () => {
    const order: string[] = [];
    const running = new Set<string>();
    let most = 0;
    await start(async (message, { triggerMetadata }) => {
      const session = String(triggerMetadata?.['sessionId']);
      expect(running.has(session)).toBe(false);
      running.add(session);
      most = Math.max(most, running.size);
      await sleep(60);
      running.delete(session);
      order.push(`${session}${String(message)}`);
    });
    const messages = ['a', 'b', 'c'].flatMap((sessionId) => [1, 2].map((body) => ({ sessionId, body })));
    await client.createSender('intents').sendMessages(messages);
    await eventually(() => order.length === 6);
    expect(most).toBe(2);
    for (const session of ['a', 'b', 'c']) {
      expect(order.filter((entry) => entry.startsWith(session))).toEqual([`${session}1`, `${session}2`]);
    }
  });

  it('renews the lock of a session while its function runs', async () => {
    await start(() => sleep(1_200));
    await send('long', 1);
    await eventually(() => bus.queue('intents').active.length === 0);
    expect(host?.invocations.map(({ outcome }) => outcome)).toEqual(['succeeded']);
  });

  it('runs a message again whose session was lost in the middle', async () => {
    const counts: unknown[] = [];
    await start(async (_message, { triggerMetadata }) => {
      counts.push(triggerMetadata?.['deliveryCount']);
      if (counts.length === 1) await sleep(200);
    });
    await send('a', 1);
    await eventually(() => counts.length === 1);
    bus.dropLocks();
    await eventually(() => counts.length === 2 && bus.queue('intents').active.length === 0);
    expect(counts).toEqual([1, 2]);
  });

  it('runs a message again, with the same count, when the host itself lets go of its sessions', async () => {
    const counts: unknown[] = [];
    const running = await start(async (_message, { triggerMetadata }) => {
      counts.push(triggerMetadata?.['deliveryCount']);
      if (counts.length === 1) await sleep(150);
    });
    await send('a', 1);
    await eventually(() => counts.length === 1);
    running.loseLocks();
    await eventually(() => counts.length === 2 && bus.queue('intents').active.length === 0);
    expect(counts).toEqual([1, 1]);
  });

  it('dispatches nothing while it starves', async () => {
    const running = await start(() => {});
    running.starve(300);
    const sentAt = Date.now();
    await send('a', 1);
    await eventually(() => running.invocations.length === 1);
    expect((running.invocations[0]?.startedAt ?? 0) - sentAt).toBeGreaterThanOrEqual(250);
  });

  it('goes on after the connection broke', async () => {
    const bodies: unknown[] = [];
    await start((message) => void bodies.push(message));
    await send('a', 1);
    await eventually(() => bodies.length === 1);
    bus.dropConnections();
    // By a connection of its own: a call of the SDK that meets the break waits half a minute, and it is not what is tried.
    const sender = new ServiceBusClient(bus.connectionString);
    await sender.createSender('intents').sendMessages({ sessionId: 'b', body: 2 });
    await sender.close();
    await eventually(() => bodies.length === 2);
    expect(bodies).toEqual([1, 2]);
  });

  it('serves a queue without sessions', async () => {
    const seen: unknown[] = [];
    await start((message) => void seen.push(message), 'plain');
    await client.createSender('plain').sendMessages([{ body: 1 }, { body: 2 }]);
    await eventually(() => bus.queue('plain').active.length === 0);
    expect(new Set(seen)).toEqual(new Set([1, 2]));
  });
});
