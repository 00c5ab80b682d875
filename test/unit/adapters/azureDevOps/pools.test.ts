import { beforeEach, describe, expect, it } from 'vitest';
import type { UpstreamErrorKind } from '../../../../shared/domain/errors.ts';
import { Secret } from '../../../../shared/domain/secret.ts';
import type { Respond, Scripted, TheServer } from '../theServer.ts';
import { answering, inTurn } from '../theServer.ts';
import type { Fixture } from './thePools.ts';
import { agent, exception, html, listOf, token, useServer } from './thePools.ts';

const request = { requestId: 17, queueTime: '2026-01-05T08:00:00.1234567Z', jobId: 'job', planId: 'plan' };

const { current } = useServer();
let server: TheServer;
let clock: Fixture['clock'];
let thePools: Fixture['thePools'];
beforeEach(() => {
  ({ server, clock, thePools } = current());
});

describe('a call', () => {
  it('carries the token, suppresses the sign-in redirect and reuses its connection', async () => {
    server.respond(answering({ body: listOf() }));
    const pools = thePools();
    for (let call = 0; call < 5; call++) await pools.listAgents(7);
    expect(server.asked[0]?.headers).toMatchObject({
      authorization: `Bearer ${token}`,
      'x-tfs-fedauthredirect': 'Suppress',
      accept: 'application/json',
    });
    expect([server.asked.length, server.connections()]).toEqual([5, 1]);
  });

  it('sends a personal access token as basic authentication', async () => {
    server.respond(answering({ body: listOf() }));
    const tokens = { getToken: () => Promise.resolve({ token: new Secret('pat'), expiresAt: 0 }) };
    await thePools({ credential: { kind: 'personalAccessToken', tokens } }).listAgents(7);
    const [, encoded = ''] = server.asked[0]?.headers.authorization?.split(' ') ?? [];
    expect(Buffer.from(encoded, 'base64').toString()).toMatch(/:pat$/);
  });

  it('asks for a token before each request, so that a new one is used at once', async () => {
    server.respond(answering({ body: listOf() }));
    let issued = 0;
    const tokens = { getToken: () => Promise.resolve({ token: new Secret(`t${++issued}`), expiresAt: 0 }) };
    const pools = thePools({ credential: { kind: 'bearer', tokens } });
    await pools.listAgents(7);
    await pools.listAgents(7);
    expect(server.asked.map((asked) => asked.headers.authorization)).toEqual(['Bearer t1', 'Bearer t2']);
  });

  it.each([
    { name: 'a request to slow down', headers: { 'retry-after': '7' }, want: [7000] },
    { name: 'that the answer was held back', headers: { 'x-ratelimit-delay': '1.5' }, want: [1500] },
    {
      name: 'the request rather than the delay',
      headers: { 'retry-after': '7', 'x-ratelimit-delay': '1' },
      want: [7000],
    },
    { name: 'nothing where nothing is said', headers: {}, want: [] },
  ])('passes on $name, on a success too', async ({ headers, want }) => {
    const hints: number[] = [];
    server.respond(answering({ body: listOf(), headers }));
    await thePools({ onThrottleHint: (ms) => hints.push(ms) }).listAgents(7);
    expect(hints).toEqual(want);
  });
});

interface Trap extends Scripted {
  readonly name: string;
  readonly want: UpstreamErrorKind;
}

