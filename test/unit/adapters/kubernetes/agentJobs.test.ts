import { describe, expect, it } from 'vitest';
import { readJob, readPods, scopeSelector } from '../../../../shared/adapters/kubernetes/agentJobs.ts';
import type { AgentJob } from '../../../../shared/domain/agentJob.ts';
import { annotations, labels } from '../../../../shared/domain/names.ts';
import { aJobObject, aPodObject } from './podObjects.ts';

const at = (text: string): number => Date.parse(text);

const plain: AgentJob = {
  cluster: 'east',
  namespace: 'agents',
  name: 'mf-in01-or01-7-17-1',
  uid: 'job-uid',
  poolId: 7,
  template: 'linux',
  purpose: { kind: 'request', requestId: 17, attempt: 1 },
  phase: 'started',
  creator: 'nonce-1',
  createBy: 1_767_600_120_000,
  createdAt: at('2026-01-05T08:00:00Z'),
  suspended: false,
};

describe('readJob', () => {
  it('reads what is there and leaves out what has not happened', () => {
    expect(readJob('east', aJobObject(), [])).toEqual({ kind: 'agentJob', agentJob: plain });
  });

  it('reads every annotation and the verdict of the Job', () => {
    const job = aJobObject({
      annotations: {
        [annotations.phase]: 'retiring',
        [annotations.phaseAt]: '1767600200000',
        [annotations.agentId]: '412',
        [annotations.served]: '17',
        [annotations.reason]: 'surplus',
        [annotations.image]: 'agent@sha256:0a',
        [annotations.parameters]: '{"cpu":"4","image":"node22"}',
      },
      spec: {
        suspend: true,
        template: {
          spec: {
            containers: [
              { name: 'a-sidecar', image: 'proxy:1' },
              { name: 'agent', image: 'mirror.contoso.example/agent:rewritten' },
            ],
          },
        },
      },
      status: {
        conditions: [
          { type: 'FailureTarget', status: 'True', reason: 'BackoffLimitExceeded' },
          {
            type: 'Failed',
            status: 'True',
            reason: 'BackoffLimitExceeded',
            lastTransitionTime: '2026-01-05T09:00:00Z',
          },
        ],
      },
    });
    expect(readJob('east', job, [])).toEqual({
      kind: 'agentJob',
      agentJob: {
        ...plain,
        phase: 'retiring',
        parameters: { cpu: '4', image: 'node22' },
        image: 'agent@sha256:0a',
        phaseAt: 1_767_600_200_000,
        agentId: 412,
        served: 17,
        reason: 'surplus',
        suspended: true,
        condition: 'Failed',
        conditionReason: 'BackoffLimitExceeded',
        finishedAt: at('2026-01-05T09:00:00Z'),
      },
    });
  });

  it.each([
    { name: 'it has no template', given: {} },
    { name: 'its template is no object', given: { template: 'x' } },
    {
      name: 'only its container tells of one, which may have been rewritten on its way into the cluster',
      given: { template: { spec: { containers: [{ name: 'agent', image: 'agent@sha256:0a' }] } } },
    },
  ])('tells no wanted image where $name', ({ given }) => {
    expect(readJob('east', aJobObject({ spec: given }), [])).toEqual({ kind: 'agentJob', agentJob: plain });
  });

  it('reads a warm agent job from its name', () => {
    const job = aJobObject();
    const warm = { ...job, metadata: { ...job.metadata, name: 'mf-in01-or01-7-w-abc123-2-29460000' } };
    expect(readJob('east', warm, [])).toMatchObject({
      agentJob: { purpose: { kind: 'warm', slot: 2, minute: 29_460_000 } },
    });
  });

  const { name: plainName, uid, cluster, namespace, poolId, template, purpose } = plain;
  const damaged: AgentJob = {
    cluster,
    namespace,
    name: plainName,
    uid,
    poolId,
    template,
    purpose,
    phase: 'unreadable',
    creator: '',
    createBy: plain.createdAt,
    createdAt: plain.createdAt,
    suspended: false,
  };
  it.each([
    { name: 'no schema', given: aJobObject({ labels: { [labels.schema]: '' } }) },
    { name: 'a later schema', given: aJobObject({ labels: { [labels.schema]: '2' } }) },
    { name: 'no phase', given: aJobObject({ annotations: { [annotations.phase]: '' } }) },
    { name: 'an unknown phase', given: aJobObject({ annotations: { [annotations.phase]: 'done' } }) },
    {
      name: 'a phase that nobody writes',
      given: aJobObject({ annotations: { [annotations.phase]: 'unreadable', [annotations.agentId]: '412' } }),
    },
    { name: 'a garbled agent id', given: aJobObject({ annotations: { [annotations.agentId]: '4e2' } }) },
    { name: 'an empty agent id, which is not zero', given: aJobObject({ annotations: { [annotations.agentId]: '' } }) },
    {
      name: 'a create-by in another notation',
      given: aJobObject({ annotations: { [annotations.createBy]: '2026-01-05T08:00:00Z' } }),
    },
    { name: 'a garbled created-at', given: aJobObject({ annotations: { [annotations.createdAt]: 'x' } }) },
    ...['', 'cpu', '["4"]', '{"cpu":4}', '{"disk":"1Gi"}', 'null'].map((text) => ({
      name: `parameters that read ${JSON.stringify(text)}`,
      given: aJobObject({ annotations: { [annotations.parameters]: text } }),
    })),
    { name: 'a garbled status', given: aJobObject({ status: { conditions: 'none' } }) },
  ])('$name leaves an agent job of which nothing is known but whose it is', ({ given }) => {
    expect(readJob('east', given, [])).toEqual({ kind: 'agentJob', agentJob: damaged });
  });

  it('shows the pod of a damaged one', () => {
    const job = aJobObject({ annotations: { [annotations.phase]: '' } });
    const pods = readPods([aPodObject()]);
    expect(readJob('east', job, pods)).toEqual({ kind: 'agentJob', agentJob: { ...damaged, pod: pods[0]?.pod } });
  });

  it('never shows the value of a damaged annotation', () => {
    const job = aJobObject({ annotations: { [annotations.served]: 'hunter2' } });
    expect(JSON.stringify(readJob('east', job, []))).not.toContain('hunter2');
  });

  const unnamed = aJobObject();
  it.each([
    {
      name: 'a name of another pool',
      given: aJobObject({ labels: { [labels.poolId]: '8' } }),
      want: expect.stringContaining('name'),
    },
    {
      name: 'a name that is none of ours',
      given: { ...unnamed, metadata: { ...unnamed.metadata, name: 'hunter2' } },
      want: expect.stringContaining('name'),
    },
    {
      name: 'a garbled pool id',
      given: aJobObject({ labels: { [labels.poolId]: 'hunter2' } }),
      want: expect.stringContaining(labels.poolId),
    },
  ])('$name is unreadable, and why is told without the value', ({ given, want }) => {
    const read = readJob('east', given, []);
    expect(read).toEqual({ kind: 'unreadable', name: given.metadata.name, why: want });
    expect(read.kind === 'unreadable' && read.why).not.toContain('hunter2');
  });

  it.each([null, 'text', {}, { metadata: { name: 'x' } }])('rejects %j: its metadata cannot be read', (given) => {
    expect(() => readJob('east', given, [])).toThrow(expect.objectContaining({ kind: 'unexpected' }));
  });
});

