import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ServiceBusStandIn } from '../../../../infra/local/serviceBus/serviceBus.ts';
import { startServiceBus } from '../../../../infra/local/serviceBus/serviceBus.ts';
import type { ServiceBusQueue } from '../../../../shared/adapters/azure/serviceBusQueue.ts';
import { serviceBusIntentQueue } from '../../../../shared/adapters/azure/serviceBusQueue.ts';
import { Secret } from '../../../../shared/domain/secret.ts';
import { startServer } from '../theServer.ts';

const name = 'intents';
let bus: ServiceBusStandIn;
let opened: ServiceBusQueue[] = [];
beforeEach(async () => {
  bus = await startServiceBus({ queues: [{ name, requiresSession: true, requiresDuplicateDetection: true }] });
});
afterEach(async () => {
  await Promise.all(opened.map((queue) => queue.close()));
  opened = [];
  await bus.close();
});

function theQueue(connectionString = bus.connectionString, timeoutMs = 3000, queue = name): ServiceBusQueue {
  const access = { kind: 'connectionString', connectionString: new Secret(connectionString) } as const;
  const made = serviceBusIntentQueue({ access, queue, timeoutMs });
  opened.push(made);
  return made;
}

const message = (messageId: string, sessionId = 'or01') => ({ sessionId, messageId, body: { poolId: 7 } });
const active = () => bus.queue(name).active.map(({ sessionId, messageId, body }) => ({ sessionId, messageId, body }));

describe('send', () => {
  it('sends the messages of several sessions with their ids and bodies', async () => {
    const messages = [message('a'), message('b', 'or02'), message('c')];
    await theQueue().send(messages);
    expect(active().toSorted((x, y) => x.messageId.localeCompare(y.messageId))).toEqual(messages);
  });

  it('holds back what is due later', async () => {
    const dueAt = Date.now() + 60_000;
    await theQueue().send([message('now'), { ...message('later'), dueAt }]);
    expect(active()).toEqual([message('now')]);
    expect(bus.queue(name).scheduled.map(({ messageId }) => messageId)).toEqual(['later']);
  });

  it('sends nothing, and opens nothing, for no messages', async () => {
    await theQueue('Endpoint=sb://127.0.0.1:1;SharedAccessKeyName=x;SharedAccessKey=eA==').send([]);
    expect(active()).toEqual([]);
  });

  it('may be repeated: the queue folds what it has', async () => {
    const queue = theQueue();
    await queue.send([message('a')]);
    await queue.send([message('a')]);
    expect(active()).toEqual([message('a')]);
  });

  it('sends more than one batch can hold', async () => {
    const messages = Array.from({ length: 60 }, (_, index) => ({
      ...message(`m${index}`),
      body: { padding: 'x'.repeat(10_000) },
    }));
    await theQueue().send(messages);
    expect(bus.queue(name).active).toHaveLength(60);
  });

  it('opens its connection anew after it broke', async () => {
    const queue = theQueue(undefined, 1000);
    await queue.send([message('a')]);
    bus.dropConnections();
    await queue.send([message('b')]);
    expect(active()).toEqual([message('a'), message('b')]);
  });
});

describe('a failing queue', () => {
  it.each([
    { name: 'disabled', given: undefined, want: 'unavailable' },
    { name: 'busy', given: 'com.microsoft:server-busy', want: 'throttled' },
    { name: 'full', given: 'amqp:resource-limit-exceeded', want: 'throttled' },
    { name: 'forbidden', given: 'amqp:unauthorized-access', want: 'unauthorized' },
  ] as const)('$name is $want', async ({ given, want }) => {
    bus.failSends(10, given);
    await expect(theQueue().send([message('a')])).rejects.toMatchObject({
      name: 'UpstreamError',
      upstream: 'serviceBus',
      kind: want,
    });
  });

  it('that does not exist is notFound', async () => {
    await expect(theQueue(undefined, 3000, 'others').send([message('a')])).rejects.toMatchObject({ kind: 'notFound' });
  });

  it('out of reach rejects within the deadline', async () => {
    const server = await startServer();
    await server.stop();
    const nobody = bus.connectionString.replace(/127\.0\.0\.1:\d+/, new URL(server.url).host);
    await expect(theQueue(nobody, 500).send([message('a')])).rejects.toMatchObject({
      kind: expect.stringMatching(/^(unavailable|timeout)$/),
    });
  });

  it('refuses a message that no batch can hold', async () => {
    const huge = { ...message('a'), body: { padding: 'x'.repeat(2_000_000) } };
    await expect(theQueue().send([huge])).rejects.toMatchObject({ kind: 'invalid' });
  });
});
