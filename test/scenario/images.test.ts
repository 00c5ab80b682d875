/** An image is rebuilt, tried and brought into force, or not; meanwhile every request is served. */
import { describe, expect, it } from 'vitest';
import { hoursMs, minutesMs, secondsMs } from '../../shared/domain/instant.ts';
import { digest } from '../support/images.ts';
import { anImagesWorld, type ImagesOptions, type ImagesWorld } from '../support/imagesWorld.ts';

const [a, b, c] = [digest('a'), digest('b'), digest('c')];
const w10 = 'linux-2026-W10';

interface End {
  readonly inForce?: string;
  readonly candidate?: string;
  readonly good?: readonly string[];
  readonly rolledBack?: readonly string[];
  readonly build?: string;
  readonly starts?: readonly string[];
  readonly cancelled?: readonly string[];
  readonly alarms?: readonly string[];
}

/** What the tag stands for at first is in force. */
const nothing: End = {
  inForce: a,
  good: [],
  rolledBack: [],
  starts: [],
  cancelled: [],
  alarms: [],
};

async function endOf(world: ImagesWorld): Promise<End> {
  const { inForce, candidate, good, rolledBack, build } = await world.state();
  return {
    good: good.map((each) => each.digest),
    rolledBack: rolledBack.map((each) => `${each.digest} ${each.reason}`),
    starts: world.starts,
    cancelled: world.cancelled,
    alarms: [...world.alarms].toSorted(),
    ...(inForce === undefined ? {} : { inForce: inForce.digest }),
    ...(candidate === undefined ? {} : { candidate: candidate.digest }),
    ...(build === undefined ? {} : { build: `${build.key} ${build.state} ${build.try}` }),
  };
}

interface Served {
  readonly ran: number;
  readonly violations: readonly string[];
}

/** What became of all requests, after everything is over. */
async function servedBy(world: ImagesWorld): Promise<Served> {
  const violations = await world.scaling.settle();
  return { ran: world.scaling.count.ran.size, violations };
}

const beforeBuild = minutesMs(55);

/** Requests by day from an hour before the build is due; answers how many there were. */
async function aDay(world: ImagesWorld, requests = 30): Promise<number> {
  await world.clock.advance(beforeBuild);
  return world.work(requests);
}

