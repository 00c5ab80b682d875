import { describe, expect, it } from 'vitest';
import type { Agent } from '../../../shared/domain/agent.ts';
import type { JobRequest } from '../../../shared/domain/jobRequest.ts';
import { placeholderCapabilities } from '../../../shared/domain/offer.ts';
import { known, unknown } from '../../../shared/domain/read.ts';
import type { Observed } from '../../../shared/plan/observed.ts';
import {
  aBootingAgent,
  aControl,
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
  switched,
  template,
  withoutPod,
} from '../../support/builders.ts';
import { actionsOf, anUnreadable, aTombstone, plan, told } from '../../support/plans.ts';

const first = nameFor(1001);
const second = nameFor(1001, 2);
const outOfReach = { name: 'primary', agentJobs: unknown('timeout'), quotas: { value: [] } } as const;

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
      name: 'a request whose agent is registered, while its new Job is not in the list yet, gets no second one',
      given: { requests: [aJobRequest()], agents: [aBootingAgent()] },
      want: [],
    },
    {
      name: 'a request whose registered agent has no Job to be seen for longer gets the next number',
      given: { requests: [aJobRequest()], agents: [aBootingAgent({ createdAt: minutesAgo(2) })] },
      want: [`create ${second}`],
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
      name: 'the number comes after that of an unreadable agent job, which is no supply',
      given: { requests: [aJobRequest()], agents: [aBootingAgent()], agentJobs: [anUnreadable({ pod: aPod() })] },
      want: [`create ${second}`],
    },
    {
      name: 'the numbers of other requests are their own',
      given: {
        requests: [aJobRequest()],
        agents: [aBootingAgent({ name: nameFor(1002, 4), enabled: false })],
        agentJobs: [aTombstone(7, { purpose: { kind: 'request', requestId: 1002, attempt: 7 } })],
      },
      want: [`create ${first}`],
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
    {
      name: 'the pool is paused',
      given: { requests: [aJobRequest()], control: { value: aControl({ paused: switched() }) } },
      want: 'paused',
    },
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
      given: { requests: [aJobRequest()], clusters: [outOfReach] },
      want: 'noClusterReadable',
    },
  ])('skips a request with a reason when $name', ({ given, want }) => {
    const { actions, skips } = plan(anObserved(given), { parallelJobs: 'auto' });
    expect(actions).toEqual([]);
    expect(skips.map(({ requestId, reason }) => ({ requestId, reason }))).toEqual([{ requestId: 1001, reason: want }]);
  });

  it.each([
    { name: 'the pool', changed: { maxAgents: 1 }, want: 'atPoolLimit' },
    { name: 'its template', changed: { templates: [{ ...template, maxAgents: 1 }] }, want: 'atTemplateLimit' },
  ])('counts an unreadable agent job against the limit of $name', ({ changed, want }) => {
    const observed = anObserved({ requests: [aJobRequest()], agentJobs: [anUnreadable({ pod: aPod() })] });
    const { actions, skips, alarms } = plan(observed, changed);
    expect({ actions, skips, alarms }).toEqual({
      actions: [],
      skips: [{ requestId: 1001, reason: want, detail: template.name }],
      alarms: [{ reason: 'unreadableAgentJob', subject: first, detail: 'primary' }],
    });
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

  describe('a number of parallel jobs, while their use cannot be read', () => {
    const assigned = (id: number, rest: Partial<JobRequest> = {}): JobRequest =>
      runningOn({ id, name: `build-server-${id}` }, { id, ...rest });
    const held = [{ requestId: 1001, reason: 'atParallelJobLimit', detail: template.name }];
    const bootsFor = { kind: 'request', requestId: 3, attempt: 1 } as const;
    it.each([
      { name: 'allows one more than are in use here', given: { requests: [assigned(1)] }, skips: [] },
      { name: 'holds when as many are in use here', given: { requests: [assigned(1), assigned(2)] }, skips: held },
      {
        name: 'does not count those of public projects',
        given: { requests: [assigned(1), assigned(2, { parallelism: 'public' })] },
        skips: [],
      },
      {
        name: 'counts an agent that boots for another',
        given: {
          requests: [assigned(1), aJobRequest({ id: 3 })],
          agentJobs: [anAgentJob({ purpose: bootsFor, agentId: 503 })],
        },
        skips: held,
      },
      {
        name: 'holds against what the server tells where it was read before',
        given: { requests: [], parallelJobs: { value: { total: 100, used: 2 }, error: 'timeout' } as const },
        skips: held,
      },
    ])('$name', ({ given, skips }) => {
      const unread = { value: undefined, error: 'timeout' } as const;
      const requests = [...given.requests, aJobRequest()];
      const observed = anObserved({ parallelJobs: unread, ...given, requests });
      const found = plan(observed, { parallelJobs: 2 });
      const created = found.actions.filter(({ kind }) => kind === 'create').map(told);
      expect({ created, skips: found.skips }).toEqual({ created: skips.length > 0 ? [] : [`create ${first}`], skips });
    });
  });

  it('creates the oldest first up to each limit and names the limit for the rest', () => {
    const requests = [1, 2, 3].map((id) => aJobRequest({ id }));
    const { actions, skips } = plan(anObserved({ requests }), { maxAgents: 2 });
    expect(actions.map(told)).toEqual([`create ${nameFor(1)}`, `create ${nameFor(2)}`]);
    expect(skips).toEqual([{ requestId: 3, reason: 'atPoolLimit', detail: template.name }]);
  });

  it('counts an agent whose new Job is not in the list yet against the limit', () => {
    const requests = [aJobRequest(), aJobRequest({ id: 1002 })];
    const { actions, skips } = plan(anObserved({ requests, agents: [aBootingAgent()] }), { maxAgents: 1 });
    expect({ actions, skips }).toEqual({
      actions: [],
      skips: [{ requestId: 1002, reason: 'atPoolLimit', detail: template.name }],
    });
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
    {
      // Without agents the requests are not even asked for: it is the agents that are to be looked after.
      name: 'agents and requests',
      given: { ...anObserved(busy), agents: unknown('unauthorized'), requests: unknown('unauthorized') },
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
      clusters: [outOfReach],
    });
    const { actions, alarms, served } = plan(observed);
    expect({ actions, alarms, served: [...served] }).toEqual({
      actions: [],
      alarms: [{ reason: 'clusterUnknown', subject: 'primary', detail: 'timeout' }],
      served: [[1001, first]],
    });
  });

  it('stays paused on memory while the control map cannot be read', () => {
    const observed = anObserved({
      requests: [aJobRequest()],
      control: { value: aControl({ paused: switched() }), error: 'timeout' },
    });
    const { actions, alarms } = plan(observed);
    expect({ actions, alarms }).toEqual({ actions: [], alarms: [{ reason: 'controlUnknown', subject: 'timeout' }] });
  });

  it('goes on without the optional reads, with an alarm each', () => {
    const observed = anObserved({
      requests: [aJobRequest()],
      parallelJobs: { value: undefined, error: 'forbidden' },
      control: { value: undefined, error: 'timeout' },
    });
    const { actions, alarms } = plan(observed, { parallelJobs: 'auto' });
    expect(actions.map(told)).toEqual([`create ${first}`]);
    expect(alarms.map((alarm) => alarm.reason)).toEqual(['parallelJobsUnknown', 'controlUnknown']);
  });
});

