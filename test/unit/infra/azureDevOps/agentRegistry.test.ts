import { describe, expect, it } from 'vitest';
import { WorldError } from '../../../../infra/local/azureDevOps/worldError.ts';
import { anOrganisation, poolId, publicKey } from './fixture.ts';

const refusal = (typeKey: string, status: number) => expect.objectContaining({ typeKey, status });

describe('the agent registry', () => {
  it('lets no two agents of a pool share a name, whatever its case', () => {
    const { world, register } = anOrganisation();
    register({ name: 'Agent' });
    expect(() => register({ name: 'AGENT' })).toThrow(refusal('TaskAgentExistsException', 409));
    expect(() => register({ name: ' ' })).toThrow(refusal('ArgumentException', 400));
    world.addPool({ id: 8, name: 'other' });
    expect(world.addAgent(8, { name: 'Agent' }).poolId).toBe(8);
  });

  it('replaces an agent but its id and user capabilities', () => {
    const { world, register } = anOrganisation();
    const agentId = register({ systemCapabilities: { java: '21' }, userCapabilities: { rack: '3' }, enabled: false });
    const before = world.getAgent(poolId, agentId);
    const replaced = world.replaceAgent(poolId, agentId, { name: 'agent-1', version: '5.279.0', publicKey });
    expect(replaced).toEqual({ ...before, version: '5.279.0', enabled: true, systemCapabilities: {} });
  });

  it('registers an agent as disabled when asked to, unless it is told to ignore that', () => {
    const { world, register } = anOrganisation();
    expect(world.getAgent(poolId, register({ enabled: false })).enabled).toBe(false);
    world.limits.registersDisabled = false;
    expect(world.getAgent(poolId, register({ enabled: false })).enabled).toBe(true);
  });

  it('renames without losing the name to two agents', () => {
    const { world, register } = anOrganisation();
    const [first] = [register(), register()];
    expect(() => world.updateAgent(poolId, first, { name: 'agent-2' })).toThrow(
      refusal('TaskAgentExistsException', 409),
    );
    world.updateAgent(poolId, first, { name: 'agent-3' });
    expect(world.listAgents(poolId, 'agent-1')).toEqual([]);
    expect(world.listAgents(poolId, 'AGENT-3')).toMatchObject([{ id: first }]);
  });

  it('tells who deleted an agent, and what held one back', () => {
    const { world, start, queue, register, events } = anOrganisation();
    const idle = register();
    world.deleteAgent(poolId, idle, 'control-plane');
    const { agentId } = start();
    const requestId = queue();
    expect(() => world.deleteAgent(poolId, agentId, 'control-plane')).toThrow(
      refusal('TaskAgentJobStillRunningException', 400),
    );
    world.deleteAgent(poolId, agentId, 'operator', true);
    expect(events.filter((event) => /delete/i.test(event.kind))).toMatchObject([
      { kind: 'agentDeleted', agentId: idle, by: 'control-plane', byUs: true },
      { kind: 'deleteRefused', agentId, requestId, by: 'control-plane' },
      { kind: 'agentDeleted', agentId, byUs: false, heldRequest: requestId },
    ]);
  });

  it('finds an agent by the client id of its key until it is deleted', () => {
    const { world, register } = anOrganisation();
    const agentId = register();
    const clientId = world.getAgent(poolId, agentId).clientId ?? '';
    expect(world.findAgentByClientId(clientId)?.id).toBe(agentId);
    world.deleteAgent(poolId, agentId);
    expect(world.findAgentByClientId(clientId)).toBeUndefined();
  });

  it('changes what agents match when their capabilities change', () => {
    const { world, start, register, queue, request } = anOrganisation();
    register({ systemCapabilities: { gpu: '1' } });
    const { agentId } = start();
    const requestId = queue({ demands: ['gpu'] });
    expect(request(requestId)).not.toHaveProperty('assignedAt');
    world.updateAgent(poolId, agentId, { userCapabilities: { GPU: '2' } });
    expect(request(requestId).reservedAgent?.id).toBe(agentId);
  });

  it('counts placeholders in the size of a pool and finds pools by name', () => {
    const { world, register } = anOrganisation();
    register();
    expect(world.listPools('LINUX')).toEqual([{ id: poolId, name: 'linux', autoUpdate: true, size: 1 }]);
    expect(world.updatePool(poolId, { autoUpdate: false }).autoUpdate).toBe(false);
    expect(() => world.getPool(99)).toThrow(WorldError);
  });

  it('stamps with the time of the server, which may differ from ours', () => {
    const { world, clock, register } = anOrganisation({ skewMs: 90_000 });
    expect(world.getAgent(poolId, register()).createdAt).toBe(clock.now() + 90_000);
    world.setSkew(0);
    expect(world.snapshot(poolId)).toMatchObject({ at: clock.now(), agents: [{ name: 'agent-1' }], requests: [] });
  });
});
