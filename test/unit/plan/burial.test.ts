import { describe, expect, it } from 'vitest';
import type { AgentJob } from '../../../shared/domain/agentJob.ts';
import { anObserved, aPod, minutesAgo, withoutPod } from '../../support/builders.ts';
import { aTombstone, plan } from '../../support/plans.ts';

const keep = { keepFailed: { forMs: 3_600_000, most: 2 } };

/** A failed agent job of request `id` that ended so many minutes ago. */
const failed = (id: number, minutes: number, rest: Partial<AgentJob> = {}): AgentJob =>
  aTombstone(1, {
    reason: 'neverStarted',
    phaseAt: minutesAgo(minutes),
    purpose: { kind: 'request', requestId: id, attempt: 1 },
    uid: `uid-${id}`,
    pod: aPod({ phase: 'Failed' }),
    ...rest,
  });

const buried = (...agentJobs: readonly AgentJob[]): readonly string[] =>
  plan(anObserved({ agentJobs }), keep).actions.flatMap((action) =>
    action.kind === 'bury' ? [action.agentJob.uid] : [],
  );

describe('planPool: failed pods', () => {
  it('stay for as long as the rule says, and go then', () => {
    expect([buried(failed(1, 59)), buried(failed(1, 61))]).toEqual([[], ['uid-1']]);
  });

  it('stay while they are the newest, up to the number of the rule', () => {
    expect(buried(failed(1, 30), failed(2, 20), failed(3, 40), failed(4, 50))).toEqual(['uid-3', 'uid-4']);
  });

  it('are counted for each cluster by itself', () => {
    expect(buried(failed(1, 30), failed(2, 20), failed(3, 40, { cluster: 'other' }))).toEqual([]);
  });

  it('of agents that were lost in the middle of a job stay too', () => {
    const lost = { requestId: 1, jobId: 'job', at: minutesAgo(30) };
    expect(buried(failed(1, 30, { served: 1, reason: 'ended', lost, rerun: 'none' }))).toEqual([]);
  });

  it('do not stay where nothing failed or nothing is to be seen', () => {
    const sound = failed(1, 30, { reason: 'surplus' });
    expect(buried(sound, withoutPod(failed(2, 30)))).toEqual(['uid-1', 'uid-2']);
  });
});
