import { describe, expect, it } from 'vitest';
import type { AgentJob, LostWork } from '../../../shared/domain/agentJob.ts';
import type { PoolPolicy } from '../../../shared/domain/template.ts';
import type { Observed } from '../../../shared/plan/observed.ts';
import {
  anAgent,
  anAgentJob,
  anObserved,
  aPod,
  type Given,
  hoursAgo,
  minutesAgo,
  nameFor,
  noon,
  runningOn,
  secondsAgo,
  withoutPod,
} from '../../support/builders.ts';
import { actionsOf, aTombstone, plan } from '../../support/plans.ts';

const first = nameFor(1001);
/** The run has been told of its loss. */
const aToldPool = (given: Given): Observed => anObserved({ told: new Set(['77/mayfly-agent-lost']), ...given });
const busy = anAgent({ enabled: false });
const run = { projectId: 'project-1', planType: 'Build', run: { id: 77, name: '20260302.1' } };
const lost: LostWork = { requestId: 1001, jobId: 'job-1001', at: minutesAgo(20), projectId: 'project-1', runId: 77 };

function seen(agentJob: AgentJob, request: Parameters<typeof runningOn>[1] = {}, agent = busy): Observed {
  return aToldPool({ requests: [runningOn(agent, request)], agents: [agent], agentJobs: [agentJob] });
}

describe('planPool: an agent job whose agent holds a request', () => {
  it.each<{ name: string; given: Observed; changed?: Partial<PoolPolicy>; want: string[]; alarms: string[] }>([
    { name: 'is left alone while it works', given: seen(anAgentJob()), want: [], alarms: [] },
    {
      name: 'is disabled as soon as it has received it',
      given: seen(anAgentJob(), {}, anAgent()),
      want: [`disable ${first}`],
      alarms: [],
    },
    {
      name: 'is not ended by anything that retires idle agents',
      given: seen(anAgentJob({ phase: 'retiring', reason: 'surplus' })),
      want: [],
      alarms: [],
    },
    {
      name: 'has lost it when its pod failed',
      given: seen(anAgentJob({ pod: aPod({ phase: 'Failed', reason: 'Evicted' }) })),
      want: [`noteLost ${first}`],
      alarms: ['lostMidJob request 1001: Evicted'],
    },
    {
      name: 'has lost it when the cluster took its pod, in the words of the cluster',
      given: seen(anAgentJob({ pod: aPod({ phase: 'Failed', disruption: 'PreemptionByScheduler' }) })),
      want: [`noteLost ${first}`],
      alarms: ['lostMidJob request 1001: PreemptionByScheduler'],
    },
    {
      name: 'has lost it when its pod is gone with its node',
      given: seen(withoutPod(anAgentJob({ condition: 'Failed' }))),
      want: [`noteLost ${first}`],
      alarms: ['lostMidJob request 1001: its pod is gone'],
    },
    {
      name: 'has lost it when its process is gone and a sidecar runs on',
      given: seen(anAgentJob({ pod: aPod({ mainFinishedAt: secondsAgo(5), exitCode: 137 }) })),
      want: [`noteLost ${first}`],
      alarms: ['lostMidJob request 1001: its agent ended (137), a sidecar runs on'],
    },
    {
      name: 'notes that once and alarms until the server gives the request up',
      given: seen(anAgentJob({ pod: aPod({ phase: 'Failed' }), lost, rerun: 'open' })),
      want: [],
      alarms: ['lostMidJob request 1001: its pod failed'],
    },
    {
      name: 'has lost it whatever its retiring mark',
      given: seen(anAgentJob({ phase: 'retiring', reason: 'surplus', pod: aPod({ phase: 'Failed' }) })),
      want: [`noteLost ${first}`],
      alarms: ['lostMidJob request 1001: its pod failed'],
    },
    {
      name: 'renews its lease within the slack',
      given: seen(anAgentJob(), { lockedUntil: minutesAgo(5) }),
      want: [],
      alarms: [],
    },
    {
      name: 'is suspect when its lease ended longer ago',
      given: seen(anAgentJob(), { lockedUntil: minutesAgo(6) }),
      want: [],
      alarms: ['leaseExpired request 1001: its lease ended 6 min ago'],
    },
    {
      name: 'is suspect when its request is older than the maximum age',
      given: seen(anAgentJob(), { receivedAt: hoursAgo(25) }),
      want: [],
      alarms: ['jobTooOld request 1001 runs for 1500 min'],
    },
    {
      name: 'is ended at that age where an administrator wants it',
      given: seen(anAgentJob(), { receivedAt: hoursAgo(25) }),
      changed: { maxJobAge: { ms: 24 * 3_600_000, ends: true } },
      want: [`endOverAge ${first}`],
      alarms: ['jobTooOld request 1001 runs for 1500 min'],
    },
    {
      name: 'is ended for a silent lease where an administrator wants it',
      given: seen(anAgentJob(), { lockedUntil: minutesAgo(6) }),
      changed: { maxJobAge: { ms: 24 * 3_600_000, ends: true } },
      want: [`endOverAge ${first}`],
      alarms: ['leaseExpired request 1001: its lease ended 6 min ago'],
    },
    {
      name: 'is not told to end twice inside the grace',
      given: seen(anAgentJob({ overAge: 1001 }), { lockedUntil: minutesAgo(6) }),
      changed: { maxJobAge: { ms: 24 * 3_600_000, ends: true } },
      want: [],
      alarms: ['leaseExpired request 1001: its lease ended 6 min ago'],
    },
    {
      name: 'is hurried when it outlives the grace',
      given: seen(anAgentJob({ overAge: 1001 }), { lockedUntil: minutesAgo(8) }),
      changed: { maxJobAge: { ms: 24 * 3_600_000, ends: true } },
      want: [`endOverAge ${first}`],
      alarms: ['leaseExpired request 1001: its lease ended 8 min ago'],
    },
  ])('$name', ({ given, changed, want, alarms }) => {
    const planned = plan(given, changed);
    expect(actionsOf(given, changed)).toEqual(want);
    expect(planned.alarms.map(({ reason, detail }) => `${reason} ${detail ?? ''}`)).toEqual(alarms);
  });

  it('writes down all that it takes to find the run again', () => {
    const died = anAgentJob({ pod: aPod({ phase: 'Failed' }) });
    const [action] = plan(seen(died, run)).actions;
    expect(action).toEqual({ kind: 'noteLost', agentJob: died, lost: { ...lost, at: noon } });
  });

  it('knows no run of what is no build: its number is that of something else', () => {
    const died = anAgentJob({ pod: aPod({ phase: 'Failed' }) });
    const { projectId: _, runId: __, ...unfindable } = lost;
    for (const planType of ['Release', 'Deployment'] as const) {
      const [action] = plan(seen(died, { ...run, planType })).actions;
      expect(action).toEqual({ kind: 'noteLost', agentJob: died, lost: { ...unfindable, at: noon } });
    }
  });

  it('raises the alarm for an agent whose Job is gone, once no cluster is out of sight', () => {
    const offline = anAgent({ enabled: false, online: false });
    const observed = aToldPool({ requests: [runningOn(offline)], agents: [offline], agentJobs: [] });
    const [cluster] = observed.clusters;
    const unseen = {
      ...observed,
      clusters: [{ ...cluster, name: 'primary', agentJobs: { known: false, error: 'timeout' } }],
    };
    const reasons = (seenAs: Observed): readonly string[] => plan(seenAs).alarms.map(({ reason }) => reason);
    expect([reasons(observed), reasons(unseen as Observed)]).toEqual([['lostMidJob'], ['clusterUnknown']]);
  });
});

