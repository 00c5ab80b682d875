/** Candidates where there is little work, where people go back meanwhile, and where a build gave nothing. */
import { describe, expect, it } from 'vitest';
import { hoursMs, minutesMs, secondsMs } from '../../shared/domain/instant.ts';
import { digest } from '../support/images.ts';
import { anImagesWorld, type ImagesWorld } from '../support/imagesWorld.ts';

const [a, b, c] = [digest('a'), digest('b'), digest('c')];

/** From queueing to the end of one job of half a minute, with nothing else to do. */
async function oneRequest(world: ImagesWorld): Promise<number> {
  const { scaling, clock } = world;
  const [from, before] = [clock.now(), scaling.count.ran.size];
  scaling.queue(1, { durationMs: secondsMs(30) });
  await scaling.until(() => scaling.count.ran.size === before + 1);
  return clock.now() - from;
}

async function servedBy(world: ImagesWorld): Promise<unknown> {
  const violations = await world.scaling.settle();
  return { ran: world.scaling.count.ran.size, violations };
}

describe('a candidate', { timeout: 60_000 }, () => {
  it('waits for work for days, and makes nothing wait', async () => {
    const world = await anImagesWorld();
    const usual = await oneRequest(world);
    await world.clock.advance(hoursMs(72));
    expect(await world.state()).toMatchObject({ inForce: { digest: a }, candidate: { digest: b, proven: [] } });
    expect(world.trials.trials).toEqual([]);
    const took: number[] = [];
    for (const _ of [1, 2]) {
      took.push(await oneRequest(world));
      await world.clock.advance(hoursMs(12));
    }
    expect(Math.max(...took)).toBeLessThanOrEqual(usual + secondsMs(10));
    expect(await world.state()).toMatchObject({ inForce: { digest: b }, good: [{ digest: a }] });
    expect([world.trials.trials.length, world.trials.most()]).toEqual([2, 1]);
    expect(await servedBy(world)).toEqual({ ran: 3, violations: [] });
  });

  it('that nobody worked for gives way to the build of the next week', async () => {
    const world = await anImagesWorld();
    await world.clock.advance(hoursMs(24 * 8));
    const state = await world.state();
    expect(state).toMatchObject({ inForce: { digest: a }, candidate: { digest: c } });
    expect(state.rolledBack).toEqual([]);
    expect(world.starts).toEqual(['linux-2026-W10', 'linux-2026-W11']);
    expect(await servedBy(world)).toEqual({ ran: 0, violations: [] });
  });

  it('is still proven after people went back from what was in force meanwhile', async () => {
    const world = await anImagesWorld();
    await world.clock.advance(minutesMs(55));
    await world.work(20);
    expect(await world.state()).toMatchObject({ inForce: { digest: b } });
    world.write('requested', 'build');
    await world.clock.advance(hoursMs(2));
    await oneRequest(world);
    expect(await world.state()).toMatchObject({ candidate: { digest: c }, inForce: { digest: b } });
    world.write('requested', 'rollback');
    await world.clock.advance(hoursMs(1));
    expect(await world.state()).toMatchObject({
      inForce: { digest: a },
      candidate: { digest: c },
      rolledBack: [{ digest: b, reason: 'requested' }],
    });
    await world.work(10);
    expect(await world.state()).toMatchObject({ inForce: { digest: c }, good: [{ digest: a }] });
    await world.clock.advance(hoursMs(24 * 7));
    expect(await world.state()).toMatchObject({ inForce: { digest: c }, candidate: { digest: digest('d') } });
    expect(await servedBy(world)).toEqual({ ran: 31, violations: [] });
  });
});

describe('a build that says it has succeeded and pushed nothing', { timeout: 60_000 }, () => {
  it('changes nothing, and people are told once the image is old', async () => {
    const world = await anImagesWorld({ image: { maxAgeMs: hoursMs(24) } });
    world.end = 'pushesNothing';
    await world.clock.advance(minutesMs(55));
    const queued = await world.work(12);
    const state = await world.state();
    expect(state).toMatchObject({ inForce: { digest: a }, build: { state: 'done' }, good: [], rolledBack: [] });
    expect(state).not.toHaveProperty('candidate');
    await world.clock.advance(hoursMs(26));
    expect([...world.alarms]).toContainEqual(expect.stringMatching(/^imageOld linux: built 2\d hours ago$/));
    expect(await servedBy(world)).toEqual({ ran: queued, violations: [] });
  });

  it('has failed where the tag is what somebody else had pushed', async () => {
    const world = await anImagesWorld();
    world.end = 'pushesNothing';
    await world.clock.advance(minutesMs(5));
    world.push('e');
    await world.clock.advance(hoursMs(3));
    const state = await world.state();
    expect(state).toMatchObject({
      inForce: { digest: a },
      moved: { digest: digest('e') },
      build: { reason: 'notPushed' },
    });
    expect(state).not.toHaveProperty('candidate');
    const alarms = new Set([...world.alarms].map((alarm) => alarm.split(' ')[0]));
    expect(alarms).toEqual(new Set(['imageBuildFailed', 'imageMoved']));
    expect(await servedBy(world)).toEqual({ ran: 0, violations: [] });
  });
});
