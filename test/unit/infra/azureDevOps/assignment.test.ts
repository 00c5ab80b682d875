import { describe, expect, it } from 'vitest';
import { seededRandom } from '../../../../infra/local/world/random.ts';
import { anOrganisation, minutes, poolId } from './fixture.ts';

describe('assignment', () => {
  it('gives the oldest waiting request first', () => {
    const { queue, register, start, request } = anOrganisation();
    register();
    const [older, younger] = [queue(), queue()];
    const { agentId } = start();
    expect(request(older).reservedAgent?.id).toBe(agentId);
    expect(request(younger)).not.toHaveProperty('assignedAt');
  });

  it('chooses any of the capable idle agents, not always the same', () => {
    const chosen = new Set(
      [1, 2, 3, 4, 5, 6, 7, 8].map((seed) => {
        const { queue, start, request } = anOrganisation({ random: seededRandom(seed) });
        for (let count = 0; count < 4; count++) start();
        return request(queue()).reservedAgent?.name;
      }),
    );
    expect(chosen.size).toBeGreaterThan(1);
  });

  it('passes over a request that no idle agent satisfies', () => {
    const { queue, register, start, request } = anOrganisation();
    register({ systemCapabilities: { gpu: '1' } });
    const demanding = queue({ demands: ['gpu'] });
    const { agentId } = start();
    const modest = queue();
    expect(request(demanding)).not.toHaveProperty('assignedAt');
    expect(request(modest).reservedAgent?.id).toBe(agentId);
  });

  it.each([
    { name: 'disabled', block: 'disable' },
    { name: 'about to update', block: 'update' },
    { name: 'offline', block: 'close' },
    { name: 'shutting down', block: 'shutDown' },
    { name: 'ignored for reasons of the server', block: 'ignore' },
  ])('gives nothing to an agent that is $name', ({ block }) => {
    const { queue, start, take, request, world } = anOrganisation();
    const { agentId, sessionId } = start();
    if (block === 'disable') world.updateAgent(poolId, agentId, { enabled: false });
    if (block === 'update') world.setUpdatePending(poolId, agentId, true);
    if (block === 'ignore') world.ignoreAgent(poolId, agentId);
    if (block === 'close') world.closeSession(sessionId);
    if (block === 'shutDown') {
      const first = queue();
      take(sessionId);
      world.completeRequest(poolId, first, 'succeeded', true);
    }
    expect(request(queue())).not.toHaveProperty('assignedAt');
  });

  it('gives a job to a disabled agent only where it is told to break that rule', () => {
    const { queue, start, request } = anOrganisation({ limits: { assignsToDisabled: true } });
    const { agentId } = start({ enabled: false });
    expect(request(queue()).reservedAgent?.id).toBe(agentId);
  });

  it('never gives away a request whose run is over', () => {
    const { queue, register, start, request, world } = anOrganisation();
    register();
    const [orphan, sound] = [queue(), queue()];
    world.orphanRequest(orphan);
    const { agentId } = start();
    expect([request(orphan).reservedAgent, request(sound).reservedAgent?.id]).toEqual([undefined, agentId]);
  });

  it('gives the next request to an agent that completed one without shutting down', () => {
    const { queue, start, take, request, world } = anOrganisation();
    const { agentId, sessionId } = start();
    const [first, second] = [queue(), queue()];
    take(sessionId);
    world.completeRequest(poolId, first, 'succeeded');
    expect(request(second).reservedAgent?.id).toBe(agentId);
  });

  it('can be told to give a late request to an agent that is shutting down', () => {
    const { queue, start, take, request, world } = anOrganisation({ limits: { lateAssignmentChance: 1 } });
    const { agentId, sessionId } = start();
    const [first, second] = [queue(), queue()];
    take(sessionId);
    world.completeRequest(poolId, first, 'succeeded', true);
    expect(request(second).reservedAgent?.id).toBe(agentId);
  });

  it('takes its time within the bounds that are set', async () => {
    const { queue, start, request, clock } = anOrganisation({ limits: { assignDelayMs: { min: 200, max: 900 } } });
    start();
    const requestId = queue();
    await clock.advance(199);
    expect(request(requestId)).not.toHaveProperty('assignedAt');
    await clock.advance(701);
    expect(request(requestId)).toHaveProperty('assignedAt');
  });

  it('holds a delayed request back until the delay is lifted', () => {
    const { queue, start, request, world } = anOrganisation();
    start();
    const requestId = queue({ userDelayed: true });
    expect(request(requestId)).not.toHaveProperty('assignedAt');
    world.delayJob(requestId, false);
    expect(request(requestId)).toHaveProperty('assignedAt');
  });

  describe('parallel jobs', () => {
    it('are counted over all pools, and the next request runs when one ends', () => {
      const { queue, start, take, request, world } = anOrganisation({ parallelJobs: 1 });
      world.addPool({ id: 8, name: 'windows' });
      world.addAgent(8, { name: 'other', version: '5.278.0', publicKey: { exponent: 'AQAB', modulus: 'pQ==' } });
      const { sessionId } = start();
      start();
      const [first, second] = [queue(), queue()];
      take(sessionId);
      expect(request(second)).not.toHaveProperty('assignedAt');
      expect(world.getResourceUsage()).toMatchObject({ usedCount: 1, totalCount: 1, runningRequests: [{ id: first }] });
      world.completeRequest(poolId, first, 'succeeded', true);
      expect(request(second)).toHaveProperty('assignedAt');
    });

    it('make a throttled request look like any other, except for its status message', () => {
      const { queue, start, request, world } = anOrganisation({ parallelJobs: 0 });
      start();
      const [, second] = [queue(), queue()];
      expect(request(second)).not.toHaveProperty('statusMessage');
      const status = world.getJobRequest(poolId, second, true).statusMessage;
      expect(status).toMatch(/maximum number of requests .* position in queue: 2$/);
    });

    it('do not hold public projects back', () => {
      const { queue, start, request } = anOrganisation({ parallelJobs: 0 });
      start();
      expect(request(queue({ parallelism: 'public' }))).toHaveProperty('assignedAt');
    });
  });

  it('serves a burst of 2,000 requests without slowing down', async () => {
    const { queue, start, take, world, clock, events } = anOrganisation({
      parallelJobs: 5000,
      limits: { assignDelayMs: { min: 0, max: 1000 } },
    });
    const sessions = Array.from({ length: 50 }, () => start().sessionId);
    const begun = performance.now();
    for (let count = 0; count < 2000; count++) queue();
    for (let round = 0; round < 40; round++) {
      await clock.advance(1001);
      for (const sessionId of sessions) world.completeRequest(poolId, take(sessionId), 'succeeded');
    }
    expect(events.filter((event) => event.kind === 'finished' && event.ran)).toHaveLength(2000);
    expect(performance.now() - begun).toBeLessThan(5000);
    expect(clock.now() - Date.UTC(2026, 0, 5, 8)).toBeLessThan(minutes(1));
  });
});