describe('the image of a pool', { timeout: 60_000 }, () => {
  it('is built on Sunday, proven by two agents and then run by all', async () => {
    const world = await anImagesWorld();
    await world.clock.advance(minutesMs(75));
    expect(await endOf(world)).toEqual({ ...nothing, candidate: b, starts: [w10], build: `${w10} done 1` });
    world.scaling.queue(6, { durationMs: minutesMs(2) });
    const queued = 6 + (await world.work(6));
    const end = { ...nothing, inForce: b, good: [a], starts: [w10], build: `${w10} done 1` };
    expect(await endOf(world)).toEqual(end);
    expect([world.trials.trials.length, world.trials.most()]).toEqual([2, 1]);
    expect(await servedBy(world)).toEqual({ ran: queued, violations: [] });
  });

  it('is built a second time where the first one fails, and no third time that week', async () => {
    const world = await anImagesWorld();
    world.end = 'fails';
    const queued = await aDay(world);
    const starts = [w10, `${w10}-t2`];
    const build = `${w10} failed 2`;
    expect(await endOf(world)).toEqual({
      ...nothing,
      starts,
      build,
      alarms: [`imageBuildFailed linux: ${w10}: failed`],
    });
    expect((await world.state()).excerpt).toBe('error: no space left on device');
    world.end = 'pushes';
    await world.clock.advance(hoursMs(24 * 7));
    expect(await endOf(world)).toMatchObject({ candidate: b, starts: [...starts, 'linux-2026-W11'] });
    expect(await servedBy(world)).toEqual({ ran: queued, violations: [] });
  });

  it('is given up and built anew where a build hangs', async () => {
    const world = await anImagesWorld();
    world.end = 'hangs';
    await world.clock.advance(minutesMs(90));
    world.end = 'pushes';
    const queued = await aDay(world);
    const want = { inForce: b, good: [a], starts: [w10, `${w10}-t2`], cancelled: ['1'], build: `${w10} done 2` };
    expect(await endOf(world)).toEqual({ ...nothing, ...want });
    expect(await servedBy(world)).toEqual({ ran: queued, violations: [] });
  });

  it('is built once though nobody hears that the build has begun', async () => {
    const world = await anImagesWorld();
    world.lostReplies = 1;
    const queued = await aDay(world);
    expect(await endOf(world)).toEqual({ ...nothing, inForce: b, good: [a], starts: [w10], build: `${w10} done 1` });
    expect(await servedBy(world)).toEqual({ ran: queued, violations: [] });
  });

  it.each([
    { name: 'is pulled by no node', broken: { b: 'pull' } },
    { name: 'ends before it has a session', broken: { b: { kind: 'crashesAtStart' } } },
    { name: 'never gets a session', broken: { b: { kind: 'neverConnects' } } },
  ] as const)('goes back by itself where the new one $name', async ({ broken }) => {
    const world = await anImagesWorld({ broken });
    await world.clock.advance(minutesMs(75));
    // A burst: of all these one may get the new image.
    const first = world.scaling.queue(12, { durationMs: minutesMs(1) });
    const queued = first.length + (await world.work(20));
    expect(await endOf(world)).toEqual({
      ...nothing,
      rolledBack: [`${b} neverStarted`],
      starts: [w10],
      build: `${w10} done 1`,
      alarms: [`imageRolledBack linux: ${b.slice(0, 19)}: neverStarted`],
    });
    expect([world.trials.trials.length, world.trials.most()]).toEqual([1, 1]);
    // The next week builds the same once more: it stays what it was.
    world.pushes = ['b'];
    await world.clock.advance(hoursMs(24 * 7));
    expect(await endOf(world)).toMatchObject({ rolledBack: [`${b} neverStarted`], starts: [w10, 'linux-2026-W11'] });
    expect(await endOf(world)).not.toHaveProperty('candidate');
    expect(await servedBy(world)).toEqual({ ran: queued, violations: [] });
  });

  it('makes the request of a failed agent wait no longer than that agent took', async () => {
    const world = await anImagesWorld({ broken: { b: { kind: 'crashesAtStart' } } });
    await world.clock.advance(minutesMs(75));
    const from = world.clock.now();
    world.scaling.queue(1, { durationMs: secondsMs(30) });
    await world.scaling.until(() => world.scaling.count.ran.size === 1);
    // Twice the twenty seconds of a start, the job, and a look or two; the pause after a failure alone is longer.
    expect(world.clock.now() - from).toBeLessThan(minutesMs(2));
    expect(await servedBy(world)).toEqual({ ran: 1, violations: [] });
  });

  it('waits for a registry that is down, and goes on with what was in force', async () => {
    const world = await anImagesWorld();
    world.registryIsDown = true;
    const queued = await aDay(world);
    expect(await endOf(world)).toEqual({ ...nothing, starts: [w10], build: `${w10} built 1` });
    world.registryIsDown = false;
    const more = await world.work(6);
    expect(await endOf(world)).toEqual({ ...nothing, inForce: b, good: [a], starts: [w10], build: `${w10} done 1` });
    expect(await servedBy(world)).toEqual({ ran: queued + more, violations: [] });
  });

  it.each([
    { name: 'skip', startsAt: Date.UTC(2026, 2, 28, 12), week: '2026-W12', weeks: ['W13', 'W14'] },
    { name: 'show twice', startsAt: Date.UTC(2026, 9, 24, 12), week: '2026-W42', weeks: ['W43', 'W44'] },
  ])('is built once a week at an hour that clocks $name', async ({ startsAt, week, weeks }) => {
    const schedule = { weekday: 0, hour: 2, zone: 'Europe/Berlin' } as const;
    const world = await anImagesWorld({ startsAt, week, image: { schedule }, planes: 2 });
    await world.clock.advance(hoursMs(24 * 8));
    const starts = weeks.map((each) => `linux-2026-${each}`);
    expect(await endOf(world)).toEqual({ ...nothing, candidate: c, starts, build: `${starts[1]} done 1` });
    expect(await servedBy(world)).toEqual({ ran: 0, violations: [] });
  });

  it.each([
    { name: 'works', broken: {}, want: { inForce: b, good: [a] } },
    { name: 'does not start', broken: { b: 'pull' }, want: { rolledBack: [`${b} neverStarted`] } },
  ] as const)('is looked after by two control planes: the new one $name', async ({ broken, want }) => {
    const world = await anImagesWorld({ planes: 2, broken });
    world.lostReplies = 1;
    await world.clock.advance(minutesMs(75));
    const first = world.scaling.queue(12, { durationMs: minutesMs(1) });
    const queued = first.length + (await world.work(20));
    expect(await endOf(world)).toMatchObject({ ...want, starts: [w10], build: `${w10} done 1` });
    expect(world.trials.most()).toBeLessThanOrEqual(2);
    expect(await servedBy(world)).toEqual({ ran: queued, violations: [] });
  });
});

