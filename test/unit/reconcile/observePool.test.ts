import { describe, expect, it } from 'vitest';
import type { FaultKind } from '../../../infra/local/world/faults.ts';
import { noControl } from '../../../shared/domain/control.ts';
import { errorKind, type UpstreamErrorKind } from '../../../shared/domain/errors.ts';
import type { Observed } from '../../../shared/plan/observed.ts';
import type { ReconcileDeps } from '../../../shared/reconcile/deps.ts';
import { type Look, longestRetryAfter, observePool } from '../../../shared/reconcile/observe.ts';
import { aControl, switched } from '../../support/builders.ts';
import { Worlds } from '../../support/pass.ts';
import { aPoolPolicy } from '../../support/policyBuilders.ts';

const twoClusters = aPoolPolicy({ clusters: ['east', 'west'] });

/** What of a look is known, part by part; an unknown one by the kind of its error. */
function told({ requests, agents, clusters, parallelJobs, control }: Observed): Record<string, unknown> {
  const part = (read: { known: boolean; error?: string }): string => (read.known ? 'known' : (read.error ?? ''));
  return {
    requests: part(requests),
    agents: part(agents),
    ...Object.fromEntries(
      clusters.flatMap(({ name, agentJobs, quotas }) => [
        [name, part(agentJobs)],
        [`${name} quotas`, quotas.error ?? 'known'],
      ]),
    ),
    parallelJobs: parallelJobs.error ?? 'known',
    control: control.error ?? 'known',
  };
}

const paused = aControl({ paused: switched() });

const known = {
  requests: 'known',
  agents: 'known',
  east: 'known',
  'east quotas': 'known',
  west: 'known',
  'west quotas': 'known',
  parallelJobs: 'known',
  control: 'known',
};

const look = (worlds: Worlds, deps: ReconcileDeps = worlds.plane().deps): Promise<Look> =>
  worlds.until(observePool(deps));

const pause = (worlds: Worlds, paused: string, cluster?: string): void => worlds.setControl({ paused }, cluster);

/** A call at the door of Azure DevOps, or of the cluster west, and which parts it makes unknown. */
const reads: readonly { readonly verb: string; readonly door: string; readonly parts: readonly string[] }[] = [
  { verb: 'listJobRequests', door: 'azureDevOps', parts: ['requests'] },
  // Without agents there is no action on the pool: the requests are not even asked for.
  { verb: 'listAgents', door: 'azureDevOps', parts: ['requests', 'agents'] },
  { verb: 'getParallelJobs', door: 'azureDevOps', parts: ['parallelJobs'] },
  { verb: 'list jobs', door: 'kubernetes:west', parts: ['west'] },
  { verb: 'list pods', door: 'kubernetes:west', parts: ['west'] },
  { verb: 'get configmaps', door: 'kubernetes:west', parts: ['control'] },
  { verb: 'list resourcequotas', door: 'kubernetes:west', parts: ['west quotas'] },
];

const status = (code: number): FaultKind => ({ kind: 'status', status: code });
const faults: readonly { readonly title: string; readonly fault: FaultKind; readonly kind: UpstreamErrorKind }[] = [
  { title: '500', fault: status(500), kind: 'unavailable' },
  { title: '429', fault: status(429), kind: 'throttled' },
  { title: '401', fault: status(401), kind: 'unauthorized' },
  { title: '403', fault: status(403), kind: 'forbidden' },
  { title: 'silence', fault: { kind: 'hang' }, kind: 'timeout' },
  { title: 'a broken connection', fault: { kind: 'lostAfter' }, kind: 'unavailable' },
  { title: 'an answer that comes too late', fault: { kind: 'slow', ms: 30_000 }, kind: 'timeout' },
];

