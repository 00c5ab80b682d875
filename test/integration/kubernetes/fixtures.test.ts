/** The recorded requests that concern the wire, replayed in their order: what differs is a bug of the stand-in. */
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { VirtualClock } from '../../../infra/local/world/clock.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../../shared/domain/json.ts';
import { aJob, startTestKubernetes, type TestKubernetes } from '../../support/kubernetesServer.ts';

interface Entry {
  readonly title: string;
  readonly request: {
    readonly method: string;
    readonly path: string;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: JsonValue;
  };
  readonly response: {
    readonly status: number;
    readonly headers: Readonly<Record<string, string>>;
    readonly body: JsonValue;
  };
}

const file = new URL('../../fixtures/kubernetes-wire.json', import.meta.url);
const { entries } = JSON.parse(readFileSync(file, 'utf8')) as { readonly entries: readonly Entry[] };

const labels = { 'app.kubernetes.io/managed-by': 'mayfly', 'mayfly.dev/pool': 'linux' };
const limited = 'limited-token';
let cluster: TestKubernetes<VirtualClock>;

beforeAll(async () => {
  const identity = { user: 'system:serviceaccount:mayfly:limited', groups: ['system:serviceaccounts'] };
  cluster = await startTestKubernetes({ tokens: new Map([[limited, identity]]) });
});
afterAll(() => cluster.close());

const jobs = '/apis/batch/v1/namespaces/mayfly/jobs';

/** What the recorder did between two entries, without writing it down. */
const before: Readonly<Record<string, () => Promise<void>>> = {
  'job: read missing': async () => {
    for (const name of ['linux-1002-1', 'linux-1003-1', 'linux-1004-1']) {
      await cluster.call('POST', jobs, aJob(name, { labels }));
    }
    await cluster.clock.advance(10_000);
  },
  'job: watch from an expired resourceVersion': async () => cluster.world.compact(),
  'job: JSON patch, test fails': async () => annotate('seen'),
  'configmap: replace': async () => {
    const map = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'pool-linux' }, data: {} };
    await cluster.call('POST', '/api/v1/namespaces/mayfly/configmaps', map);
  },
  'rbac: allowed': async () => {
    const rbac = '/apis/rbac.authorization.k8s.io/v1/namespaces/mayfly';
    const head = { apiVersion: 'rbac.authorization.k8s.io/v1', metadata: { name: 'limited' } };
    const rules = [{ apiGroups: ['batch'], resources: ['jobs'], verbs: ['get', 'list'] }];
    const roleRef = { apiGroup: 'rbac.authorization.k8s.io', kind: 'Role', name: 'limited' };
    const subjects = [{ kind: 'ServiceAccount', name: 'limited', namespace: 'mayfly' }];
    await cluster.call('POST', `${rbac}/roles`, { ...head, kind: 'Role', rules });
    await cluster.call('POST', `${rbac}/rolebindings`, { ...head, kind: 'RoleBinding', roleRef, subjects });
    await cluster.call('DELETE', `${jobs}?propagationPolicy=Background`);
    for (const name of ['broken', 'evicted', 'late', 'orphan', 'policy']) await cluster.call('POST', jobs, aJob(name));
    await cluster.clock.advance(60_000);
  },
};

async function annotate(note: string): Promise<void> {
  const body = { metadata: { annotations: { 'mayfly.dev/note': note } } };
  const headers = { 'content-type': 'application/merge-patch+json' };
  await cluster.call('PATCH', `${jobs}/linux-1002-1`, body, { headers });
}

const metadataOf = (answer: { readonly body: JsonObject }): JsonObject => answer.body['metadata'] as JsonObject;

/** Requests name UIDs of the recording; the object that bears the name here has another. */
function withOurIdentity({ title, request: { body, path } }: Entry): JsonValue {
  if (!isJsonObject(body)) return body;
  if (title.startsWith('configmap: replace')) {
    const { uid = null, resourceVersion = null } = metadataOf(cluster.world.get('configmaps', 'mayfly', 'pool-linux'));
    const fresh = title === 'configmap: replace' ? { resourceVersion } : {};
    return { ...body, metadata: { ...(body['metadata'] as JsonObject), uid, ...fresh } };
  }
  if (title !== 'job: delete, background') return body;
  const name = path.split('/').at(-1) ?? '';
  return { ...body, preconditions: { uid: metadataOf(cluster.world.get('jobs', 'mayfly', name))['uid'] ?? null } };
}

