import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { KubernetesAccess } from '../../../../shared/adapters/kubernetes/access.ts';
import type { KubernetesApi } from '../../../../shared/adapters/kubernetes/api.ts';
import type { WireKubernetesOptions } from '../../../../shared/adapters/kubernetes/wireApi.ts';
import { wireKubernetesApi } from '../../../../shared/adapters/kubernetes/wireApi.ts';
import type { UpstreamErrorKind } from '../../../../shared/domain/errors.ts';
import { Secret } from '../../../../shared/domain/secret.ts';
import type { Respond, Scripted, TheServer } from '../theServer.ts';
import { answering, impatientClock, inTurn, startServer } from '../theServer.ts';

let server: TheServer;
let clock: ReturnType<typeof impatientClock>;
beforeEach(async () => {
  server = await startServer();
  clock = impatientClock();
});
afterEach(() => server.stop());

function theApi(options: WireKubernetesOptions = {}, access?: KubernetesAccess): KubernetesApi {
  const served = access ?? { kind: 'server', server: server.url, token: new Secret('sa-token\n') };
  return wireKubernetesApi(served, { timeoutMs: 2000, clock, retry: { jitter: () => 0 }, ...options });
}

const status = (reason: string, message = 'words') => ({ kind: 'Status', status: 'Failure', reason, message });
const page = (names: readonly string[], next?: string) => ({
  kind: 'JobList',
  metadata: { resourceVersion: '1', ...(next && { continue: next }) },
  items: names.map((name) => ({ metadata: { name, creationTimestamp: '2026-01-05T08:00:00Z' }, spec: { novelty: 1 } })),
});
const kubeconfig = (user: string): Secret =>
  new Secret(`
apiVersion: v1
kind: Config
clusters: [{ name: east, cluster: { server: '${server.url}/', insecure-skip-tls-verify: true } }]
contexts: [{ name: one, context: { cluster: east, user: someone } }]
users: [{ name: someone, user: ${user} }]
current-context: one
`);

describe('requests', () => {
  it('list with selectors, follow continue and keep objects as they are', async () => {
    server.respond((asked, response) =>
      answering({ body: asked.query.get('continue') === 'n/1=' ? page(['c']) : page(['a', 'b'], 'n/1=') })(
        asked,
        response,
      ),
    );
    const jobs = await theApi().list('jobs', 'agents', {
      labelSelector: 'a=b,c',
      fieldSelector: 'status.phase=Failed',
    });
    expect(jobs).toEqual(page(['a', 'b', 'c']).items);
    expect(server.asked.map((asked) => `${asked.path}?${asked.query.toString()}`)).toEqual([
      '/apis/batch/v1/namespaces/agents/jobs?labelSelector=a%3Db%2Cc&fieldSelector=status.phase%3DFailed&limit=500',
      '/apis/batch/v1/namespaces/agents/jobs?labelSelector=a%3Db%2Cc&fieldSelector=status.phase%3DFailed&limit=500&continue=n%2F1%3D',
    ]);
    expect(server.asked[0]?.headers).toMatchObject({ authorization: 'Bearer sa-token', accept: 'application/json' });
  });

  const body = { metadata: { name: 'x' }, spec: { podReplacementPolicy: 'Failed', notInTheSdk: { a: 1 } } };
  const calls: readonly {
    name: string;
    call: (api: KubernetesApi) => Promise<unknown>;
    want: { method: string; path: string; type?: string; body?: unknown };
  }[] = [
    {
      name: 'get a Secret',
      call: (api) => api.get('secrets', 'agents', 'x'),
      want: { method: 'GET', path: '/api/v1/namespaces/agents/secrets/x' },
    },
    {
      name: 'create a Job with fields younger than the SDK',
      call: (api) => api.create('jobs', 'agents', body),
      want: { method: 'POST', path: '/apis/batch/v1/namespaces/agents/jobs', type: 'application/json', body },
    },
    {
      name: 'create a NetworkPolicy',
      call: (api) => api.create('networkpolicies', 'agents', body),
      want: {
        method: 'POST',
        path: '/apis/networking.k8s.io/v1/namespaces/agents/networkpolicies',
        type: 'application/json',
        body,
      },
    },
    {
      name: 'send a JSON Patch',
      call: (api) => api.patch('jobs', 'agents', 'x', [{ op: 'test', path: '/metadata/uid', value: 'u' }]),
      want: {
        method: 'PATCH',
        path: '/apis/batch/v1/namespaces/agents/jobs/x',
        type: 'application/json-patch+json',
        body: [{ op: 'test', path: '/metadata/uid', value: 'u' }],
      },
    },
    {
      name: 'delete with the UID as precondition',
      call: (api) => api.delete('jobs', 'agents', 'x', { uid: 'u', propagationPolicy: 'Background' }),
      want: {
        method: 'DELETE',
        path: '/apis/batch/v1/namespaces/agents/jobs/x',
        type: 'application/json',
        body: {
          apiVersion: 'v1',
          kind: 'DeleteOptions',
          preconditions: { uid: 'u' },
          propagationPolicy: 'Background',
        },
      },
    },
  ];
  it.each(calls)('$name', async ({ call, want }) => {
    server.respond(answering({ body }));
    await call(theApi());
    const [asked] = server.asked;
    expect({
      method: asked?.method,
      path: asked?.path,
      ...(asked?.body && { type: asked.headers['content-type'], body: JSON.parse(asked.body) }),
    }).toEqual(want);
  });
});

