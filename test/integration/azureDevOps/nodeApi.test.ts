/** The stand-in as the vendor's own client sees it, over real sockets. */

import { TaskAgentPoolActionFilter, TaskAgentStatus } from 'azure-devops-node-api/interfaces/TaskAgentInterfaces.js';
import type { ITaskAgentApi } from 'azure-devops-node-api/TaskAgentApi.js';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { VirtualClock } from '../../../infra/local/world/clock.ts';
import { startTestAzureDevOps, type TestAzureDevOps } from '../../support/azureDevOpsServer.ts';

let devOps: TestAzureDevOps<VirtualClock>;
let api: ITaskAgentApi;
let poolId: number;

const aPlaceholder = (name: string) => ({
  name,
  version: '99.999.9',
  oSDescription: 'placeholder',
  enabled: true,
  systemCapabilities: { image: 'node22' },
});

beforeEach(async () => {
  devOps = await startTestAzureDevOps();
  poolId = devOps.world.addPool({ name: 'kube pool' }).id;
  api = (await devOps.webApi().getTaskAgentApi()) as unknown as ITaskAgentApi;
});
afterEach(() => devOps.close());

describe('pools', () => {
  it('are found by name, by id and by what one may do', async () => {
    devOps.world.addPool({ name: 'other' });
    const byName = await api.getAgentPools('kube pool');
    expect(byName.map((pool) => [pool.id, pool.name, pool.size])).toEqual([[poolId, 'kube pool', 0]]);
    expect(await api.getAgentPools(undefined, undefined, undefined, TaskAgentPoolActionFilter.Manage)).toHaveLength(2);
    expect(await api.getAgentPoolsByIds([poolId])).toHaveLength(1);
    expect(await api.hasPoolPermissions(poolId, 2)).toBe(true);
  });

  it('take a change of autoUpdate', async () => {
    await api.updateAgentPool({ autoUpdate: false }, poolId);
    expect((await api.getAgentPool(poolId)).autoUpdate).toBe(false);
  });

  it('that do not exist read as null, as the client treats every 404', async () => {
    expect(await api.getAgentPool(999)).toBeNull();
  });
});

describe('agents', () => {
  it('are registered without a key as placeholders', async () => {
    const added = await api.addAgent(aPlaceholder('p1'), poolId);
    expect(added).toMatchObject({ name: 'p1', version: '99.999.9', status: TaskAgentStatus.Offline, enabled: true });
    expect(added.authorization).toBeUndefined();
    expect(devOps.world.getAgent(poolId, added.id ?? 0).osDescription).toBe('placeholder');
  });

  it('are listed with what is asked for and nothing else', async () => {
    await api.addAgent(aPlaceholder('p1'), poolId);
    await api.addAgent(aPlaceholder('p2'), poolId);
    const [plain] = await api.getAgents(poolId, 'p1');
    expect(plain?.systemCapabilities).toBeUndefined();
    const full = await api.getAgents(poolId, undefined, true);
    expect(full.map((agent) => agent.systemCapabilities)).toEqual([{ image: 'node22' }, { image: 'node22' }]);
  });

  it('refuse a name that exists with 409', async () => {
    await api.addAgent(aPlaceholder('p1'), poolId);
    await expect(api.addAgent(aPlaceholder('p1'), poolId)).rejects.toMatchObject({
      statusCode: 409,
      result: { typeKey: 'TaskAgentExistsException' },
    });
  });

  it('are changed by PATCH and overwritten by PUT, which keeps the user capabilities', async () => {
    const { id = 0 } = await api.addAgent(aPlaceholder('p1'), poolId);
    await api.updateAgent({ id, name: 'p1', enabled: false }, poolId, id);
    expect(await api.getAgent(poolId, id, true)).toMatchObject({
      enabled: false,
      systemCapabilities: { image: 'node22' },
    });
    await api.updateAgentUserCapabilities({ mark: 'ours' }, poolId, id);
    await api.replaceAgent({ name: 'p1', version: '5.0.0', systemCapabilities: { image: 'node24' } }, poolId, id);
    expect(await api.getAgent(poolId, id, true)).toMatchObject({
      version: '5.0.0',
      systemCapabilities: { image: 'node24' },
      userCapabilities: { mark: 'ours' },
    });
  });

  it('are gone once deleted, and deleting them again is a 404', async () => {
    const { id = 0 } = await api.addAgent(aPlaceholder('p1'), poolId);
    await api.deleteAgent(poolId, id);
    expect(await api.getAgent(poolId, id)).toBeNull();
    expect((await devOps.call('DELETE', `_apis/distributedtask/pools/${poolId}/agents/${id}`)).status).toBe(404);
  });
});

