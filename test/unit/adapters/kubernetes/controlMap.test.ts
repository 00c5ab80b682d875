import { describe, expect, it } from 'vitest';
import type { KubernetesApi } from '../../../../shared/adapters/kubernetes/api.ts';
import { patchControl, testAndPatchControl } from '../../../../shared/adapters/kubernetes/controlMap.ts';
import type { UpstreamErrorKind } from '../../../../shared/domain/errors.ts';
import { UpstreamError } from '../../../../shared/domain/errors.ts';
import type { JsonObject } from '../../../../shared/domain/json.ts';

type Answer = JsonObject | UpstreamErrorKind;

/** Gives out the answers in turn, the last one for ever, and notes what was written. */
function theApi(answers: {
  readonly get: readonly Answer[];
  readonly create?: Answer;
  readonly patch?: readonly Answer[];
}) {
  const writes: unknown[] = [];
  const left = { get: [...answers.get], patch: [...(answers.patch ?? [{}])] };
  const settle = (answer: Answer): Promise<JsonObject> =>
    typeof answer === 'string'
      ? Promise.reject(new UpstreamError({ upstream: 'kubernetes', operation: 'asking', kind: answer }))
      : Promise.resolve(answer);
  const next = (queue: Answer[]): Promise<JsonObject> => settle((queue.length > 1 ? queue.shift() : queue[0]) ?? {});
  const api: KubernetesApi = {
    list: () => Promise.resolve([]),
    get: () => next(left.get),
    create: (resource, namespace, body) => {
      writes.push({ create: resource, namespace, body });
      return settle(answers.create ?? {});
    },
    patch: (resource, namespace, name, patch) => {
      writes.push({ patch: resource, namespace, name, operations: patch });
      return next(left.patch);
    },
    delete: () => Promise.resolve(),
    readLog: () => Promise.resolve(''),
  };
  return { api, writes };
}

const aMap = (data?: Readonly<Record<string, string>>): JsonObject => ({
  metadata: { name: 'mayfly-pool-7', resourceVersion: '41' },
  ...(data && { data }),
});
const patchWith = (...operations: readonly unknown[]): unknown => ({
  patch: 'configmaps',
  namespace: 'agents',
  name: 'mayfly-pool-7',
  operations,
});
const creation = (data: JsonObject): unknown => ({
  create: 'configmaps',
  namespace: 'agents',
  body: {
    apiVersion: 'v1',
    kind: 'ConfigMap',
    metadata: { name: 'mayfly-pool-7', namespace: 'agents', labels: { 'app.kubernetes.io/managed-by': 'mayfly' } },
    data,
  },
});

