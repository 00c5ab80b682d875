import { describe, expect, it } from 'vitest';
import { unknown } from '../../../shared/domain/read.ts';
import {
  aBootingAgent,
  aControl,
  aJobRequest,
  anAgent,
  anAgentJob,
  anObserved,
  aPod,
  nameFor,
  noon,
  runningOn,
  secondsAgo,
  switched,
  withoutPod,
} from '../../support/builders.ts';
import { anUnreadable, aTombstone, plan } from '../../support/plans.ts';

const paused = { value: aControl({ paused: switched() }) };
const delayed = aJobRequest({ id: 1, userDelayed: true });
const impossible = aJobRequest({ id: 2, demands: ['mainframe'] });
const unparsable = aJobRequest({ id: 3, demands: ['a -like b'] });
const working = {
  requests: [runningOn(anAgent())],
  agents: [anAgent({ enabled: false, assignedRequestId: 1001 })],
  agentJobs: [anAgentJob()],
};

describe('planPool: no next look of its own', () => {
  it.each([
    { name: 'with nothing to do', given: {} },
    { name: 'for a request that its author delays', given: { requests: [delayed] } },
    { name: 'for a request that no template satisfies', given: { requests: [impossible] } },
    { name: 'for a demand that is not of the grammar', given: { requests: [unparsable] } },
    { name: 'while paused', given: { requests: [aJobRequest()], control: paused } },
    { name: 'for all of these', given: { requests: [delayed, impossible, unparsable] } },
    {
      name: 'for all of these while paused',
      given: { requests: [delayed, impossible, unparsable, aJobRequest()], control: paused },
    },
    {
      name: 'for tombstones that stay',
      given: { requests: [delayed], agentJobs: [aTombstone(1, { reason: 'neverStarted', phaseAt: secondsAgo(9) })] },
    },
    { name: 'for one rolled back', given: { agentJobs: [aTombstone(1, { phase: 'rolledBack' })] } },
    { name: 'for an unreadable one', given: { agentJobs: [anUnreadable()] } },
    { name: 'for a disabled agent that runs its job', given: working },
    {
      name: 'for a disabled agent that runs its job next to a request that its author delays',
      given: { ...working, requests: [...working.requests, delayed] },
    },
    {
      name: 'for a disabled agent that runs its job though its Job is marked retiring',
      given: { ...working, agentJobs: [anAgentJob({ phase: 'retiring', reason: 'surplus' })] },
    },
  ])('$name', ({ given }) => {
    expect(plan(anObserved(given)).nextLookAt).toBeUndefined();
  });

  it.each(['agents', 'requests'] as const)('where the %s are unknown', (part) => {
    const observed = anObserved({ requests: [aJobRequest()], agentJobs: [anAgentJob()] });
    expect(plan({ ...observed, [part]: unknown('timeout') }).nextLookAt).toBeUndefined();
  });
});

describe('planPool: a look five seconds on', () => {
  it.each([
    { name: 'when it creates', given: { requests: [aJobRequest()] } },
    { name: 'when one of many requests is not hopeless', given: { requests: [delayed, impossible, aJobRequest()] } },
    {
      name: 'while a request backs off',
      given: {
        requests: [aJobRequest()],
        agentJobs: [aTombstone(1, { reason: 'neverStarted', phaseAt: secondsAgo(1) })],
      },
    },
    { name: 'while a limit holds a request', given: { requests: [aJobRequest()] }, policy: { maxAgents: 0 } },
    {
      name: 'while a request is about to get an idle agent of others',
      given: { requests: [aJobRequest()], agents: [anAgent({ name: 'build-server-1' })] },
    },
    {
      name: 'while an agent job is being created',
      given: { agentJobs: [withoutPod(anAgentJob({ phase: 'creating', suspended: true }))] },
    },
    { name: 'while an agent boots', given: { agents: [aBootingAgent()], agentJobs: [anAgentJob()] } },
    { name: 'while an agent is idle', given: { agents: [anAgent()], agentJobs: [anAgentJob()] } },
    {
      name: 'while paused, for what is being retired',
      given: { agentJobs: [anAgentJob({ phase: 'retiring', reason: 'surplus' })], control: paused },
    },
    { name: 'to disable an agent that has its job', given: { ...working, agents: [anAgent()] } },
    {
      name: 'while a disabled agent has not received its job',
      given: {
        ...working,
        requests: [aJobRequest({ assignedAt: secondsAgo(1), reservedAgent: { id: 501, name: nameFor(1001) } })],
      },
    },
    {
      name: 'when the pod of a working agent has ended',
      given: { ...working, agentJobs: [anAgentJob({ pod: aPod({ phase: 'Failed', exitCode: 1 }) })] },
    },
    {
      name: 'for a Job whose name, but not whose agent, is at work elsewhere',
      given: { ...working, agentJobs: [anAgentJob({ phase: 'retiring', agentId: 502 })] },
    },
    {
      name: 'when only one of two agents works',
      given: {
        ...working,
        agentJobs: [
          anAgentJob(),
          anAgentJob({ purpose: { kind: 'request', requestId: 1002, attempt: 1 }, agentId: 502 }),
        ],
      },
    },
  ])('$name', ({ given, policy }: { given: Parameters<typeof anObserved>[0]; policy?: { maxAgents: number } }) => {
    expect(plan(anObserved(given), policy).nextLookAt).toBe(noon + 5000);
  });
});