const traps: readonly Trap[] = [
  { name: '203 with a sign-in page', status: 203, type: 'text/html', raw: html, want: 'unauthorized' },
  { name: '203 with JSON', status: 203, body: listOf(), want: 'unauthorized' },
  { name: '302 to a sign-in page', status: 302, headers: { location: '/_signin' }, want: 'unauthorized' },
  { name: '200 with a sign-in page', type: 'text/html; charset=utf-8', raw: html, want: 'unauthorized' },
  { name: '401 with an empty body', status: 401, want: 'unauthorized' },
  { name: '403', status: 403, body: exception('AccessDeniedException'), want: 'forbidden' },
  { name: '404 in JSON', status: 404, body: exception('TaskAgentPoolNotFoundException'), want: 'notFound' },
  { name: '404 from a gateway', status: 404, type: 'text/html', raw: html, want: 'unexpected' },
  { name: '400', status: 400, body: exception('VssVersionOutOfRangeException'), want: 'invalid' },
  { name: '429', status: 429, headers: { 'retry-after': '60' }, want: 'throttled' },
  { name: '500', status: 500, body: exception('Exception'), want: 'unavailable' },
  { name: '503 with a page', status: 503, type: 'text/html', raw: html, want: 'unavailable' },
  { name: '200 with an empty body', raw: '', want: 'unexpected' },
  { name: '200 with null', raw: 'null', want: 'unexpected' },
  { name: '200 with broken JSON', raw: '{"count":1,"value":[{"id"', want: 'unexpected' },
  { name: '200 with plain text', type: 'text/plain', raw: 'ok', want: 'unexpected' },
  { name: '204', status: 204, want: 'unexpected' },
  { name: 'a bare array', body: [], want: 'unexpected' },
  { name: 'a list without value', body: { count: 0 }, want: 'unexpected' },
  { name: 'a list shorter than its count', body: { count: 2, value: [agent] }, want: 'unexpected' },
  { name: 'an agent without status', body: listOf({ ...agent, status: undefined }), want: 'unexpected' },
  { name: 'an agent with a numeric status', body: listOf({ ...agent, status: 2 }), want: 'unexpected' },
  { name: 'an agent of which enabled is unknown', body: listOf({ ...agent, enabled: null }), want: 'unexpected' },
];

describe('listing agents', () => {
  it.each(traps)('$name is $want', async ({ want, ...script }) => {
    server.respond(answering(script));
    const error = await thePools()
      .listAgents(7)
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: 'UpstreamError', upstream: 'azureDevOps', kind: want });
    expect(String(error)).not.toContain(token);
  });

  const broken: readonly { name: string; given: Respond; want: UpstreamErrorKind; requests: number }[] = [
    { name: 'no answer at all', given: () => undefined, want: 'timeout', requests: 1 },
    {
      name: 'an answer that drips for ever',
      given: (_asked, response) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        const timer = setInterval(() => response.write(' '), 20);
        response.on('close', () => clearInterval(timer));
      },
      want: 'timeout',
      requests: 1,
    },
    { name: 'a reset', given: (_asked, response) => response.destroy(), want: 'unavailable', requests: 3 },
    {
      name: 'an answer that breaks off',
      given: (_asked, response) => {
        response.writeHead(200, { 'content-type': 'application/json', 'content-length': '500' });
        response.write('{"count":1,', () => response.destroy());
      },
      want: 'unavailable',
      requests: 3,
    },
  ];
  it.each(broken)('$name is $want after $requests request(s)', async ({ given, want, requests }) => {
    server.respond(given);
    await expect(thePools({ timeoutMs: 150 }).listAgents(7)).rejects.toMatchObject({ kind: want });
    expect(server.asked).toHaveLength(requests);
  });

  it('is unavailable where nobody listens', async () => {
    await server.stop();
    await expect(thePools().listAgents(7)).rejects.toMatchObject({ kind: 'unavailable', detail: 'ECONNREFUSED' });
  });

  it('asks for everything and reads it, stamped with the server time', async () => {
    const wired = {
      ...agent,
      status: 'online',
      createdOn: '2026-01-05T07:00:00Z',
      statusChangedOn: '2026-01-05T07:30:00Z',
      systemCapabilities: { 'Agent.OS': 'Linux', docker: null, node: '22' },
      userCapabilities: { node: '24' },
      assignedRequest: { requestId: 17 },
      lastCompletedRequest: { requestId: 16, finishTime: '2026-01-05T07:45:00Z', result: 'succeeded' },
      pendingUpdate: { targetVersion: '4.251.0' },
    };
    server.respond(answering({ body: listOf(wired, agent), headers: { date: 'Mon, 05 Jan 2026 08:00:07 GMT' } }));
    expect(await thePools().listAgents(7)).toEqual({
      at: Date.UTC(2026, 0, 5, 8, 0, 7),
      value: [
        {
          id: 5,
          name: 'mf-a',
          version: '4.250.0',
          enabled: true,
          online: true,
          createdAt: Date.UTC(2026, 0, 5, 7),
          statusChangedAt: Date.UTC(2026, 0, 5, 7, 30),
          capabilities: { 'Agent.OS': 'Linux', docker: '', node: '24' },
          userCapabilities: { node: '24' },
          assignedRequestId: 17,
          lastCompletedRequest: { id: 16, finishedAt: Date.UTC(2026, 0, 5, 7, 45) },
          updatePending: true,
        },
        {
          id: 5,
          name: 'mf-a',
          version: '4.250.0',
          enabled: true,
          online: false,
          capabilities: {},
          updatePending: false,
        },
      ],
    });
    expect(server.asked[0]?.path).toBe('/contoso/_apis/distributedtask/pools/7/agents');
    expect(Object.fromEntries(server.asked[0]?.query ?? [])).toEqual({
      'api-version': '7.1',
      includeCapabilities: 'true',
      includeAssignedRequest: 'true',
      includeLastCompletedRequest: 'true',
    });
  });
});

