import { describe, expect, it } from 'vitest';
import {
  aBootingAgent,
  aJobRequest,
  anAgent,
  anAgentJob,
  anObserved,
  aPod,
  minutesAgo,
  nameFor,
  noon,
  runningOn,
  secondsAgo,
  withoutAgentId,
  withoutPod,
} from '../../support/builders.ts';
import { actionsOf, anUnreadable, aTombstone, plan, told as toldAction } from '../../support/plans.ts';

const first = nameFor(1001);

describe('planPool: what becomes of agent jobs', () => {
  const spent = anAgent({ lastCompletedRequest: { id: 1001, finishedAt: secondsAgo(5) } });
  const longIdle = anAgent({ createdAt: minutesAgo(60), statusChangedAt: minutesAgo(59) });
  const long = { createdAt: minutesAgo(30), phaseAt: minutesAgo(30) };
  const longPod = aPod({ createdAt: minutesAgo(30), mainStartedAt: minutesAgo(30) });
  it.each([
    {
      name: 'an agent is disabled as soon as it has received its request',
      given: { requests: [runningOn(anAgent())], agents: [anAgent()], agentJobs: [anAgentJob()] },
      want: [`disable ${first}`],
    },
    {
      name: 'a busy agent that is disabled is left alone',
      given: { requests: [runningOn(anAgent())], agents: [anAgent({ enabled: false })], agentJobs: [anAgentJob()] },
      want: [],
    },
    {
      name: 'an agent that has finished its request is retired',
      given: { agents: [spent], agentJobs: [anAgentJob()] },
      want: [`retire ${first} finished`],
    },
    {
      name: 'an agent whose request finished between the two reads is retired',
      given: { agents: [anAgent({ assignedRequestId: 1001 })], agentJobs: [anAgentJob()] },
      want: [`retire ${first} finished`],
    },
    {
      name: 'an idle agent that nobody needs is surplus once it is older than the idle minimum',
      given: {
        agents: [anAgent({ statusChangedAt: minutesAgo(20) })],
        agentJobs: [anAgentJob({ ...long, pod: longPod })],
      },
      want: [`retire ${first} surplus`],
    },
    {
      name: 'an idle agent that nobody needs is kept while it is younger',
      given: { agents: [anAgent()], agentJobs: [anAgentJob()] },
      want: [],
    },
    {
      name: 'an idle agent that a waiting request will get is kept however old',
      given: {
        requests: [aJobRequest({ id: 1002 })],
        agents: [anAgent({ statusChangedAt: minutesAgo(20) })],
        agentJobs: [anAgentJob({ ...long, pod: longPod })],
      },
      want: [],
    },
    {
      name: 'an idle agent with a pending update is retired once it is older than the idle minimum, though one waits',
      given: {
        requests: [aJobRequest({ id: 1002 })],
        agents: [anAgent({ updatePending: true, statusChangedAt: minutesAgo(20) })],
        agentJobs: [anAgentJob({ ...long, pod: longPod })],
      },
      want: [`create ${nameFor(1002)}`, `retire ${first} updatePending`],
    },
    {
      name: 'an idle agent with a pending update is kept while it is younger',
      given: { agents: [anAgent({ updatePending: true })], agentJobs: [anAgentJob()] },
      want: [],
    },
    {
      name: 'a booting agent with a pending update has its boot limit',
      given: {
        requests: [aJobRequest({ id: 1002 })],
        agents: [aBootingAgent({ updatePending: true, createdAt: minutesAgo(2) })],
        agentJobs: [
          anAgentJob({
            createdAt: minutesAgo(2),
            phaseAt: minutesAgo(2),
            pod: aPod({ mainStartedAt: minutesAgo(2), createdAt: minutesAgo(2) }),
          }),
        ],
      },
      want: [],
    },
    {
      name: 'a busy agent with a pending update is left to its job',
      given: {
        requests: [runningOn(anAgent())],
        agents: [anAgent({ updatePending: true, enabled: false, statusChangedAt: minutesAgo(20) })],
        agentJobs: [anAgentJob({ ...long, pod: longPod })],
      },
      want: [],
    },
    {
      name: 'an agent that does not come online within its limit has never started',
      given: {
        requests: [aJobRequest({ userDelayed: true })],
        agents: [aBootingAgent()],
        agentJobs: [anAgentJob({ ...long, pod: longPod })],
      },
      want: [`retire ${first} neverStarted connecting`],
    },
    {
      name: 'a pod that ended before its agent was ever online has not started',
      given: { agents: [aBootingAgent()], agentJobs: [anAgentJob({ pod: aPod({ phase: 'Failed', exitCode: 1 }) })] },
      want: [`retire ${first} neverStarted exit code 1`],
    },
    {
      name: 'a pod that ended while its agent was idle says so: a drained node, most often',
      given: { agents: [anAgent({ online: false })], agentJobs: [anAgentJob({ pod: aPod({ phase: 'Succeeded' }) })] },
      want: [`retire ${first} endedIdle`],
    },
    {
      name: 'a pod that died while its agent holds a request is noted, and its agent waited for',
      given: {
        requests: [runningOn(anAgent())],
        agents: [anAgent({ enabled: false })],
        agentJobs: [anAgentJob({ pod: aPod({ phase: 'Failed' }) })],
      },
      want: [`noteLost ${first}`],
    },
    {
      name: 'a retire is resumed',
      given: {
        agents: [anAgent({ enabled: false })],
        agentJobs: [anAgentJob({ phase: 'retiring', reason: 'surplus' })],
      },
      want: [`retire ${first} surplus`],
    },
    {
      name: 'a retire waits while its agent holds a request',
      given: {
        requests: [runningOn(anAgent())],
        agents: [anAgent({ enabled: false })],
        agentJobs: [anAgentJob({ phase: 'retiring', reason: 'surplus' })],
      },
      want: [],
    },
    {
      name: 'a creation past its create-by is rolled back',
      given: { agentJobs: [withoutPod(anAgentJob({ phase: 'creating', suspended: true, createBy: noon - 1 }))] },
      want: [`rollBack ${first}`],
    },
    {
      name: 'a tombstone stays while its request lives',
      given: {
        requests: [aJobRequest({ userDelayed: true })],
        agentJobs: [aTombstone(1, { phase: 'rolledBack', phaseAt: minutesAgo(60) })],
      },
      want: [],
    },
    {
      name: 'a rolled-back Job whose request is gone is buried once no plan older than it can be under way',
      given: { agentJobs: [aTombstone(1, { phase: 'rolledBack', phaseAt: secondsAgo(120) })] },
      want: [`bury ${first}`],
    },
    {
      name: 'and not before: its number would be given again',
      given: { agentJobs: [aTombstone(1, { phase: 'rolledBack', phaseAt: secondsAgo(119) })] },
      want: [],
    },
    {
      name: 'a failed tombstone stays for one breaker window more',
      given: { agentJobs: [aTombstone(1, { reason: 'neverStarted', phaseAt: minutesAgo(1) })] },
      want: [],
    },
    {
      name: 'a ghost is deleted',
      given: { agents: [anAgent({ online: false, createdAt: minutesAgo(60), statusChangedAt: minutesAgo(59) })] },
      want: [`deleteGhost ${first}`],
    },
    {
      name: 'an agent without agent job is no ghost inside its grace',
      given: { agents: [aBootingAgent()] },
      want: [],
    },
    {
      name: 'an agent whose name a retiring Job with another agent bears is a ghost',
      given: {
        agents: [anAgent({ online: false, createdAt: minutesAgo(60), statusChangedAt: minutesAgo(59) })],
        agentJobs: [anAgentJob({ agentId: 502, phase: 'retiring', reason: 'surplus' })],
      },
      want: [`retire ${first} surplus`, `deleteGhost ${first}`],
    },
    {
      name: 'an agent whose name a retiring Job bears that tells no agent is none: it is that Job’s, which is told',
      given: {
        agents: [anAgent({ online: false, createdAt: minutesAgo(60), statusChangedAt: minutesAgo(59) })],
        agentJobs: [withoutAgentId(anAgentJob({ phase: 'retiring', reason: 'surplus' }))],
      },
      want: [`noteAgent ${first}`, `retire ${first} surplus`],
    },
    {
      name: 'an agent of another mark is never a ghost',
      given: {
        agents: [
          anAgent({ name: 'mf-other-1', online: false, createdAt: minutesAgo(600), statusChangedAt: minutesAgo(600) }),
        ],
      },
      want: [],
    },
  ])('$name', ({ given, want }) => {
    expect(actionsOf(anObserved(given))).toEqual(want);
  });

  describe('an unreadable one', () => {
    const running = anUnreadable({ pod: aPod() });
    const failed = anUnreadable({ pod: aPod({ phase: 'Failed', exitCode: 1 }), createdAt: minutesAgo(600) });
    const offline = anAgent({ online: false, createdAt: minutesAgo(60), statusChangedAt: minutesAgo(59) });
    it.each([
      { name: 'without an agent', given: { agentJobs: [running] } },
      { name: 'whose pod has ended long ago', given: { agentJobs: [failed] } },
      { name: 'whose pod does not exist', given: { agentJobs: [withoutPod(failed)] } },
      { name: 'past its create-by', given: { agentJobs: [anUnreadable({ createBy: minutesAgo(10) })] } },
      { name: 'whose agent is idle beyond all limits', given: { agents: [longIdle], agentJobs: [running] } },
      { name: 'whose agent has served', given: { agents: [spent], agentJobs: [running] } },
      { name: 'whose agent is disabled', given: { agents: [anAgent({ enabled: false })], agentJobs: [running] } },
      { name: 'whose agent is offline for long: it is no ghost', given: { agents: [offline], agentJobs: [running] } },
      {
        name: 'whose agent runs a job',
        given: { requests: [runningOn(anAgent())], agents: [anAgent()], agentJobs: [running] },
      },
    ])('$name is left alone, with an alarm', ({ given }) => {
      const { actions, alarms } = plan(anObserved(given));
      expect({ actions: actions.map(toldAction), alarms }).toEqual({
        actions: [],
        alarms: [{ reason: 'unreadableAgentJob', subject: first, detail: 'primary' }],
      });
    });
  });

  it('reports a pod that died while its agent holds a request as lost mid-job', () => {
    const observed = anObserved({
      requests: [runningOn(anAgent())],
      agents: [anAgent({ enabled: false })],
      agentJobs: [anAgentJob({ phase: 'retiring', pod: aPod({ phase: 'Failed' }) })],
    });
    expect(plan(observed).alarms).toEqual([
      { reason: 'lostMidJob', subject: first, detail: 'request 1001: its pod failed' },
    ]);
  });
});