describe('planPool: what was lost', () => {
  const wanted: Partial<PoolPolicy> = { runs: { tellAfterMs: 120_000, rerunLost: true } };
  const grave = (rest: Partial<AgentJob> = {}): AgentJob =>
    aTombstone(1, { lost, rerun: 'open', reason: 'ended', served: 1001, phaseAt: minutesAgo(1), ...rest });

  it.each<{
    name: string;
    given: AgentJob;
    changed?: Partial<PoolPolicy>;
    requests?: Observed['requests'];
    want: string[];
  }>([
    { name: 'is run again once its request is over', given: grave(), want: [`rerun ${first}`] },
    { name: 'is not run again twice', given: grave({ rerun: 'asked' }), want: [] },
    { name: 'is not run again when that was decided', given: grave({ rerun: 'none' }), want: [] },
    {
      name: 'is not run again where nobody asked for it',
      given: grave(),
      changed: { runs: { tellAfterMs: 120_000, rerunLost: false } },
      want: [],
    },
    { name: 'is not run again when we ended it at the maximum age', given: grave({ overAge: 1001 }), want: [] },
    {
      name: 'is given up after an hour',
      given: grave({ lost: { ...lost, at: minutesAgo(61) } }),
      want: [],
    },
  ])('$name', ({ given, changed = {}, want }) => {
    const bury = actionsOf(aToldPool({ agentJobs: [given] }), { ...wanted, ...changed });
    expect(bury.filter((action) => !action.startsWith('bury'))).toEqual(want);
  });

  it('keeps its tombstone until it has been decided', () => {
    const keepsNone: Partial<PoolPolicy> = { keepFailed: { forMs: 0, most: 0 } };
    const actions = (agentJob: AgentJob): string[] =>
      actionsOf(aToldPool({ agentJobs: [agentJob] }), { ...wanted, ...keepsNone });
    expect([actions(grave()), actions(grave({ rerun: 'none' }))]).toEqual([[`rerun ${first}`], [`bury ${first}`]]);
  });

  it('waits while its request is unfinished', () => {
    const given = aToldPool({ requests: [runningOn(busy)], agents: [busy], agentJobs: [grave()] });
    expect(actionsOf(given, wanted)).toEqual([]);
  });

  it('is no failure of its template', () => {
    const graves = [1, 2, 3, 4].map((id) => grave({ purpose: { kind: 'request', requestId: id, attempt: 1 } }));
    expect(plan(aToldPool({ agentJobs: graves })).alarms).toEqual([]);
  });
});
