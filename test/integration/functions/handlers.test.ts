import { describe, expect, it } from 'vitest';
import { registrations } from '../../support/functionsCore.ts';
import '../../../functions/main.ts';
import { health, healthDetails } from '../../../functions/health.ts';
import { receiveHook } from '../../../functions/hook.ts';
import { reconcilePool } from '../../../functions/reconcilePool.ts';
import { sweep } from '../../../functions/sweep.ts';
import { ConfigError, UpstreamError } from '../../../shared/domain/errors.ts';
import { hookMessages } from '../../../shared/domain/intent.ts';
import { aContext, anHttpRequest, aTestApp } from '../../support/app.ts';
import { aRoute, hookSecret } from '../../support/hooks.ts';

const broken = new ConfigError('mayfly.yaml', [{ path: 'pools[0].id', rule: 'is a number', found: '"seven"' }]);

describe('registration', () => {
  const binding = (name: string, type: string) => {
    const found = registrations().find((one) => one.name === name);
    const trigger = Object.values(found?.bindings ?? {}).find((one) => one['type'] === type);
    const { name: _name, direction: _direction, type: _type, properties: _properties, ...options } = trigger ?? {};
    return options;
  };

  it('takes hooks anonymously by POST', () => {
    const want = { authLevel: 'anonymous', methods: ['POST'], route: 'hooks/azure-devops' };
    expect(binding('hook', 'httpTrigger')).toEqual(want);
  });

  it('reads one message of a session at a time', () => {
    expect(binding('reconcilePool', 'serviceBusTrigger')).toEqual({
      connection: 'ServiceBusConnection',
      queueName: '%MAYFLY_QUEUE%',
      isSessionsEnabled: true,
      cardinality: 'one',
    });
  });

  it('sweeps by the schedule of the settings', () => {
    expect(binding('sweep', 'timerTrigger')).toEqual({ schedule: '%MAYFLY_SWEEP%' });
  });

  it('shows strangers the short health only', () => {
    expect(binding('health', 'httpTrigger')).toMatchObject({ authLevel: 'anonymous', route: 'health' });
    expect(binding('healthDetails', 'httpTrigger')).toMatchObject({ authLevel: 'function', route: 'health/details' });
  });
});

describe('receiveHook', () => {
  it('answers 202 once the intents are in the queue', async () => {
    const { get, sent } = aTestApp();
    const { context, lines } = aContext();
    const answer = await receiveHook(anHttpRequest(), context, get);
    expect(answer).toEqual({ status: 202, jsonBody: { outcome: 'enqueued' } });
    expect(sent).toHaveLength(2);
    expect(lines).toEqual([
      'information hook.enqueued {"invocationId":"i-1","status":202,"state":"waiting","pools":1}',
    ]);
  });

  it('tells a stranger nothing', async () => {
    const { context } = aContext();
    const answer = await receiveHook(anHttpRequest({ headers: {} }), context, aTestApp().get);
    expect(answer).toEqual({ status: 401 });
  });

  it('never logs the body or the secret', async () => {
    const { context, lines } = aContext();
    const body = `{"eventType":"x","sessionToken":{"token":"abc-token"}}`;
    await receiveHook(anHttpRequest({ body: { string: body } }), context, aTestApp().get);
    const world = aTestApp({ pools: () => Promise.reject(broken) });
    await receiveHook(anHttpRequest(), context, world.get);
    expect(lines).toHaveLength(2);
    expect(lines.join('\n')).not.toMatch(new RegExp(`abc-token|person@example|${hookSecret}`));
  });

  it('answers 200 with the reason while the configuration is broken', async () => {
    const world = aTestApp({ pools: () => Promise.reject(broken) });
    const answer = await receiveHook(anHttpRequest(), aContext().context, world.get);
    expect(answer).toEqual({ status: 200, jsonBody: { outcome: 'ignored', reason: 'configurationBroken' } });
  });

  it('gives up on a queue that does not answer and asks for a resend', async () => {
    const { get, clock } = aTestApp({ queue: () => new Promise(() => {}) });
    const answer = receiveHook(anHttpRequest(), aContext().context, get);
    for (let step = 0; step < 20 && clock.nextAt === undefined; step++) await clock.advance(0);
    await clock.advance(10_000);
    expect(await answer).toEqual({ status: 503, jsonBody: { outcome: 'unwell', reason: 'notEnqueued' } });
  });

  it('answers 503, not 500, when the app itself cannot be had', async () => {
    const answer = await receiveHook(anHttpRequest(), aContext().context, () => Promise.reject(new Error('no app')));
    expect(answer).toEqual({ status: 503, jsonBody: { outcome: 'unwell', reason: 'unexpected' } });
  });
});