describe('planPool: placeholders', () => {
  const other = policy.templates.slice(1);
  const without = { agents: known(placeholders.slice(1)) };
  const offered = placeholderCapabilities(template);
  const replaced = { ...offered, 'Agent.OS': 'plan9' };
  const { 'Agent.OS': _, ...lacking } = offered;
  const repaired = [`repairPlaceholder ${template.name}`];
  const withFirst = (changed: Partial<Agent>): Observed => ({
    ...anObserved(),
    agents: known([aPlaceholder(template, changed), ...placeholders.slice(1)]),
  });
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
    ...(
      [
        ['one with a capability that people added is left alone', { ...offered, gpu: '1' }, { gpu: '1' }, []],
        ['one with a capability that people replaced is left alone', replaced, { 'Agent.OS': 'plan9' }, []],
        ['one with a changed capability is repaired', replaced, undefined, repaired],
        ['one with a missing capability is repaired', lacking, undefined, repaired],
        ['one with a stale capability is repaired', { ...offered, stale: '1' }, undefined, repaired],
        [
          'one with a stale next to an added one is repaired',
          { ...offered, stale: '1', gpu: '1' },
          { gpu: '1' },
          repaired,
        ],
        ['one with a missing next to an added one is repaired', { ...lacking, gpu: '1' }, { gpu: '1' }, repaired],
      ] as const
    ).map(([name, capabilities, userCapabilities, want]) => ({
      name,
      given: withFirst({ capabilities, ...(userCapabilities && { userCapabilities }) }),
      want: [...want],
    })),
    { name: 'sound ones are left alone', given: anObserved(), want: [] },
  ])('$name', ({ given, want }) => {
    expect(actionsOf(given)).toEqual(want);
    expect(other.length).toBe(policy.templates.length - 1);
  });
});
