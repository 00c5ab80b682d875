/** A node is drained under agents that are busy, idle or not yet there, whoever registers them. On virtual time. */
import { describe, expect, it } from 'vitest';
import { list } from '../../infra/local/kubernetes/object.ts';
import { minutesMs, secondsMs } from '../../shared/domain/instant.ts';
import { aScalingWorld, exactly, poolId, type ScalingWorld, scalingPolicy, tallyOf } from '../support/scaling.ts';

const node = 'east-1';
/** An idle agent is left alone for so long that nothing but the drain can be what ends it. */
const idleMinimumMs = minutesMs(30);

const aWorld = (registration: 'jit' | 'initConfig'): Promise<ScalingWorld> =>
  aScalingWorld({
    policies: [scalingPolicy({ registration, hasRegistrationCredential: true, idleMinimumMs })],
  });

const left = (world: ScalingWorld, resource: 'jobs' | 'pods' | 'secrets'): number =>
  list(world.kubernetes.list(resource, 'mayfly-agents').body, 'items').length;

/** Placeholders are none. */
const agents = (world: ScalingWorld): number => world.ado.listAgents(poolId).length - 1;

/** Brings five agents online for which nothing is left to do. */
async function fiveIdle(world: ScalingWorld): Promise<void> {
  const requests = world.queue(5);
  await world.advance(secondsMs(8));
  world.cancel(requests);
  await world.until(() => world.onlineAgents() === 5);
  await world.advance(minutesMs(2));
  expect(world.onlineAgents()).toBe(5);
}

describe.each(['jit', 'initConfig'] as const)(
  'a drain where agents are registered by %s',
  { timeout: 60_000 },
  (by) => {
    it('lets every running job finish, on the agent it has', async () => {
      const world = await aWorld(by);
      const requests = world.queue(5, { durationMs: minutesMs(10) });
      await world.until(() => world.count.busy === 5);
      world.kubernetes.drainNode(node);
      await world.advance(minutesMs(5));
      expect(world.count.busy).toBe(5);
      expect(await tallyOf(world)).toEqual(exactly(5));
      expect(new Set(world.count.ran.keys())).toEqual(new Set(requests));
    });

    it('ends idle agents within seconds and leaves nothing of them', async () => {
      const world = await aWorld(by);
      await fiveIdle(world);
      world.kubernetes.drainNode(node);
      expect(await world.until(() => world.onlineAgents() === 0)).toBeLessThanOrEqual(secondsMs(1));
      const isGone = (): boolean => agents(world) === 0 && left(world, 'secrets') === 0;
      expect(await world.until(isGone)).toBeLessThanOrEqual(secondsMs(10));
      expect(world.count.live).toBe(0);
      // Tombstones stay for a while; then they go too.
      expect(await tallyOf(world)).toEqual({ ...exactly(5), ran: 0 });
      expect([left(world, 'jobs'), left(world, 'pods')]).toEqual([0, 0]);
    });

    it('costs agents that are not yet there one more attempt, and no request', async () => {
      const world = await aWorld(by);
      world.queue(5);
      await world.advance(secondsMs(4));
      expect(world.onlineAgents()).toBe(0);
      world.kubernetes.drainNode(node);
      expect(await tallyOf(world)).toEqual({ ...exactly(5), jobs: 10 });
    });

    it('holds up no request that comes after it', async () => {
      const world = await aWorld(by);
      await fiveIdle(world);
      world.kubernetes.drainNode(node);
      await world.advance(secondsMs(10));
      world.queue(5);
      expect(await world.until(() => world.count.busy === 5)).toBeLessThanOrEqual(minutesMs(1));
    });
  },
);
