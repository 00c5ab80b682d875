import type { ServiceBusReceivedMessage } from '@azure/service-bus';
import { ServiceBusClient } from '@azure/service-bus';
import { afterEach, describe, expect, it } from 'vitest';
import type { QueueSpec, ServiceBusStandIn } from '../../../infra/local/serviceBus/serviceBus.ts';
import { startServiceBus } from '../../../infra/local/serviceBus/serviceBus.ts';
import { VirtualClock } from '../../../infra/local/world/clock.ts';

const open: { close(): Promise<void> }[] = [];

afterEach(async () => {
  for (const one of open.splice(0).reverse()) await one.close();
});

async function start(queue: Omit<QueueSpec, 'name'> = {}, clock?: VirtualClock): Promise<ServiceBusStandIn> {
  const bus = await startServiceBus({ queues: [{ name: 'q', ...queue }], ...(clock === undefined ? {} : { clock }) });
  open.push(bus);
  return bus;
}

function connect(bus: ServiceBusStandIn, timeoutInMs = 2_000): ServiceBusClient {
  const client = new ServiceBusClient(bus.connectionString, {
    retryOptions: { maxRetries: 1, retryDelayInMs: 20, timeoutInMs },
  });
  open.push(client);
  return client;
}

const only = (messages: readonly ServiceBusReceivedMessage[]): ServiceBusReceivedMessage => {
  const [message] = messages;
  if (message === undefined) throw new Error('no message came');
  return message;
};

const quick = { maxWaitTimeInMs: 300 };

describe('a queue without sessions', () => {
  it('delivers what was sent, single and batched, and forgets what was completed', async () => {
    const bus = await start();
    const client = connect(bus);
    const sender = client.createSender('q');
    await sender.sendMessages({ body: { a: 1 }, messageId: 'm1' });
    const batch = await sender.createMessageBatch();
    expect([
      batch.tryAddMessage({ body: 'two', messageId: 'm2' }),
      batch.tryAddMessage({ body: [3], messageId: 'm3' }),
    ]).toEqual([true, true]);
    await sender.sendMessages(batch);
    const receiver = client.createReceiver('q');
    const messages = await receiver.receiveMessages(3, quick);
    expect(messages.map(({ messageId, body }) => [messageId, body])).toEqual([
      ['m1', { a: 1 }],
      ['m2', 'two'],
      ['m3', [3]],
    ]);
    for (const message of messages) await receiver.completeMessage(message);
    expect(bus.queue('q').active).toEqual([]);
    expect(bus.errors).toEqual([]);
  });

  it('gives an id to a message that has none', async () => {
    const bus = await start();
    await connect(bus).createSender('q').sendMessages({ body: 1 });
    expect(bus.queue('q').active[0]?.messageId).toMatch(/^[0-9a-f]{32}$/);
  });

  it('counts abandoned deliveries and moves the message to the dead letters at the limit', async () => {
    const bus = await start({ maxDeliveryCount: 2 });
    const client = connect(bus);
    await client.createSender('q').sendMessages({ body: 1, messageId: 'm1' });
    const receiver = client.createReceiver('q');
    const counts: (number | undefined)[] = [];
    for (const _ of [1, 2]) {
      const message = only(await receiver.receiveMessages(1, quick));
      counts.push(message.deliveryCount);
      await receiver.abandonMessage(message);
    }
    expect(counts).toEqual([0, 1]);
    const dead = client.createReceiver('q', { subQueueType: 'deadLetter' });
    expect(only(await dead.receiveMessages(1, quick))).toMatchObject({
      messageId: 'm1',
      deadLetterReason: 'MaxDeliveryCountExceeded',
    });
  });

  it('dead-letters on request with the reason', async () => {
    const bus = await start();
    const client = connect(bus);
    await client.createSender('q').sendMessages({ body: 1, messageId: 'm1' });
    const receiver = client.createReceiver('q');
    await receiver.deadLetterMessage(only(await receiver.receiveMessages(1, quick)), {
      deadLetterReason: 'why',
      deadLetterErrorDescription: 'because',
    });
    expect(bus.queue('q').deadLettered).toMatchObject([
      { messageId: 'm1', applicationProperties: { DeadLetterReason: 'why', DeadLetterErrorDescription: 'because' } },
    ]);
  });

  it('delivers again when a lock has run out, and refuses the late completion', async () => {
    const bus = await start({ lockMs: 200 });
    const client = connect(bus);
    await client.createSender('q').sendMessages({ body: 1 });
    const receiver = client.createReceiver('q', { maxAutoLockRenewalDurationInMs: 0 });
    const first = only(await receiver.receiveMessages(1, quick));
    const second = only(await receiver.receiveMessages(1, { maxWaitTimeInMs: 1_000 }));
    expect(second.deliveryCount).toBe(1);
    await expect(receiver.completeMessage(first)).rejects.toMatchObject({ code: 'MessageLockLost' });
    await receiver.renewMessageLock(second);
    await receiver.completeMessage(second);
  });

  it('keeps a deferred message until it is asked for by number', async () => {
    const bus = await start();
    const client = connect(bus);
    await client.createSender('q').sendMessages({ body: 'later' });
    const receiver = client.createReceiver('q');
    const message = only(await receiver.receiveMessages(1, quick));
    await receiver.deferMessage(message);
    expect(bus.queue('q').deferred).toHaveLength(1);
    const again = only(await receiver.receiveDeferredMessages(message.sequenceNumber ?? []));
    await receiver.completeMessage(again);
    expect([again.body, bus.queue('q').deferred]).toEqual(['later', []]);
  });

  it('peeks without locking, scheduled messages too, and cancels by number', async () => {
    const bus = await start();
    const client = connect(bus);
    const sender = client.createSender('q');
    const numbers = await sender.scheduleMessages({ body: 1, messageId: 's' }, new Date(Date.now() + 60_000));
    const peeked = await client.createReceiver('q').peekMessages(5);
    expect(peeked.map(({ messageId, state }) => [messageId, state])).toEqual([['s', 'scheduled']]);
    await sender.cancelScheduledMessages(numbers);
    expect(bus.queue('q').scheduled).toEqual([]);
  });

  it('receives and deletes in one step', async () => {
    const bus = await start();
    const client = connect(bus);
    await client.createSender('q').sendMessages({ body: 1 });
    const receiver = client.createReceiver('q', { receiveMode: 'receiveAndDelete' });
    expect(await receiver.receiveMessages(1, quick)).toHaveLength(1);
    expect(bus.queue('q').active).toEqual([]);
  });
});

