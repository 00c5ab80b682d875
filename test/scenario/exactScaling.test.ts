/**
 * Exactly as many Jobs as requests, however slow the agents, however often each hook arrives, however many look at
 * once. Virtual time, no faults: twenty seconds from a pod to its session, sweeps every second, two or three copies of
 * each hook, 50 to 200 ms a call.
 */
import { describe, expect, it } from 'vitest';
import { minutesMs, secondsMs } from '../../shared/domain/instant.ts';
import { aTemplate } from '../support/policyBuilders.ts';
import { aScalingWorld, exactly, type ScalingWorld, scalingPolicy, tallyOf } from '../support/scaling.ts';

describe.each([1, 2])('with %i control planes', { timeout: 60_000 }, (planes) => {
  it.each([1, 100, 500])('a burst of %i makes as many Jobs', async (requests) => {
    const world = await aScalingWorld({ planes });
    world.queue(requests);
    expect(await tallyOf(world)).toEqual(exactly(requests));
  });

  it('a second burst while the agents of the first boot makes exactly the sum', async () => {
    const world = await aScalingWorld({ planes });
    world.queue(60);
    await world.advance(secondsMs(12));
    expect(world.count.ran.size).toBe(0);
    world.queue(40);
    expect(await tallyOf(world)).toEqual(exactly(100));
  });

  it('a stream of 30 overlapping arrivals makes 30', async () => {
    const world = await aScalingWorld({ planes });
    for (let arrival = 0; arrival < 30; arrival++) {
      world.queue(1, { durationMs: secondsMs(20 + (arrival % 7) * 10) });
      await world.advance(500 + (arrival % 5) * 700);
    }
    expect(await tallyOf(world)).toEqual(exactly(30));
  });

  it('requests cancelled before pick-up leave their agents to those that come', async () => {
    const world = await aScalingWorld({ planes });
    const requests = world.queue(10);
    await world.advance(secondsMs(5));
    world.cancel(requests.filter((_, index) => index % 3 === 0));
    await world.advance(secondsMs(3));
    world.queue(4);
    expect(await tallyOf(world)).toEqual(exactly(10));
  });

  it('agents of cancelled requests that nobody needs go', async () => {
    const world = await aScalingWorld({ planes });
    const requests = world.queue(10);
    await world.advance(secondsMs(5));
    world.cancel(requests);
    const { idleMinimumMs, endGraceMs } = scalingPolicy();
    const took = await world.until(() => world.isSettled());
    expect(took).toBeLessThan(minutesMs(1) + idleMinimumMs + endGraceMs);
    expect(await tallyOf(world)).toEqual({ ...exactly(10), ran: 0 });
  });

  it('pods that no node takes are retired, then replaced by those of the fallback, one for each request', async () => {
    const spot = aTemplate({ name: 'spot', maxAgents: 1000, fallback: { template: 'onDemand', afterMs: 30_000 } });
    const onDemand = aTemplate({ name: 'onDemand', maxAgents: 1000, cost: 2 });
    const world = await aScalingWorld({
      planes,
      policies: [scalingPolicy({}, [spot, onDemand])],
      unschedulable: (template) => template === 'spot',
    });
    const from = world.clock.now();
    const requests = world.queue(20);
    const tally = await tallyOf(world);
    const { jobs, ran, mostSpare } = world.count;
    const made = (template: string): number => jobs.filter((job) => job.template === template).length;
    const fellBack = jobs.filter(({ template, reason }) => template === 'spot' && reason === 'fellBack').length;
    const firstReplacementAt = Math.min(
      ...jobs.filter((job) => job.template === 'onDemand').map((job) => job.createdAt),
    );
    // One that fell back is ended before another is made in its stead, unless somebody else looks meanwhile.
    expect(mostSpare).toBeLessThan(planes === 1 ? 1 : 3);
    expect({ spot: made('spot'), fellBack, onDemand: made('onDemand') }).toEqual({
      spot: 20,
      fellBack: 20,
      onDemand: 20,
    });
    expect(tally).toEqual({ ...exactly(20), jobs: 40 });
    expect(firstReplacementAt - from).toBeGreaterThanOrEqual(30_000);
    expect(new Set(ran.values()).size).toBe(requests.length);
  });
});

describe('a switch on the control map', { timeout: 60_000 }, () => {
  it('pauses in the middle of a burst, and all are served once it is lifted', async () => {
    const world = await aScalingWorld({ policies: [scalingPolicy({ maxCreationsPerPass: 5 })] });
    world.queue(30);
    await world.until(() => world.count.jobs.length >= 10);
    world.say({ paused: 'true' });
    // What is being created when the word is said is finished.
    await world.advance(secondsMs(5));
    const before = world.count.jobs.length;
    expect(before).toBeLessThan(25);
    world.queue(20);
    await world.advance(minutesMs(3));
    expect({ jobs: world.count.jobs.length, ran: world.count.ran.size }).toEqual({ jobs: before, ran: before });
    world.say({ paused: 'false' });
    expect(await tallyOf(world)).toEqual(exactly(50));
  });

  it('drains idle agents within seconds while busy ones finish', async () => {
    const world = await aScalingWorld();
    const requests = world.queue(15, { durationMs: minutesMs(5) });
    await world.advance(secondsMs(10));
    world.cancel(requests.slice(0, 5));
    await world.until(() => world.count.busy === 10 && world.onlineAgents() === 15);
    world.say({ drained: 'true' });
    expect(await world.until(() => world.count.live === 10)).toBeLessThanOrEqual(secondsMs(15));
    const late = world.queue(3);
    await world.until(() => world.count.ran.size === 10);
    expect(late.every((id) => !world.count.ran.has(id))).toBe(true);
    expect(world.count.jobs).toHaveLength(15);
    world.say({ drained: 'false' });
    expect(await tallyOf(world)).toEqual({ ...exactly(13), jobs: 18 });
  });
});

describe('two pools that share ten parallel jobs', { timeout: 60_000 }, () => {
  const sharing = async (planes: number, seed = 1): Promise<{ world: ScalingWorld; older: ReadonlySet<number> }> => {
    const policies = [7, 8].map((poolId) => scalingPolicy({ poolId, poolName: `pool-${poolId}` }));
    const world = await aScalingWorld({ planes, seed, policies, parallelJobs: 10 });
    const older = new Set(world.queue(40, { poolId: 7 }));
    await world.advance(secondsMs(3));
    world.queue(40, { poolId: 8 });
    return { world, older };
  };

  it.each([1, 2])('are both served by turns, with %i control planes', async (planes) => {
    const { world, older } = await sharing(planes);
    const tally = await tallyOf(world);
    const firstHalf = [...world.count.ran.keys()].slice(0, 40);
    expect(tally).toEqual(exactly(80));
    expect(world.count.mostBusy).toBe(10);
    // The first ten went before the others came; from then on by turns.
    const ofOlder = firstHalf.filter((id) => older.has(id)).length;
    expect(ofOlder).toBeGreaterThanOrEqual(18);
    expect(ofOlder).toBeLessThanOrEqual(32);
  });

  // Passes of the two overlap: each looks while the other has made some of its agents and not yet all.
  it.each([1, 2, 3])('never have more than ten agents, from seed %i', async (seed) => {
    const { world } = await sharing(1, seed);
    await tallyOf(world);
    expect(world.count.mostLive).toBe(10);
  });
});
