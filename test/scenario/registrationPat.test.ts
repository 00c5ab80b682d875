/** Init containers that register their agents with a PAT from the vault, through the whole system over sockets. */

import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { aRegistrationSystem, type RegistrationSystem } from '../support/registrationSystem.ts';

const limitMs = 60_000;
let world: RegistrationSystem;

beforeAll(async () => {
  world = await aRegistrationSystem('pat');
}, limitMs);
afterAll(() => world.close());

const served = (howMany: number): readonly string[] => Array.from({ length: howMany }, () => 'succeeded');

describe('agents that register with a PAT', { timeout: limitMs }, () => {
  it('serve one request each, and nothing but placeholders is left', async () => {
    const before = world.system.ledger.agentJobs.size;
    const ids = [...world.queue('linux', 4), ...world.queue('web', 3)];
    expect(await world.served(ids)).toEqual(served(7));
    await world.clean();
    expect(world.system.ledger.agentJobs.size - before).toBe(7);
    expect(world.system.leftOvers().placeholders).toHaveLength(4);
    expect(world.system.agentFailures).toEqual([]);
  });
});