describe('people', { timeout: 60_000 }, () => {
  /** The image of the tenth week is in force. */
  async function proven(options: ImagesOptions = {}): Promise<ImagesWorld> {
    const world = await anImagesWorld(options);
    await aDay(world);
    return world;
  }

  it('go back to the image before, which is never tried again by itself', async () => {
    const world = await proven();
    world.write('requested', 'rollback');
    world.pushes = ['b'];
    await world.clock.advance(hoursMs(1));
    expect(await endOf(world)).toMatchObject({ inForce: a, good: [], rolledBack: [`${b} requested`], alarms: [] });
    expect((await world.state()).requested).toBeUndefined();
    await world.clock.advance(hoursMs(24 * 7));
    expect(await endOf(world)).toMatchObject({ inForce: a, rolledBack: [`${b} requested`] });
    world.write('requested', `try ${b}`);
    await world.work(20);
    expect(await endOf(world)).toMatchObject({ inForce: b, good: [a] });
    expect(await servedBy(world)).toEqual({ ran: 50, violations: [] });
  });

  it('have it built on demand, each time they ask', async () => {
    const world = await proven();
    for (const turn of [1, 2]) {
      world.write('requested', 'build');
      await world.clock.advance(hoursMs(2));
      expect(world.starts).toHaveLength(1 + turn);
    }
    expect(new Set(world.starts).size).toBe(3);
    expect(await servedBy(world)).toEqual({ ran: 30, violations: [] });
  });

  it('are told of an image that somebody else pushed, which nobody runs', async () => {
    const world = await proven();
    world.push('e');
    const more = await world.work(20);
    const alarms = [`imageMoved linux: registry.contoso.example/agent:weekly is ${digest('e').slice(0, 19)}`];
    expect(await endOf(world)).toMatchObject({ inForce: b, alarms });
    expect(await endOf(world)).not.toHaveProperty('candidate');
    world.write('requested', 'build');
    await world.clock.advance(hoursMs(3));
    expect(await endOf(world)).toMatchObject({ candidate: c });
    expect((await world.state()).moved).toBeUndefined();
    expect(await servedBy(world)).toEqual({ ran: 30 + more, violations: [] });
  });

  it('may have such an image tried like one that was built', async () => {
    const world = await proven({ image: { followTag: true } });
    world.push('e');
    const more = await world.work(30);
    expect(await endOf(world)).toMatchObject({ inForce: digest('e'), good: [b, a], alarms: [] });
    expect(await servedBy(world)).toEqual({ ran: 30 + more, violations: [] });
  });

  it('are told when the image in force is old', async () => {
    const world = await proven({ image: { maxAgeMs: hoursMs(24) } });
    world.end = 'hangs';
    await world.clock.advance(hoursMs(30));
    expect([...world.alarms]).toContainEqual(expect.stringMatching(/^imageOld linux: built 2[4-9] hours ago$/));
    expect(await servedBy(world)).toEqual({ ran: 30, violations: [] });
  });

  it('damage a value: it is told and kept, and what it stands for is left alone', async () => {
    const world = await anImagesWorld();
    world.write('build', 'soon');
    await world.clock.advance(hoursMs(3));
    expect(world.starts).toEqual([]);
    world.write('build', '');
    await world.clock.advance(hoursMs(2));
    expect(world.starts).toEqual([w10]);
    expect(await servedBy(world)).toEqual({ ran: 0, violations: [] });
  });
});

describe('warm agents', { timeout: 60_000 }, () => {
  it('are replaced when an image comes into force, and none of them at work', async () => {
    const warm = [
      { template: 'linux', count: 3, weekdays: [0, 1, 2, 3, 4, 5, 6], from: 0, to: 0, zone: 'UTC' },
    ] as const;
    const world = await anImagesWorld({ policy: { warm } });
    await world.clock.advance(minutesMs(75));
    // They are at work while the new image is proven by others.
    const long = world.scaling.queue(3, { durationMs: hoursMs(3) });
    // The server gives a job to any idle agent: it takes a while until the new ones have had theirs.
    const queued = long.length + (await world.work(24));
    const images = new Set(world.scaling.runningImages());
    expect(await endOf(world)).toMatchObject({ inForce: b });
    expect(images).toEqual(new Set([`${digest('a').slice(-1)} busy`, `${digest('b').slice(-1)} idle`]));
    await world.clock.advance(hoursMs(4));
    world.scaling.end();
    expect(world.scaling.count.ran.size).toBe(queued);
  });
});
