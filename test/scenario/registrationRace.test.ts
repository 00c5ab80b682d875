/** Somebody takes the name of an agent before its pod could register it, while the control plane looks on every second. */
import { describe, expect, it } from 'vitest';
import { minutesMs, secondsMs } from '../../shared/domain/instant.ts';
import { aScalingWorld, poolId, type ScalingWorld, scalingPolicy } from '../support/scaling.ts';

const version = '5.278.0';

/** The first pod's name is taken as soon as the pod exists: twelve seconds before its init container gets there. */
function takeFirstName(world: ScalingWorld): { readonly agentId: () => number | undefined } {
  let agentId: number | undefined;
  world.kubernetes.onEvent((event) => {
    if (event.kind !== 'podCreated' || event.jobName === undefined) return;
    agentId ??= world.ado.addAgent(poolId, { name: event.jobName, version }).id;
  });
  return { agentId: () => agentId };
}

describe('an agent of the same name that somebody else registered', { timeout: 30_000 }, () => {
  it('is a race: it is left alone, nothing has failed, and the next attempt follows at once', async () => {
    const world = await aScalingWorld({
      policies: [scalingPolicy({ registration: 'initConfig', hasRegistrationCredential: true })],
    });
    const deleted: number[] = [];
    world.ado.onEvent((event) => {
      if (event.kind === 'agentDeleted') deleted.push(event.agentId);
    });
    const { agentId } = takeFirstName(world);
    world.queue(1, { durationMs: minutesMs(1) });
    const took = await world.until(() => world.count.busy === 1);
    const [first, second] = world.count.jobs;
    expect([first?.phase, first?.reason, second?.phase]).toEqual(['tombstone', 'raced', 'started']);
    expect(deleted).toEqual([]);
    expect(world.ado.getAgent(poolId, agentId() ?? 0)).toMatchObject({ enabled: true });
    // Two boots of a bit over twenty seconds; a failure would have cost half a minute more.
    expect(took).toBeLessThan(secondsMs(55));
    await world.until(() => world.count.ran.size === 1);
    expect(world.count.jobs).toHaveLength(2);
    expect(await world.settle()).toEqual([]);
  });
});
