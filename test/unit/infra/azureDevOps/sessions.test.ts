import { describe, expect, it } from 'vitest';
import type { AgentMessage, SessionEnd } from '../../../../infra/local/azureDevOps/records.ts';
import { anOrganisation, minutes, poolId } from './fixture.ts';

describe('sessions', () => {
  it('make an agent online and stamp the change', async () => {
    const { register, world, clock } = anOrganisation();
    const agentId = register();
    expect(world.getAgent(poolId, agentId)).not.toHaveProperty('statusChangedAt');
    await clock.advance(1000);
    const { id } = world.openSession(poolId, agentId, { ownerName: 'pod' });
    expect(world.getAgent(poolId, agentId)).toMatchObject({ online: true, statusChangedAt: world.now() });
    await clock.advance(1000);
    world.closeSession(id);
    expect(world.getAgent(poolId, agentId)).toMatchObject({ online: false, statusChangedAt: world.now() });
  });

  it('replace the registered system capabilities and keep the user ones', () => {
    const { register, world } = anOrganisation();
    const agentId = register({ systemCapabilities: { java: '21' }, userCapabilities: { rack: '3' } });
    world.openSession(poolId, agentId, { ownerName: 'pod', version: '5.279.0', capabilities: { node: '24' } });
    expect(world.getAgent(poolId, agentId)).toMatchObject({
      version: '5.279.0',
      systemCapabilities: { node: '24' },
      userCapabilities: { rack: '3' },
    });
  });

  it.each([
    { sessionCapabilities: 'merge', want: { java: '21', os: 'new', node: '24' } },
    { sessionCapabilities: 'ignore', want: { java: '21', os: 'old' } },
  ] as const)('can be told to $sessionCapabilities capabilities', ({ sessionCapabilities, want }) => {
    const { register, world } = anOrganisation();
    world.limits.sessionCapabilities = sessionCapabilities;
    const agentId = register({ systemCapabilities: { java: '21', os: 'old' } });
    world.openSession(poolId, agentId, { ownerName: 'pod', capabilities: { node: '24', os: 'new' } });
    expect(world.getAgent(poolId, agentId).systemCapabilities).toEqual(want);
  });

  it('conflict with an older session of the same agent while it lives', async () => {
    const { start, world, clock } = anOrganisation();
    const { agentId, sessionId } = start();
    world.crash(sessionId);
    const again = () => world.openSession(poolId, agentId, { ownerName: 'pod' });
    expect(again).toThrow(expect.objectContaining({ typeKey: 'TaskAgentSessionConflictException', status: 409 }));
    await clock.advance(minutes(5));
    expect(again().agentId).toBe(agentId);
  });

  it('die after five minutes of silence', async () => {
    const { start, world, clock } = anOrganisation();
    const { agentId, sessionId } = start({}, { attached: false });
    const ends: SessionEnd[] = [];
    world.onSessionEnd(sessionId, (because) => ends.push(because));
    for (let minute = 0; minute < 12; minute++) {
      await clock.advance(minutes(1));
      world.keepAlive(sessionId);
    }
    expect(world.getAgent(poolId, agentId).online).toBe(true);
    await clock.advance(minutes(5));
    expect(world.getAgent(poolId, agentId).online).toBe(false);
    expect(ends).toEqual(['expired']);
    expect(() => world.keepAlive(sessionId)).toThrow('expired');
  });

  it('refuse an agent without key and one that is gone', () => {
    const { world } = anOrganisation();
    const { id } = world.addAgent(poolId, { name: 'placeholder' });
    const open = (agentId: number) => () => world.openSession(poolId, agentId, { ownerName: 'pod' });
    expect(open(id)).toThrow(expect.objectContaining({ status: 401 }));
    expect(open(4711)).toThrow(expect.objectContaining({ typeKey: 'TaskAgentNotFoundException' }));
  });

  it('end with the registration of an idle agent, for good', () => {
    const { start, world } = anOrganisation();
    const { agentId, sessionId } = start();
    const ends: SessionEnd[] = [];
    world.onSessionEnd(sessionId, (because) => ends.push(because));
    world.deleteAgent(poolId, agentId);
    expect(ends).toEqual(['agentDeleted']);
    const poll = () => world.takeMessage(sessionId);
    expect(poll).toThrow(expect.objectContaining({ typeKey: 'TaskAgentNotFoundException', status: 404 }));
  });

  it('hand a message out until it is deleted', () => {
    const { start, queue, world } = anOrganisation();
    const { sessionId } = start();
    const requestId = queue({ jobName: 'Build', durationMs: 1234 });
    const message = world.takeMessage(sessionId);
    expect(message).toMatchObject({ messageType: 'PipelineAgentJobRequest', requestId, durationMs: 1234 });
    expect(world.takeMessage(sessionId)).toEqual(message);
    expect(world.takeMessage(sessionId, message?.messageId)).toBeUndefined();
    world.deleteMessage(sessionId, message?.messageId ?? 0);
    expect(world.takeMessage(sessionId)).toBeUndefined();
  });

  it('tell subscribers what is there and what comes', () => {
    const { start, queue, world } = anOrganisation();
    const { sessionId } = start();
    const seen: AgentMessage[] = [];
    const requestId = queue();
    const unsubscribe = world.onMessage(sessionId, (message) => {
      seen.push(message);
      world.deleteMessage(sessionId, message.messageId);
    });
    world.cancelJob(requestId);
    unsubscribe();
    world.completeRequest(poolId, requestId, 'canceled');
    queue();
    expect(seen.map((message) => message.messageType)).toEqual(['PipelineAgentJobRequest', 'JobCancellation']);
  });

  it('bring an agent what it was given and never received', () => {
    const { start, queue, world } = anOrganisation();
    const { agentId, sessionId } = start();
    const requestId = queue();
    world.closeSession(sessionId);
    const again = world.openSession(poolId, agentId, { ownerName: 'pod' });
    expect(world.takeMessage(again.id)).toMatchObject({ requestId });
  });
});
