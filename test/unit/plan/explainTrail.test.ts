import { describe, expect, it } from 'vitest';
import { explain, type Trail } from '../../../shared/plan/explain.ts';
import {
  aBootingAgent,
  aJobRequest,
  anAgent,
  anAgentJob,
  anObserved,
  aPod,
  type Given,
  minutesAgo,
  nameFor,
  policy,
  runningOn,
  secondsAgo,
  withoutPod,
} from '../../support/builders.ts';
import { aTombstone } from '../../support/plans.ts';

function trailOf(given: Given, requestId = 1001): Trail {
  const { trail } = explain(policy, anObserved(given), requestId);
  if (trail === undefined) throw new Error('the request is not in the pool');
  return trail;
}

describe('explain: agents considered', () => {
  const unborn = withoutPod(anAgentJob({ purpose: { kind: 'request', requestId: 999, attempt: 1 }, agentId: 502 }));
  const given: Given = {
    requests: [aJobRequest({ id: 999, demands: ['docker'] }), aJobRequest({ demands: ['docker'] })],
    agents: [
      anAgent({ name: 'bare', capabilities: { SECRET_PLACE: 'drawer' } }),
      anAgent({ name: 'busy' }),
      anAgent({ name: 'docker-1', capabilities: { docker: '27' } }),
      aBootingAgent({ id: 502, name: nameFor(999) }),
    ],
    agentJobs: [unborn],
  };

  it('shows those that could take it first, to whom each goes, and which demands the others lack', () => {
    expect(trailOf(given).agents).toEqual({
      usable: 4,
      capable: 1,
      first: [
        { agent: 'docker-1', state: 'online', ours: false, unmet: [], goesTo: 999, distrusted: false },
        { agent: 'bare', state: 'online', ours: false, unmet: ['docker'], distrusted: false },
        { agent: 'busy', state: 'online', ours: false, unmet: ['docker'], distrusted: false },
        {
          agent: nameFor(999),
          state: 'booting',
          ours: true,
          madeFor: 999,
          unmet: ['docker'],
          keptFor: 999,
          distrusted: false,
        },
      ],
    });
  });

  it('tells no capability that was not demanded', () => {
    expect(JSON.stringify(explain(policy, anObserved(given), 1001))).not.toMatch(/SECRET_PLACE|drawer/);
  });

  it('counts all of them and shows twenty', () => {
    const agents = Array.from({ length: 30 }, (_, index) => anAgent({ id: index, name: `static-${index}` }));
    const { usable, capable, first } = trailOf({ requests: [aJobRequest()], agents }).agents;
    expect([usable, capable, first.length]).toEqual([30, 30, 20]);
  });
});

describe('explain: attempts', () => {
  it('tells what came of each', () => {
    const agentJobs = [
      aTombstone(1, { served: 900, phaseAt: minutesAgo(2) }),
      aTombstone(2, {
        reason: 'neverStarted',
        phaseAt: minutesAgo(1),
        pod: aPod({ phase: 'Failed', cause: 'imagePull', message: 'not found', exitCode: 1 }),
      }),
      withoutPod(aTombstone(3, { phase: 'rolledBack', reason: 'create-by passed', phaseAt: secondsAgo(50) })),
    ];
    const common = { template: 'linux', cluster: 'primary', createdAt: secondsAgo(50) };
    const pod = aPod().name;
    expect(trailOf({ requests: [aJobRequest()], agentJobs }).attempts).toEqual([
      {
        ...common,
        name: nameFor(1001),
        phase: 'tombstone',
        served: 900,
        endedAt: minutesAgo(2),
        pod,
        failed: false,
      },
      {
        ...common,
        name: nameFor(1001, 2),
        phase: 'tombstone',
        reason: 'neverStarted',
        cause: 'imagePull',
        message: 'not found',
        exitCode: 1,
        endedAt: minutesAgo(1),
        pod,
        failed: true,
      },
      {
        ...common,
        name: nameFor(1001, 3),
        phase: 'rolledBack',
        reason: 'create-by passed',
        endedAt: secondsAgo(50),
        failed: false,
      },
    ]);
  });

  it('tells what was written down at its end rather than what its kept pod shows', () => {
    const agentJobs = [
      aTombstone(1, { reason: 'neverStarted', detail: 'init: refused', pod: aPod({ phase: 'Failed', cause: 'init' }) }),
    ];
    const [attempt] = trailOf({ requests: [aJobRequest()], agentJobs }).attempts;
    expect([attempt?.detail, attempt?.cause]).toEqual(['init: refused', undefined]);
  });

  it('tells of agents that were made for others and lost it', () => {
    const lost = { requestId: 1001, jobId: 'job-1001', at: minutesAgo(1) };
    const purpose = { kind: 'request', requestId: 900, attempt: 1 } as const;
    const agentJobs = [aTombstone(1, { purpose, lost, rerun: 'asked', reason: 'ended' })];
    const { attempts } = trailOf({ requests: [aJobRequest()], agentJobs });
    expect(attempts.map(({ name, lost: work }) => [name, work])).toEqual([
      [nameFor(900), { requestId: 1001, rerun: 'asked' }],
    ]);
  });

  it("tells what keeps a booting one, in the scheduler's words, and how long that is borne", () => {
    const { mainStartedAt: _, ...unplaced } = aPod({ phase: 'Pending', cause: 'unschedulable', message: '0/3 nodes' });
    const [attempt] = trailOf({
      requests: [aJobRequest()],
      agents: [aBootingAgent()],
      agentJobs: [anAgentJob({ pod: unplaced })],
    }).attempts;
    expect(attempt).toMatchObject({
      cause: 'unschedulable',
      message: '0/3 nodes',
      causeLimitMs: 600_000,
      failed: false,
    });
  });

  it('tells for whom its agent works instead', () => {
    const [attempt] = trailOf({
      requests: [aJobRequest(), runningOn({ id: 501, name: nameFor(1001) }, { id: 900 })],
      agents: [anAgent({ enabled: false, assignedRequestId: 900 })],
      agentJobs: [anAgentJob()],
    }).attempts;
    expect(attempt).toMatchObject({ phase: 'started', holds: 900, failed: false });
  });
});

describe('explain: alarms', () => {
  const alarmsOf = (given: Given) => explain(policy, anObserved(given), 1001).alarms;
  const unread = { value: { total: 100, used: 0 }, error: 'timeout' } as const;

  it('are those that concern the request', () => {
    const late = { assignedAt: minutesAgo(9), reservedAgent: { id: 9, name: 'x' } };
    expect(alarmsOf({ requests: [aJobRequest(late), aJobRequest({ id: 1002, ...late })] })).toEqual([
      { reason: 'assignmentExpired', subject: 'request 1001', detail: 'x' },
    ]);
  });

  it.each([
    { parallelism: 'private', want: ['parallelJobsUnknown'] },
    { parallelism: 'public', want: [] },
  ] as const)('are silent about the licence unless it matters: $parallelism', ({ parallelism, want }) => {
    const alarms = alarmsOf({ requests: [aJobRequest({ parallelism })], parallelJobs: unread });
    expect(alarms.map(({ reason }) => reason)).toEqual(want);
  });

  it('keep to themselves what an agent reports', () => {
    const alarms = alarmsOf({
      requests: [aJobRequest({ queuedAt: minutesAgo(10) })],
      agents: [anAgent({ createdAt: minutesAgo(10), statusChangedAt: minutesAgo(9), capabilities: {} })],
      agentJobs: [anAgentJob()],
    });
    expect(alarms).toEqual([{ reason: 'notAssignedByServer', subject: nameFor(1001) }]);
  });
});
