import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { poolsOver } from '../../../shared/adapters/azureDevOps/pools.ts';
import { azureDevOpsRest } from '../../../shared/adapters/azureDevOps/rest.ts';
import { clusterOver } from '../../../shared/adapters/kubernetes/cluster.ts';
import { wireKubernetesApi } from '../../../shared/adapters/kubernetes/wireApi.ts';
import { Secret } from '../../../shared/domain/secret.ts';
import type { AgentPools, Cluster } from '../../../shared/ports.ts';
import { aJobObject } from './kubernetes/podObjects.ts';
import type { Asked, TheServer } from './theServer.ts';
import { answering, startServer } from './theServer.ts';

const agent = { id: 5, name: 'a', enabled: true, status: 'offline' };
const request = { requestId: 17, queueTime: '2026-01-05T08:00:00Z', jobId: 'job', planId: 'plan' };
const usage = { usedCount: 2, resourceLimit: { totalCount: 10 } };

const lists = /\/(pods|jobs|resourcequotas|secrets|persistentvolumeclaims|networkpolicies)$/;

/** The smallest right answer to whatever a method asks. */
function answerTo({ method, path }: Asked): unknown {
  if (path.includes('/distributedtask/')) return pools(method, path);
  if (path.includes('/build/')) return { status: 'completed' };
  if (lists.test(path) && method === 'GET') return { items: [], metadata: {} };
  if (path.includes('/events/')) return { metadata: { resourceVersion: '1' } };
  return path.includes('/jobs') ? aJobObject() : { metadata: { resourceVersion: '1' }, data: {} };
}

function pools(method: string, path: string): unknown {
  if (path.endsWith('/resourceusage')) return usage;
  const one = path.includes('/jobrequests') ? request : agent;
  const single = method !== 'GET' || /\/\d+$/.test(path);
  return single ? one : { count: 1, value: [one] };
}

let server: TheServer;
beforeEach(async () => {
  server = await startServer();
  server.respond((asked, response) => answering({ body: answerTo(asked) })(asked, response));
});
afterEach(() => server.stop());

const newAgent = { name: 'a', version: '5', osDescription: 'Linux', capabilities: {} };
const ofPools: readonly { name: keyof AgentPools; call: (pools: AgentPools) => Promise<unknown>; want: number }[] = [
  { name: 'listJobRequests', call: (port) => port.listJobRequests(7), want: 1 },
  { name: 'getJobRequest', call: (port) => port.getJobRequest(7, 17), want: 1 },
  { name: 'listAgents', call: (port) => port.listAgents(7), want: 1 },
  { name: 'getAgent', call: (port) => port.getAgent(7, 5), want: 1 },
  { name: 'findAgent', call: (port) => port.findAgent(7, 'a'), want: 1 },
  { name: 'addAgent', call: (port) => port.addAgent(7, newAgent), want: 1 },
  { name: 'updateAgent', call: (port) => port.updateAgent(7, { id: 5, name: 'a', enabled: false }), want: 1 },
  { name: 'deleteAgent', call: (port) => port.deleteAgent(7, 5), want: 1 },
  { name: 'isRunOver', call: (port) => port.isRunOver('project', 501), want: 1 },
  { name: 'getParallelJobs', call: (port) => port.getParallelJobs(), want: 1 },
];

const name = 'mf-in01-or01-7-17-1';
const scope = { installation: 'in01', organisation: 'or01', poolId: 7 };
const anEvent = { reason: 'NeverStarted', message: 'why', type: 'Warning', subject: name } as const;
const ofCluster: readonly { name: keyof Cluster; call: (cluster: Cluster) => Promise<unknown>; want: number }[] = [
  { name: 'listAgentJobs', call: (port) => port.listAgentJobs(scope), want: 2 },
  { name: 'getAgentJob', call: (port) => port.getAgentJob(name), want: 2 },
  { name: 'createAgentJob', call: (port) => port.createAgentJob(aJobObject()), want: 1 },
  { name: 'patchAgentJob', call: (port) => port.patchAgentJob(name, []), want: 1 },
  { name: 'deleteAgentJob', call: (port) => port.deleteAgentJob(name, 'u'), want: 1 },
  { name: 'createSecret', call: (port) => port.createSecret({}), want: 1 },
  { name: 'getSecretOwners', call: (port) => port.getSecretOwners(name), want: 1 },
  { name: 'deleteSecret', call: (port) => port.deleteSecret(name), want: 1 },
  { name: 'getControl', call: (port) => port.getControl(7), want: 1 },
  { name: 'patchControl', call: (port) => port.patchControl(7, { paused: 'true' }), want: 2 },
  { name: 'testAndPatchControl', call: (port) => port.testAndPatchControl(7, {}, { paused: 'true' }), want: 2 },
  { name: 'listQuotaRoom', call: (port) => port.listQuotaRoom(), want: 1 },
  { name: 'recordEvent', call: (port) => port.recordEvent(7, anEvent), want: 2 },
  { name: 'listLeftovers', call: (port) => port.listLeftovers(scope), want: 4 },
  { name: 'deleteLeftover', call: (port) => port.deleteLeftover({ kind: 'Secret', name, uid: 'u' }), want: 1 },
  { name: 'endPod', call: (port) => port.endPod('pod', 'u', 5), want: 1 },
  { name: 'readPodLog', call: (port) => port.readPodLog('pod', 10), want: 1 },
];

describe('requests for each method of a port, from the first call on', () => {
  it.each(ofPools)('$name: $want', async ({ call, want }) => {
    const tokens = { getToken: () => Promise.resolve({ token: new Secret('t'), expiresAt: 0 }) };
    await call(poolsOver(azureDevOpsRest({ organisationUrl: server.url, credential: { kind: 'bearer', tokens } })));
    expect(server.asked).toHaveLength(want);
  });

  it.each(ofCluster)('$name: $want', async ({ call, want }) => {
    const api = wireKubernetesApi({ kind: 'server', server: server.url, token: new Secret('t') });
    await call(clusterOver(api, { name: 'east', namespace: 'agents' }));
    expect(server.asked).toHaveLength(want);
  });
});