describe('patchControl', () => {
  it.each([
    {
      name: 'makes the map where there is none, with what is set only',
      given: { get: ['notFound'], changes: { paused: 'true', drained: undefined } },
      want: [creation({ paused: 'true' })],
    },
    {
      name: 'makes a map with nothing in it where keys are only to be removed: people can write on it then',
      given: { get: ['notFound'], changes: { drained: undefined } },
      want: [creation({})],
    },
    {
      name: 'makes a map with nothing in it where nothing is to be changed',
      given: { get: ['notFound'], changes: {} },
      want: [creation({})],
    },
    {
      name: 'sets and removes single keys',
      given: { get: [aMap({ paused: 'true', drained: 'yes' })], changes: { paused: 'false', drained: undefined } },
      want: [patchWith({ op: 'add', path: '/data/paused', value: 'false' }, { op: 'remove', path: '/data/drained' })],
    },
    {
      name: 'asks for nothing that is so already',
      given: { get: [aMap({ paused: 'true' })], changes: { paused: 'true', drained: undefined } },
      want: [],
    },
    {
      name: 'escapes what JSON Pointer takes for structure',
      given: { get: [aMap({})], changes: { 'a/b~c': '1' } },
      want: [patchWith({ op: 'add', path: '/data/a~1b~0c', value: '1' })],
    },
    {
      name: 'gives data only to the very map that had none',
      given: { get: [aMap()], changes: { paused: 'true' } },
      want: [
        patchWith(
          { op: 'test', path: '/metadata/resourceVersion', value: '41' },
          { op: 'add', path: '/data', value: {} },
          { op: 'add', path: '/data/paused', value: 'true' },
        ),
      ],
    },
    { name: 'leaves a map without data as it is', given: { get: [aMap()], changes: { paused: undefined } }, want: [] },
  ] as const)('$name', async ({ given, want }) => {
    const { api, writes } = theApi({ get: given.get });
    await patchControl(api, 'agents', 7, given.changes);
    expect(writes).toEqual(want);
  });

  it('patches the map that somebody else made in between', async () => {
    const { api, writes } = theApi({ get: ['notFound', aMap({ drained: 'true' })], create: 'conflict' });
    await patchControl(api, 'agents', 7, { paused: 'true' });
    expect(writes).toEqual([
      creation({ paused: 'true' }),
      patchWith({ op: 'add', path: '/data/paused', value: 'true' }),
    ]);
  });

  it('is content when somebody else has removed the key in between', async () => {
    const { api, writes } = theApi({ get: [aMap({ paused: 'true' }), aMap({})], patch: ['invalid'] });
    await patchControl(api, 'agents', 7, { paused: undefined });
    expect(writes).toHaveLength(1);
  });

  it('gives up after three tries', async () => {
    const { api, writes } = theApi({ get: [aMap({})], patch: ['invalid'] });
    await expect(patchControl(api, 'agents', 7, { paused: 'true' })).rejects.toMatchObject({ kind: 'invalid' });
    expect(writes).toHaveLength(3);
  });

  it.each(['forbidden', 'unavailable', 'timeout'] as const)('rejects %s at once', async (kind) => {
    const { api, writes } = theApi({ get: [aMap({})], patch: [kind] });
    await expect(patchControl(api, 'agents', 7, { paused: 'true' })).rejects.toMatchObject({ kind });
    expect(writes).toHaveLength(1);
  });
});

describe('testAndPatchControl', () => {
  const unchanged = { op: 'test', path: '/metadata/resourceVersion', value: '41' };

  it.each([
    {
      name: 'writes to the very map in which it found what it expected',
      given: { get: [aMap({ a: '1' })], expected: { a: '1', b: undefined }, changes: { b: '2' } },
      want: { answer: 'written', writes: [patchWith(unchanged, { op: 'add', path: '/data/b', value: '2' })] },
    },
    {
      name: 'writes nothing where a key has another value',
      given: { get: [aMap({ a: '2' })], expected: { a: '1' }, changes: { b: '2' } },
      want: { answer: 'changed', writes: [] },
    },
    {
      name: 'writes nothing where a key is there that was missing',
      given: { get: [aMap({ a: '2' })], expected: { a: undefined }, changes: { b: '2' } },
      want: { answer: 'changed', writes: [] },
    },
    {
      name: 'makes the map where there is none, as expected',
      given: { get: ['notFound'], expected: { a: undefined }, changes: { a: '1' } },
      want: { answer: 'written', writes: [creation({ a: '1' })] },
    },
    {
      name: 'writes nothing where everything is as it is to be',
      given: { get: [aMap({ a: '1' })], expected: { a: '1' }, changes: { a: '1' } },
      want: { answer: 'written', writes: [] },
    },
  ] as const)('$name', async ({ given, want }) => {
    const { api, writes } = theApi({ get: given.get });
    const answer = await testAndPatchControl(api, 'agents', 7, given.expected, given.changes);
    expect({ answer, writes }).toEqual(want);
  });

  it('compares anew where something was written meanwhile', async () => {
    const { api, writes } = theApi({ get: [aMap({ a: '1' }), aMap({ a: '2' })], patch: ['invalid'] });
    expect(await testAndPatchControl(api, 'agents', 7, { a: '1' }, { a: '3' })).toBe('changed');
    expect(writes).toHaveLength(1);
  });
});