describe('reconcilePool', () => {
  const start = Date.UTC(2026, 0, 5, 8);
  const message = hookMessages([aRoute()], start, 'c-1')[0]?.body;

  it('makes one pass with a deadline and sends nothing when nothing is left', async () => {
    const { get, passes, sent } = aTestApp();
    await reconcilePool(message, aContext('reconcilePool').context, get);
    expect(passes).toEqual([{ cause: 'hook', correlationId: 'c-1', deadlineAt: start + 60_000 }]);
    expect(sent).toEqual([]);
  });

  it('sends itself one message for the next look', async () => {
    const world = aTestApp();
    world.followUp = { nextLookAt: start + 5000 };
    await reconcilePool(message, aContext('reconcilePool').context, world.get);
    expect(world.sent.map(({ body, dueAt }) => [body['cause'], dueAt])).toEqual([['nextLook', start + 6000]]);
  });

  it('takes the later of its own clock and the queue for now', async () => {
    const world = aTestApp();
    world.followUp = { remaining: true };
    const { context } = aContext('reconcilePool', { enqueuedTimeUtc: '2026-01-05T08:00:09.500Z' });
    await reconcilePool(message, context, world.get);
    expect(world.sent.map(({ dueAt }) => dueAt)).toEqual([start + 10_000]);
  });

  it('stays away for Retry-After when an upstream throttles', async () => {
    const world = aTestApp();
    world.followUp = new UpstreamError({
      upstream: 'azureDevOps',
      operation: 'listing job requests',
      kind: 'throttled',
      retryAfterMs: 20_000,
    });
    await reconcilePool(message, aContext('reconcilePool').context, world.get);
    expect(world.sent.map(({ body, dueAt }) => [body['cause'], dueAt])).toEqual([['retryAfter', start + 22_000]]);
  });

  const completed: { name: string; given: unknown; want: RegExp }[] = [
    { name: 'a message that is no intent', given: 123, want: /^warning intent\.badMessage/ },
    { name: 'an intent of another schema', given: { ...message, schema: 9 }, want: /^warning intent\.badMessage/ },
    { name: 'a pool that is not configured', given: { ...message, poolId: 99 }, want: /^warning intent\.unknownPool/ },
  ];
  it.each(completed)('completes $name and says so', async ({ given, want }) => {
    const { context, lines } = aContext('reconcilePool');
    await expect(reconcilePool(given, context, aTestApp().get)).resolves.toBeUndefined();
    expect(lines).toEqual([expect.stringMatching(want)]);
  });

  it('completes the message when the configuration is broken', async () => {
    const { context, lines } = aContext('reconcilePool');
    await reconcilePool(message, context, aTestApp({ pools: () => Promise.reject(broken) }).get);
    expect(lines).toEqual([expect.stringMatching(/^error intent\.configurationBroken/)]);
  });

  it('completes the message when the pass fails or the follow-up cannot be sent', async () => {
    const { context, lines } = aContext('reconcilePool');
    const world = aTestApp();
    world.followUp = new Error('a fault of ours');
    await reconcilePool(message, context, world.get);
    world.followUp = { remaining: true };
    world.queueError = new Error('the queue is down');
    await reconcilePool(message, context, world.get);
    expect(lines).toEqual([
      expect.stringMatching(/^error pass\.failed/),
      expect.stringMatching(/^warning intent\.followUpNotSent/),
    ]);
  });

  it('completes the message when the app itself cannot be had', async () => {
    const { context, lines } = aContext('reconcilePool');
    await reconcilePool(message, context, () => Promise.reject(new Error('no app')));
    expect(lines).toEqual([expect.stringMatching(/^error reconcile\.failed/)]);
  });
});

describe('sweep', () => {
  it('enqueues one intent a pool', async () => {
    const { get, sent } = aTestApp();
    await sweep(aContext('sweep').context, get);
    expect(sent.map(({ body }) => [body['poolId'], body['cause']])).toEqual([[7, 'sweep']]);
  });

  it('fails when the intents could not be enqueued', async () => {
    const world = aTestApp();
    world.queueError = new Error('the queue is down');
    await expect(sweep(aContext('sweep').context, world.get)).rejects.toThrow('the queue is down');
  });
});

describe('health', () => {
  it('says ok and nothing else', async () => {
    expect(await health(aTestApp().get)).toEqual({ status: 200, jsonBody: { status: 'ok' } });
  });

  it('says unwell to strangers and why behind the key', async () => {
    const { get } = aTestApp({ pools: () => Promise.reject(broken) });
    expect(await health(get)).toEqual({ status: 503, jsonBody: { status: 'unwell' } });
    expect(await healthDetails(get)).toEqual({
      status: 503,
      jsonBody: {
        status: 'unwell',
        startedAt: '2026-01-05T08:00:00.000Z',
        pools: undefined,
        configuration: broken.problems,
        hooksFailingSince: undefined,
        tokens: [],
      },
    });
  });

  it('is unwell while hooks cannot be taken', async () => {
    const world = aTestApp();
    world.queueError = new Error('the queue is down');
    await receiveHook(anHttpRequest(), aContext().context, world.get);
    expect(await health(world.get)).toEqual({ status: 503, jsonBody: { status: 'unwell' } });
    world.queueError = undefined;
    await receiveHook(anHttpRequest(), aContext().context, world.get);
    expect(await health(world.get)).toEqual({ status: 200, jsonBody: { status: 'ok' } });
  });
});
