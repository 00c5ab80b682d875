import { HttpRequest } from '@azure/functions';
import { describe, expect, it } from 'vitest';
import { registrations } from '../../support/functionsCore.ts';
import '../../../functions/main.ts';
import { health, healthDetails } from '../../../functions/health.ts';
import { reconcilePool } from '../../../functions/reconcilePool.ts';
import { rotateOnDemand, rotateOnEvent, rotateOnTimer } from '../../../functions/rotateTokens.ts';
import { ConfigError } from '../../../shared/domain/errors.ts';
import { hoursMs, minutesMs } from '../../../shared/domain/instant.ts';
import { nudgeMessage, type TokenNudge } from '../../../shared/domain/tokenNudge.ts';
import { type TokenFinding, type TokenTarget, tokensOver } from '../../../shared/tokens.ts';
import { aContext, aTestApp, type TestApp } from '../../support/app.ts';

const silent = { write: () => undefined };

interface Upkeep extends TestApp {
  readonly nudges: readonly TokenNudge[];
  looks: number;
  finding: TokenFinding | Error;
}

/** Two targets, of which `agents` finds what the test says. */
function anUpkeep(): Upkeep {
  const nudges: TokenNudge[] = [];
  const found = (): TokenFinding => {
    if (world.finding instanceof Error) throw world.finding;
    return world.finding;
  };
  const target = (name: string, vaultSecret: string): TokenTarget => ({
    name,
    vaultSecret,
    pass: async (nudge) => {
      nudges.push(nudge);
      return found();
    },
    look: async () => {
      world.looks += 1;
      return found();
    },
  });
  const targets = [target('agents', 'Mayfly-Agents'), target('hooks', 'mayfly-hook')];
  const app = aTestApp({ tokens: async () => tokens });
  const tokens = tokensOver(targets, app.clock, silent);
  const finding: TokenFinding | Error = { alarms: [] };
  const world: Upkeep = Object.assign(app, { nudges, looks: 0, finding });
  return world;
}

const anEvent = (eventType: string, data: object): object => ({ id: '1', eventType, subject: 's', data });
const newVersion = 'Microsoft.KeyVault.SecretNewVersionCreated';
const aMessage = (overrides: Partial<TokenNudge> = {}) =>
  nudgeMessage({ token: 'agents', cause: 'timer', correlationId: 'c', ...overrides }, 0).body;
const aRequest = (token: string): HttpRequest =>
  new HttpRequest({ url: `http://127.0.0.1/api/rotate/${token}`, method: 'POST', params: { token } });

