import { describe, expect, it } from 'vitest';
import type { FaultKind } from '../../../infra/local/world/faults.ts';
import { noControl } from '../../../shared/domain/control.ts';
import { observePool } from '../../../shared/reconcile/observe.ts';
import { readParallelJobs } from '../../../shared/reconcile/optionalReads.ts';
import { aControl, switched } from '../../support/builders.ts';
import { namespace, type Plane, Worlds } from '../../support/pass.ts';
import { aPoolPolicy } from '../../support/policyBuilders.ts';

const twoClusters = aPoolPolicy({ clusters: ['east', 'west'] });
const status = (code: number): FaultKind => ({ kind: 'status', status: code });

const say = (worlds: Worlds, cluster: string, data: Readonly<Record<string, string>>): void =>
  worlds.setControl(data, cluster);

const fail = (worlds: Worlds, verb: string, ...clusters: readonly string[]): void => {
  for (const cluster of clusters)
    worlds.faults.add(status(500), (call) => call.verb === verb && call.door.endsWith(cluster));
};

const look = async (worlds: Worlds, plane: Plane) => (await worlds.until(observePool(plane.deps))).observed;

describe('the control maps of several clusters', () => {
  const paused = { paused: 'true' };
  const drained = { 'drained.linux': 'true' };
  const isPaused = { paused: switched() };
  const isDrained = { drained: switched('linux') };

  it('are one: what any of them says holds', async () => {
    const worlds = new Worlds({ policy: twoClusters });
    say(worlds, 'east', paused);
    say(worlds, 'west', { ...drained, 'mayfly.generation': '4' });
    expect((await look(worlds, worlds.plane())).control).toEqual({
      value: aControl({ ...isPaused, ...isDrained, generation: 4 }),
    });
  });

  it('keep a pause while the map that says so cannot be read', async () => {
    const worlds = new Worlds({ policy: twoClusters });
    const plane = worlds.plane();
    say(worlds, 'east', paused);
    await look(worlds, plane);
    for (let sweep = 0; sweep < 2; sweep++) {
      fail(worlds, 'get configmaps', 'east');
      expect((await look(worlds, plane)).control).toEqual({ value: aControl(isPaused), error: 'unavailable' });
    }
    expect((await look(worlds, plane)).control).toEqual({ value: aControl(isPaused) });
  });

  it('take up what the readable one says beside what was read last', async () => {
    const worlds = new Worlds({ policy: twoClusters });
    const plane = worlds.plane();
    say(worlds, 'east', paused);
    await look(worlds, plane);
    say(worlds, 'west', drained);
    fail(worlds, 'get configmaps', 'east');
    expect((await look(worlds, plane)).control).toEqual({
      value: aControl({ ...isPaused, ...isDrained }),
      error: 'unavailable',
    });
  });

  it.each([
    { name: 'whose other map was read before', before: true },
    { name: 'though no look has read all maps yet', before: false },
  ])('keep a pause that one map told while the other failed, when both fail: a pool $name', async ({ before }) => {
    const worlds = new Worlds({ policy: twoClusters });
    const plane = worlds.plane();
    if (before) await look(worlds, plane);
    say(worlds, 'west', paused);
    const seen: unknown[] = [];
    for (const failing of [['east'], ['east', 'west'], ['west'], []]) {
      fail(worlds, 'get configmaps', ...failing);
      seen.push((await look(worlds, plane)).control);
    }
    const unread = { value: aControl(isPaused), error: 'unavailable' };
    expect(seen).toEqual([unread, unread, unread, { value: aControl(isPaused) }]);
  });

  it('are unknown while none of them has ever been read', async () => {
    const worlds = new Worlds({ policy: twoClusters });
    fail(worlds, 'get configmaps', 'east', 'west');
    expect((await look(worlds, worlds.plane())).control).toEqual({ value: undefined, error: 'unavailable' });
  });

  it('lift a pause only by a look that reads all of them', async () => {
    const worlds = new Worlds({ policy: twoClusters });
    const plane = worlds.plane();
    say(worlds, 'east', paused);
    await look(worlds, plane);
    say(worlds, 'east', {});
    fail(worlds, 'get configmaps', 'west');
    expect((await look(worlds, plane)).control).toEqual({ value: aControl(isPaused), error: 'unavailable' });
    expect((await look(worlds, plane)).control).toEqual({ value: noControl });
  });

  it('tell what cannot be meant', async () => {
    const worlds = new Worlds({ policy: twoClusters });
    say(worlds, 'west', { paused: 'maybe' });
    expect((await look(worlds, worlds.plane())).control).toEqual({
      value: aControl({ ...isPaused, problems: ['paused must be true or false; found "maybe"'] }),
    });
  });
});

describe('the quotas of several clusters', () => {
  const quota = (hard: Readonly<Record<string, string>>) => ({
    apiVersion: 'v1',
    kind: 'ResourceQuota',
    metadata: { name: 'agents' },
    spec: { hard },
  });

  it('are remembered each on its own', async () => {
    const worlds = new Worlds({ policy: twoClusters });
    worlds.world('east').create('resourcequotas', namespace, quota({ pods: '7' }));
    const plane = worlds.plane();
    await worlds.clock.advance(1000);
    const quotas = async () => (await look(worlds, plane)).clusters.map((cluster) => cluster.quotas);
    expect(await quotas()).toEqual([{ value: [{ pods: 7 }] }, { value: [] }]);
    fail(worlds, 'list resourcequotas', 'east', 'west');
    expect(await quotas()).toEqual([
      { value: [{ pods: 7 }], error: 'unavailable' },
      { value: [], error: 'unavailable' },
    ]);
    expect(await quotas()).toEqual([{ value: [{ pods: 7 }] }, { value: [] }]);
  });

  it('are unknown without memory: no limit of ours, with the error', async () => {
    const worlds = new Worlds();
    fail(worlds, 'list resourcequotas', 'primary');
    const { clusters } = await look(worlds, worlds.plane());
    expect(clusters.map((cluster) => cluster.quotas)).toEqual([{ value: undefined, error: 'unavailable' }]);
  });
});

describe('readParallelJobs', () => {
  const organisation = (short: string) => ({ name: short, url: `https://dev.azure.com/${short}`, short });
  const ownPools = { getParallelJobs: async () => ({ total: 10, used: 3 }) };
  const lookAt = (short: string, used: number) => {
    const { deps } = new Worlds({ policy: aPoolPolicy({ organisation: organisation(short) }) }).plane();
    return { ...deps, pools: { ...deps.pools, getParallelJobs: async () => ({ total: 10, used }) } };
  };
  const own = () => {
    const { deps } = new Worlds().plane();
    return { ...deps, pools: { ...deps.pools, ...ownPools } };
  };

  it.each([
    { name: 'of an organisation that is alone', group: [], want: 3 },
    { name: 'of other pools of the same organisation, once', group: [['contoso', 3] as const], want: 3 },
    {
      name: 'of each other organisation, once',
      group: [
        ['birch', 2],
        ['birch', 2],
        ['elm', 4],
      ] as const,
      want: 9,
    },
  ])('counts what is in use: $name', async ({ group, want }) => {
    const others = group.map(([short, used]) => lookAt(short, used));
    expect(await readParallelJobs(own(), others)).toEqual({ total: 10, used: want });
  });

  it('is unknown when one organisation does not tell', async () => {
    const silent = lookAt('elm', 0);
    const pools = { ...silent.pools, getParallelJobs: () => Promise.reject(new Error('no')) };
    await expect(readParallelJobs(own(), [{ ...silent, pools }])).rejects.toThrow('no');
  });
});