describe('observePool', () => {
  it('knows all when every read answers', async () => {
    const worlds = new Worlds({ policy: twoClusters });
    const requestId = worlds.queueJob();
    const { observed, errors } = await look(worlds);
    expect({
      ...told(observed),
      requestIds: observed.requests.known && observed.requests.value.map(({ id }) => id),
      agentIds: observed.agents.known && observed.agents.value.map(({ id }) => id),
      optional: [observed.parallelJobs.value, observed.control.value],
      at: observed.at,
      errors,
    }).toEqual({
      ...known,
      requestIds: [requestId],
      agentIds: [1],
      optional: [{ total: 100, used: 0 }, noControl],
      at: worlds.ado.now(),
      errors: [],
    });
  });

  describe.each(reads)('when $verb of $door fails', ({ verb, door, parts }) => {
    it.each(faults)('with $title: its part alone is unknown', async ({ fault, kind }) => {
      const worlds = new Worlds({ policy: twoClusters });
      worlds.queueJob();
      pause(worlds, 'false', 'west');
      worlds.faults.add(fault, (call) => call.verb === verb && call.door === door);
      const { observed, errors } = await look(worlds);
      expect(told(observed)).toEqual({ ...known, ...Object.fromEntries(parts.map((part) => [part, kind])) });
      expect(errors).toHaveLength(1);
    });
  });

  it('takes null and a body that breaks off for unknown, never for empty', async () => {
    const worlds = new Worlds({ policy: twoClusters });
    worlds.fail('listJobRequests', { kind: 'nullBody' });
    worlds.faults.add({ kind: 'truncated' }, (call) => call.verb === 'list jobs' && call.door.endsWith('east'));
    const { observed } = await look(worlds);
    expect(told(observed)).toEqual({ ...known, requests: 'unexpected', east: 'unexpected' });
  });

  it('asks for the requests last, when every other read has been answered', async () => {
    const worlds = new Worlds({ policy: twoClusters });
    const speeds = [300, 10, 250, 40, 90];
    let turn = 0;
    const latencyMs = (): number => speeds[turn++ % speeds.length] ?? 0;
    await look(worlds, worlds.plane({ latencyMs }).deps);
    const last = worlds.journal.calls.at(-1);
    const others = worlds.journal.calls.slice(0, -1);
    expect(last?.verb).toBe('listJobRequests');
    expect(others.map(({ verb }) => verb).sort()).toEqual([
      'get configmaps',
      'get configmaps',
      'getParallelJobs',
      'list jobs',
      'list jobs',
      'list pods',
      'list pods',
      'list resourcequotas',
      'list resourcequotas',
      'listAgents',
    ]);
    expect(Math.max(...others.map(({ endedAt }) => endedAt ?? Number.POSITIVE_INFINITY))).toBeLessThanOrEqual(
      last?.at ?? 0,
    );
    // In parallel: all of them begin at once.
    expect(new Set(others.map(({ at }) => at)).size).toBe(1);
  });

  it('takes the time of the last answer of Azure DevOps, not of this machine', async () => {
    const worlds = new Worlds();
    worlds.ado.setSkew(-40_000);
    const { observed } = await look(worlds, worlds.plane({ latencyMs: 100 }).deps);
    // The list of requests is asked for after 100 ms and answered by the world 50 ms later.
    expect(observed.at).toBe(Date.UTC(2026, 0, 5, 8) + 150 - 40_000);
  });

  it('needs no parallel jobs where the configuration sets no limit: a failed read is no error', async () => {
    const worlds = new Worlds({ policy: aPoolPolicy({ parallelJobs: 'unlimited' }) });
    worlds.fail('getParallelJobs', status(403));
    const { observed, errors } = await look(worlds);
    expect([observed.parallelJobs, errors]).toEqual([{ value: undefined, error: 'forbidden' }, []]);
  });
});

describe('a slow cluster', () => {
  it.each([
    { ms: 19_999, want: known },
    { ms: 20_000, want: { ...known, west: 'timeout' } },
    { ms: 29_000, want: { ...known, west: 'timeout' } },
  ])('that takes $ms ms to list its Jobs is waited for 20 s', async ({ ms, want }) => {
    const worlds = new Worlds({ policy: twoClusters });
    worlds.faults.add({ kind: 'slow', ms }, (call) => call.verb === 'list jobs' && call.door.endsWith('west'));
    const startedAt = worlds.clock.now();
    const { observed, lookedAt } = await look(worlds);
    expect([told(observed), lookedAt - startedAt]).toEqual([want, Math.min(ms, 20_000)]);
  });

  it('whose control map is slow leaves the pause unknown after 20 s, and its Jobs known', async () => {
    const worlds = new Worlds({ policy: twoClusters });
    worlds.faults.add({ kind: 'hang' }, (call) => call.verb === 'get configmaps');
    const startedAt = worlds.clock.now();
    const { observed, lookedAt } = await look(worlds);
    expect([told(observed), lookedAt - startedAt]).toEqual([{ ...known, control: 'timeout' }, 20_000]);
  });
});

