import type { EventGridEvent, InvocationContext } from '@azure/functions';
import { app } from '@azure/functions';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { type FunctionsHost, startFunctionsHost } from '../../../infra/local/functionsHost/functionsHost.ts';

let host: FunctionsHost;
let seen: { readonly event: EventGridEvent; readonly metadata: unknown }[];
let fails: boolean;

beforeEach(async () => {
  seen = [];
  fails = false;
  host = await startFunctionsHost({
    register: () => {
      app.eventGrid('vaultEvents', {
        handler: (event, context: InvocationContext) => {
          if (fails && event.subject === 'b') throw new Error('boom');
          seen.push({ event, metadata: context.triggerMetadata?.['data'] });
        },
      });
      app.http('other', { methods: ['GET'], handler: () => ({ body: '' }) });
    },
    keys: { eventGrid: 'its-key' },
  });
});

afterEach(() => host.close());

const anEvent = (subject: string): object => ({
  id: `id of ${subject}`,
  topic: '/subscriptions/local',
  subject,
  eventType: 'Microsoft.KeyVault.SecretNewVersionCreated',
  eventTime: '2026-11-21T10:00:00Z',
  dataVersion: '1',
  metadataVersion: '1',
  data: { ObjectName: subject, Version: '1' },
});

interface Delivery {
  readonly type?: string;
  readonly query?: string;
  readonly body?: unknown;
  readonly method?: string;
}

async function deliver({
  type,
  query = 'functionName=vaultEvents&code=its-key',
  body = [],
  method = 'POST',
}: Delivery) {
  const headers = { 'content-type': 'application/json', ...(type !== undefined && { 'aeg-event-type': type }) };
  const sent = method === 'POST' ? { body: typeof body === 'string' ? body : JSON.stringify(body) } : {};
  const answer = await fetch(`${host.url}/runtime/webhooks/eventgrid?${query}`, { method, headers, ...sent });
  return { status: answer.status, text: await answer.text() };
}

describe('the Event Grid trigger', () => {
  it('answers the handshake of a subscription by itself', async () => {
    const validation = { ...anEvent('x'), eventType: 'Microsoft.EventGrid.SubscriptionValidationEvent' };
    const body = [{ ...validation, data: { validationCode: 'the code', validationUrl: 'https://example/validate' } }];
    const { status, text } = await deliver({ type: 'SubscriptionValidation', body });
    expect([status, JSON.parse(text), seen]).toEqual([200, { validationResponse: 'the code' }, []]);
  });

  it('runs the function once for each event', async () => {
    const { status } = await deliver({ type: 'Notification', body: [anEvent('a'), anEvent('b')] });
    expect(status).toBe(202);
    expect(seen).toEqual(
      ['a', 'b'].map((name) => ({ event: anEvent(name), metadata: { objectName: name, version: '1' } })),
    );
    expect(host.invocations.map(({ functionName, reason }) => [functionName, reason])).toEqual([
      ['vaultEvents', 'eventGrid'],
      ['vaultEvents', 'eventGrid'],
    ]);
  });

  it('asks for the delivery again when one of them fails', async () => {
    fails = true;
    expect((await deliver({ type: 'Notification', body: [anEvent('a'), anEvent('b')] })).status).toBe(500);
  });

  const rows: readonly (readonly [string, Delivery, number])[] = [
    ['the end of a subscription', { type: 'Unsubscribe' }, 202],
    ['no key', { type: 'Notification', query: 'functionName=vaultEvents' }, 401],
    ['a wrong key', { type: 'Notification', query: 'functionName=vaultEvents&code=nope' }, 401],
    ['no such function', { type: 'Notification', query: 'functionName=nope&code=its-key' }, 404],
    ['a function of another trigger', { type: 'Notification', query: 'functionName=other&code=its-key' }, 404],
    ['no kind of event', {}, 400],
    ['a handshake without a code', { type: 'SubscriptionValidation', body: [anEvent('x')] }, 400],
    ['what is not JSON', { type: 'Notification', body: 'x' }, 400],
    ['CloudEvents', { type: 'Notification', body: { specversion: '1.0', id: '1' } }, 501],
    ['another method', { type: 'Notification', method: 'OPTIONS' }, 501],
  ];
  it.each(rows)('answers %s with the status of the extension', async (_name, delivery, want) => {
    expect((await deliver(delivery)).status).toBe(want);
    expect(seen).toEqual([]);
  });

  it('says of other web hooks that it does not know them', async () => {
    expect((await fetch(`${host.url}/runtime/webhooks/durabletask`)).status).toBe(501);
  });
});
