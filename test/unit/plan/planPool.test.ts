import { describe, expect, it } from 'vitest';
import { known, unknown } from '../../../shared/domain/read.ts';
import {
  aBootingAgent,
  aJobRequest,
  anAgent,
  anAgentJob,
  anObserved,
  aPlaceholder,
  aPod,
  minutesAgo,
  nameFor,
  placeholders,
  policy,
  runningOn,
  secondsAgo,
  template,
  withoutPod,
} from '../../support/builders.ts';
import { actionsOf, aTombstone, plan, told } from '../../support/plans.ts';

const first = nameFor(1001);
const second = nameFor(1001, 2);

describe('planPool: provision', () => {
  it.each([
    { name: 'a waiting request gets an agent job', given: { requests: [aJobRequest()] }, want: [`create ${first}`] },
    {
      name: 'a request whose agent job is being created gets no second one',
      given: { requests: [aJobRequest()], agentJobs: [withoutPod(anAgentJob({ phase: 'creating', suspended: true }))] },
      want: [],
    },
    {
      name: 'a request whose agent boots gets no second one',
      given: { requests: [aJobRequest()], agents: [aBootingAgent()], agentJobs: [anAgentJob()] },
      want: [],
    },
    {
      name: 'a request that an idle agent can serve gets none',
      given: { requests: [aJobRequest({ id: 1002 })], agents: [anAgent()], agentJobs: [anAgentJob()] },
      want: [],
    },
    {
      name: 'a matching foreign agent counts as supply',
      given: { requests: [aJobRequest()], agents: [anAgent({ name: 'build-server-1' })] },
      want: [],
    },
    {
      name: 'an agent with a pending update serves nobody',
      given: { requests: [aJobRequest()], agents: [anAgent({ name: 'build-server-1', updatePending: true })] },
      want: [`create ${first}`],
    },
    {
      name: 'a disabled agent serves nobody',
      given: { requests: [aJobRequest()], agents: [anAgent({ name: 'build-server-1', enabled: false })] },
      want: [`create ${first}`],
    },
    {
      name: 'a request whose agent was stolen gets the next number',
      given: {
        requests: [aJobRequest(), runningOn({ id: 501, name: first }, { id: 1000 })],
        agents: [anAgent({ enabled: false, assignedRequestId: 1000 })],
        agentJobs: [anAgentJob()],
      },
      want: [`create ${second}`],
    },
    {
      name: 'the number comes after those of tombstones and of agent names alike',
      given: {
        requests: [aJobRequest()],
        agents: [aBootingAgent({ name: nameFor(1001, 4), enabled: false })],
        agentJobs: [aTombstone(2, { phase: 'rolledBack' })],
      },
      want: [`create ${nameFor(1001, 5)}`],
    },
    {
      name: 'a request past its assignment grace gets an agent job',
      given: { requests: [aJobRequest({ assignedAt: minutesAgo(4), reservedAgent: { id: 9, name: 'x' } })] },
      want: [`create ${first}`],
    },
  ])('$name', ({ given, want }) => {
    expect(actionsOf(anObserved(given))).toEqual(want);
  });

  it.each([
    {
      name: 'no template satisfies it',
      given: { requests: [aJobRequest({ demands: ['mainframe'] })] },
      want: 'noTemplate',
    },
    {
      name: 'a demand is not of the grammar',
      given: { requests: [aJobRequest({ demands: ['a -like b'] })] },
      want: 'unparsableDemand',
    },
    { name: 'the pool is paused', given: { requests: [aJobRequest()], paused: { value: true } }, want: 'paused' },
    {
      name: 'no parallel job is free',
      given: { requests: [aJobRequest()], parallelJobs: { value: { total: 1, used: 1 } } },
      want: 'atParallelJobLimit',
    },
    {
      name: 'it failed a moment ago',
      given: {
        requests: [aJobRequest()],
        agentJobs: [aTombstone(1, { reason: 'neverStarted', phaseAt: secondsAgo(1) })],
      },
      want: 'backingOff',
    },
    {
      name: 'no cluster can be read',
      given: { requests: [aJobRequest()], clusters: [{ name: 'primary', agentJobs: unknown('timeout') }] },
      want: 'noClusterReadable',
    },
  ])('skips a request with a reason when $name', ({ given, want }) => {
    const { actions, skips } = plan(anObserved(given), { parallelJobs: 'auto' });
    expect(actions).toEqual([]);
    expect(skips.map(({ requestId, reason }) => ({ requestId, reason }))).toEqual([{ requestId: 1001, reason: want }]);
  });

  it.each([
    {
      name: 'its pod ended before the agent came online',
      given: anAgentJob({ pod: aPod({ phase: 'Failed', exitCode: 1 }) }),
    },
    {
      name: 'its agent did not come online in time',
      given: anAgentJob({ pod: aPod({ mainStartedAt: minutesAgo(30) }) }),
    },
  ])('retires an attempt first and replaces it after when $name', ({ given }) => {
    const { actions, skips } = plan(
      anObserved({ requests: [aJobRequest()], agents: [aBootingAgent()], agentJobs: [given] }),
    );
    expect(actions.map((action) => action.kind)).toEqual(['retire']);
    expect(skips).toEqual([{ requestId: 1001, reason: 'retiringFirst', detail: first }]);
  });

  it('rolls a creation past its create-by back first and replaces it after', () => {
    const late = withoutPod(anAgentJob({ phase: 'creating', suspended: true, createBy: minutesAgo(1) }));
    const { actions, skips } = plan(anObserved({ requests: [aJobRequest()], agentJobs: [late] }));
    expect(actions.map((action) => action.kind)).toEqual(['rollBack']);
    expect(skips).toEqual([{ requestId: 1001, reason: 'retiringFirst', detail: first }]);
  });

  it('lets a public request run when the private parallel jobs are used up', () => {
    const observed = anObserved({
      requests: [aJobRequest({ parallelism: 'public' })],
      parallelJobs: { value: { total: 1, used: 1 } },
    });
    expect(actionsOf(observed, { parallelJobs: 'auto' })).toEqual([`create ${first}`]);
  });

  it('creates the oldest first up to each limit and names the limit for the rest', () => {
    const requests = [1, 2, 3].map((id) => aJobRequest({ id }));
    const { actions, skips } = plan(anObserved({ requests }), { maxAgents: 2 });
    expect(actions.map(told)).toEqual([`create ${nameFor(1)}`, `create ${nameFor(2)}`]);
    expect(skips).toEqual([{ requestId: 3, reason: 'atPoolLimit', detail: template.name }]);
  });

  it('opens the breaker of a template that keeps failing and lets one probe through', () => {
    const failures = [1, 2, 3, 4, 5].map((attempt) =>
      aTombstone(attempt, {
        purpose: { kind: 'request', requestId: 900 + attempt, attempt: 1 },
        reason: 'neverStarted',
        phaseAt: minutesAgo(6),
      }),
    );
    const requests = [1, 2].map((id) => aJobRequest({ id }));
    const { actions, skips } = plan(anObserved({ requests, agentJobs: failures }), { templates: [template] });
    expect(actions.filter((action) => action.kind === 'create').map(told)).toEqual([`create ${nameFor(1)}`]);
    expect(skips).toEqual([{ requestId: 2, reason: 'breakerOpen', detail: template.name }]);
  });
});

