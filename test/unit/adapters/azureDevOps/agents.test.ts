import { beforeEach, describe, expect, it } from 'vitest';
import type { AgentPools } from '../../../../shared/ports.ts';
import type { Respond, TheServer } from '../theServer.ts';
import { answering } from '../theServer.ts';
import type { Fixture } from './thePools.ts';
import { agent, exception, html, listOf, useServer } from './thePools.ts';

const newAgent = { name: 'mf-a', version: '4.250.0', osDescription: 'Linux', capabilities: { 'Agent.OS': 'Linux' } };

const { current } = useServer();
let server: TheServer;
let thePools: Fixture['thePools'];
beforeEach(() => {
  ({ server, thePools } = current());
});

describe('absence', () => {
  it.each([
    { name: 'an agent', ask: (pools: AgentPools) => pools.getAgent(7, 5), key: 'TaskAgentNotFoundException' },
    { name: 'a request', ask: (pools: AgentPools) => pools.getJobRequest(7, 17), key: 'TaskAgentJobNotFoundException' },
  ])('of $name is a 404 in words of the server', async ({ ask, key }) => {
    server.respond(answering({ status: 404, body: exception(key) }));
    expect(await ask(thePools())).toBeUndefined();
    server.respond(answering({ status: 404, body: exception('TaskAgentPoolNotFoundException') }));
    await expect(ask(thePools())).rejects.toMatchObject({ kind: 'notFound' });
    server.respond(answering({ status: 404, type: 'text/html', raw: html }));
    await expect(ask(thePools())).rejects.toMatchObject({ kind: 'unexpected' });
  });

  it.each([
    { name: 'none', given: listOf(), want: undefined },
    { name: 'that one', given: listOf(agent), want: 5 },
    { name: 'another whose name differs', given: listOf({ ...agent, name: 'mf-ab' }), want: undefined },
  ])('by name: $name', async ({ given, want }) => {
    server.respond(answering({ body: given }));
    expect((await thePools().findAgent(7, 'mf-a'))?.id).toBe(want);
    expect(server.asked[0]?.query.get('agentName')).toBe('mf-a');
  });
});

describe('adding an agent', () => {
  it('sends what config.sh sends and reads what its files need', async () => {
    const authorization = { clientId: 'client', authorizationUrl: 'https://auth', publicKey: {} };
    const properties = { ServerUrl: { $type: 'System.String', $value: 'https://dev.azure.com/contoso/' } };
    server.respond(answering({ body: { ...agent, authorization, properties } }));
    const publicKey = { exponent: 'AQAB', modulus: 'bW9kdWx1cw==' };
    expect(await thePools().addAgent(7, { ...newAgent, publicKey })).toEqual({
      id: 5,
      name: 'mf-a',
      authorization: { clientId: 'client', authorizationUrl: 'https://auth' },
      serverUrl: 'https://dev.azure.com/contoso/',
    });
    expect(JSON.parse(server.asked[0]?.body ?? '')).toEqual({
      name: 'mf-a',
      version: '4.250.0',
      osDescription: 'Linux',
      maxParallelism: 1,
      enabled: true,
      status: 'offline',
      provisioningState: 'Provisioned',
      systemCapabilities: { 'Agent.OS': 'Linux' },
      authorization: { publicKey },
    });
  });

  it.each([
    { name: 'a lost reply', given: ((_asked, response) => response.destroy()) as Respond, want: 'unavailable' },
    { name: '503', given: answering({ status: 503 }), want: 'unavailable' },
    { name: '429', given: answering({ status: 429 }), want: 'throttled' },
    { name: '409', given: answering({ status: 409, body: exception('TaskAgentExistsException') }), want: 'conflict' },
    { name: 'an unreadable reply', given: answering({ body: { name: 'mf-a' } }), want: 'unexpected' },
  ])('is sent once: $name is $want', async ({ given, want }) => {
    server.respond(given);
    await expect(thePools().addAgent(7, newAgent)).rejects.toMatchObject({ kind: want });
    expect(server.asked).toHaveLength(1);
  });
});

describe('updating an agent', () => {
  it('sends what is given and nothing else', async () => {
    server.respond(answering({ body: agent }));
    await thePools().updateAgent(7, { id: 5, name: 'mf-a', enabled: false });
    expect(server.asked[0]).toMatchObject({
      method: 'PATCH',
      path: '/contoso/_apis/distributedtask/pools/7/agents/5',
      body: JSON.stringify({ id: 5, name: 'mf-a', enabled: false }),
    });
  });

  it('rejects notFound where the agent is gone', async () => {
    server.respond(answering({ status: 404, body: exception('TaskAgentNotFoundException') }));
    await expect(thePools().updateAgent(7, { id: 5, name: 'mf-a' })).rejects.toMatchObject({ kind: 'notFound' });
  });
});

describe('deleting an agent', () => {
  it.each([
    { name: '200 without a body', given: { status: 200 }, want: 'deleted' },
    { name: '204', given: { status: 204 }, want: 'deleted' },
    { name: '404', given: { status: 404, body: exception('TaskAgentNotFoundException') }, want: 'absent' },
    {
      name: 'a running job (400)',
      given: { status: 400, body: exception('TaskAgentJobStillRunningException') },
      want: 'refused',
    },
    { name: 'a running job (409)', given: { status: 409 }, want: 'refused' },
    { name: '422', given: { status: 422 }, want: 'refused' },
  ])('$name is $want', async ({ given, want }) => {
    server.respond(answering(given));
    expect(await thePools().deleteAgent(7, 5)).toBe(want);
  });

  it.each([
    { name: 'a sign-in page', given: { type: 'text/html', raw: html }, want: 'unauthorized' },
    { name: '401', given: { status: 401 }, want: 'unauthorized' },
    { name: '403', given: { status: 403 }, want: 'forbidden' },
    { name: '429', given: { status: 429 }, want: 'throttled' },
    { name: '500', given: { status: 500 }, want: 'unavailable' },
    {
      name: 'a pool out of sight',
      given: { status: 404, body: exception('TaskAgentPoolNotFoundException') },
      want: 'notFound',
    },
  ])('$name rejects as $want', async ({ given, want }) => {
    server.respond(answering(given));
    await expect(thePools().deleteAgent(7, 5)).rejects.toMatchObject({ kind: want });
  });
});

describe('the parallel jobs', () => {
  const usage = { usedCount: 2, resourceLimit: { totalCount: 10, failedToReachAllProviders: false } };
  it('are read for private jobs on self-hosted agents', async () => {
    server.respond(answering({ body: usage }));
    expect(await thePools().getParallelJobs()).toEqual({ total: 10, used: 2 });
    expect(Object.fromEntries(server.asked[0]?.query ?? [])).toMatchObject({
      parallelismTag: 'Private',
      poolIsHosted: 'false',
    });
  });

  it.each([
    { name: 'the server reached only some of its sources', given: { failedToReachAllProviders: true, totalCount: 0 } },
    { name: 'no total is told', given: {} },
  ])('are unknown, not zero, where $name', async ({ given }) => {
    server.respond(answering({ body: { ...usage, resourceLimit: given } }));
    await expect(thePools().getParallelJobs()).rejects.toMatchObject({ kind: 'unexpected' });
  });
});
