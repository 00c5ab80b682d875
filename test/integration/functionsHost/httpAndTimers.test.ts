import { fileURLToPath } from 'node:url';
import type { HttpRequest, InvocationContext, Timer } from '@azure/functions';
import { app } from '@azure/functions';
import { afterEach, describe, expect, it } from 'vitest';
import type { FunctionsHost, FunctionsHostOptions } from '../../../infra/local/functionsHost/functionsHost.ts';
import { startFunctionsHost } from '../../../infra/local/functionsHost/functionsHost.ts';
import type { ScheduleStatus } from '../../../infra/local/functionsHost/timers.ts';
import { VirtualClock } from '../../../infra/local/world/clock.ts';

const hosts: FunctionsHost[] = [];

afterEach(async () => {
  for (const host of hosts.splice(0)) await host.close();
});

async function start(options: FunctionsHostOptions): Promise<FunctionsHost> {
  const host = await startFunctionsHost(options);
  hosts.push(host);
  return host;
}

const keys = { master: 'the-master', host: 'the-host', functions: { guarded: 'its-own' } };

describe('HTTP triggers', () => {
  const register = (): void => {
    app.http('echo', {
      methods: ['POST'],
      route: 'items/{id:int}/{rest?}',
      handler: async (request: HttpRequest) => ({
        status: 201,
        headers: { 'x-way': 'back' },
        jsonBody: { id: request.params['id'], q: request.query.get('q'), body: await request.text() },
      }),
    });
    app.http('nothing', { methods: ['GET'], handler: () => undefined as never });
    app.http('broken', {
      methods: ['GET'],
      handler: () => {
        throw new Error('boom');
      },
    });
    app.http('guarded', { methods: ['GET'], authLevel: 'function', handler: () => ({ body: 'in' }) });
    app.http('admin', { methods: ['GET'], authLevel: 'admin', route: 'owners', handler: () => ({ body: 'in' }) });
  };

  it('routes by template and method, below the prefix of host.json', async () => {
    const hostJson = { version: '2.0', extensions: { http: { routePrefix: 'v1' } } };
    const host = await start({ register, hostJson });
    const reply = await fetch(`${host.url}/v1/items/7?q=x`, { method: 'POST', body: 'hello' });
    expect([reply.status, reply.headers.get('x-way'), await reply.json()]).toEqual([
      201,
      'back',
      { id: '7', q: 'x', body: 'hello' },
    ]);
    const statuses = await Promise.all(
      [
        fetch(`${host.url}/v1/items/seven`, { method: 'POST' }),
        fetch(`${host.url}/v1/items/7`),
        fetch(`${host.url}/api/items/7`, { method: 'POST' }),
      ].map(async (call) => (await call).status),
    );
    expect(statuses).toEqual([404, 404, 404]);
  });

  it('answers 204 for no result and an empty 500 for a throw', async () => {
    const host = await start({ register });
    const nothing = await fetch(`${host.url}/api/nothing`);
    const broken = await fetch(`${host.url}/api/broken`);
    expect([nothing.status, broken.status, await broken.text()]).toEqual([204, 500, '']);
    expect(host.invocations.map(({ functionName, outcome }) => [functionName, outcome])).toEqual([
      ['nothing', 'succeeded'],
      ['broken', 'failed'],
    ]);
  });

  const rows = [
    { name: 'no key', path: '/api/guarded', headers: {}, want: 401 },
    { name: 'a wrong key', path: '/api/guarded?code=nope', headers: {}, want: 401 },
    { name: 'the function key', path: '/api/guarded?code=its-own', headers: {}, want: 200 },
    { name: 'the host key as header', path: '/api/guarded', headers: { 'x-functions-key': 'the-host' }, want: 200 },
    { name: 'the host key at admin level', path: '/api/owners?code=the-host', headers: {}, want: 401 },
    { name: 'the master key at admin level', path: '/api/owners?code=the-master', headers: {}, want: 200 },
    { name: 'the host status with the master key', path: '/admin/host/status?code=the-master', headers: {}, want: 200 },
    { name: 'the host status without it', path: '/admin/host/status', headers: {}, want: 401 },
    { name: 'an admin call that is not modelled', path: '/admin/host/keys?code=the-master', headers: {}, want: 501 },
  ];

  it.each(rows)('answers $want for $name', async ({ path, headers, want }) => {
    const host = await start({ register, keys });
    expect((await fetch(host.url + path, { headers })).status).toBe(want);
  });

  it('holds calls back while it starves', async () => {
    const host = await start({ register });
    host.starve(150);
    const asked = performance.now();
    await fetch(`${host.url}/api/nothing`);
    expect(performance.now() - asked).toBeGreaterThanOrEqual(140);
  });
});

