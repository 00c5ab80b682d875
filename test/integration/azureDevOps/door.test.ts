/** What every call passes: credential, rights, versions, rate limit, faults. Over real sockets with plain fetch. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { reader } from '../../../infra/local/azureDevOps/wire/tokens.ts';
import type { VirtualClock } from '../../../infra/local/world/clock.ts';
import type { FaultKind } from '../../../infra/local/world/faults.ts';
import { basic, startTestAzureDevOps, type TestAzureDevOps, until } from '../../support/azureDevOpsServer.ts';

let devOps: TestAzureDevOps<VirtualClock>;
let poolId: number;
let agents: string;

beforeEach(async () => {
  devOps = await startTestAzureDevOps();
  poolId = devOps.world.addPool({ name: 'kube' }).id;
  agents = `_apis/distributedtask/pools/${poolId}/agents`;
  devOps.world.addAgent(poolId, { name: 'first' });
});
afterEach(() => devOps.close());

const placeholder = { name: 'p1', version: '99.999.9', systemCapabilities: {} };

describe('a credential', () => {
  const bad: readonly { readonly name: string; readonly given: () => string }[] = [
    { name: 'is refused when missing', given: () => '' },
    { name: 'is refused when unknown', given: () => basic('wrong') },
    { name: 'is refused without a colon', given: () => `Basic ${Buffer.from(devOps.pat).toString('base64')}` },
    { name: 'is refused as a bearer when it is a PAT', given: () => `Bearer ${devOps.pat}` },
    { name: 'is refused with a line end, as a file may leave it', given: () => basic(`${devOps.pat}\n`) },
  ];
  it.each(bad)('$name', async ({ given }) => {
    const answer = await devOps.call('GET', agents, undefined, { headers: { authorization: given() } });
    expect([answer.status, answer.headers.get('content-type')]).toEqual([203, 'text/html; charset=utf-8']);
  });

  const good: readonly { readonly name: string; readonly given: () => string }[] = [
    { name: 'is taken as a PAT with any user', given: () => `Basic ${btoa(`any:${devOps.pat}`)}` },
    { name: 'is taken as an Entra token', given: () => `Bearer ${devOps.entraToken}` },
    { name: 'is taken as an Entra token in place of a PAT', given: () => basic(devOps.entraToken) },
  ];
  it.each(good)('$name', async ({ given }) => {
    const answer = await devOps.call('GET', agents, undefined, { headers: { authorization: given() } });
    expect([answer.status, await answer.json()]).toMatchObject([200, { count: 1 }]);
  });

  it('stops working when it is revoked, and when it expires', async () => {
    devOps.tokens.expire(devOps.pat, devOps.clock.now() + 1000);
    expect((await devOps.call('GET', agents)).status).toBe(200);
    await devOps.clock.advance(1000);
    expect((await devOps.call('GET', agents)).status).toBe(203);
    devOps.tokens.revoke(devOps.entraToken);
    expect((await devOps.call('GET', agents, undefined, { token: devOps.entraToken })).status).toBe(203);
  });

  it('that is broken gets a page on reads and creates, 401 on changes, and touches nothing', async () => {
    const answers = await Promise.all(
      ['GET', 'POST', 'PATCH', 'PUT', 'DELETE'].map(async (method) => {
        const path = method === 'GET' || method === 'POST' ? agents : `${agents}/1`;
        const body = method === 'GET' || method === 'DELETE' ? undefined : placeholder;
        return [method, (await devOps.call(method, path, body, { token: 'wrong' })).status];
      }),
    );
    expect(Object.fromEntries(answers)).toEqual({ GET: 203, POST: 203, PATCH: 401, PUT: 401, DELETE: 401 });
    expect(devOps.world.listAgents(poolId)).toHaveLength(1);
  });

  const forms: readonly {
    readonly name: string;
    readonly given: readonly [form: 'unauthorized' | 'redirect', headers: Readonly<Record<string, string>>];
    readonly want: number;
  }[] = [
    { name: '401 where the service answers so', given: ['unauthorized', {}], want: 401 },
    { name: 'a redirect where the service answers so', given: ['redirect', {}], want: 302 },
    {
      name: '401 instead of a redirect that the caller suppresses',
      given: ['redirect', { 'x-tfs-fedauthredirect': 'Suppress' }],
      want: 401,
    },
  ];
  it.each(forms)('that is broken gets $name', async ({ given: [badCredential, headers], want }) => {
    const other = await startTestAzureDevOps({ badCredential });
    const answer = await other.call('GET', '_apis/distributedtask/pools', undefined, { token: 'wrong', headers });
    expect(answer.status).toBe(want);
    await other.close();
  });

  it('that is broken reads as an unknown resource in the typed client', async () => {
    const api = devOps.webApi('y'.repeat(52)).getTaskAgentApi('');
    await expect(api).rejects.toThrow('Failed to find api location for area');
  });
});

describe('rights', () => {
  it('to read do not allow a change', async () => {
    const token = devOps.addPat('viewer', reader);
    expect((await devOps.call('GET', agents, undefined, { token })).status).toBe(200);
    const answer = await devOps.call('POST', agents, placeholder, { token });
    expect([answer.status, await answer.json()]).toMatchObject([
      403,
      { message: expect.stringContaining('viewer needs Manage permissions for pool kube') },
    ]);
    const listed = await devOps.call('GET', '_apis/distributedtask/pools?actionFilter=manage', undefined, { token });
    expect(await listed.json()).toEqual({ count: 0, value: [] });
  });

  it('that miss a pool make it look absent', async () => {
    const token = devOps.addPat('stranger', { read: [], manage: [], hooks: false });
    const answer = await devOps.call('GET', agents, undefined, { token });
    expect([answer.status, await answer.json()]).toMatchObject([404, { typeKey: 'TaskAgentPoolNotFoundException' }]);
  });

  it('without any to projects make these look absent', async () => {
    devOps.world.addAgent(poolId, { name: 'second', version: '5.278.0' });
    const queued = devOps.world.queueJob({ poolId, durationMs: 1000 });
    const { project, run } = devOps.world.getJobRequest(poolId, queued.kind === 'queued' ? queued.requestId : 0);
    const path = `${project.name}/_apis/build/builds/${run.id}`;
    const token = devOps.addPat('registrar', { read: 'all', manage: 'all', hooks: false, projects: false });
    expect((await devOps.call('GET', path)).status).toBe(200);
    const answer = await devOps.call('GET', path, undefined, { token });
    expect([answer.status, await answer.json()]).toMatchObject([
      404,
      { typeKey: 'ProjectDoesNotExistWithNameException' },
    ]);
  });

  it('for hooks are rights of their own', async () => {
    const token = devOps.addPat('viewer', reader);
    expect((await devOps.call('GET', '_apis/hooks/subscriptions', undefined, { token })).status).toBe(403);
  });
});

describe('the api-version', () => {
  const table: readonly {
    readonly name: string;
    readonly given: readonly [method: string, version: string];
    readonly want: number;
  }[] = [
    { name: 'may be left out of a read', given: ['GET', ''], want: 200 },
    { name: 'must be given with a change', given: ['POST', ''], want: 400 },
    { name: 'may be 7.0', given: ['GET', ';api-version=7.0'], want: 200 },
    { name: 'needs the preview flag where it is in preview', given: ['GET', ';api-version=7.2'], want: 400 },
    { name: 'may be in preview', given: ['GET', ';api-version=7.2-preview.1'], want: 200 },
    { name: 'must be one that exists', given: ['GET', ';api-version=9.0'], want: 400 },
  ];
  it.each(table)('$name', async ({ given: [method, version], want }) => {
    const headers = { accept: `application/json${version}` };
    const body = method === 'POST' ? placeholder : undefined;
    expect((await devOps.call(method, agents, body, { headers })).status).toBe(want);
  });
});

describe('an answer', () => {
  it("bears the server's own time", async () => {
    devOps.world.setSkew(-60_000);
    const answer = await devOps.call('GET', agents);
    expect(answer.headers.get('date')).toBe(new Date(devOps.clock.now() - 60_000).toUTCString());
    const refusal = await devOps.call('GET', agents, undefined, { token: 'wrong' });
    expect(refusal.headers.get('date')).toBe(answer.headers.get('date'));
  });

  it('is 501 with method and path where nothing is modelled', async () => {
    const answer = await devOps.call('GET', '_apis/distributedtask/agentclouds');
    expect([answer.status, await answer.json()]).toMatchObject([
      501,
      { message: expect.stringMatching(/GET .*_apis\/distributedtask\/agentclouds/) },
    ]);
  });

  it('is 400 to what is no JSON and to what is no id', async () => {
    const headers = { authorization: basic(devOps.pat), accept: 'application/json;api-version=7.1' };
    const broken = await fetch(`${devOps.url}/${agents}`, { method: 'POST', headers, body: '{"name":' });
    const noId = await devOps.call('GET', '_apis/distributedtask/pools/x/agents');
    expect([broken.status, noId.status]).toEqual([400, 400]);
  });
});

describe('the rate limit', () => {
  it('warns on successes first, then refuses until calls leave the window', async () => {
    const limited = await startTestAzureDevOps({ rateLimit: { budget: 3, warnFrom: 2 } });
    const path = '_apis/distributedtask/pools';
    const seen: unknown[] = [];
    let refusal = '';
    for (let call = 0; call < 4; call++) {
      const answer = await limited.call('GET', path);
      seen.push([answer.status, answer.headers.get('retry-after'), answer.headers.get('x-ratelimit-remaining')]);
      refusal = await answer.text();
    }
    expect(seen).toEqual([
      [200, null, null],
      [200, null, null],
      [200, '30', '0'],
      [429, '300', '0'],
    ]);
    expect(refusal).toContain('TF400733');
    const other = limited.addPat('other', reader);
    expect((await limited.call('GET', path, undefined, { token: other })).status).toBe(200);
    await limited.clock.advance(300_000);
    expect((await limited.call('GET', path)).status).toBe(200);
    await limited.close();
  });
});

describe('a scripted fault', () => {
  const strike = (verb: string, fault: FaultKind): void => {
    devOps.faults.add(fault, (call) => call.verb === verb);
  };
  const names = (): readonly string[] => devOps.world.listAgents(poolId).map((agent) => agent.name);
  const lastOutcome = (): string | undefined => devOps.journal.calls.at(-1)?.outcome;

  it('answers a status and leaves the world alone', async () => {
    strike('addAgent', { kind: 'status', status: 503, retryAfterSeconds: 7 });
    const answer = await devOps.call('POST', agents, placeholder);
    expect([answer.status, answer.headers.get('retry-after'), names()]).toEqual([503, '7', ['first']]);
  });

  it('answers the sign-in page', async () => {
    strike('listAgents', { kind: 'signInPage' });
    expect((await devOps.call('GET', agents)).status).toBe(203);
  });

  it('answers null', async () => {
    strike('listAgents', { kind: 'nullBody' });
    const answer = await devOps.call('GET', agents);
    expect([answer.status, await answer.json()]).toEqual([200, null]);
  });

  it('breaks off in the middle of the body', async () => {
    strike('listAgents', { kind: 'truncated' });
    const answer = await devOps.call('GET', agents);
    expect(answer.status).toBe(200);
    await expect(answer.json()).rejects.toThrow(SyntaxError);
    expect(lastOutcome()).toBe('truncated');
  });

  it('breaks off in a way that the typed client takes for null', async () => {
    const api = await devOps.webApi().getTaskAgentApi('');
    strike('listAgents', { kind: 'truncated' });
    expect(await api.getAgents(poolId)).toBeNull();
  });

  it('loses a call before anything happens', async () => {
    strike('addAgent', { kind: 'lostBefore' });
    await expect(devOps.call('POST', agents, placeholder)).rejects.toThrow('fetch failed');
    expect(names()).toEqual(['first']);
  });

  it('loses the reply after everything has happened', async () => {
    strike('addAgent', { kind: 'lostAfter' });
    await expect(devOps.call('POST', agents, placeholder)).rejects.toThrow('fetch failed');
    expect(names()).toEqual(['first', 'p1']);
  });

  it('leaves entries out of a list', async () => {
    strike('listAgents', { kind: 'partial', keep: 0 });
    expect(await (await devOps.call('GET', agents)).json()).toEqual({ count: 0, value: [] });
  });

  it('holds an answer back', async () => {
    strike('addAgent', { kind: 'slow', ms: 5000 });
    let answered = false;
    const answer = devOps.call('POST', agents, placeholder).then((response) => {
      answered = true;
      return response.status;
    });
    await until(() => names().includes('p1') && devOps.clock.nextAt !== undefined);
    expect(answered).toBe(false);
    await devOps.clock.advance(5000);
    expect(await answer).toBe(200);
  });

  it('never answers until the caller gives up', async () => {
    strike('addAgent', { kind: 'hang' });
    const controller = new AbortController();
    const answer = devOps.call('POST', agents, placeholder, { signal: controller.signal });
    await until(() => devOps.journal.calls.some((call) => call.verb === 'addAgent'));
    controller.abort();
    await expect(answer).rejects.toThrow('abort');
    await until(() => lastOutcome() === 'hang');
    expect(names()).toEqual(['first']);
  });

  it('does not keep the server from closing', async () => {
    strike('listAgents', { kind: 'hang' });
    const answer = devOps.call('GET', agents);
    await until(() => devOps.journal.calls.length > 0);
    await Promise.all([devOps.close(), expect(answer).rejects.toThrow('fetch failed')]);
  });
});

describe('the journal', () => {
  it('names callers, verbs and targets as the in-process door does', async () => {
    await devOps.call('GET', agents);
    await devOps.call('GET', `${agents}?agentName=first`);
    await devOps.call('POST', agents, placeholder);
    await devOps.call('GET', `${agents}/999`);
    await devOps.call('GET', '_apis/distributedtask/pools', undefined, { token: 'wrong' });
    const told = devOps.journal.calls.map(({ door, caller, verb, target, outcome }) => [
      door,
      caller,
      verb,
      target,
      outcome,
    ]);
    expect(told).toEqual([
      ['azureDevOps', 'mayfly', 'listAgents', `${poolId}`, 'ok'],
      ['azureDevOps', 'mayfly', 'findAgent', `${poolId}/first`, 'ok'],
      ['azureDevOps', 'mayfly', 'addAgent', `${poolId}/p1`, 'ok'],
      ['azureDevOps', 'mayfly', 'getAgent', `${poolId}/999`, '404'],
      ['azureDevOps', 'anonymous', 'GET distributedtask/pools', 'distributedtask/pools', '203'],
    ]);
  });
});
