import { describe, expect, it } from 'vitest';
import type { AgentJob } from '../../../shared/domain/agentJob.ts';
import type { JobRequest } from '../../../shared/domain/jobRequest.ts';
import { runsToAskAbout } from '../../../shared/plan/runsOver.ts';
import { aJobRequest, anAgentJob, anObserved, minutesAgo, nameFor, noon, secondsAgo } from '../../support/builders.ts';
import { aTombstone, plan, told } from '../../support/plans.ts';

const asBuild = { projectId: 'project-1', planType: 'Build' };
const aBuild = (id: number, rest: Partial<JobRequest> = {}): JobRequest =>
  aJobRequest({ id, ...asBuild, run: { id: id + 5000, name: `run-${id}` }, queuedAt: minutesAgo(61) + id, ...rest });
const failed = (requestId: number, rest: Partial<AgentJob> = {}): AgentJob =>
  aTombstone(1, { purpose: { kind: 'request', requestId, attempt: 1 }, phaseAt: minutesAgo(5), ...rest });
const question = (id: number) => ({ requestId: id, projectId: 'project-1', runId: id + 5000 });

const asked = (
  requests: readonly JobRequest[],
  agentJobs: readonly AgentJob[] = [],
  askedAt: (requestId: number) => number | undefined = () => undefined,
) => runsToAskAbout(requests, agentJobs, noon, askedAt);

describe('runsToAskAbout', () => {
  const young = { queuedAt: minutesAgo(2) };
  const without = <K extends keyof JobRequest>(request: JobRequest, key: K): JobRequest => {
    const { [key]: _, ...rest } = request;
    return rest as JobRequest;
  };
  it.each<{ name: string; given: JobRequest; agentJobs?: readonly AgentJob[]; want: boolean }>([
    { name: 'that waits for more than an hour', given: aBuild(1), want: true },
    { name: 'that waits for an hour', given: aBuild(1, { queuedAt: minutesAgo(60) }), want: false },
    { name: 'whose attempt failed', given: aBuild(1, young), agentJobs: [failed(1)], want: true },
    {
      name: 'whose creation was rolled back',
      given: aBuild(1, young),
      agentJobs: [failed(1, { phase: 'rolledBack' })],
      want: true,
    },
    {
      name: 'whose agent served another',
      given: aBuild(1, young),
      agentJobs: [failed(1, { served: 2 })],
      want: false,
    },
    {
      name: 'whose agent boots',
      given: aBuild(1, young),
      agentJobs: [anAgentJob({ purpose: { kind: 'request', requestId: 1, attempt: 1 } })],
      want: false,
    },
    { name: 'where the attempt of another failed', given: aBuild(1, young), agentJobs: [failed(2)], want: false },
    { name: 'that an agent has been given', given: aBuild(1, { assignedAt: secondsAgo(9) }), want: false },
    { name: 'that an agent has received', given: aBuild(1, { receivedAt: secondsAgo(9) }), want: false },
    { name: 'that has a result', given: aBuild(1, { result: 'canceled' }), want: false },
    { name: 'that is no build', given: aBuild(1, { planType: 'Release' }), want: false },
    { name: 'of no known kind', given: without(aBuild(1), 'planType'), want: false },
    { name: 'of no known run', given: without(aBuild(1), 'run'), want: false },
    { name: 'of no known project', given: without(aBuild(1), 'projectId'), want: false },
    { name: 'that its author delays', given: aBuild(1, { userDelayed: true }), want: true },
  ])('asks about the run of a request $name: $want', ({ given, agentJobs, want }) => {
    expect(asked([given], agentJobs)).toEqual(want ? [question(1)] : []);
  });

  it('asks about the three oldest', () => {
    const requests = [5, 3, 1, 4, 2].map((id) => aBuild(id));
    expect(asked(requests)).toEqual([1, 2, 3].map(question));
  });

  it('is not kept from others by old ones that cannot be asked about', () => {
    const releases = [1, 2, 3].map((id) => aBuild(id, { planType: 'Release' }));
    expect(asked([...releases, aBuild(4)])).toEqual([question(4)]);
  });

  it.each([
    { name: 'not within half an hour', at: minutesAgo(30), agentJobs: [], want: [] },
    { name: 'after half an hour', at: minutesAgo(30) - 1, agentJobs: [], want: [question(1)] },
    { name: 'at once after another failure', at: minutesAgo(6), agentJobs: [failed(1)], want: [question(1)] },
    { name: 'not for a failure that was there before', at: minutesAgo(4), agentJobs: [failed(1)], want: [] },
  ])('asks again about a run that went on $name', ({ at, agentJobs, want }) => {
    expect(asked([aBuild(1)], agentJobs, () => at)).toEqual(want);
  });
});

describe('planPool: a request whose run is over', () => {
  it('is skipped with the run, and gets no agent whatever else is true of it', () => {
    const requests = [
      aBuild(1),
      aBuild(2, { userDelayed: true }),
      aBuild(3, { assignedAt: minutesAgo(50) }),
      aBuild(4),
    ];
    const { actions, skips, alarms } = plan(anObserved({ requests, runsOver: new Set([1, 2, 3]) }));
    expect({ actions: actions.map(told), skips, alarms }).toEqual({
      actions: [`create ${nameFor(4)}`],
      skips: [1, 2, 3].map((id) => ({ requestId: id, reason: 'runOver', detail: `run-${id}` })),
      alarms: [],
    });
  });

  it('leaves idle agents to others', () => {
    const booting = anAgentJob({ purpose: { kind: 'request', requestId: 1, attempt: 1 } });
    const { served } = plan(
      anObserved({ requests: [aBuild(1), aBuild(4)], agentJobs: [booting], runsOver: new Set([1]) }),
    );
    expect([...served]).toEqual([[4, nameFor(1)]]);
  });

  it('is taken for one that runs when an agent has received it: what runs is not over', () => {
    const received = aBuild(1, {
      assignedAt: minutesAgo(5),
      receivedAt: minutesAgo(5),
      reservedAgent: { id: 9, name: 'build-server' },
    });
    expect(plan(anObserved({ requests: [received], runsOver: new Set([1]) })).skips).toEqual([]);
  });

  it('calls for no look of its own', () => {
    expect(plan(anObserved({ requests: [aBuild(1)], runsOver: new Set([1]) })).nextLookAt).toBeUndefined();
  });
});
