/** What only the wire has: who asks, media types, tables, watches, pages, dates, and connections that break. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { VirtualClock } from '../../../infra/local/world/clock.ts';
import type { JsonObject, JsonValue } from '../../../shared/domain/json.ts';
import {
  agentNamespace,
  aJob,
  controlPlaneToken,
  startTestKubernetes,
  type TestKubernetes,
} from '../../support/kubernetesServer.ts';

const jobs = `/apis/batch/v1/namespaces/${agentNamespace}/jobs`;
const secrets = `/api/v1/namespaces/${agentNamespace}/secrets`;
let cluster: TestKubernetes<VirtualClock>;

beforeEach(async () => {
  cluster = await startTestKubernetes();
});
afterEach(() => cluster.close());

const json = async (answer: Promise<Response>): Promise<JsonObject> => (await (await answer).json()) as JsonObject;

async function statusOf(answer: Promise<Response>): Promise<string> {
  const { code, reason, message } = await json(answer);
  return [code, reason, message].map((part) => JSON.stringify(part)).join(' ');
}

describe('who may what', () => {
  it('lets the control plane do with Jobs what its Role says, and nothing more', async () => {
    const as = { token: controlPlaneToken };
    expect((await cluster.call('POST', jobs, aJob('one'), as)).status).toBe(201);
    expect(await statusOf(cluster.call('PUT', `${jobs}/one`, aJob('one'), as))).toBe(
      '403 "Forbidden" "jobs.batch \\"one\\" is forbidden: User \\"mayfly-local\\" cannot update resource \\"jobs\\" in API group \\"batch\\" in the namespace \\"mayfly-agents\\""',
    );
  });

  it.each([
    { name: 'list Secrets', given: ['GET', secrets] },
    { name: 'watch Jobs', given: ['GET', `${jobs}?watch=1`] },
    { name: 'delete all Jobs at once', given: ['DELETE', jobs] },
    { name: 'look at all namespaces', given: ['GET', '/apis/batch/v1/jobs'] },
    { name: 'evict pods', given: ['POST', `/api/v1/namespaces/${agentNamespace}/pods/any/eviction`] },
  ] as const)('forbids the control plane to $name', async ({ given: [method, path] }) => {
    const body = method === 'POST' ? {} : undefined;
    expect((await cluster.call(method, path, body, { token: controlPlaneToken })).status).toBe(403);
  });

  it('takes who has no token for nobody, who may read the version and no Jobs', async () => {
    const answers = ['/version', '/readyz', '/apis', jobs].map((path) =>
      cluster.call('GET', path, undefined, { token: '' }),
    );
    expect((await Promise.all(answers)).map((answer) => answer.status)).toEqual([200, 200, 403, 403]);
  });

  it.each([
    { name: 'allowed', given: ['create', 'batch', 'jobs'], want: true },
    { name: 'denied', given: ['list', '', 'secrets'], want: false },
  ] as const)('reviews what is $name', async ({ given: [verb, group, resource], want }) => {
    const spec = { resourceAttributes: { namespace: agentNamespace, verb, group, resource } };
    const review = { apiVersion: 'authorization.k8s.io/v1', kind: 'SelfSubjectAccessReview', spec };
    const path = '/apis/authorization.k8s.io/v1/selfsubjectaccessreviews';
    const answer = await json(cluster.call('POST', path, review, { token: controlPlaneToken }));
    expect(answer['status']).toEqual({ allowed: want });
  });
});

const pods = `/api/v1/namespaces/${agentNamespace}/pods`;

describe('what is not there', () => {
  it.each([
    { name: 'logs that are followed', given: ['GET', `${pods}/one/log?follow=true`], want: 501 },
    { name: 'the status subresource', given: ['PUT', `${jobs}/one/status`], want: 501 },
    { name: 'a group of a real server', given: ['GET', '/apis/apps/v1/deployments'], want: 501 },
    { name: 'a resource of a real server', given: ['GET', '/api/v1/services'], want: 501 },
    { name: 'the OpenAPI document', given: ['GET', '/openapi/v2'], want: 501 },
    { name: 'a version that never was', given: ['GET', '/apis/batch/v7/jobs'], want: 404 },
    { name: 'a resource that never was', given: ['GET', '/api/v1/agents'], want: 404 },
    { name: 'creating without a namespace', given: ['POST', '/apis/batch/v1/jobs'], want: 405 },
    { name: 'a path of slashes', given: ['GET', '//'], want: 404 },
    { name: 'an unknown method', given: ['OPTIONS', `${jobs}/one`], want: 501 },
  ] as const)('answers $want to $name', async ({ given: [method, path], want }) => {
    const body = await json(cluster.call(method, path, method === 'GET' ? undefined : aJob('one')));
    expect([body['kind'], body['code']]).toEqual(['Status', want]);
  });

  it('names method and path of what is not modelled', async () => {
    const answer = cluster.call('GET', '/metrics');
    expect(await statusOf(answer)).toBe('501 "NotImplemented" "GET /metrics is not modelled by this stand-in"');
  });

  it('refuses server-side apply and other forms of bodies and answers that it does not speak', async () => {
    const send = (method: string, type: string): Promise<Response> =>
      cluster.call(method, method === 'PATCH' ? `${jobs}/one` : jobs, '{}', { headers: { 'content-type': type } });
    const protobuf = { headers: { accept: 'application/vnd.kubernetes.protobuf' } };
    const answers = await Promise.all([
      send('PATCH', 'application/apply-patch+yaml'),
      send('PATCH', 'application/json'),
      send('POST', 'application/yaml'),
      send('POST', 'text/plain'),
      cluster.call('GET', jobs, undefined, protobuf),
    ]);
    expect(answers.map((answer) => answer.status)).toEqual([501, 415, 501, 415, 501]);
  });

  it('refuses a dry run of a kind that does not exist', async () => {
    expect((await cluster.call('POST', `${jobs}?dryRun=Some`, aJob('one'))).status).toBe(422);
    expect((await cluster.call('GET', `${jobs}/one`)).status).toBe(404);
  });

  it('refuses a body above three mebibytes', async () => {
    const data = {
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: { name: 'big' },
      stringData: { a: 'x'.repeat(3 << 20) },
    };
    expect((await cluster.call('POST', secrets, data)).status).toBe(413);
  });
});

describe('deleting', () => {
  it('reads the body alone where there is one', async () => {
    await cluster.call('POST', jobs, aJob('one'));
    const options = { kind: 'DeleteOptions', apiVersion: 'v1', propagationPolicy: 'Orphan' };
    await cluster.clock.advance(10_000);
    await cluster.call('DELETE', `${jobs}/one?propagationPolicy=Background`, options);
    await cluster.clock.advance(60_000);
    expect(cluster.world.podsOf(agentNamespace, 'one')).toHaveLength(1);
  });

  it('warns who gives no policy that the pods stay', async () => {
    await cluster.call('POST', jobs, aJob('one'));
    const answer = await cluster.call('DELETE', `${jobs}/one`);
    expect(answer.headers.get('warning')).toMatch(/^299 - "child pods are preserved by default/);
  });

  it('evicts a pod', async () => {
    await cluster.call('POST', jobs, aJob('one'));
    await cluster.clock.advance(10_000);
    const [pod = {}] = cluster.world.podsOf(agentNamespace, 'one');
    const { name } = pod['metadata'] as { readonly name: string };
    const ended: unknown[] = [];
    cluster.world.onEvent((event) => {
      if (event.kind === 'podTerminating') ended.push([event.pod, event.why, event.byCaller]);
    });
    const eviction = { apiVersion: 'policy/v1', kind: 'Eviction', metadata: { name } };
    const path = `/api/v1/namespaces/${agentNamespace}/pods/${name}/eviction`;
    expect((await cluster.call('POST', path, eviction)).status).toBe(201);
    expect(ended).toEqual([[name, 'evicted', 'admin']]);
  });
});

describe('answers', () => {
  it('carry the date of the world', async () => {
    const answer = await cluster.call('GET', '/version');
    expect(answer.headers.get('date')).toBe('Mon, 05 Jan 2026 08:00:00 GMT');
  });

  it('come as tables of all namespaces to who asks for tables', async () => {
    await cluster.call('POST', jobs, aJob('one'));
    await cluster.clock.advance(130_000);
    const headers = { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io,application/json' };
    const cells = async (path: string): Promise<readonly JsonValue[]> => {
      const { rows } = (await json(cluster.call('GET', path, undefined, { headers }))) as {
        rows: { cells: JsonValue[] }[];
      };
      return rows.map((row) => row.cells.slice(0, 5));
    };
    expect(await cells('/apis/batch/v1/jobs')).toEqual([['one', 'Running', '0/1', '2m10s', '2m10s']]);
    expect(await cells('/api/v1/pods')).toEqual([[expect.stringMatching(/^one-/), '1/1', 'Running', '0', '2m10s']]);
    expect(await cells('/api/v1/namespaces')).toEqual([
      ['default', 'Active', '2m10s'],
      [agentNamespace, 'Active', '2m10s'],
    ]);
  });

  it('of a list keep their pages apart from what is written meanwhile', async () => {
    for (const name of ['a', 'b', 'c']) await cluster.call('POST', jobs, aJob(name, { suspend: true }));
    const page = async (query: string): Promise<{ names: string[]; next: string }> => {
      const body = (await json(cluster.call('GET', `${jobs}?limit=2${query}`))) as unknown as {
        metadata: { continue?: string };
        items: { metadata: { name: string } }[];
      };
      return { names: body.items.map((item) => item.metadata.name), next: body.metadata.continue ?? '' };
    };
    const first = await page('');
    await cluster.call('DELETE', `${jobs}/c?propagationPolicy=Background`);
    expect([first.names, (await page(`&continue=${first.next}`)).names]).toEqual([['a', 'b'], ['c']]);
    cluster.world.compact();
    const expired = cluster.call('GET', `${jobs}?limit=2&continue=${first.next}`);
    expect((await json(expired))['reason']).toBe('Expired');
  });
});

describe('watches', () => {
  const events = async (answer: Response): Promise<readonly string[]> =>
    (await answer.text())
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line) as { type: string; object: { metadata?: { name?: string } } })
      .map(({ type, object }) => `${type} ${object.metadata?.name ?? ''}`.trim());

  it('tell what happens, a bookmark now and then, and end in their time', async () => {
    const path = `${jobs}?watch=1&allowWatchBookmarks=true&timeoutSeconds=90`;
    const answer = await cluster.call('GET', path);
    await cluster.call('POST', jobs, aJob('one', { suspend: true }));
    await cluster.call('DELETE', `${jobs}/one?propagationPolicy=Background`);
    await cluster.clock.advance(100_000);
    expect(await events(answer)).toEqual(['ADDED one', 'DELETED one', 'BOOKMARK', 'BOOKMARK']);
  });

  it('end without bookmarks for who did not ask for them', async () => {
    const answer = await cluster.call('GET', `${jobs}?watch=true&timeoutSeconds=90`);
    await cluster.call('POST', jobs, aJob('one', { suspend: true, labels: { a: 'b' } }));
    await cluster.clock.advance(1);
    await cluster.clock.advance(100_000);
    expect((await events(answer)).filter((event) => event !== 'MODIFIED one')).toEqual(['ADDED one']);
  });

  it('come as tables too', async () => {
    const headers = { accept: 'application/json;as=Table;v=v1;g=meta.k8s.io' };
    const answer = await cluster.call('GET', `${jobs}?watch=1&timeoutSeconds=5`, undefined, { headers });
    await cluster.call('POST', jobs, aJob('one', { suspend: true }));
    await cluster.clock.advance(6000);
    const [line = ''] = (await answer.text()).split('\n');
    expect(JSON.parse(line)).toMatchObject({ type: 'ADDED', object: { kind: 'Table', rows: [{}] } });
  });

  it('answer a selector that does not parse before anything is sent', async () => {
    expect((await cluster.call('GET', `${jobs}?watch=1&labelSelector=%3D%3D`)).status).toBe(400);
  });
});

describe('faults', () => {
  it('strike the call they name, before it is known who asks', async () => {
    cluster.faults.add({ kind: 'status', status: 503, retryAfterSeconds: 2 }, (call) => call.verb === 'list jobs');
    const answer = await cluster.call('GET', jobs, undefined, { token: 'nonsense' });
    expect([answer.status, answer.headers.get('retry-after')]).toEqual([503, '2']);
    expect((await cluster.call('GET', jobs)).status).toBe(200);
  });

  it('leave out entries of a list, saying nothing of it', async () => {
    for (const name of ['a', 'b', 'c', 'd', 'e', 'f']) await cluster.call('POST', jobs, aJob(name, { suspend: true }));
    cluster.faults.add({ kind: 'partial', keep: 0.5 }, (call) => call.verb === 'list jobs');
    const { items } = (await json(cluster.call('GET', jobs))) as { items: JsonValue[] };
    expect(items.length).toBeLessThan(6);
  });

  it('keep an answer back on the time of the world', async () => {
    cluster.faults.add({ kind: 'slow', ms: 60_000 }, (call) => call.verb === 'get path');
    const answer = cluster.call('GET', '/version');
    while (cluster.clock.nextAt === undefined) await new Promise((resolve) => setImmediate(resolve));
    await cluster.clock.advance(60_000);
    expect((await answer).headers.get('date')).toBe('Mon, 05 Jan 2026 08:01:00 GMT');
  });

  it('end with the client where no answer ever comes, and are in the journal', async () => {
    cluster.faults.add({ kind: 'hang' }, (call) => call.verb === 'create jobs');
    await expect(
      cluster.call('POST', jobs, aJob('one'), { token: controlPlaneToken, signal: AbortSignal.timeout(50) }),
    ).rejects.toThrow('timeout');
    await cluster.call('GET', `${jobs}/one`, undefined, { token: controlPlaneToken });
    const said = cluster.journal.calls.map(({ door, caller, verb, target, outcome }) => [
      door,
      caller,
      verb,
      target,
      outcome,
    ]);
    expect(said).toEqual([
      ['kubernetes:test', 'mayfly-local', 'create jobs', 'mayfly-agents/one', 'hang'],
      ['kubernetes:test', 'mayfly-local', 'get jobs', 'mayfly-agents/one', '404'],
    ]);
  });
});
