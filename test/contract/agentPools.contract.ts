/**
 * What every door to the pools of an organisation must do alike: in process, and over HTTP through the real SDK and
 * our adapter. Written so that it needs no virtual time: assignment is immediate, nothing waits for a timer.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AzureDevOpsWorld } from '../../infra/local/azureDevOps/world.ts';
import type { FaultKind, FaultRule, Faults } from '../../infra/local/world/faults.ts';
import type { NewAgent } from '../../shared/domain/agent.ts';
import type { UpstreamErrorKind } from '../../shared/domain/errors.ts';
import { UpstreamError } from '../../shared/domain/errors.ts';
import type { AgentPools } from '../../shared/ports.ts';

export interface AgentPoolsDoor {
  readonly world: AzureDevOpsWorld;
  readonly pools: AgentPools;
  readonly faults: Faults;
  /** Which calls of the door belong to a method of the port; by default those whose verb is its name. */
  readonly callsOf?: (method: keyof AgentPools) => FaultRule['matches'];
  /** Moves virtual time; absent where time is real. */
  readonly advance?: (ms: number) => Promise<void>;
  readonly close?: () => Promise<void>;
}

const poolId = 7;
const publicKey = { exponent: 'AQAB', modulus: Buffer.alloc(256, 0xa5).toString('base64') };

export const aNewAgent = (overrides: Partial<NewAgent> = {}): NewAgent => ({
  name: 'agent-1',
  version: '5.278.0',
  osDescription: 'Linux 6.8',
  capabilities: { 'Agent.OS': 'Linux', docker: '27.1' },
  publicKey,
  ...overrides,
});

export function agentPoolsContract(name: string, makeDoor: () => Promise<AgentPoolsDoor> | AgentPoolsDoor): void {
  describe(`agent pools ${name}`, () => {
    let door: AgentPoolsDoor;

    beforeEach(async () => {
      door = await makeDoor();
      door.world.limits.assignDelayMs = { min: 0, max: 0 };
      door.world.addPool({ id: poolId, name: 'linux' });
    });

    afterEach(() => door.close?.());

    registrations(() => door);
    deletions(() => door);
    requests(() => door);
    refusals(() => door);
  });
}

type GetDoor = () => AgentPoolsDoor;

/** Registers an agent through the door and brings its listener up in the world. */
async function anOnlineAgent(door: AgentPoolsDoor, overrides: Partial<NewAgent> = {}) {
  const { id } = await door.pools.addAgent(poolId, aNewAgent(overrides));
  const session = door.world.openSession(poolId, id, { ownerName: 'pod', attached: true });
  return { id, sessionId: session.id };
}

/** Queues a job and answers the id of its request. */
function queue(door: AgentPoolsDoor, demands: readonly string[] = []): number {
  const queued = door.world.queueJob({ poolId, demands });
  if (queued.kind === 'refused') throw new Error(queued.message);
  return queued.requestId;
}

function acknowledge(door: AgentPoolsDoor, sessionId: string): void {
  const message = door.world.takeMessage(sessionId);
  if (message === undefined) throw new Error('no message');
  door.world.deleteMessage(sessionId, message.messageId);
}