interface Trap extends Scripted {
  readonly name: string;
  readonly want: UpstreamErrorKind;
}
const html = { type: 'text/html', raw: '<html>' };
const traps: readonly Trap[] = [
  { name: '401', status: 401, body: status('Unauthorized'), want: 'unauthorized' },
  { name: '403', status: 403, body: status('Forbidden'), want: 'forbidden' },
  { name: '404 as a Status', status: 404, body: status('NotFound'), want: 'notFound' },
  { name: '404 from a gateway', status: 404, ...html, want: 'unexpected' },
  { name: '404 in foreign JSON', status: 404, body: { error: 'no route' }, want: 'unexpected' },
  { name: '409', status: 409, body: status('AlreadyExists'), want: 'conflict' },
  { name: '409 of a quota', status: 409, body: status('Conflict'), want: 'unavailable' },
  { name: '422', status: 422, body: status('Invalid'), want: 'invalid' },
  { name: '429', status: 429, body: status('TooManyRequests'), headers: { 'retry-after': '9' }, want: 'throttled' },
  { name: '500', status: 500, body: status('InternalError'), want: 'unavailable' },
  { name: '504', status: 504, body: status('Timeout'), want: 'unavailable' },
  { name: '200 with a page', ...html, want: 'unexpected' },
  { name: '200 with null', raw: 'null', want: 'unexpected' },
  { name: '200 with an empty body', raw: '', want: 'unexpected' },
  { name: '200 that breaks off', raw: '{"metadata":', want: 'unexpected' },
];

describe('classification', () => {
  it.each(traps)('$name is $want', async ({ want, ...script }) => {
    server.respond(answering(script));
    await expect(theApi().create('jobs', 'agents', {})).rejects.toMatchObject({
      name: 'UpstreamError',
      upstream: 'kubernetes',
      kind: want,
      ...(want === 'throttled' && { retryAfterMs: 9000 }),
    });
    expect(server.asked).toHaveLength(1);
  });

  const broken: readonly { name: string; given: Respond; want: UpstreamErrorKind }[] = [
    { name: 'no answer', given: () => undefined, want: 'timeout' },
    {
      name: 'a body without end',
      given: (_asked, response) => {
        response.writeHead(200, { 'content-type': 'application/json' });
        const timer = setInterval(() => response.write(' '), 20);
        response.on('close', () => clearInterval(timer));
      },
      want: 'timeout',
    },
    { name: 'a reset', given: (_asked, response) => response.destroy(), want: 'unavailable' },
    {
      name: 'a body cut short',
      given: (_asked, response) => {
        response.writeHead(200, { 'content-length': '500' });
        response.write('{"metadata":', () => response.destroy());
      },
      want: 'unavailable',
    },
  ];
  it.each(broken)('$name is $want', async ({ given, want }) => {
    server.respond(given);
    await expect(theApi({ timeoutMs: 150 }).create('jobs', 'agents', {})).rejects.toMatchObject({ kind: want });
    expect(server.asked).toHaveLength(1);
  });

  it('is unavailable where nobody listens', async () => {
    await server.stop();
    await expect(theApi().create('jobs', 'agents', {})).rejects.toMatchObject({
      kind: 'unavailable',
      detail: 'ECONNREFUSED',
    });
  });

  it('keeps the words of the server, except about Secrets', async () => {
    server.respond(answering({ status: 422, body: status('Invalid', 'data[x]: Invalid value: "hunter2"') }));
    await expect(theApi().create('jobs', 'agents', {})).rejects.toMatchObject({
      detail: expect.stringContaining('hunter2'),
    });
    await expect(theApi().create('secrets', 'agents', {})).rejects.toMatchObject({ detail: 'Invalid' });
  });

  it.each([{ items: null }, { kind: 'JobList' }, { items: ['text'] }])('rejects %j as a list', async (given) => {
    server.respond(answering({ body: given }));
    await expect(theApi().list('jobs', 'agents')).rejects.toMatchObject({ kind: 'unexpected' });
  });
});

