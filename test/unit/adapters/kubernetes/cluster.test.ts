import { describe, expect, it } from 'vitest';
import type { KubernetesApi } from '../../../../shared/adapters/kubernetes/api.ts';
import { clusterOver } from '../../../../shared/adapters/kubernetes/cluster.ts';
import type { UpstreamErrorKind } from '../../../../shared/domain/errors.ts';
import { UpstreamError } from '../../../../shared/domain/errors.ts';
import type { JsonObject } from '../../../../shared/domain/json.ts';
import { annotations, labels } from '../../../../shared/domain/names.ts';
import type { Cluster } from '../../../../shared/ports.ts';
import { aJobObject, aPodObject } from './podObjects.ts';

const scope = { installation: 'in01', organisation: 'or01', poolId: 7 };
const name = 'mf-in01-or01-7-17-1';

interface Answers {
  readonly jobs?: readonly JsonObject[];
  readonly pods?: readonly JsonObject[] | UpstreamErrorKind;
  readonly events?: readonly JsonObject[] | UpstreamErrorKind;
  readonly get?: JsonObject | UpstreamErrorKind;
  readonly delete?: UpstreamErrorKind;
}

/** Answers what it is told, and notes each call as "verb resource detail". */
function theApi(answers: Answers) {
  const calls: string[] = [];
  const answer = <T>(call: string, value: T | UpstreamErrorKind): Promise<T> => {
    calls.push(call);
    if (typeof value !== 'string') return Promise.resolve(value);
    return Promise.reject(
      new UpstreamError({ upstream: 'kubernetes', operation: call, kind: value as UpstreamErrorKind }),
    );
  };
  const api: KubernetesApi = {
    list: (resource, _namespace, options) =>
      answer(
        `list ${resource} ${options?.labelSelector ?? options?.fieldSelector}`,
        { pods: answers.pods, jobs: answers.jobs, events: answers.events }[resource as 'pods'] ?? [],
      ),
    get: (resource, _namespace, wanted) => answer(`get ${resource} ${wanted}`, answers.get ?? {}),
    create: (resource, _namespace, body) => answer(`create ${resource}`, body),
    patch: (resource, _namespace, wanted) => answer(`patch ${resource} ${wanted}`, aJobObject()),
    delete: (resource, _namespace, wanted, options) =>
      answer(`delete ${resource} ${wanted} ${JSON.stringify(options ?? {})}`, answers.delete ?? undefined),
    readLog: (_namespace, pod) => answer(`log ${pod}`, ''),
  };
  const told: string[] = [];
  const cluster = clusterOver(api, {
    name: 'east',
    namespace: 'agents',
    onUnreadable: (job, why) => told.push(`${job}: ${why}`),
  });
  return { cluster, calls, told };
}

describe('listing agent jobs', () => {
  it('joins Jobs and Pods of the pool in two requests', async () => {
    const { cluster, calls } = theApi({ jobs: [aJobObject()], pods: [aPodObject()] });
    expect(await cluster.listAgentJobs(scope)).toMatchObject([{ name, cluster: 'east', pod: { uid: 'pod-uid' } }]);
    const selector =
      'app.kubernetes.io/managed-by=mayfly,mayfly.dev/installation=in01,mayfly.dev/organisation=or01,mayfly.dev/pool-id=7';
    expect(calls).toEqual([`list jobs ${selector}`, `list pods ${selector}`]);
  });

  it('lists damaged ones and those of another schema as such, and leaves out aloud what says not whose it is', async () => {
    const { cluster, told } = theApi({
      jobs: [
        aJobObject({ labels: { [labels.schema]: '2' } }),
        aJobObject({ annotations: { [annotations.phase]: 'gone' } }),
        aJobObject({ labels: { [labels.poolId]: 'seven' } }),
        aJobObject(),
      ],
    });
    const listed = await cluster.listAgentJobs(scope);
    expect(listed.map(({ phase }) => phase)).toEqual(['unreadable', 'unreadable', 'started']);
    expect(told).toEqual([expect.stringContaining(`${name}: ${labels.poolId}`)]);
  });

  it.each([
    { name: 'the pods are out of reach', given: { pods: 'unavailable' as const }, want: 'unavailable' },
    { name: 'an item is no Job', given: { jobs: [{ kind: 'Job' }] }, want: 'unexpected' },
    { name: 'an item is no Pod', given: { pods: [{ kind: 'Pod' }] }, want: 'unexpected' },
  ])('rejects where $name', async ({ given, want }) => {
    await expect(theApi(given).cluster.listAgentJobs(scope)).rejects.toMatchObject({ kind: want });
  });
});

