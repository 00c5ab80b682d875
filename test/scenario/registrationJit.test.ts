/** Agents that the control plane registers: what the walk finds in the mode without any pool credential in a pod. */
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { nodeNames } from '../../infra/local/start/podTimes.ts';
import {
  aRegistrationSystem,
  placesOfRegistration,
  type RegistrationSystem,
  strayedSecrets,
} from '../support/registrationSystem.ts';

// A ceiling for busy machines, on which the build of the functions alone has taken half a minute.
const limitMs = 120_000;
let world: RegistrationSystem;

beforeAll(async () => {
  world = await aRegistrationSystem('jit');
}, limitMs);
afterAll(() => world.close());

describe('agents that Mayfly registers', { timeout: limitMs }, () => {
  it('serve one request each, also while their node is drained', async () => {
    const ids = [...world.queue('linux', 3), ...world.queue('web', 2, 2500)];
    await world.until(() => ids.every((id) => world.system.ledger.requests.get(id)?.receivedAt !== undefined));
    for (const node of nodeNames) world.system.cluster.drainNode(node);
    expect(await world.served(ids)).toEqual(ids.map(() => 'succeeded'));
    await world.explain('linux', ids[0] ?? 0);
    await world.clean();
    expect(world.system.ledger.agentJobs.size).toBe(5);
    expect(world.system.agentFailures).toEqual([]);
  });

  it('leave no secret where it does not belong, and no pool credential in any container', async () => {
    expect(await strayedSecrets(world)).toEqual([]);
    expect(placesOfRegistration(world)).toEqual(new Set());
  });
});
