import { describe, expect, it } from 'vitest';
import { inProcessKubernetesApi } from '../../../../infra/local/kubernetes/inProcess.ts';
import { nameOf, uidOf } from '../../../../infra/local/kubernetes/object.ts';
import { type FaultKind, Faults, Journal } from '../../../../infra/local/world/faults.ts';
import { seededRandom } from '../../../../infra/local/world/random.ts';
import type { KubernetesApi } from '../../../../shared/adapters/kubernetes/api.ts';
import { UpstreamError } from '../../../../shared/domain/errors.ts';
import { aJob, aScene, namespace, type Scene } from './aWorld.ts';

interface Fixture extends Scene {
  readonly api: KubernetesApi;
  readonly faults: Faults;
  readonly journal: Journal;
}

function aDoor(latencyMs = 0): Fixture {
  const scene = aScene();
  const faults = new Faults();
  const journal = new Journal();
  const random = seededRandom(5);
  const common = { faults, journal, random, clock: scene.clock, latencyMs };
  const api = inProcessKubernetesApi(scene.world, { caller: 'cp1', door: 'kubernetes:one', ...common });
  return { ...scene, api, faults, journal };
}

async function outcome(promise: Promise<unknown>): Promise<unknown> {
  try {
    await promise;
    return 'ok';
  } catch (error) {
    if (!(error instanceof UpstreamError)) throw error;
    return error.retryAfterMs === undefined ? error.kind : `${error.kind} ${error.retryAfterMs}`;
  }
}

const suspended = (name: string) => aJob(name, { suspend: true });