function registrations(getDoor: GetDoor): void {
  describe('registering', () => {
    it('answers what the files of the agent need', async () => {
      const { pools, world } = getDoor();
      const registered = await pools.addAgent(poolId, aNewAgent());
      const { clientId } = world.getAgent(poolId, registered.id);
      expect(registered).toEqual({
        id: registered.id,
        name: 'agent-1',
        authorization: { clientId, authorizationUrl: world.organisation.authorizationUrl },
        serverUrl: world.organisation.url,
      });
    });

    it('takes a placeholder without key and gives it no identity', async () => {
      const { pools, world } = getDoor();
      const { publicKey: _, ...keyless } = aNewAgent({ name: 'placeholder', version: '99.999.9' });
      const registered = await pools.addAgent(poolId, keyless);
      expect(registered.authorization).toBeUndefined();
      expect(world.getAgent(poolId, registered.id)).toMatchObject({ online: false, enabled: true });
      expect(() => world.openSession(poolId, registered.id, { ownerName: 'thief' })).toThrow('has no key');
    });

    it('registers an agent as disabled when asked to', async () => {
      const { pools } = getDoor();
      const { id } = await pools.addAgent(poolId, aNewAgent({ enabled: false }));
      expect(await pools.getAgent(poolId, id)).toMatchObject({ enabled: false, online: false });
    });

    it('refuses a second agent of the same name', async () => {
      const { pools } = getDoor();
      await pools.addAgent(poolId, aNewAgent());
      await expect(pools.addAgent(poolId, aNewAgent())).rejects.toMatchObject({ kind: 'conflict' });
      expect((await pools.listAgents(poolId)).value).toHaveLength(1);
    });

    it('shows a registered agent alike in the list, by id and by name', async () => {
      const { pools } = getDoor();
      const { id } = await pools.addAgent(poolId, aNewAgent());
      await pools.addAgent(poolId, aNewAgent({ name: 'agent-2' }));
      const byId = await pools.getAgent(poolId, id);
      expect(byId).toEqual({
        id,
        name: 'agent-1',
        version: '5.278.0',
        enabled: true,
        online: false,
        createdAt: byId?.createdAt,
        capabilities: { 'Agent.OS': 'Linux', docker: '27.1' },
        updatePending: false,
      });
      expect(await pools.findAgent(poolId, 'agent-1')).toEqual(byId);
      expect((await pools.listAgents(poolId)).value.find((agent) => agent.id === id)).toEqual(byId);
    });

    it('knows no agent under an unknown id or name', async () => {
      const { pools } = getDoor();
      expect(await pools.getAgent(poolId, 4711)).toBeUndefined();
      expect(await pools.findAgent(poolId, 'nobody')).toBeUndefined();
    });

    it('disables an agent and leaves the rest of it alone', async () => {
      const { pools } = getDoor();
      const { id } = await pools.addAgent(poolId, aNewAgent());
      const before = await pools.getAgent(poolId, id);
      await pools.updateAgent(poolId, { id, name: 'agent-1', enabled: false });
      expect(await pools.getAgent(poolId, id)).toEqual({ ...before, enabled: false });
    });

    it('replaces version and capabilities of a placeholder', async () => {
      const { pools } = getDoor();
      const { id } = await pools.addAgent(poolId, aNewAgent());
      await pools.updateAgent(poolId, { id, name: 'agent-1', version: '5.279.0', capabilities: { java: '21' } });
      expect(await pools.getAgent(poolId, id)).toMatchObject({ version: '5.279.0', capabilities: { java: '21' } });
    });

    it('shows the capabilities of the session instead of the registered ones', async () => {
      const { pools, world } = getDoor();
      const { id } = await pools.addAgent(poolId, aNewAgent());
      world.openSession(poolId, id, { ownerName: 'pod', capabilities: { node: '24' } });
      const agent = await pools.getAgent(poolId, id);
      expect(agent).toMatchObject({ online: true, capabilities: { node: '24' } });
      expect(agent?.statusChangedAt).toBeTypeOf('number');
    });

    it('cannot change an agent that is gone', async () => {
      const update = getDoor().pools.updateAgent(poolId, { id: 4711, name: 'agent-1', enabled: false });
      await expect(update).rejects.toMatchObject({ kind: 'notFound' });
    });
  });
}

function deletions(getDoor: GetDoor): void {
  describe('deleting', () => {
    it('deletes an idle agent once', async () => {
      const { pools } = getDoor();
      const { id } = await pools.addAgent(poolId, aNewAgent());
      expect(await pools.deleteAgent(poolId, id)).toBe('deleted');
      expect(await pools.deleteAgent(poolId, id)).toBe('absent');
      expect(await pools.getAgent(poolId, id)).toBeUndefined();
    });

    it('ends the session of an idle listener', async () => {
      const { pools, world } = getDoor();
      const { id, sessionId } = await anOnlineAgent(getDoor());
      expect(await pools.deleteAgent(poolId, id)).toBe('deleted');
      expect(() => world.takeMessage(sessionId)).toThrow('No agent found');
    });

    it('refuses to delete an agent that a request reserves, received or not', async () => {
      const { pools, world } = getDoor();
      const { id, sessionId } = await anOnlineAgent(getDoor());
      const requestId = queue(getDoor());
      expect(await pools.deleteAgent(poolId, id)).toBe('refused');
      acknowledge(getDoor(), sessionId);
      expect(await pools.deleteAgent(poolId, id)).toBe('refused');
      world.completeRequest(poolId, requestId, 'succeeded', true);
      expect(await pools.deleteAgent(poolId, id)).toBe('deleted');
    });
  });
}