describe('listing job requests', () => {
  it('follows the continuation token to the end and stamps with the first answer', async () => {
    server.respond((asked, response) => {
      const second = asked.query.get('continuationToken') === 'a b+c';
      const headers = second
        ? { date: 'Mon, 05 Jan 2026 08:00:09 GMT' }
        : { date: 'Mon, 05 Jan 2026 08:00:07 GMT', 'x-ms-continuationtoken': 'a b+c' };
      answering({ body: listOf({ ...request, requestId: second ? 18 : 17 }), headers })(asked, response);
    });
    const listed = await thePools().listJobRequests(7);
    expect(listed.value.map(({ id }) => id)).toEqual([17, 18]);
    expect(listed.at).toBe(Date.UTC(2026, 0, 5, 8, 0, 7));
    expect(server.asked.map((asked) => asked.query.get('completedRequestCount'))).toEqual(['0', '0']);
  });

  it('rejects where a later page fails: a first page is not the list', async () => {
    server.respond(
      inTurn(
        answering({ body: listOf(request), headers: { 'x-ms-continuationtoken': 'next' } }),
        answering({ status: 403 }),
      ),
    );
    await expect(thePools().listJobRequests(7)).rejects.toMatchObject({ kind: 'forbidden' });
  });

  it('rejects a server that never ends', async () => {
    server.respond(answering({ body: listOf(request), headers: { 'x-ms-continuationtoken': 'again' } }));
    await expect(thePools().listJobRequests(7)).rejects.toMatchObject({ kind: 'unexpected' });
  });

  it('rejects an answer without a date: ages are measured by it', async () => {
    server.respond((_asked, response) => {
      response.sendDate = false;
      response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify(listOf()));
    });
    await expect(thePools().listJobRequests(7)).rejects.toMatchObject({ kind: 'unexpected' });
  });

  it.each([
    { given: '2026-01-05T08:00:01Z', want: Date.UTC(2026, 0, 5, 8, 0, 1) },
    { given: '2026-01-05T09:00:01.5+01:00', want: Date.UTC(2026, 0, 5, 8, 0, 1, 500) },
    { given: '2026-01-05T08:00:01', want: Date.UTC(2026, 0, 5, 8, 0, 1) },
    { given: '0001-01-01T00:00:00', want: undefined },
    { given: '0001-01-01T00:00:00Z', want: undefined },
  ])('reads the time $given', async ({ given, want }) => {
    server.respond(answering({ body: listOf({ ...request, assignTime: given }) }));
    expect((await thePools().listJobRequests(7)).value[0]?.assignedAt).toBe(want);
  });

  it('rejects a request that was queued at no time', async () => {
    server.respond(answering({ body: listOf({ ...request, queueTime: '0001-01-01T00:00:00' }) }));
    await expect(thePools().listJobRequests(7)).rejects.toMatchObject({ kind: 'unexpected' });
  });

  it('reads every member, leaves out what has not happened and drops what is finished', async () => {
    const whole = {
      ...request,
      assignTime: '2026-01-05T08:00:01Z',
      receiveTime: '2026-01-05T08:00:02Z',
      lockedUntil: '2026-01-05T08:10:02Z',
      reservedAgent: { ...agent, _links: {} },
      demands: ['docker', { name: 'Agent.Version', value: '2.182.1' }, { value: 'x' }],
      planType: 'Build',
      jobName: 'build',
      definition: { id: 3, name: 'ci', _links: {} },
      owner: { id: 99, name: '20260105.1' },
      scopeId: 'project',
      data: { ParallelismTag: 'Public', IsScheduledKey: 'False' },
      userDelayed: true,
      priority: 2,
      matchedAgents: [agent],
    };
    const finished = { ...request, requestId: 16, result: 'succeeded', finishTime: '2026-01-05T08:00:03Z' };
    server.respond(answering({ body: listOf(whole, request, finished) }));
    const { value } = await thePools().listJobRequests(7);
    expect(value).toEqual([
      {
        id: 17,
        poolId: 7,
        queuedAt: Date.parse('2026-01-05T08:00:00.123Z'),
        assignedAt: Date.UTC(2026, 0, 5, 8, 0, 1),
        receivedAt: Date.UTC(2026, 0, 5, 8, 0, 2),
        lockedUntil: Date.UTC(2026, 0, 5, 8, 10, 2),
        reservedAgent: { id: 5, name: 'mf-a' },
        demands: ['docker', 'Agent.Version -gtVersion 2.182.1', '(unreadable demand) {"value":"x"}'],
        jobId: 'job',
        planId: 'plan',
        planType: 'Build',
        jobName: 'build',
        pipeline: { id: 3, name: 'ci' },
        run: { id: 99, name: '20260105.1' },
        projectId: 'project',
        parallelism: 'public',
        userDelayed: true,
        priority: 2,
      },
      {
        id: 17,
        poolId: 7,
        queuedAt: Date.parse('2026-01-05T08:00:00.123Z'),
        demands: [],
        jobId: 'job',
        planId: 'plan',
        parallelism: 'private',
        userDelayed: false,
      },
    ]);
  });
});