describe('an agent that is busy', () => {
  it('looks idle to whoever does not ask for its request', async () => {
    const { world } = devOps;
    const publicKey = { exponent: 'AQAB', modulus: Buffer.alloc(256, 0xa5).toString('base64') };
    const { id } = world.addAgent(poolId, { name: 'busy', version: '5.278.0', publicKey });
    world.openSession(poolId, id, { ownerName: 'pod', attached: true });
    world.queueJob({ poolId });
    const [request] = world.snapshot(poolId).requests;
    expect((await api.getAgent(poolId, id)).assignedRequest).toBeUndefined();
    const [asked] = await api.getAgents(poolId, 'busy', false, true, true);
    expect([asked?.status, asked?.assignedRequest?.requestId]).toEqual([TaskAgentStatus.Online, request?.id]);
    world.completeRequest(poolId, request?.id ?? 0, 'succeeded');
    const done = await api.getAgent(poolId, id, false, true, true);
    expect([done.assignedRequest, done.lastCompletedRequest?.requestId]).toEqual([undefined, request?.id]);
  });
});

describe('discovery', () => {
  it('tells the whole location table and who calls', async () => {
    const table = (await (await devOps.call('OPTIONS', '_apis/')).json()) as { value: { id: string }[] };
    expect(table.value.map(({ id }) => id)).toContain('134e239e-2df3-4794-a6f6-24f1f19ec8dc');
    const data = await (await devOps.call('GET', '_apis/connectionData?connectOptions=1')).json();
    expect(data).toMatchObject({ deploymentType: 'hosted', authenticatedUser: { providerDisplayName: 'mayfly' } });
  });
});

describe('job requests', () => {
  const queue = (count: number): void => {
    for (let index = 0; index < count; index++) devOps.world.queueJob({ poolId, demands: ['image'] });
  };

  it('that are unfinished are listed with demands and matching agents', async () => {
    await api.addAgent(aPlaceholder('p1'), poolId);
    queue(2);
    devOps.world.cancelJob(devOps.world.snapshot(poolId).requests[0]?.id ?? 0);
    const listed = await api.getAgentRequestsForAgents(poolId, undefined, 0);
    expect(listed).toHaveLength(1);
    const [request] = listed;
    expect(request?.demands).toContain('image');
    expect(request?.matchedAgents?.map((agent) => agent.name)).toEqual(['p1']);
    expect(request?.queueTime).toEqual(new Date(devOps.clock.now()));
    expect([request?.result, request?.assignTime, request?.reservedAgent]).toEqual([undefined, undefined, undefined]);
  });

  it('come in pages of at most 200 when $top is given, newest first and without matching agents', async () => {
    await api.addAgent(aPlaceholder('p1'), poolId);
    queue(205);
    const first = await api.getAgentRequests(poolId, 250);
    expect(first).toHaveLength(200);
    expect(first[0]?.matchedAgents).toBeUndefined();
    // The typed client drops the token (azure-devops-node-api 17.0.1), so the header is read raw.
    const path = `_apis/distributedtask/pools/${poolId}/jobrequests?$top=250`;
    const token = (await devOps.call('GET', path)).headers.get('x-ms-continuationtoken') ?? '';
    const rest = await api.getAgentRequests(poolId, 250, token);
    const ids = [...first, ...rest].map((request) => request.requestId ?? 0);
    expect(new Set(ids).size).toBe(205);
    expect(ids).toEqual(ids.toSorted((a, b) => b - a));
  });

  it('tell why they wait only when asked one by one', async () => {
    devOps.world.setParallelJobs(0);
    await api.addAgent(aPlaceholder('p1'), poolId);
    queue(1);
    const [request] = await api.getAgentRequestsForAgents(poolId, undefined, 0);
    const id = request?.requestId ?? 0;
    expect((await api.getAgentRequest(poolId, id)).statusMessage).toBeUndefined();
    expect((await api.getAgentRequest(poolId, id, true)).statusMessage).toContain('position in queue: 1');
  });

  it('count against the parallel jobs of the organisation', async () => {
    const usage = await api.getResourceUsage('Private', false, true);
    expect(usage).toMatchObject({ usedCount: 0, resourceLimit: { totalCount: 10 }, runningRequests: [] });
  });
});