function requests(getDoor: GetDoor): void {
  describe('job requests', () => {
    it('lists what waits and what runs, and nothing that is over', async () => {
      const { pools, world } = getDoor();
      const { id, sessionId } = await anOnlineAgent(getDoor());
      const running = queue(getDoor(), ['docker']);
      acknowledge(getDoor(), sessionId);
      const waiting = queue(getDoor());
      world.cancelJob(queue(getDoor()));
      const { value } = await pools.listJobRequests(poolId);
      const byId = new Map(value.map((request) => [request.id, request]));
      expect(new Set(byId.keys())).toEqual(new Set([running, waiting]));
      expect(byId.get(running)).toMatchObject({
        poolId,
        demands: ['docker', 'Agent.Version -gtVersion 2.163.1'],
        reservedAgent: { id, name: 'agent-1' },
        parallelism: 'private',
      });
      expect(byId.get(running)?.receivedAt).toBeTypeOf('number');
      expect(byId.get(waiting)).not.toHaveProperty('assignedAt');
      expect(byId.get(waiting)).not.toHaveProperty('result');
    });

    it('lists more requests than one page holds', async () => {
      const door = getDoor();
      await door.pools.addAgent(poolId, aNewAgent());
      for (let count = 0; count < 250; count++) queue(door);
      expect((await door.pools.listJobRequests(poolId)).value).toHaveLength(250);
    });

    it('reads one request whether it is over or not', async () => {
      const { pools, world } = getDoor();
      await pools.addAgent(poolId, aNewAgent());
      const requestId = queue(getDoor());
      const [listed] = (await pools.listJobRequests(poolId)).value;
      expect(await pools.getJobRequest(poolId, requestId)).toEqual(listed);
      world.cancelJob(requestId);
      expect(await pools.getJobRequest(poolId, requestId)).toMatchObject({ id: requestId, result: 'canceled' });
      expect(await pools.getJobRequest(poolId, 4711)).toBeUndefined();
    });

    it('names the run that a request belongs to, and tells whether it is over', async () => {
      const { pools, world } = getDoor();
      await pools.addAgent(poolId, aNewAgent());
      const requestId = queue(getDoor());
      const { planType, projectId = '', run } = (await pools.getJobRequest(poolId, requestId)) ?? {};
      const { project } = world.getJobRequest(poolId, requestId);
      expect({ planType, projectId }).toEqual({ planType: 'Build', projectId: project.id });
      const runId = run?.id ?? 0;
      expect(await pools.isRunOver(projectId, runId)).toBe(false);
      world.cancelJob(requestId);
      expect(await pools.isRunOver(projectId, runId)).toBe(true);
    });

    it('knows no run under an unknown id, project, or the wrong one of two', async () => {
      const { pools, world } = getDoor();
      await pools.addAgent(poolId, aNewAgent());
      const request = world.getJobRequest(poolId, queue(getDoor()));
      const other = world.addProject('Other/Project');
      expect(await pools.isRunOver(request.project.id, 4711)).toBeUndefined();
      expect(await pools.isRunOver('00000000-0000-0000-0000-000000000000', request.run.id)).toBeUndefined();
      expect(await pools.isRunOver(other.id, request.run.id)).toBeUndefined();
      expect(await pools.isRunOver('a/../b?c', request.run.id)).toBeUndefined();
    });

    it('keeps the request of a run that is over unfinished, and gives it to nobody', async () => {
      const { pools, world } = getDoor();
      await pools.addAgent(poolId, aNewAgent({ name: 'placeholder' }));
      const orphan = queue(getDoor());
      const sound = queue(getDoor());
      world.orphanRequest(orphan);
      const { id } = await anOnlineAgent(getDoor());
      const byId = new Map((await pools.listJobRequests(poolId)).value.map((request) => [request.id, request]));
      const { projectId = '', run, reservedAgent } = byId.get(orphan) ?? {};
      expect(reservedAgent).toBeUndefined();
      expect(await pools.isRunOver(projectId, run?.id ?? 0)).toBe(true);
      expect(byId.get(sound)?.reservedAgent?.id).toBe(id);
    });

    it('looks the same whether the server ignores an idle agent or not', async () => {
      const { pools, world } = getDoor();
      const { id } = await anOnlineAgent(getDoor());
      const before = await pools.getAgent(poolId, id);
      world.ignoreAgent(poolId, id);
      const requestId = queue(getDoor());
      expect(await pools.getAgent(poolId, id)).toEqual(before);
      expect(await pools.getJobRequest(poolId, requestId)).not.toHaveProperty('assignedAt');
      world.ignoreAgent(poolId, id, false);
      expect((await pools.getJobRequest(poolId, requestId))?.reservedAgent?.id).toBe(id);
    });

    it('gives the oldest request to whichever agent comes, whatever it was started for', async () => {
      const { pools } = getDoor();
      await pools.addAgent(poolId, aNewAgent({ name: 'placeholder' }));
      const older = queue(getDoor());
      const younger = queue(getDoor());
      const { id } = await anOnlineAgent(getDoor(), { name: 'agent-for-younger' });
      expect((await pools.getAgent(poolId, id))?.assignedRequestId).toBe(older);
      expect((await pools.getJobRequest(poolId, younger))?.reservedAgent).toBeUndefined();
    });

    it('shows what an agent has served', async () => {
      const { pools, world } = getDoor();
      const { id, sessionId } = await anOnlineAgent(getDoor());
      const requestId = queue(getDoor());
      acknowledge(getDoor(), sessionId);
      world.completeRequest(poolId, requestId, 'failed', true);
      const agent = await pools.getAgent(poolId, id);
      expect(agent).not.toHaveProperty('assignedRequestId');
      expect(agent?.lastCompletedRequest).toMatchObject({ id: requestId });
    });

    it('fails a job that no registered agent could run', async () => {
      const { pools, world } = getDoor();
      await pools.addAgent(poolId, aNewAgent());
      const queued = world.queueJob({ poolId, demands: ['gpu'] });
      expect(queued).toMatchObject({ kind: 'refused' });
      expect((await pools.listJobRequests(poolId)).value).toEqual([]);
    });

    it('counts assigned requests against the parallel jobs and holds the next one back', async () => {
      const { pools, world } = getDoor();
      world.setParallelJobs(1);
      await anOnlineAgent(getDoor());
      await anOnlineAgent(getDoor(), { name: 'agent-2' });
      expect(await pools.getParallelJobs()).toEqual({ total: 1, used: 0 });
      queue(getDoor());
      const throttled = queue(getDoor());
      expect(await pools.getParallelJobs()).toEqual({ total: 1, used: 1 });
      expect(await pools.getJobRequest(poolId, throttled)).not.toHaveProperty('assignedAt');
    });

    it('tells the time of the server with its lists', async () => {
      const { pools, world } = getDoor();
      const earliest = world.now() - 1000;
      const [requestsAt, agentsAt] = [(await pools.listJobRequests(poolId)).at, (await pools.listAgents(poolId)).at];
      expect(requestsAt).toBeGreaterThanOrEqual(earliest);
      expect(agentsAt).toBeGreaterThanOrEqual(requestsAt);
      expect(agentsAt).toBeLessThanOrEqual(world.now());
    });
  });
}

