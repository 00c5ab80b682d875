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
      },
      spec: { suspend: true },
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

  it('reads a warm agent job from its name', () => {
    const job = aJobObject();
    const warm = { ...job, metadata: { ...job.metadata, name: 'mf-in01-or01-7-w-abc123-2-29460000' } };
    expect(readJob('east', warm, [])).toMatchObject({
      agentJob: { purpose: { kind: 'warm', slot: 2, minute: 29_460_000 } },
    });
  });

  it.each([
    { name: 'no schema', given: aJobObject({ labels: { [labels.schema]: '' } }), want: 'foreign' },
    { name: 'a later schema', given: aJobObject({ labels: { [labels.schema]: '2' } }), want: 'foreign' },
    { name: 'no phase', given: aJobObject({ annotations: { [annotations.phase]: '' } }), want: 'unreadable' },
    {
      name: 'an unknown phase',
      given: aJobObject({ annotations: { [annotations.phase]: 'done' } }),
      want: 'unreadable',
    },
    {
      name: 'a garbled agent id',
      given: aJobObject({ annotations: { [annotations.agentId]: '4e2' } }),
      want: 'unreadable',
    },
    {
      name: 'an empty agent id, which is not zero',
      given: aJobObject({ annotations: { [annotations.agentId]: '' } }),
      want: 'unreadable',
    },
    {
      name: 'a create-by in another notation',
      given: aJobObject({ annotations: { [annotations.createBy]: '2026-01-05T08:00:00Z' } }),
      want: 'unreadable',
    },
    { name: 'a name of another pool', given: aJobObject({ labels: { [labels.poolId]: '8' } }), want: 'unreadable' },
  ])('$name is $want', ({ given, want }) => {
    expect(readJob('east', given, [])).toMatchObject({ kind: want, name: 'mf-in01-or01-7-17-1' });
  });

  it('says which annotation is unreadable, never its value', () => {
    const job = aJobObject({ annotations: { [annotations.served]: 'hunter2' } });
    const read = readJob('east', job, []);
    expect(read).toMatchObject({ why: expect.stringContaining('mayfly.dev/served') });
    expect(JSON.stringify(read)).not.toContain('hunter2');
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

describe('scopeSelector', () => {
  it('names our mark, the organisation and the pool', () => {
    expect(scopeSelector({ installation: 'in01', organisation: 'or01', poolId: 7 })).toBe(
      'app.kubernetes.io/managed-by=mayfly,mayfly.dev/installation=in01,mayfly.dev/organisation=or01,mayfly.dev/pool-id=7',
    );
  });
});
