import { describe, expect, it } from 'vitest';
import { hookVerifier } from '../../../shared/hooks/verify.ts';
import { aHookRequest, aReceiver, aRoute, basic, hookFixture, hookSecret } from '../../support/hooks.ts';

describe('hookReceiver', () => {
  it('enqueues two messages for a waiting job and says so', async () => {
    const { receiver, sent } = aReceiver();
    expect(await receiver.receive(aHookRequest(), 'i-1')).toEqual({
      status: 202,
      outcome: 'enqueued',
      state: 'waiting',
      pools: 1,
    });
    expect(sent.map((one) => one.body['correlationId'])).toEqual(Array(2).fill('e0000000-0000-4000-8000-000000000001'));
  });

  it('uses the invocation id for an event without a usable id', async () => {
    const { receiver, sent } = aReceiver();
    await receiver.receive(aHookRequest(hookFixture('oddState')), 'i-1');
    expect(sent[0]?.body['correlationId']).toBe('i-1');
  });

  it('takes the secret from the header of its own as well', async () => {
    const request = aHookRequest(hookFixture('completed'), { 'x-mayfly-secret': hookSecret });
    expect((await aReceiver().receiver.receive(request, 'i-1')).status).toBe(202);
  });

  it('turns a stranger away without reading the body', async () => {
    const request = aHookRequest(hookFixture('waiting'), { authorization: basic('guess') });
    expect(await aReceiver().receiver.receive(request, 'i-1')).toEqual({ status: 401, outcome: 'rejected' });
    expect(request.body?.locked).toBe(false);
  });

  it('ignores a body that announces more than 2 MB without reading it', async () => {
    const request = aHookRequest('{}', { authorization: basic(hookSecret), 'content-length': '2097153' });
    const answer = await aReceiver().receiver.receive(request, 'i-1');
    expect(answer).toEqual({ status: 200, outcome: 'ignored', reason: 'tooLarge' });
    expect(request.body?.locked).toBe(false);
  });

  it('stops reading a body that turns out larger than 2 MB', async () => {
    let pulled = 0;
    const endless = new ReadableStream<Uint8Array>({
      pull(controller) {
        pulled += 1;
        controller.enqueue(new Uint8Array(65_536));
      },
    });
    const request = { headers: new Headers({ authorization: basic(hookSecret) }), body: endless };
    const answer = await aReceiver().receiver.receive(request, 'i-1');
    expect(answer).toEqual({ status: 200, outcome: 'ignored', reason: 'tooLarge' });
    expect(pulled).toBeLessThan(40);
  });

  it('ignores a body that breaks off', async () => {
    const broken = new ReadableStream<Uint8Array>({
      pull: (controller) => controller.error(new Error('reset')),
    });
    const request = { headers: new Headers({ authorization: basic(hookSecret) }), body: broken };
    const answer = await aReceiver().receiver.receive(request, 'i-1');
    expect(answer).toEqual({ status: 200, outcome: 'ignored', reason: 'bodyUnreadable' });
  });

  it('answers 200 while the configuration is broken', async () => {
    const error = new Error('mayfly.yaml has 2 problem(s)');
    const { receiver } = aReceiver({ pools: () => Promise.reject(error) });
    const answer = await receiver.receive(aHookRequest(), 'i-1');
    expect(answer).toEqual({ status: 200, outcome: 'ignored', reason: 'configurationBroken', error });
  });

  it('answers 200 when no pool is configured', async () => {
    const { receiver } = aReceiver({ pools: async () => [] });
    expect(await receiver.receive(aHookRequest(), 'i-1')).toEqual({
      status: 200,
      outcome: 'ignored',
      reason: 'noPool',
    });
  });

  it('asks for a resend for a minute while the queue is down, then takes the call', async () => {
    const world = aReceiver();
    world.queueIsDown = true;
    const statuses: number[] = [];
    for (const wait of [0, 30_000, 30_000, 60_000]) {
      world.at += wait;
      statuses.push((await world.receiver.receive(aHookRequest(), 'i-1')).status);
    }
    expect(statuses).toEqual([503, 503, 202, 202]);
    world.queueIsDown = false;
    expect((await world.receiver.receive(aHookRequest(), 'i-1')).status).toBe(202);
    expect(world.receiver.failure).toBeUndefined();
    world.queueIsDown = true;
    expect((await world.receiver.receive(aHookRequest(), 'i-1')).status).toBe(503);
  });

  it('says 503, not 401, while nobody can tell the secret', async () => {
    const verifier = hookVerifier({ read: () => Promise.reject(new Error('no vault')), now: () => 0 });
    const { receiver } = aReceiver({ verifier });
    const answer = await receiver.receive(aHookRequest(), 'i-1');
    expect(answer).toEqual({ status: 503, outcome: 'unwell', reason: 'secretUnreadable' });
  });

  it('turns any surprise into 503', async () => {
    const error = new Error('surprise');
    const { receiver } = aReceiver({ verifier: { verify: () => Promise.reject(error), mark: () => undefined } });
    const answer = await receiver.receive(aHookRequest(), 'i-1');
    expect(answer).toEqual({ status: 503, outcome: 'unwell', reason: 'unexpected', error });
  });

  it('rings for the pools of the organisation that the envelope names', async () => {
    const oak = aRoute({ session: 'oak0', organisation: 'oak0', organisationUrl: 'https://dev.azure.com/oak' });
    const { receiver, sent } = aReceiver({ pools: async () => [oak, aRoute(), aRoute({ poolId: 8 })] });
    expect(await receiver.receive(aHookRequest(), 'i-1')).toMatchObject({ pools: 2 });
    expect(new Set(sent.map((one) => one.sessionId))).toEqual(new Set(['brch']));
  });
});