interface RefusalCase {
  readonly name: string;
  readonly fault: FaultKind;
  readonly want: { readonly kind: UpstreamErrorKind; readonly retryAfterMs?: number };
}

const refusalCases: readonly RefusalCase[] = [
  { name: '401 as unauthorized', fault: { kind: 'status', status: 401 }, want: { kind: 'unauthorized' } },
  { name: 'a sign-in page as unauthorized', fault: { kind: 'signInPage' }, want: { kind: 'unauthorized' } },
  { name: '403 as forbidden', fault: { kind: 'status', status: 403 }, want: { kind: 'forbidden' } },
  {
    name: '429 as throttled, with the time to stay away',
    fault: { kind: 'status', status: 429, retryAfterSeconds: 30 },
    want: { kind: 'throttled', retryAfterMs: 30_000 },
  },
  { name: '500 as unavailable', fault: { kind: 'status', status: 500 }, want: { kind: 'unavailable' } },
  { name: '503 as unavailable', fault: { kind: 'status', status: 503 }, want: { kind: 'unavailable' } },
  {
    name: 'a null body as an error, never as an empty list',
    fault: { kind: 'nullBody' },
    want: { kind: 'unexpected' },
  },
  { name: 'a truncated body as an error', fault: { kind: 'truncated' }, want: { kind: 'unexpected' } },
  { name: 'a broken connection as unavailable', fault: { kind: 'lostBefore' }, want: { kind: 'unavailable' } },
];