describe('the doors', () => {
  it('are a timer, an event of the vault and a key', () => {
    const bindings = registrations()
      .filter(({ name }) => name.startsWith('rotate'))
      .map(({ name, bindings: all }) => [
        name,
        Object.values(all).find(({ type }) => String(type).endsWith('Trigger')),
      ]);
    expect(bindings).toMatchObject([
      ['rotateTokens', { type: 'timerTrigger', schedule: '%MAYFLY_ROTATION%' }],
      ['rotateOnVaultEvent', { type: 'eventGridTrigger' }],
      ['rotateOnDemand', { type: 'httpTrigger', authLevel: 'function', route: 'rotate/{token}', methods: ['POST'] }],
    ]);
  });

  it('enqueue one nudge for each on the timer, each in its own session', async () => {
    const { get, sent } = anUpkeep();
    await rotateOnTimer(aContext('rotateTokens').context, get);
    expect(sent.map(({ sessionId, body }) => [sessionId, body['cause']])).toEqual([
      ['token|agents', 'timer'],
      ['token|hooks', 'timer'],
    ]);
  });

  it('enqueue nothing where nothing is to be kept alive', async () => {
    const { get, sent } = aTestApp();
    await rotateOnTimer(aContext('rotateTokens').context, get);
    expect(sent).toEqual([]);
  });

  const events: readonly (readonly [name: string, event: unknown, want: readonly unknown[]])[] = [
    [
      'a new version, by a name in other letters',
      anEvent(newVersion, { ObjectName: 'mayfly-agents', Version: 'v2' }),
      [['token|agents|newVersion|v2', { token: 'agents', cause: 'newVersion', version: 'v2' }]],
    ],
    [
      'a near end',
      anEvent('Microsoft.KeyVault.SecretNearExpiry', { ObjectName: 'mayfly-hook', Version: 'v1' }),
      [['token|hooks|nearExpiry|v1', { token: 'hooks', cause: 'nearExpiry', version: 'v1' }]],
    ],
    ['a secret of somebody else', anEvent(newVersion, { ObjectName: 'another', Version: 'v1' }), []],
    ['another event', anEvent('Microsoft.KeyVault.KeyNewVersionCreated', { ObjectName: 'mayfly-hook' }), []],
    ['what is no event', 'text', []],
    ['an event without data', { eventType: newVersion }, []],
  ];
  it.each(events)('ring for %s', async (_name, event, want) => {
    const { get, sent } = anUpkeep();
    await rotateOnEvent(event, aContext('rotateOnVaultEvent').context, get);
    expect(sent.map(({ messageId, body }) => [messageId, body])).toEqual(
      want.map((one) => {
        const [messageId, body] = one as readonly [string, object];
        return [messageId, { schema: 1, correlationId: 'i-1', ...body }];
      }),
    );
  });

  it('let Event Grid deliver again when the queue is down', async () => {
    const world = anUpkeep();
    world.queueError = new Error('the queue is down');
    const event = anEvent(newVersion, { ObjectName: 'mayfly-hook', Version: 'v1' });
    await expect(rotateOnEvent(event, aContext().context, world.get)).rejects.toThrow('the queue is down');
    await expect(rotateOnTimer(aContext().context, world.get)).rejects.toThrow('the queue is down');
  });

  it('take a request of a person', async () => {
    const { get, sent } = anUpkeep();
    const answer = await rotateOnDemand(aRequest('agents'), aContext().context, get);
    expect(answer).toEqual({ status: 202, jsonBody: { token: 'agents', asked: 'i-1' } });
    expect(sent.map(({ messageId, body }) => [messageId, body['askedId']])).toEqual([
      ['token|agents|asked|i-1', 'i-1'],
    ]);
  });

  it('know no other token, and say when they cannot serve', async () => {
    const world = anUpkeep();
    expect(await rotateOnDemand(aRequest('nobody'), aContext().context, world.get)).toMatchObject({ status: 404 });
    world.queueError = new Error('the queue is down');
    expect(await rotateOnDemand(aRequest('agents'), aContext().context, world.get)).toMatchObject({ status: 503 });
  });
});

describe('a nudge in the queue', () => {
  const deliver = async (world: Upkeep, body: unknown = aMessage()): Promise<readonly string[]> => {
    const { context, lines } = aContext('reconcilePool');
    await reconcilePool(body, context, world.get);
    return lines;
  };

  it('becomes one pass, with metrics in the log', async () => {
    const world = anUpkeep();
    world.finding = { alarms: [{ reason: 'tokenExpiresSoon' }], expiresAt: world.clock.now() + hoursMs(50) };
    const lines = await deliver(world, aMessage({ cause: 'asked', askedId: 'a' }));
    expect(world.nudges).toEqual([{ token: 'agents', cause: 'asked', askedId: 'a', correlationId: 'c' }]);
    expect(world.passes).toEqual([]);
    expect(lines).toEqual([
      'warning token.state {"invocationId":"i-1","correlationId":"c","token":"agents","daysLeft":2,"alarms":1,"reasons":"tokenExpiresSoon"}',
    ]);
  });

  it('is followed by the next when there is something to do before the timer comes', async () => {
    const world = anUpkeep();
    world.finding = { alarms: [], lookAgainInMs: minutesMs(2) };
    await deliver(world);
    expect(world.sent.map(({ body, dueAt }) => [body['cause'], (dueAt ?? 0) - world.clock.now()])).toEqual([
      ['nextLook', minutesMs(2)],
    ]);
    world.finding = { alarms: [], lookAgainInMs: hoursMs(5) };
    await deliver(world);
    expect(world.sent).toHaveLength(1);
  });

  it('is followed by the same request as long as it was cut short, under an id of its own', async () => {
    const world = anUpkeep();
    world.finding = { alarms: [], lookAgainInMs: minutesMs(2) };
    const asked = { token: 'agents', cause: 'asked', askedId: 'a', correlationId: 'c' } as const;
    await deliver(world, aMessage(asked));
    expect(world.sent.map(({ body }) => body)).toEqual([{ schema: 1, ...asked }]);
    expect(world.sent.map(({ messageId }) => messageId)).not.toContain(
      nudgeMessage(asked, world.clock.now()).messageId,
    );
  });

  it('is completed whatever comes of it', async () => {
    const world = anUpkeep();
    world.finding = new Error('a fault of ours');
    expect(await deliver(world)).toEqual([
      expect.stringMatching(/^error token\.pass\.failed/),
      expect.stringMatching(/^warning token\.state/),
    ]);
    expect(await deliver(world, aMessage({ token: 'nobody' }))).toEqual([
      expect.stringMatching(/^warning token\.unknown/),
    ]);
    const broken = aTestApp({ tokens: () => Promise.reject(new ConfigError('mayfly.yaml', [])) });
    const { context, lines } = aContext('reconcilePool');
    await reconcilePool(aMessage(), context, broken.get);
    expect(lines).toEqual([expect.stringMatching(/^error token\.configurationBroken/)]);
  });

  it('is not mistaken for an intent, nor the other way round', async () => {
    const world = anUpkeep();
    await deliver(world, { schema: 1, organisation: 'brch', poolId: 7, cause: 'sweep', correlationId: 'c' });
    expect([world.passes.length, world.nudges.length]).toEqual([1, 0]);
  });
});