describe('the in-process door', () => {
  it('answers whole objects and classifies what the server refuses', async () => {
    const { api } = aDoor();
    const job = await api.create('jobs', namespace, suspended('a'));
    const test = [{ op: 'test', path: '/metadata/uid', value: 'nope' }] as const;
    expect({
      again: await outcome(api.create('jobs', namespace, suspended('a'))),
      bad: await outcome(api.create('jobs', namespace, suspended('A_B'))),
      missing: await outcome(api.get('jobs', namespace, 'b')),
      failedTest: await outcome(api.patch('jobs', namespace, 'a', test)),
      otherUid: await outcome(api.delete('jobs', namespace, 'a', { uid: 'x', propagationPolicy: 'Background' })),
      listed: (await api.list('jobs', namespace)).map((each) => [each['kind'], nameOf(each)]),
      sameUid: await outcome(api.delete('jobs', namespace, 'a', { uid: uidOf(job), propagationPolicy: 'Background' })),
      gone: await outcome(api.get('jobs', namespace, 'a')),
    }).toEqual({
      again: 'conflict',
      bad: 'invalid',
      missing: 'notFound',
      failedTest: 'invalid',
      otherUid: 'conflict',
      listed: [['Job', 'a']],
      sameUid: 'ok',
      gone: 'notFound',
    });
  });

  it('writes every call into the journal', async () => {
    const { api, journal } = aDoor();
    await api.create('jobs', namespace, suspended('a'));
    await outcome(api.get('secrets', namespace, 'a'));
    await api.list('pods', namespace, { labelSelector: 'app=agents' });
    expect(
      journal.calls.map(({ door, caller, verb, target, outcome: end }) => [door, caller, verb, target, end]),
    ).toEqual([
      ['kubernetes:one', 'cp1', 'create jobs', 'agents/a', 'ok'],
      ['kubernetes:one', 'cp1', 'get secrets', 'agents/a', '404'],
      ['kubernetes:one', 'cp1', 'list pods', 'agents/app=agents', 'ok'],
    ]);
  });

  const rows: { fault: FaultKind; want: string; made: boolean }[] = [
    { fault: { kind: 'status', status: 429, retryAfterSeconds: 7 }, want: 'throttled 7000', made: false },
    { fault: { kind: 'status', status: 401 }, want: 'unauthorized', made: false },
    { fault: { kind: 'status', status: 410 }, want: 'unavailable', made: false },
    { fault: { kind: 'status', status: 503 }, want: 'unavailable', made: false },
    { fault: { kind: 'lostBefore' }, want: 'unavailable', made: false },
    { fault: { kind: 'signInPage' }, want: 'unexpected', made: false },
    { fault: { kind: 'hang' }, want: 'timeout', made: false },
    { fault: { kind: 'lostAfter' }, want: 'unavailable', made: true },
    { fault: { kind: 'nullBody' }, want: 'unexpected', made: true },
    { fault: { kind: 'truncated' }, want: 'unexpected', made: true },
    { fault: { kind: 'slow', ms: 60_000 }, want: 'timeout', made: true },
    { fault: { kind: 'slow', ms: 1000 }, want: 'ok', made: true },
  ];

  it.each(rows)('turns $fault.kind $fault.status into $want', async ({ fault, want, made }) => {
    const { api, faults, clock, world } = aDoor();
    faults.add(fault, ({ verb }) => verb === 'create jobs');
    const pending = outcome(api.create('jobs', namespace, suspended('a')));
    await clock.advance(40_000);
    const found = world.list('jobs', namespace).body['items'] as readonly unknown[];
    expect({ outcome: await pending, made: found.length === 1 }).toEqual({ outcome: want, made });
  });

  const late: { fault: FaultKind; want: string; entry: string }[] = [
    { fault: { kind: 'lostAfter' }, want: 'unavailable', entry: 'lostAfter' },
    { fault: { kind: 'nullBody' }, want: 'unexpected', entry: 'nullBody' },
    { fault: { kind: 'truncated' }, want: 'unexpected', entry: 'truncated' },
    { fault: { kind: 'slow', ms: 60_000 }, want: 'timeout', entry: 'slow' },
    { fault: { kind: 'slow', ms: 1000 }, want: 'refused', entry: 'slow' },
    { fault: { kind: 'partial', keep: 0.5 }, want: 'refused', entry: 'partial' },
  ];
  const refusals: { name: string; refusal: string; ask: (api: KubernetesApi) => Promise<unknown> }[] = [
    { name: '404', refusal: 'notFound', ask: (api) => api.get('jobs', namespace, 'b') },
    { name: '409', refusal: 'conflict', ask: (api) => api.create('jobs', namespace, suspended('a')) },
    {
      name: '422',
      refusal: 'invalid',
      ask: (api) => api.patch('jobs', namespace, 'a', [{ op: 'test', path: '/metadata/uid', value: 'nope' }]),
    },
  ];
  describe.each(refusals)('which refuses with $name', ({ refusal, ask }) => {
    it.each(late)('answers $want at $fault.kind $fault.ms', async ({ fault, want, entry }) => {
      const { api, faults, journal, clock } = aDoor();
      await api.create('jobs', namespace, suspended('a'));
      journal.clear();
      faults.add(fault, () => true);
      const startedAt = clock.now();
      const pending = outcome(ask(api));
      await clock.advance(40_000);
      const [call] = journal.calls;
      const seen = { outcome: await pending, entry: call?.outcome, tookMs: (call?.endedAt ?? 0) - startedAt };
      const tookMs = fault.kind === 'slow' ? Math.min(fault.ms, 30_000) : 0;
      expect(seen).toEqual({ outcome: want === 'refused' ? refusal : want, entry, tookMs });
    });
  });

  it('takes as long to refuse as to answer', async () => {
    const { api, clock, journal } = aDoor(100);
    const startedAt = clock.now();
    const pending = outcome(api.get('jobs', namespace, 'b'));
    await clock.advance(100);
    expect([await pending, (journal.calls[0]?.endedAt ?? 0) - startedAt]).toEqual(['notFound', 100]);
  });

  it('leaves entries out of a partial list', async () => {
    const { api, faults } = aDoor();
    for (const name of ['a', 'b', 'c', 'd']) await api.create('jobs', namespace, suspended(name));
    faults.add({ kind: 'partial', keep: 0.5 }, ({ verb }) => verb === 'list jobs');
    const partial = await api.list('jobs', namespace);
    expect(partial.length).toBeLessThan(4);
    expect(await api.list('jobs', namespace)).toHaveLength(4);
  });

  it('asks the world half its latency after the call, and answers the other half later', async () => {
    const { api, clock, world } = aDoor(100);
    let answered = false;
    const pending = api.create('jobs', namespace, suspended('a')).then(() => {
      answered = true;
    });
    const jobs = (): number => (world.list('jobs', namespace).body['items'] as readonly unknown[]).length;
    const seen: unknown[] = [];
    for (const step of [40, 20, 50]) {
      await clock.advance(step);
      seen.push([jobs(), answered]);
    }
    await pending;
    expect(seen).toEqual([
      [0, false],
      [1, false],
      [1, true],
    ]);
  });
});