describe('the pod of a Job', () => {
  const named = (name: string, changes: Parameters<typeof aPodObject>[0] = {}) =>
    aPodObject({ ...changes, metadata: { name, ...changes.metadata } });

  it.each([
    { name: 'none', given: [], want: undefined },
    { name: 'its own', given: [named('a')], want: 'a' },
    {
      name: 'not one of a Job that bore the name before',
      given: [named('a', { metadata: { labels: {}, ownerReferences: [{ uid: 'older-uid' }] } })],
      want: undefined,
    },
    {
      name: 'one that lost its owner but kept the label',
      given: [named('a', { metadata: { ownerReferences: [] } })],
      want: 'a',
    },
    {
      name: 'the newest',
      given: [named('a'), named('b', { metadata: { creationTimestamp: '2026-01-05T08:01:00Z' } })],
      want: 'b',
    },
    {
      name: 'an older one before a newer one that is being deleted',
      given: [
        named('a'),
        named('b', {
          metadata: { creationTimestamp: '2026-01-05T08:01:00Z', deletionTimestamp: '2026-01-05T08:02:00Z' },
        }),
      ],
      want: 'a',
    },
  ])('is $name', ({ given, want }) => {
    const read = readJob('east', aJobObject(), readPods(given));
    expect(read.kind === 'agentJob' && read.agentJob.pod?.name).toBe(want);
  });

  it('tells the agent by its name, wherever a mesh put its own container', () => {
    const containers = [{ name: 'a-sidecar' }, { name: 'agent' }];
    const pod = aPodObject({ spec: { containers }, agent: { terminated: { exitCode: 3 } } });
    expect(readPods([pod])[0]?.pod.exitCode).toBe(3);
  });

  it.each([
    { name: 'failed', state: { terminated: { exitCode: 30 } }, want: 30 },
    { name: 'succeeded', state: { terminated: { exitCode: 0 } }, want: 0 },
    { name: 'runs', state: { running: {} }, want: undefined },
  ])('tells how the registration ended that $name', ({ state, want }) => {
    const initContainerStatuses = [
      { name: 'inject', state: { terminated: { exitCode: 25 } } },
      { name: 'register', state },
    ];
    expect(readPods([aPodObject({ status: { initContainerStatuses } })])[0]?.pod.initExitCode).toBe(want);
  });

  it('tells how it ended', () => {
    const pod = named('a', {
      spec: { nodeName: 'node-1', containers: [{ name: 'agent' }] },
      status: { phase: 'Failed' },
      conditions: { PodScheduled: { status: 'True', lastTransitionTime: '2026-01-05T08:00:12Z' } },
      agent: {
        terminated: {
          exitCode: 137,
          reason: 'OOMKilled',
          startedAt: '2026-01-05T08:00:30Z',
          finishedAt: '2026-01-05T08:10:00Z',
        },
      },
    });
    expect(readPods([pod])[0]?.pod).toEqual({
      name: 'a',
      uid: 'pod-uid',
      phase: 'Failed',
      cause: 'none',
      createdAt: at('2026-01-05T08:00:10Z'),
      scheduledAt: at('2026-01-05T08:00:12Z'),
      nodeName: 'node-1',
      mainStartedAt: at('2026-01-05T08:00:30Z'),
      exitCode: 137,
      reason: 'OOMKilled',
      mainFinishedAt: at('2026-01-05T08:10:00Z'),
      finishedAt: at('2026-01-05T08:10:00Z'),
      terminating: false,
    });
  });

  it('is an error where one cannot be read: an overlooked pod would be replaced', () => {
    expect(() => readPods([aPodObject({ status: { phase: 'Sleeping' } })])).toThrow(
      expect.objectContaining({ kind: 'unexpected' }),
    );
  });
});

