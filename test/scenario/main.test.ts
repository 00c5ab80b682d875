/** The built control plane in its host against all stand-ins over sockets: pipeline jobs go in, served ones come out. */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { buildFunctions, entryPath } from '../../infra/build.ts';
import { isClean } from '../../infra/local/start/leftOvers.ts';
import { type LocalSystem, startLocalSystem } from '../../infra/local/start/localSystem.ts';
import { narrate, type Step } from '../../infra/local/start/narrator.ts';
import type { PodTimes } from '../../infra/local/start/podTimes.ts';

/** Everything in a blink; what is decided is the same. */
const podTimes: PodTimes = { schedule: [5, 50], pull: [10, 80], start: [5, 30], agent: [5, 50] };
/** Read at every event. */
const disorder: { times?: number; shuffleMs?: number } = {};
const limitMs = 60_000;

let directory: string;
let system: LocalSystem;

beforeAll(async () => {
  directory = await mkdtemp(join(tmpdir(), 'mayfly-scenario-'));
  await buildFunctions(directory);
  system = await startLocalSystem({
    portBase: 0,
    host: true,
    main: join(directory, entryPath),
    seed: 1,
    podTimes,
    hooks: { latencyMs: 50, disorder },
    // A sweep is spread over its period.
    settings: { MAYFLY_SWEEP: '*/2 * * * * *' },
  });
  await system.sweep();
  await until(() => system.leftOvers().placeholders.length === 4);
}, limitMs);

afterAll(async () => {
  await system.close();
  await rm(directory, { recursive: true, force: true });
});

async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await system.clock.sleep(20);
}

interface Story {
  readonly results: readonly (string | undefined)[];
  /** Kubernetes Jobs that were made for it. */
  readonly jobs: number;
  readonly hookCalls: number;
}

const hookCalls = (): number =>
  system.host?.invocations.filter(({ functionName }) => functionName === 'hook').length ?? 0;

/** Seven jobs over both pools, to their end and until nothing of them is left. */
async function serveSome(): Promise<Story> {
  const before = { jobs: system.ledger.agentJobs.size, hooks: hookCalls() };
  const queue = (pool: string, demands: readonly string[] = []): number => {
    const queued = system.queueJob(pool, { demands, durationMs: 200 });
    if (queued.kind === 'refused') throw new Error(queued.message);
    return queued.requestId;
  };
  const ids = [
    ...Array.from({ length: 4 }, () => queue('linux')),
    ...Array.from({ length: 3 }, () => queue('web', ['node22'])),
  ];
  await until(() => ids.every((id) => system.ledger.requests.get(id)?.finishedAt !== undefined));
  await until(() => isClean(system.leftOvers()));
  await until(() => system.devOpsServer.hookDelivery.notifications.every(({ status }) => status === 'completed'));
  await system.host?.idle();
  return {
    results: ids.map((id) => system.ledger.requests.get(id)?.result),
    jobs: system.ledger.agentJobs.size - before.jobs,
    hookCalls: hookCalls() - before.hooks,
  };
}

function setHooks(status: 'enabled' | 'disabledByUser'): void {
  for (const subscription of system.devOpsServer.subscriptions.list()) subscription.status = status;
}

const served = Array.from({ length: 7 }, () => 'succeeded');

describe('pipeline jobs over two pools', { timeout: limitMs }, () => {
  it('are served by one Job each, and nothing but placeholders is left', async () => {
    expect(await serveSome()).toEqual({ results: served, jobs: 7, hookCalls: 21 });
    expect(system.leftOvers().placeholders).toHaveLength(4);
    expect(system.agentFailures).toEqual([]);
  });

  it('are served by the sweep alone when no hook arrives', async () => {
    setHooks('disabledByUser');
    try {
      expect(await serveSome()).toEqual({ results: served, jobs: 7, hookCalls: 0 });
    } finally {
      setHooks('enabled');
    }
  });

  it('get no Job more when each event comes five times and out of order', async () => {
    Object.assign(disorder, { times: 5, shuffleMs: 1000 });
    const { results, jobs } = await serveSome();
    expect({ results, jobs }).toEqual({ results: served, jobs: 7 });
  });

  it('tell their story step by step', async () => {
    const steps: Step[] = [];
    const stop = narrate(system, (step) => steps.push(step));
    const queued = system.queueJob('linux', { demands: ['size -equals large'], durationMs: 100 });
    await until(() => steps.some(({ what }) => what === 'gone'));
    stop();
    const requestId = queued.kind === 'queued' ? queued.requestId : undefined;
    const own = steps.filter((step) => step.requestId === requestId && step.what !== 'hook');
    const told = 'waiting Job registered started running online taken succeeded deleted gone';
    expect(own.map(({ what }) => what).join(' ')).toBe(told);
    expect(own[0]?.detail).toBe('demands size -equals large');
  });

  it('leave no message behind that nobody could work on', () => {
    expect(system.serviceBus.queue('mayfly-intents').deadLettered).toEqual([]);
    expect(system.host?.invocations.filter(({ outcome }) => outcome === 'failed')).toEqual([]);
  });
});