describe('getting one agent job', () => {
  it('is undefined only where the server says 404', async () => {
    expect(await theApi({ get: 'notFound' }).cluster.getAgentJob(name)).toBeUndefined();
  });

  it('comes with its pod in two requests', async () => {
    const { cluster, calls } = theApi({ get: aJobObject(), pods: [aPodObject()] });
    expect(await cluster.getAgentJob(name)).toMatchObject({ name, pod: { uid: 'pod-uid' } });
    expect(calls).toEqual([`get jobs ${name}`, `list pods batch.kubernetes.io/job-name=${name}`]);
  });

  it.each([
    { name: 'of another schema', given: aJobObject({ labels: { [labels.schema]: '2' } }) },
    { name: 'damaged', given: aJobObject({ annotations: { [annotations.createBy]: 'soon' } }) },
  ])('is there, and unreadable, where it is $name', async ({ given }) => {
    const { cluster, told } = theApi({ get: given, pods: [aPodObject()] });
    expect(await cluster.getAgentJob(name)).toMatchObject({ name, phase: 'unreadable', pod: { uid: 'pod-uid' } });
    expect(told).toEqual([]);
  });

  it.each([
    { name: 'its labels are garbled', given: aJobObject({ labels: { [labels.poolId]: 'seven' } }) },
    { name: 'its name is of another pool', given: aJobObject({ labels: { [labels.poolId]: '8' } }) },
    { name: 'it has no metadata', given: { kind: 'Job' } },
  ])('rejects unexpected where $name: it is not absent', async ({ given }) => {
    await expect(theApi({ get: given }).cluster.getAgentJob(name)).rejects.toMatchObject({ kind: 'unexpected' });
  });

  it.each(['forbidden', 'unavailable', 'timeout'] as const)('rejects %s as such', async (kind) => {
    await expect(theApi({ get: kind }).cluster.getAgentJob(name)).rejects.toMatchObject({ kind });
  });
});

describe('deleting', () => {
  it('sends the UID and background propagation', async () => {
    const { cluster, calls } = theApi({});
    expect(await cluster.deleteAgentJob(name, 'job-uid')).toBe('deleted');
    expect(calls).toEqual([`delete jobs ${name} {"uid":"job-uid","propagationPolicy":"Background"}`]);
  });

  const jobs: readonly { given: UpstreamErrorKind; want: Awaited<ReturnType<Cluster['deleteAgentJob']>> }[] = [
    { given: 'notFound', want: 'absent' },
    { given: 'conflict', want: 'replaced' },
  ];
  it.each(jobs)('a Job answered $given is $want', async ({ given, want }) => {
    expect(await theApi({ delete: given }).cluster.deleteAgentJob(name, 'job-uid')).toBe(want);
  });

  it('a Secret that is gone is absent, one that may not be deleted rejects', async () => {
    expect(await theApi({ delete: 'notFound' }).cluster.deleteSecret(name)).toBe('absent');
    await expect(theApi({ delete: 'forbidden' }).cluster.deleteSecret(name)).rejects.toMatchObject({
      kind: 'forbidden',
    });
  });
});

describe('Secrets and the control map', () => {
  it.each([
    { name: 'none', given: 'notFound' as const, want: undefined },
    {
      name: 'owned',
      given: { metadata: { ownerReferences: [{ uid: 'job-uid' }] }, data: { a: 'eA==' } },
      want: ['job-uid'],
    },
    { name: 'owned by nobody', given: { metadata: {} }, want: [] },
  ])('the owners of a Secret: $name', async ({ given, want }) => {
    expect(await theApi({ get: given }).cluster.getSecretOwners(name)).toEqual(want);
  });

  it.each([
    { name: 'none', given: 'notFound' as const, want: undefined },
    { name: 'empty', given: { metadata: {} }, want: {} },
    { name: 'paused', given: { data: { paused: 'true' } }, want: { paused: 'true' } },
  ])('the control map: $name', async ({ given, want }) => {
    const { cluster, calls } = theApi({ get: given });
    expect(await cluster.getControl(7)).toEqual(want);
    expect(calls).toEqual(['get configmaps mayfly-pool-7']);
  });

  it('an unreadable map is an error, never an empty one', async () => {
    await expect(theApi({ get: { data: 'paused' } }).cluster.getControl(7)).rejects.toMatchObject({
      kind: 'unexpected',
    });
  });
});