describe('the memory of optional reads', () => {
  const failBoth = (worlds: Worlds): void => {
    worlds.fail('getParallelJobs', status(500));
    worlds.fail('get configmaps', status(403));
  };
  const optional = ({ observed: { parallelJobs, control } }: Look): unknown => ({ parallelJobs, control });

  it('is empty in a new process: neither value, and why', async () => {
    const worlds = new Worlds();
    failBoth(worlds);
    expect(optional(await look(worlds))).toEqual({
      parallelJobs: { value: undefined, error: 'unavailable' },
      control: { value: undefined, error: 'forbidden' },
    });
  });

  it('gives what was read last, with the error, for as long as the reads fail', async () => {
    const worlds = new Worlds();
    pause(worlds, 'true');
    worlds.ado.setParallelJobs(3);
    const { deps } = worlds.plane();
    await look(worlds, deps);
    worlds.ado.setParallelJobs(4);
    for (let sweep = 0; sweep < 2; sweep++) {
      failBoth(worlds);
      expect(optional(await look(worlds, deps))).toEqual({
        parallelJobs: { value: { total: 3, used: 0 }, error: 'unavailable' },
        control: { value: paused, error: 'forbidden' },
      });
    }
  });

  it('is replaced by the next read: a pause that is lifted is lifted', async () => {
    const worlds = new Worlds();
    pause(worlds, 'true');
    const { deps } = worlds.plane();
    await look(worlds, deps);
    worlds.setControl({});
    expect(optional(await look(worlds, deps))).toEqual({
      parallelJobs: { value: { total: 100, used: 0 } },
      control: { value: noControl },
    });
  });

  describe('with two control maps, one of which cannot be read', () => {
    const failing = [
      { title: '403', fault: status(403), error: 'forbidden' },
      { title: 'a null body', fault: { kind: 'nullBody' }, error: 'unexpected' },
      { title: 'silence', fault: { kind: 'hang' }, error: 'timeout' },
    ] as const;
    it.each(failing)('pauses on the word of the other, at $title', async ({ fault, error }) => {
      const worlds = new Worlds({ policy: twoClusters });
      pause(worlds, 'true', 'west');
      worlds.faults.add(fault, (call) => call.verb === 'get configmaps' && call.door.endsWith('east'));
      const { observed, errors } = await look(worlds);
      expect([observed.control, errors.map(errorKind)]).toEqual([{ value: paused, error }, [error]]);
    });

    it.each(failing)('goes by the other where it says nothing, with the error, at $title', async ({ fault, error }) => {
      const worlds = new Worlds({ policy: twoClusters });
      pause(worlds, 'false', 'west');
      worlds.faults.add(fault, (call) => call.verb === 'get configmaps' && call.door.endsWith('east'));
      expect((await look(worlds)).observed.control).toEqual({ value: noControl, error });
    });
  });

  it.each([
    { given: 'true', want: true },
    { given: 'false', want: false },
    { given: 'True', want: true },
  ])('reads paused: $given on one of two maps as $want', async ({ given, want }) => {
    const worlds = new Worlds({ policy: twoClusters });
    pause(worlds, given);
    expect((await look(worlds)).observed.control).toEqual({ value: want ? paused : noControl });
  });
});

describe('the time to stay away', () => {
  it('is the longest that Azure DevOps asked for; a throttled cluster delays nobody else', async () => {
    const worlds = new Worlds({ policy: twoClusters });
    worlds.fail('getParallelJobs', { kind: 'status', status: 429, retryAfterSeconds: 7 });
    worlds.fail('listAgents', { kind: 'status', status: 503, retryAfterSeconds: 5 });
    worlds.fail('list jobs', { kind: 'status', status: 503, retryAfterSeconds: 20 });
    worlds.fail('get configmaps', status(500));
    expect(longestRetryAfter((await look(worlds)).errors)).toBe(7000);
  });

  it('is not set where nobody asked', async () => {
    const worlds = new Worlds();
    worlds.fail('listAgents', status(429));
    worlds.fail('list jobs', { kind: 'status', status: 429, retryAfterSeconds: 20 });
    expect(longestRetryAfter((await look(worlds)).errors)).toBeUndefined();
  });
});