describe('the clock of the cluster', () => {
  const job = (createdAt: string | undefined) =>
    aJobObject({
      annotations: {
        [annotations.phaseAt]: `${at('2026-01-05T08:00:05Z')}`,
        ...(createdAt !== undefined && { [annotations.createdAt]: `${at(createdAt)}` }),
      },
      status: { conditions: [{ type: 'Complete', status: 'True', lastTransitionTime: '2026-01-05T08:11:00Z' }] },
    });
  const pod = aPodObject({
    status: { phase: 'Succeeded' },
    conditions: { PodScheduled: { status: 'True', lastTransitionTime: '2026-01-05T08:00:12Z' } },
    agent: {
      terminated: { exitCode: 0, startedAt: '2026-01-05T08:00:30Z', finishedAt: '2026-01-05T08:10:00Z' },
    },
  });
  const minutes = 60_000;
  it.each([
    { name: 'four minutes ahead', createdAt: '2026-01-05T07:56:00Z', aheadMs: 4 * minutes },
    { name: 'four minutes behind', createdAt: '2026-01-05T08:04:00Z', aheadMs: -4 * minutes },
    { name: 'right', createdAt: '2026-01-05T08:00:00Z', aheadMs: 0 },
    { name: 'not known: no time of the creation is written down', createdAt: undefined, aheadMs: 0 },
  ])('is taken off all instants that it set where it is $name', ({ createdAt, aheadMs }) => {
    expect(readJob('east', job(createdAt), readPods([pod]))).toEqual({
      kind: 'agentJob',
      agentJob: {
        ...plain,
        phaseAt: at('2026-01-05T08:00:05Z'),
        createdAt: at('2026-01-05T08:00:00Z') - aheadMs,
        finishedAt: at('2026-01-05T08:11:00Z') - aheadMs,
        condition: 'Complete',
        pod: {
          name: 'mf-in01-or01-7-17-1-abcde',
          uid: 'pod-uid',
          phase: 'Succeeded',
          cause: 'none',
          createdAt: at('2026-01-05T08:00:10Z') - aheadMs,
          scheduledAt: at('2026-01-05T08:00:12Z') - aheadMs,
          mainStartedAt: at('2026-01-05T08:00:30Z') - aheadMs,
          finishedAt: at('2026-01-05T08:10:00Z') - aheadMs,
          mainFinishedAt: at('2026-01-05T08:10:00Z') - aheadMs,
          exitCode: 0,
          terminating: false,
        },
      },
    });
  });

  it('leaves out what has not happened', () => {
    const pending = readPods([aPodObject()]);
    const created = aJobObject({ annotations: { [annotations.createdAt]: `${at('2026-01-05T07:56:00Z')}` } });
    expect(readJob('east', created, pending)).toEqual({
      kind: 'agentJob',
      agentJob: {
        ...plain,
        createdAt: at('2026-01-05T07:56:00Z'),
        pod: { ...pending[0]?.pod, createdAt: at('2026-01-05T07:56:10Z') },
      },
    });
  });
});

describe('scopeSelector', () => {
  it('names our mark, the organisation and the pool', () => {
    expect(scopeSelector({ installation: 'in01', organisation: 'or01', poolId: 7 })).toBe(
      'app.kubernetes.io/managed-by=mayfly,mayfly.dev/installation=in01,mayfly.dev/organisation=or01,mayfly.dev/pool-id=7',
    );
  });
});
