import type { ServiceBusReceivedMessage, ServiceBusSessionReceiver } from '@azure/service-bus';
import { ServiceBusClient } from '@azure/service-bus';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { ServiceBusStandIn } from '../../../infra/local/serviceBus/serviceBus.ts';
import { startServiceBus } from '../../../infra/local/serviceBus/serviceBus.ts';

const quick = { maxWaitTimeInMs: 300 };

const received = async (session: ServiceBusSessionReceiver): Promise<ServiceBusReceivedMessage> => {
  const [message] = await session.receiveMessages(1, quick);
  if (message === undefined) throw new Error('no message came');
  return message;
};

/** The SDK has to see a broken link before the next call: one made in the same turn waits for its own time-out. */
const noticed = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 50));

describe('a queue with sessions', () => {
  let bus: ServiceBusStandIn;
  let client: ServiceBusClient;
  const noRenewal = { maxAutoLockRenewalDurationInMs: 0 };

  beforeEach(async () => {
    bus = await startServiceBus({ queues: [{ name: 'q', requiresSession: true, lockMs: 400 }] });
    client = new ServiceBusClient(bus.connectionString, {
      retryOptions: { maxRetries: 1, retryDelayInMs: 20, timeoutInMs: 1_000 },
    });
  });

  afterEach(async () => {
    await client.close();
    await bus.close();
    if (bus.errors.length > 0) throw new AggregateError(bus.errors, 'the broker failed inside');
  });

  const send = (...messages: readonly (readonly [session: string, body: unknown])[]): Promise<void> =>
    client.createSender('q').sendMessages(messages.map(([sessionId, body]) => ({ sessionId, body })));

  it('hands out one session at a time, in order, and frees it on close', async () => {
    await send(['a', 1], ['b', 2], ['a', 3]);
    const first = await client.acceptNextSession('q');
    const second = await client.acceptNextSession('q');
    expect([first.sessionId, second.sessionId, bus.queue('q').lockedSessions]).toEqual(['a', 'b', ['a', 'b']]);
    expect((await first.receiveMessages(5, quick)).map(({ body }) => body as number)).toEqual([1, 3]);
    await first.close();
    const again = await client.acceptNextSession('q');
    const messages = await again.receiveMessages(5, quick);
    expect([again.sessionId, messages.map(({ deliveryCount }) => deliveryCount)]).toEqual(['a', [0, 0]]);
  });

  it('answers a waiting accept when a message comes', async () => {
    const waiting = client.acceptNextSession('q');
    await send(['late', 1]);
    expect((await waiting).sessionId).toBe('late');
  });

  it('times out when no session is free', async () => {
    await expect(client.acceptNextSession('q')).rejects.toMatchObject({ code: 'ServiceTimeout' });
  });

  it('refuses a named session that another receiver holds', async () => {
    await client.acceptSession('q', 'a');
    await expect(client.acceptSession('q', 'a')).rejects.toMatchObject({ code: 'SessionCannotBeLocked' });
  });

  it('refuses a message without session and a receiver without session', async () => {
    await expect(client.createSender('q').sendMessages({ body: 1 })).rejects.toThrow(/requires sessions/);
    await expect(client.createReceiver('q').receiveMessages(1, quick)).rejects.toThrow(/requires sessions/);
  });

  it('keeps a session as long as its lock is renewed', async () => {
    await send(['a', 1]);
    const session = await client.acceptNextSession('q', { maxAutoLockRenewalDurationInMs: 10_000 });
    const message = await received(session);
    await new Promise((resolve) => setTimeout(resolve, 700));
    await session.completeMessage(message);
    expect([bus.queue('q').active, bus.queue('q').lockedSessions]).toEqual([[], ['a']]);
  });

  it('keeps state on a session', async () => {
    const session = await client.acceptSession('q', 'a');
    await session.setSessionState({ n: 1 });
    expect(await session.getSessionState()).toEqual({ n: 1 });
    expect((await session.renewSessionLock()).getTime()).toBeGreaterThan(Date.now());
  });

  it('loses the session when the lock runs out and delivers again with a higher count', async () => {
    await send(['a', 1]);
    const session = await client.acceptNextSession('q', noRenewal);
    const message = await received(session);
    const next = await client.acceptNextSession('q', noRenewal);
    const again = await received(next);
    expect([message.deliveryCount, again.deliveryCount]).toEqual([0, 1]);
    await expect(session.completeMessage(message)).rejects.toMatchObject({ code: 'SessionLockLost' });
  });

  it('loses all sessions when the locks are dropped', async () => {
    await send(['a', 1]);
    const session = await client.acceptNextSession('q');
    const message = await received(session);
    bus.dropLocks();
    await noticed();
    expect(bus.queue('q').lockedSessions).toEqual([]);
    await expect(session.completeMessage(message)).rejects.toMatchObject({ code: 'SessionLockLost' });
    expect((await client.acceptNextSession('q')).sessionId).toBe('a');
  });

  it('frees the sessions of a client whose connection broke', async () => {
    await send(['a', 1]);
    await client.acceptNextSession('q');
    bus.dropConnections();
    await noticed();
    expect((await client.acceptNextSession('q')).sessionId).toBe('a');
  });

  it('hands out nothing while deliveries are held', async () => {
    await send(['a', 1]);
    bus.holdDeliveries(150);
    const asked = Date.now();
    await client.acceptNextSession('q');
    expect(Date.now() - asked).toBeGreaterThanOrEqual(120);
  });
});
