import { describe, expect, it } from 'vitest';
import type { JobRequest } from '../../../shared/domain/jobRequest.ts';
import type { PoolPolicy } from '../../../shared/domain/template.ts';
import type { Observed } from '../../../shared/plan/observed.ts';
import { aJobRequest, anObserved, minutesAgo, secondsAgo } from '../../support/builders.ts';
import { aTombstone, plan } from '../../support/plans.ts';
import { aTemplate } from '../../support/policyBuilders.ts';

const run = { projectId: 'project-1', planType: 'Build', run: { id: 77, name: '20260302.1' } };
const waiting = (rest: Partial<JobRequest> = {}): JobRequest =>
  aJobRequest({ demands: ['java'], queuedAt: minutesAgo(5), ...run, ...rest });

function tellings(observed: Observed, changed: Partial<PoolPolicy> = {}): readonly string[] {
  return plan(observed, changed).actions.flatMap((action) =>
    action.kind === 'tellRun' || action.kind === 'cancelRun'
      ? [`${action.kind} ${action.run.runId} ${action.tag}`]
      : [],
  );
}

const cancelling: Partial<PoolPolicy> = { runs: { tellAfterMs: 120_000, cancelAfterMs: 240_000, rerunLost: false } };
const failedThrice = [1, 2, 3].map((attempt) =>
  aTombstone(attempt, { reason: 'neverStarted', phaseAt: secondsAgo(10 * attempt) }),
);

const lostAt = (at: number) =>
  aTombstone(1, { lost: { requestId: 1001, jobId: 'j', at, projectId: 'project-1', runId: 77 }, rerun: 'open' });

describe('planPool: what the run of a request is told', () => {
  it.each<{ name: string; given: Observed; changed?: Partial<PoolPolicy>; want: string[] }>([
    {
      name: 'that no template has what it demands',
      given: anObserved({ requests: [waiting()] }),
      want: ['tellRun 77 mayfly-no-template-for-demands'],
    },
    {
      name: 'that a demand cannot be understood',
      given: anObserved({ requests: [waiting({ demands: ['a -equals'] })] }),
      want: ['tellRun 77 mayfly-demand-not-understood'],
    },
    {
      name: 'that a parameter is not offered',
      given: anObserved({ requests: [waiting({ demands: ['mayfly.cpu.64'] })] }),
      want: ['tellRun 77 mayfly-parameter-not-offered'],
    },
    {
      name: 'that its parameters contradict each other',
      given: anObserved({ requests: [waiting({ demands: ['mayfly.cpu.2', 'mayfly.cpu.4'] })] }),
      changed: { templates: [aTemplate({ parameters: { cpu: ['2', '4'], memory: [], image: {} } })] },
      want: ['tellRun 77 mayfly-parameters-contradict'],
    },
    {
      name: 'that its agents do not start, after three that failed',
      given: anObserved({ requests: [waiting({ demands: [] })], agentJobs: failedThrice }),
      want: ['tellRun 77 mayfly-agent-cannot-start'],
    },
    {
      name: 'nothing after two: the third may come through',
      given: anObserved({ requests: [waiting({ demands: [] })], agentJobs: failedThrice.slice(1) }),
      want: [],
    },
    {
      name: 'that its agent was lost, where that has not been told',
      given: anObserved({ agentJobs: [lostAt(minutesAgo(59))] }),
      want: ['tellRun 77 mayfly-agent-lost'],
    },
    {
      name: 'that once for all of its agents',
      given: anObserved({ agentJobs: [lostAt(minutesAgo(9)), { ...lostAt(minutesAgo(5)), uid: 'other' }] }),
      want: ['tellRun 77 mayfly-agent-lost'],
    },
    {
      name: 'nothing of a loss that has been told',
      given: anObserved({ agentJobs: [lostAt(minutesAgo(5))], told: new Set(['77/mayfly-agent-lost']) }),
      want: [],
    },
    {
      name: 'nothing of a loss of long ago',
      given: anObserved({ agentJobs: [lostAt(minutesAgo(61))] }),
      want: [],
    },
    {
      name: 'nothing before it has waited for a while',
      given: anObserved({ requests: [waiting({ queuedAt: secondsAgo(110) })] }),
      want: [],
    },
    {
      name: 'nothing twice',
      given: { ...anObserved({ requests: [waiting()] }), told: new Set(['77/mayfly-no-template-for-demands']) },
      want: [],
    },
    {
      name: 'once for all of its requests',
      given: anObserved({ requests: [waiting(), waiting({ id: 1002 }), waiting({ id: 1003 })] }),
      want: ['tellRun 77 mayfly-no-template-for-demands'],
    },
    {
      name: 'nothing where it is no build',
      given: anObserved({ requests: [waiting({ planType: 'Release' })] }),
      want: [],
    },
    {
      name: 'and then it is cancelled, where an administrator wants it',
      given: anObserved({ requests: [waiting()] }),
      changed: cancelling,
      want: ['tellRun 77 mayfly-no-template-for-demands', 'cancelRun 77 mayfly-cancelled'],
    },
    {
      name: 'that it is cancelled, once',
      given: {
        ...anObserved({ requests: [waiting()] }),
        told: new Set(['77/mayfly-no-template-for-demands', '77/mayfly-cancelled']),
      },
      changed: cancelling,
      want: [],
    },
    {
      name: 'never that it is cancelled because agents fail: that may pass',
      given: anObserved({ requests: [waiting({ demands: [] })], agentJobs: failedThrice }),
      changed: cancelling,
      want: ['tellRun 77 mayfly-agent-cannot-start'],
    },
  ])('$name', ({ given, changed, want }) => {
    expect(tellings(given, changed)).toEqual(want);
  });

  it('tells ten of ten thousand runs in a pass', () => {
    const requests = Array.from({ length: 1000 }, (_, index) =>
      waiting({ id: 2000 + index, run: { id: index + 1, name: `${index}` } }),
    );
    expect(tellings(anObserved({ requests }))).toHaveLength(10);
  });
});