function refusals(getDoor: GetDoor): void {
  const strike = (method: keyof AgentPools, fault: FaultKind, times = Number.POSITIVE_INFINITY): void => {
    const { faults, callsOf } = getDoor();
    faults.add(fault, callsOf?.(method) ?? ((call) => call.verb === method), times);
  };

  describe('refusals', () => {
    for (const method of ['listJobRequests', 'listAgents'] as const) {
      it.each(refusalCases)(`${method} rejects $name`, async ({ fault, want }) => {
        strike(method, fault);
        const error: unknown = await getDoor()
          .pools[method](poolId)
          .then(
            () => 'resolved',
            (reason: unknown) => reason,
          );
        expect(error).toBeInstanceOf(UpstreamError);
        expect(error).toMatchObject({ upstream: 'azureDevOps', ...want });
      });
    }

    it('rejects everything in a pool that it cannot see', async () => {
      const { pools } = getDoor();
      const wants = { kind: 'notFound' };
      await expect(pools.listJobRequests(99)).rejects.toMatchObject(wants);
      await expect(pools.listAgents(99)).rejects.toMatchObject(wants);
      await expect(pools.getAgent(99, 1)).rejects.toMatchObject(wants);
      await expect(pools.findAgent(99, 'agent-1')).rejects.toMatchObject(wants);
      await expect(pools.addAgent(99, aNewAgent())).rejects.toMatchObject(wants);
      await expect(pools.deleteAgent(99, 1)).rejects.toMatchObject(wants);
    });

    it('rejects a registration whose reply is lost, although it was made', async () => {
      const { pools, world } = getDoor();
      strike('addAgent', { kind: 'lostAfter' }, 1);
      await expect(pools.addAgent(poolId, aNewAgent())).rejects.toMatchObject({ kind: 'unavailable' });
      expect(world.listAgents(poolId)).toHaveLength(1);
    });

    it.each(refusalCases)('isRunOver rejects $name', async ({ fault, want }) => {
      const { pools, world } = getDoor();
      await pools.addAgent(poolId, aNewAgent());
      const { project, run } = world.getJobRequest(poolId, queue(getDoor()));
      strike('isRunOver', fault);
      await expect(pools.isRunOver(project.id, run.id)).rejects.toMatchObject({ kind: want.kind });
    });

    it('never takes a broken credential for a refusal to delete', async () => {
      const { pools } = getDoor();
      const { id } = await pools.addAgent(poolId, aNewAgent());
      strike('deleteAgent', { kind: 'status', status: 401 });
      await expect(pools.deleteAgent(poolId, id)).rejects.toMatchObject({ kind: 'unauthorized' });
    });

    it.each([400, 409, 422])('takes %i on a deletion for a refusal', async (status) => {
      const { pools } = getDoor();
      const { id } = await pools.addAgent(poolId, aNewAgent());
      strike('deleteAgent', { kind: 'status', status });
      expect(await pools.deleteAgent(poolId, id)).toBe('refused');
    });
  });
}