describe('time in the queue', () => {
  it('shows a scheduled message when it is due and drops it when its time to live is over', async () => {
    const clock = new VirtualClock();
    const bus = await start({ defaultTtlMs: 300_000 }, clock);
    const scheduledEnqueueTimeUtc = new Date(clock.now() + 5_000);
    await connect(bus).createSender('q').sendMessages({ body: 1, scheduledEnqueueTimeUtc });
    expect([bus.queue('q').scheduled.length, bus.queue('q').active.length]).toEqual([1, 0]);
    await clock.advance(5_000);
    expect([bus.queue('q').scheduled.length, bus.queue('q').active.length]).toEqual([0, 1]);
    await clock.advance(300_000);
    expect([bus.queue('q').active, bus.queue('q').deadLettered]).toEqual([[], []]);
  });

  it('dead-letters what expired where the queue says so', async () => {
    const clock = new VirtualClock();
    const bus = await start({ deadLetterOnExpiry: true }, clock);
    await connect(bus).createSender('q').sendMessages({ body: 1, timeToLive: 1_000 });
    await clock.advance(1_000);
    expect(bus.queue('q').deadLettered).toMatchObject([
      { applicationProperties: { DeadLetterReason: 'TTLExpiredException' } },
    ]);
  });

  it('drops a repeated id inside the window, also after the first was scheduled or completed', async () => {
    const clock = new VirtualClock();
    const bus = await start({ requiresDuplicateDetection: true, duplicateWindowMs: 60_000 }, clock);
    const client = connect(bus);
    const sender = client.createSender('q');
    await sender.sendMessages([
      { body: 1, messageId: 'a' },
      { body: 2, messageId: 'a' },
    ]);
    const receiver = client.createReceiver('q');
    await receiver.completeMessage(only(await receiver.receiveMessages(1, quick)));
    await sender.sendMessages({ body: 3, messageId: 'a' });
    expect(bus.queue('q').active).toEqual([]);
    await clock.advance(60_000);
    await sender.sendMessages({ body: 4, messageId: 'a' });
    expect(bus.queue('q').active.map(({ body }) => body)).toEqual([4]);
  });
});

describe('faults', () => {
  it('refuses sends when told to and works again afterwards', async () => {
    const bus = await start();
    const sender = connect(bus).createSender('q');
    bus.failSends(1);
    await expect(sender.sendMessages({ body: 1 })).rejects.toMatchObject({ code: 'MessagingEntityDisabled' });
    await sender.sendMessages({ body: 2 });
    expect(bus.queue('q').active.map(({ body }) => body)).toEqual([2]);
  });

  it('serves a client again that lost its connection', async () => {
    const bus = await start();
    const client = connect(bus);
    const sender = client.createSender('q');
    await sender.sendMessages({ body: 1 });
    bus.dropConnections();
    // The SDK has to see the broken socket first: a send in the same turn waits for its own time-out.
    await new Promise((resolve) => setTimeout(resolve, 50));
    await sender.sendMessages({ body: 2 });
    const bodies = (await client.createReceiver('q').receiveMessages(2, quick)).map(({ body }) => body as number);
    expect(bodies).toEqual([1, 2]);
    expect(bus.errors).toEqual([]);
  });

  it('names an entity that does not exist and a key that does not fit', async () => {
    const bus = await start();
    await expect(connect(bus).createSender('nope').sendMessages({ body: 1 })).rejects.toMatchObject({
      code: 'MessagingEntityNotFound',
    });
    const stranger = new ServiceBusClient(
      bus.connectionString.replace(/SharedAccessKey=[^;]+/, 'SharedAccessKey=wrong'),
      {
        retryOptions: { maxRetries: 0, timeoutInMs: 500 },
      },
    );
    open.push(stranger);
    await expect(stranger.createSender('q').sendMessages({ body: 1 })).rejects.toMatchObject({
      code: 'UnauthorizedAccess',
    });
  });
});
