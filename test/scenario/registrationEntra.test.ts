/** Init containers that register their agents with Entra tokens of a second identity, through the whole system. */
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
  world = await aRegistrationSystem('entra');
}, limitMs);
afterAll(() => world.close());

const jobsOf = (requestId: number): readonly string[] =>
  [...world.system.ledger.agentJobs.values()].filter((each) => each.requestId === requestId).map(({ name }) => name);

describe('agents that register with an Entra token', { timeout: limitMs }, () => {
  it('serve one request each, and nothing but placeholders is left', async () => {
    const ids = [...world.queue('linux', 4), ...world.queue('web', 3)];
    expect(await world.served(ids)).toEqual(ids.map(() => 'succeeded'));
    await world.clean();
    expect(world.system.ledger.agentJobs.size).toBe(7);
    expect(world.system.leftOvers().placeholders).toHaveLength(4);
    expect(world.system.agentFailures).toEqual([]);
    const { grants } = world.system.azure.identity;
    expect(grants.some(({ clientId }) => clientId !== undefined)).toBe(true);
  });

  it('finish their job although its node is drained', async () => {
    const [id = 0] = world.queue('linux', 1, 2500);
    await world.until(() => world.system.ledger.requests.get(id)?.receivedAt !== undefined);
    for (const node of nodeNames) world.system.cluster.drainNode(node);
    expect(await world.served([id])).toEqual(['succeeded']);
    expect(jobsOf(id)).toHaveLength(1);
    await world.clean();
  });

  it('fail while their identity lacks the right, say so, and serve their request once it has it', async () => {
    const { registrationRights } = world.system.azure;
    const { manage } = registrationRights;
    registrationRights.manage = [];
    const [id = 0] = world.queue('web', 1);
    await world.until(() => jobsOf(id).length >= 2);
    const told = await world.explain('web', id);
    expect(told).toContain('the server refused the credential');
    expect(told).toContain('exit code 31');
    registrationRights.manage = manage;
    expect(await world.served([id])).toEqual(['succeeded']);
    await world.clean();
  });

  it('leave no secret where it does not belong', async () => {
    expect(await strayedSecrets(world)).toEqual([]);
    expect(placesOfRegistration(world)).toEqual(new Set(['secret', 'initFile']));
  });
});