describe('the health', () => {
  it('is degraded while a token needs somebody, and says which and why behind the key', async () => {
    const world = anUpkeep();
    world.finding = { alarms: [{ reason: 'tokenRejected', detail: '401' }], expiresAt: Date.UTC(2026, 0, 6) };
    await reconcilePool(aMessage(), aContext('reconcilePool').context, world.get);
    world.finding = { alarms: [] };
    expect(await health(world.get)).toEqual({ status: 200, jsonBody: { status: 'degraded' } });
    const at = '2026-01-05T08:00:00.000Z';
    expect((await healthDetails(world.get)).jsonBody).toMatchObject({
      status: 'degraded',
      tokens: [
        {
          name: 'agents',
          state: 'degraded',
          expiresAt: '2026-01-06T00:00:00.000Z',
          alarms: [{ reason: 'tokenRejected', detail: '401' }],
          at,
        },
        { name: 'hooks', state: 'ok', alarms: [], at },
      ],
    });
    await reconcilePool(aMessage(), aContext('reconcilePool').context, world.get);
    expect(await health(world.get)).toEqual({ status: 200, jsonBody: { status: 'ok' } });
  });

  it('looks for itself where this process has made no pass, but not at each call', async () => {
    const world = anUpkeep();
    await health(world.get);
    await health(world.get);
    expect(world.looks).toBe(2);
    await world.clock.advance(minutesMs(5));
    await health(world.get);
    expect(world.looks).toBe(4);
  });

  it('looks once for all who ask at the same time: strangers may ask as often as they like', async () => {
    const world = anUpkeep();
    await Promise.all(Array.from({ length: 50 }, () => health(world.get)));
    expect(world.looks).toBe(2);
  });

  it('does not wait behind passes', async () => {
    const hold = Promise.withResolvers<TokenFinding>();
    const passes: string[] = [];
    const targets = Array.from({ length: 9 }, (_, index): TokenTarget => {
      const name = `token-${index}`;
      const pass = async (): Promise<TokenFinding> => {
        passes.push(name);
        return hold.promise;
      };
      return { name, vaultSecret: name, pass, look: async () => ({ alarms: [] }) };
    });
    const world = aTestApp({ tokens: async () => tokens });
    const tokens = tokensOver(targets, world.clock, silent);
    const working = targets.map(({ name: token }) =>
      tokens.work({ token, cause: 'timer', correlationId: 'c' }, silent),
    );
    expect(await health(world.get)).toEqual({ status: 200, jsonBody: { status: 'ok' } });
    expect(passes).toHaveLength(4);
    hold.resolve({ alarms: [] });
    await Promise.all(working);
    expect(passes).toHaveLength(9);
  });

  it('takes what it cannot find out for no good news', async () => {
    const world = anUpkeep();
    world.finding = new Error('no vault');
    expect(await health(world.get)).toEqual({ status: 200, jsonBody: { status: 'degraded' } });
    expect((await healthDetails(world.get)).jsonBody).toMatchObject({
      tokens: [{ state: 'unknown' }, { state: 'unknown' }],
    });
  });
});
