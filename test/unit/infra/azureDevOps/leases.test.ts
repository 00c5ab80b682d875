import { describe, expect, it } from 'vitest';
import { anOrganisation, minutes, poolId } from './fixture.ts';

describe('leases', () => {
  it('begin when the agent acknowledges its message, and move with each renewal', async () => {
    const { queue, start, take, request, world, clock } = anOrganisation();
    const { sessionId } = start({}, { attached: false });
    const requestId = queue();
    expect(request(requestId)).not.toHaveProperty('receivedAt');
    take(sessionId);
    const receivedAt = world.now();
    expect(request(requestId)).toMatchObject({ receivedAt, lockedUntil: receivedAt + minutes(10) });
    await clock.advance(minutes(1));
    expect(world.renewRequest(poolId, requestId)).toBe(receivedAt + minutes(11));
  });

  it('count the first renewal as the receipt, too', () => {
    const { queue, start, request, world } = anOrganisation();
    start();
    const requestId = queue();
    world.renewRequest(poolId, requestId);
    expect(request(requestId)).toMatchObject({ receivedAt: world.now() });
  });

  it('fail the job of a silent agent 10 to 13 minutes later, and never queue it again', async () => {
    const { queue, start, take, request, world, clock, events } = anOrganisation();
    const { agentId, sessionId } = start();
    const requestId = queue();
    take(sessionId);
    await clock.advance(minutes(30));
    expect(request(requestId)).not.toHaveProperty('result');
    world.crash(sessionId);
    await clock.advance(minutes(10));
    expect(world.getAgent(poolId, agentId)).toMatchObject({ online: false, assignedRequestId: requestId });
    expect(() => world.deleteAgent(poolId, agentId)).toThrow('is running a job');
    await clock.advance(minutes(4));
    expect(request(requestId)).toMatchObject({ result: 'abandoned' });
    expect(events.at(-1)).toMatchObject({ kind: 'finished', requestId, ran: false, lost: true });
    world.deleteAgent(poolId, agentId);
  });

  it('last for hours while the agent renews each minute', async () => {
    const { queue, start, take, request, world, clock } = anOrganisation();
    const { sessionId } = start({}, { attached: false });
    const requestId = queue();
    take(sessionId);
    for (let minute = 0; minute < 180; minute++) {
      await clock.advance(minutes(1));
      world.keepAlive(sessionId);
      world.renewRequest(poolId, requestId);
    }
    expect(request(requestId)).not.toHaveProperty('result');
  });

  it('make a request wait again when its agent never received it and is gone', async () => {
    const { queue, start, request, world, clock, events } = anOrganisation();
    const { agentId, sessionId } = start();
    const requestId = queue();
    world.crash(sessionId);
    await clock.advance(minutes(14));
    expect(request(requestId).reservedAgent?.id).toBe(agentId);
    await clock.advance(minutes(2));
    expect(request(requestId)).not.toHaveProperty('assignedAt');
    expect(events.map((event) => event.kind)).toContain('unassigned');
    const second = start();
    expect(request(requestId).assignments.map((each) => each.agentName)).toEqual(['agent-1', 'agent-2']);
    expect(request(requestId).reservedAgent?.id).toBe(second.agentId);
  });

  it('keep an agent that answers late from what was given to another', async () => {
    const { queue, start, world, clock } = anOrganisation();
    const first = start();
    const requestId = queue();
    world.crash(first.sessionId);
    await clock.advance(minutes(16));
    start();
    expect(() => world.renewRequest(poolId, requestId, first.agentId)).toThrow('has expired');
    expect(() => world.completeRequest(poolId, requestId, 'succeeded', true, first.agentId)).toThrow('has expired');
  });

  it('tell who ran a request', () => {
    const { queue, start, take, request, world, events } = anOrganisation();
    const { agentId, sessionId } = start();
    const requestId = queue();
    take(sessionId);
    world.completeRequest(poolId, requestId, 'failed', true);
    expect(request(requestId)).toMatchObject({ result: 'failed', ranBy: 'agent-1', finishedAt: world.now() });
    expect(world.getAgent(poolId, agentId).lastCompletedRequestId).toBe(requestId);
    expect(events.at(-1)).toMatchObject({ kind: 'finished', requestId, result: 'failed', ran: true, lost: false });
  });
});

describe('cancelling', () => {
  it('ends a waiting request at once', () => {
    const { queue, register, request, world } = anOrganisation();
    register();
    const requestId = queue();
    world.cancelJob(requestId);
    expect(request(requestId)).toMatchObject({ result: 'canceled', finishedAt: world.now() });
  });

  it('withdraws an assigned request whose agent has not received it, so its first renewal fails', () => {
    const { queue, start, request, world } = anOrganisation();
    const { sessionId } = start();
    const requestId = queue();
    world.cancelJob(requestId);
    expect(request(requestId)).toMatchObject({ result: 'canceled' });
    expect(world.takeMessage(sessionId)).toBeUndefined();
    expect(() => world.renewRequest(poolId, requestId)).toThrow('has expired');
  });

  it('tells the agent of a running request, which completes it', () => {
    const { queue, start, take, request, world } = anOrganisation();
    const { sessionId } = start();
    const requestId = queue();
    take(sessionId);
    world.cancelJob(requestId);
    expect(request(requestId)).not.toHaveProperty('result');
    expect(world.takeMessage(sessionId)).toMatchObject({ messageType: 'JobCancellation', requestId });
    world.completeRequest(poolId, requestId, 'canceled', true);
    expect(request(requestId)).toMatchObject({ result: 'canceled', ranBy: 'agent-1' });
  });

  it('leaves what is over as it is', () => {
    const { queue, register, events, world } = anOrganisation();
    register();
    const requestId = queue();
    world.cancelJob(requestId);
    const count = events.length;
    world.cancelJob(requestId);
    expect(events).toHaveLength(count);
  });
});