describe('repetition', () => {
  it('reads are repeated twice', async () => {
    server.respond(inTurn(answering({ status: 500 }), answering({ status: 429 }), answering({ body: page(['a']) })));
    expect(await theApi().list('jobs', 'agents')).toHaveLength(1);
    expect(clock.slept).toEqual([100, 200]);
  });

  const expired = answering({ status: 410, body: status('Expired') });
  const first = answering({ body: page(['a'], 'next') });

  it('an expired list begins anew once', async () => {
    server.respond(inTurn(first, expired, first, answering({ body: page(['b']) })));
    const names = (await theApi().list('jobs', 'agents')).map(({ metadata }) => metadata);
    expect(names).toMatchObject([{ name: 'a' }, { name: 'b' }]);
    expect(server.asked.map((asked) => asked.query.get('continue'))).toEqual([null, 'next', null, 'next']);
  });

  it('an expired list that expires again is unavailable', async () => {
    server.respond(inTurn(first, expired, first, expired));
    await expect(theApi().list('jobs', 'agents')).rejects.toMatchObject({ kind: 'unavailable', status: 410 });
    expect(server.asked).toHaveLength(4);
  });

  it('a later page that fails fails the list', async () => {
    server.respond(inTurn(first, answering({ status: 403, body: status('Forbidden') })));
    await expect(theApi().list('jobs', 'agents')).rejects.toMatchObject({ kind: 'forbidden' });
  });
});

describe('access', () => {
  const source = () => {
    let issued = 0;
    return {
      getToken: (scope: string) =>
        Promise.resolve({ token: new Secret(`${scope.slice(0, 8)}-${++issued}`), expiresAt: 0 }),
    };
  };
  const authorizations = async (access: KubernetesAccess): Promise<readonly (string | undefined)[]> => {
    server.respond(answering({ body: {} }));
    const api = theApi({}, access);
    await api.get('jobs', 'agents', 'x');
    await api.get('jobs', 'agents', 'x');
    return server.asked.map((asked) => asked.headers.authorization);
  };

  it('by Entra asks for a token of AKS before each request', async () => {
    expect(await authorizations({ kind: 'server', server: server.url, token: source() })).toEqual([
      'Bearer 6dae42f8-1',
      'Bearer 6dae42f8-2',
    ]);
  });

  it('by kubeconfig uses its user', async () => {
    expect(await authorizations({ kind: 'kubeconfig', text: kubeconfig('{ token: abc }') })).toEqual([
      'Bearer abc',
      'Bearer abc',
    ]);
  });

  it('by kubeconfig with a token source leaves its exec plugin alone', async () => {
    const text = kubeconfig('{ exec: { apiVersion: client.authentication.k8s.io/v1beta1, command: kubelogin } }');
    expect(await authorizations({ kind: 'kubeconfig', text, tokens: source() })).toEqual([
      'Bearer 6dae42f8-1',
      'Bearer 6dae42f8-2',
    ]);
  });

  it('keeps one pool of connections although TLS options are set', async () => {
    server.respond(answering({ body: {} }));
    const api = theApi();
    for (let call = 0; call < 10; call++) await api.get('jobs', 'agents', 'x');
    expect(server.asked).toHaveLength(10);
    // Without the pool it is one for each request; fetch opens a second one while the first is still being released.
    expect(server.connections()).toBeLessThanOrEqual(2);
  });

  it.each([
    {
      name: 'plain http to another machine',
      given: { kind: 'server', server: 'http://10.0.0.1:8080', token: new Secret('t') } as const,
      want: 'invalid',
    },
    {
      name: 'a kubeconfig that is no YAML',
      given: { kind: 'kubeconfig', text: new Secret('clusters: [hunter2') } as const,
      want: 'unexpected',
    },
    {
      name: 'a file that is not there',
      given: { kind: 'kubeconfigFile', path: '/nowhere/kubeconfig' } as const,
      want: 'unexpected',
    },
  ])('$name is $want, and nothing of it is told', async ({ given, want }) => {
    const error = await theApi({}, given)
      .get('jobs', 'agents', 'x')
      .catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ name: 'UpstreamError', kind: want });
    expect(String(error)).not.toContain('hunter2');
    expect(error).not.toHaveProperty('cause');
  });
});