async function replay(entry: Entry): Promise<Response> {
  const { title, request } = entry;
  const { authorization, ...headers } = request.headers;
  const token = title === 'auth: bad token' ? 'nonsense' : limited;
  const body = request.body === null ? undefined : withOurIdentity(entry);
  const answer = cluster.call(request.method, request.path, body, {
    headers,
    ...(authorization === undefined ? {} : { token }),
  });
  if (request.path.includes('watch=1')) {
    await answer;
    await cluster.clock.advance(5000);
  }
  return answer;
}

const uuid = /[0-9a-f]{8}-(?:[0-9a-f]{4}-){3}[0-9a-f]{12}/g;

/** Takes out what is another in every cluster, and what was cut in the recording. */
function comparable(value: JsonValue): JsonValue {
  const text = JSON.stringify(value)
    .replaceAll(uuid, '<uid>')
    .replaceAll(/"resourceVersion":"\d*"/g, '"resourceVersion":"<n>"')
    .replaceAll(/"continue":"[^"]+"/g, '"continue":"<token>"')
    .replaceAll(/(record|resource version: 1) \(\d+\)/g, '$1 (<n>)')
    .replaceAll(/127\.0\.0\.1:\d+/g, '<address>');
  return JSON.parse(text) as JsonValue;
}

/** Answers with objects are compared by what the recording keeps of them. */
function reduced(actual: JsonValue, recorded: JsonValue): JsonValue {
  if (Array.isArray(recorded) && Array.isArray(actual)) {
    return actual.map((item: JsonValue, index) => reduced(item, (recorded as readonly JsonValue[])[index] ?? null));
  }
  if (!isJsonObject(recorded) || !isJsonObject(actual)) {
    const cut = typeof recorded === 'string' && recorded.endsWith('…');
    return cut && typeof actual === 'string' ? `${actual.slice(0, recorded.length - 1)}…` : actual;
  }
  const keys = Object.keys(recorded).filter((key) => Object.hasOwn(actual, key));
  return Object.fromEntries(keys.map((key) => [key, reduced(actual[key] ?? null, recorded[key] ?? null)]));
}

/** The cells of a table's rows say what the pods did by then, which no replay repeats. */
function withoutCells(value: JsonValue): JsonValue {
  if (!isJsonObject(value) || value['kind'] !== 'Table') return value;
  const rows = (value['rows'] as readonly JsonObject[]).slice(0, 1);
  return { ...value, rows: rows.map((row) => ({ ...row, cells: (row['cells'] as readonly JsonValue[]).length })) };
}

/** Pods have random names. */
function withoutPodNames(value: JsonValue, path: string): JsonValue {
  return path.includes('/pods')
    ? (JSON.parse(JSON.stringify(value).replaceAll(/-[a-z0-9]{5}"/g, '-<5>"')) as JsonValue)
    : value;
}

async function bodyOf(response: Response, path: string): Promise<JsonValue> {
  const text = await response.text();
  const lines = text.trim().split('\n');
  // A watch of one event was recorded as that event.
  if (path.includes('watch=1') && lines.length > 1) return lines.map((line) => JSON.parse(line) as JsonValue);
  return response.headers.get('content-type')?.startsWith('application/json') ? (JSON.parse(text) as JsonValue) : text;
}

describe('the recorded answers of a real API server', () => {
  it.each(entries)('$title', async (entry) => {
    await before[entry.title]?.();
    const response = await replay(entry);
    const body = await bodyOf(response, entry.request.path);
    const view = (value: JsonValue): JsonValue =>
      withoutPodNames(comparable(withoutCells(reduced(value, entry.response.body))), entry.request.path);
    expect({ status: response.status, body: view(body) }).toEqual({
      status: entry.response.status,
      body: view(entry.response.body),
    });
    expect(response.headers.get('content-type')).toBe(entry.response.headers['content-type']);
  });
});