describe('settings and logs', () => {
  it('puts settings into the environment, takes them back, and hands every line to onLog', async () => {
    const lines: string[][] = [];
    const host = await start({
      settings: { MAYFLY_TEST_SETTING: 'here' },
      onLog: (...line) => lines.push(line),
      register: () => {
        app.http('talk', {
          methods: ['GET'],
          handler: (_request: HttpRequest, context: InvocationContext) => {
            context.warn('careful');
            console.log('plain', 1);
            return { body: process.env['MAYFLY_TEST_SETTING'] ?? '' };
          },
        });
      },
    });
    expect(await (await fetch(`${host.url}/api/talk`)).text()).toBe('here');
    expect(lines).toEqual([
      ['talk', 'warning', 'careful'],
      ['talk', 'information', 'plain 1'],
    ]);
    await hosts.pop()?.close();
    expect(process.env['MAYFLY_TEST_SETTING']).toBeUndefined();
  });

  it('starts an app from its path, and once more in the same process', async () => {
    const main = fileURLToPath(new URL('testApp.ts', import.meta.url));
    for (const _ of [1, 2]) {
      const host = await start({ main });
      expect(await (await fetch(`${host.url}/api/hello`)).text()).toBe('hello');
      await hosts.pop()?.close();
    }
  });

  it('refuses an app that registers nothing and leaves nothing behind', async () => {
    const given = { register: () => {}, settings: { MAYFLY_TEST_SETTING: 'here' } };
    await expect(startFunctionsHost(given)).rejects.toThrow(/No job functions found/);
    expect(process.env['MAYFLY_TEST_SETTING']).toBeUndefined();
  });

  it('refuses a setting that does not exist', async () => {
    const register = (): void => app.timer('t', { schedule: '%MAYFLY_NO_SUCH%', handler: () => {} });
    await expect(startFunctionsHost({ register })).rejects.toThrow(/no such app setting/);
  });
});

describe('timer triggers', () => {
  const eight = Date.UTC(2026, 0, 5, 8);
  const iso = (at: number): string => new Date(at).toISOString();

  function timerApp(options: { schedule: string; runOnStartup?: boolean; handler?: () => Promise<void> | void }): {
    seen: Timer[];
    register: () => void;
  } {
    const seen: Timer[] = [];
    const handler = async (timer: Timer): Promise<void> => {
      seen.push(timer);
      await options.handler?.();
    };
    return { seen, register: () => app.timer('tick', { ...options, handler }) };
  }

  it('runs by the schedule of a setting and moves the status on, also after a failure', async () => {
    const clock = new VirtualClock(eight);
    const { seen, register } = timerApp({
      schedule: '%WHEN%',
      handler: () => {
        throw new Error('boom');
      },
    });
    await start({ register, clock, settings: { WHEN: '0 */5 * * * *' } });
    await clock.advance(11 * 60_000);
    const schedule = { adjustForDST: true };
    expect(seen).toEqual([
      {
        schedule,
        isPastDue: false,
        scheduleStatus: { last: '0001-01-01T00:00:00', next: iso(eight + 300_000), lastUpdated: iso(eight) },
      },
      {
        schedule,
        isPastDue: false,
        scheduleStatus: { last: iso(eight + 300_000), next: iso(eight + 600_000), lastUpdated: iso(eight + 300_000) },
      },
    ]);
  });

  it('catches up once when the stored next run has gone by, and not when the schedule has changed', async () => {
    const schedules = new Map<string, ScheduleStatus>();
    const stored = { last: eight - 600_000, next: eight - 300_000, lastUpdated: eight - 600_000 };
    const pastDue = async (schedule: string): Promise<readonly boolean[]> => {
      schedules.set('tick', stored);
      const { seen, register } = timerApp({ schedule });
      const host = await start({ register, schedules, clock: new VirtualClock(eight + 1_000) });
      await host.idle();
      return seen.map(({ isPastDue }) => isPastDue);
    };
    expect([await pastDue('0 */5 * * * *'), await pastDue('0 0 */2 * * *')]).toEqual([[true], []]);
  });

  it('has no status below a minute, and runs at the start if told to', async () => {
    const { seen, register } = timerApp({ schedule: '*/30 * * * * *', runOnStartup: true });
    const host = await start({ register, clock: new VirtualClock(eight) });
    await host.idle();
    expect(seen).toEqual([{ schedule: { adjustForDST: true }, scheduleStatus: null, isPastDue: false }]);
  });

  it('never overlaps, and follows a run that was too long at once', async () => {
    const clock = new VirtualClock(eight);
    const spans: string[] = [];
    const { register } = timerApp({
      schedule: '0 * * * * *',
      handler: async () => {
        const from = (clock.now() - eight) / 1_000;
        if (spans.length === 0) await clock.sleep(90_000);
        spans.push(`${from}-${(clock.now() - eight) / 1_000}`);
      },
    });
    const host = await start({ register, clock });
    await clock.advance(185_000);
    await host.idle();
    expect(spans).toEqual(['60-150', '150.001-150.001', '180-180']);
  });

  it('runs on POST /admin/functions/{name} with the master key and a JSON body', async () => {
    const { seen, register } = timerApp({ schedule: '0 0 4 * * *' });
    const host = await start({ register, keys, clock: new VirtualClock(eight) });
    const call = async (code: string, body: string): Promise<number> =>
      (await fetch(`${host.url}/admin/functions/tick?code=${code}`, { method: 'POST', body })).status;
    expect([await call('nope', '{}'), await call('the-master', ''), await call('the-master', '{"input":""}')]).toEqual([
      401, 400, 202,
    ]);
    await host.idle();
    expect(seen.map(({ isPastDue }) => isPastDue)).toEqual([false]);
  });

  it.each(['nonsense', '* * * *', '0 0 0 L * *', '0 0 0 ? * *'])('refuses the schedule %s', async (schedule) => {
    await expect(startFunctionsHost({ register: timerApp({ schedule }).register })).rejects.toThrow(/not recognized/);
  });
});