describe('whether a run is over', () => {
  it.each([
    { given: 'completed', want: true },
    { given: 'inProgress', want: false },
    { given: 'cancelling', want: false },
    { given: 'postponed', want: false },
    { given: 'notStarted', want: false },
    { given: 'none', want: false },
  ])('$given: $want', async ({ given, want }) => {
    server.respond(answering({ body: { id: 501, status: given, result: 'succeeded' } }));
    expect(await thePools().isRunOver('Fabrikam Fiber/1', 501)).toBe(want);
    expect(server.asked[0]?.path).toBe('/contoso/Fabrikam%20Fiber%2F1/_apis/build/builds/501');
    expect(server.asked[0]?.query.get('api-version')).toBe('7.1');
  });

  it('is not known of a build that is not there', async () => {
    server.respond(answering({ status: 404, body: exception('BuildNotFoundException') }));
    expect(await thePools().isRunOver('project', 501)).toBeUndefined();
  });

  it.each([{ body: { id: 501 } }, { body: { id: 501, status: 2 } }, { body: [] }])(
    'rejects $body: it says nothing of the run',
    async ({ body }) => {
      server.respond(answering({ body }));
      await expect(thePools().isRunOver('project', 501)).rejects.toMatchObject({ kind: 'unexpected' });
    },
  );

  it('is not known, and no answer, where a gateway says 404', async () => {
    server.respond(answering({ status: 404, raw: html, type: 'text/html' }));
    await expect(thePools().isRunOver('project', 501)).rejects.toMatchObject({ kind: 'unexpected' });
  });
});

describe('retries', () => {
  it.each([
    { name: '503 twice', given: [{ status: 503 }, { status: 503 }], slept: [100, 200] },
    { name: '429 with a short Retry-After', given: [{ status: 429, headers: { 'retry-after': '2' } }], slept: [2000] },
  ])('read again after $name', async ({ given, slept }) => {
    server.respond(inTurn(...given.map(answering), answering({ body: listOf() })));
    expect((await thePools().listAgents(7)).value).toEqual([]);
    expect(clock.slept).toEqual(slept);
  });

  it('end after two', async () => {
    server.respond(answering({ status: 503 }));
    await expect(thePools().listAgents(7)).rejects.toMatchObject({ kind: 'unavailable', status: 503 });
    expect(server.asked).toHaveLength(3);
  });

  it('are not tried against a long Retry-After, which is passed on', async () => {
    server.respond(answering({ status: 429, headers: { 'retry-after': '30' } }));
    await expect(thePools().listAgents(7)).rejects.toMatchObject({ kind: 'throttled', retryAfterMs: 30_000 });
    expect(server.asked).toHaveLength(1);
  });
});