describe('planPool: unknown is never zero', () => {
  const busy = { agents: [anAgent()], agentJobs: [anAgentJob()] };
  it.each([
    { name: 'requests', given: { ...anObserved(busy), requests: unknown('timeout') }, want: ['requestsUnknown'] },
    {
      name: 'agents',
      given: { ...anObserved({ requests: [aJobRequest()] }), agents: unknown('unauthorized') },
      want: ['agentsUnknown'],
    },
  ])('does nothing to the pool when its $name are unknown', ({ given, want }) => {
    const { actions, skips, alarms } = plan(given);
    expect({ actions, skips, alarms: alarms.map((alarm) => alarm.reason) }).toEqual({
      actions: [],
      skips: [],
      alarms: want,
    });
  });

  it('counts agents of a cluster that is out of reach as supply within their grace, and judges no ghost', () => {
    const observed = anObserved({
      requests: [aJobRequest()],
      agents: [
        aBootingAgent(),
        anAgent({
          id: 77,
          name: nameFor(900),
          online: false,
          createdAt: minutesAgo(60),
          statusChangedAt: minutesAgo(60),
        }),
      ],
      clusters: [{ name: 'primary', agentJobs: unknown('timeout') }],
    });
    const { actions, alarms, served } = plan(observed);
    expect({ actions, alarms, served: [...served] }).toEqual({
      actions: [],
      alarms: [{ reason: 'clusterUnknown', subject: 'primary', detail: 'timeout' }],
      served: [[1001, first]],
    });
  });

  it('stays paused on memory while the control map cannot be read', () => {
    const observed = anObserved({ requests: [aJobRequest()], paused: { value: true, error: 'timeout' } });
    const { actions, alarms } = plan(observed);
    expect({ actions, alarms }).toEqual({ actions: [], alarms: [{ reason: 'controlUnknown', subject: 'timeout' }] });
  });

  it('goes on without the optional reads, with an alarm each', () => {
    const observed = anObserved({
      requests: [aJobRequest()],
      parallelJobs: { value: undefined, error: 'forbidden' },
      paused: { value: undefined, error: 'timeout' },
    });
    const { actions, alarms } = plan(observed, { parallelJobs: 'auto' });
    expect(actions.map(told)).toEqual([`create ${first}`]);
    expect(alarms.map((alarm) => alarm.reason)).toEqual(['parallelJobsUnknown', 'controlUnknown']);
  });
});

describe('planPool: placeholders', () => {
  const other = policy.templates.slice(1);
  const without = { agents: known(placeholders.slice(1)) };
  it.each([
    {
      name: 'a missing one is created',
      given: { ...anObserved(), ...without },
      want: [`createPlaceholder ${template.name}`],
    },
    {
      name: 'a disabled one is repaired',
      given: { ...anObserved(), agents: known([aPlaceholder(template, { enabled: false }), ...placeholders.slice(1)]) },
      want: [`repairPlaceholder ${template.name}`],
    },
    {
      name: 'one with other capabilities is repaired',
      given: {
        ...anObserved(),
        agents: known([aPlaceholder(template, { capabilities: {} }), ...placeholders.slice(1)]),
      },
      want: [`repairPlaceholder ${template.name}`],
    },
    { name: 'sound ones are left alone', given: anObserved(), want: [] },
  ])('$name', ({ given, want }) => {
    expect(actionsOf(given)).toEqual(want);
    expect(other.length).toBe(policy.templates.length - 1);
  });
});
