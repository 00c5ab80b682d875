import { describe, expect, it } from 'vitest';
import { unknown } from '../../../shared/domain/read.ts';
import type { PoolPolicy } from '../../../shared/domain/template.ts';
import {
  aBootingAgent,
  aControl,
  aJobRequest,
  anAgent,
  anAgentJob,
  anObserved,
  aPod,
  type Given,
  nameFor,
  noon,
  runningOn,
  secondsAgo,
  switched,
  withoutPod,
} from '../../support/builders.ts';
import { anUnreadable, aTombstone, plan } from '../../support/plans.ts';

const paused = { value: aControl({ paused: switched() }) };
const drained = { value: aControl({ drained: switched() }) };
const unlisted = aJobRequest({ id: 4, demands: ['mayfly.cpu.64'] });
const allDay = { weekdays: [0, 1, 2, 3, 4, 5, 6], from: 0, to: 1440, zone: 'UTC' } as const;
const warm = { warm: [{ template: 'linux', count: 1, ...allDay }] };
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
    {
      name: 'for contradictory or unknown values',
      given: { requests: [aJobRequest({ demands: ['mayfly.cpu.1', 'mayfly.cpu.2'] }), unlisted] },
    },
    { name: 'for a request whose run is over', given: { requests: [aJobRequest()], runsOver: new Set([1001]) } },
    { name: 'while drained with nothing left', given: { requests: [aJobRequest()], control: drained } },
    { name: 'for an agent that is kept warm', given: { agents: [anAgent()], agentJobs: [anAgentJob()] }, policy: warm },
    { name: 'for a warm agent that a limit of the pool forbids', given: {}, policy: { ...warm, maxAgents: 0 } },
    { name: 'while paused', given: { requests: [aJobRequest()], control: paused } },
    { name: 'for all of these', given: { requests: [delayed, impossible, unparsable] } },
    {
      name: 'in shadow mode, where nothing comes of a look',
      given: { requests: [aJobRequest()] },
      policy: { mode: 'shadow' as const },
    },
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
  ])('$name', ({ given, policy }: { given: Given; policy?: Partial<PoolPolicy> }) => {
    expect(plan(anObserved(given), policy).nextLookAt).toBeUndefined();
  });

  it.each(['agents', 'requests'] as const)('where the %s are unknown', (part) => {
    const observed = anObserved({ requests: [aJobRequest()], agentJobs: [anAgentJob()] });
    expect(plan({ ...observed, [part]: unknown('timeout') }).nextLookAt).toBeUndefined();
  });
});

describe('planPool: a look five seconds on', () => {
  it.each([
    { name: 'when it creates', given: { requests: [aJobRequest()] } },
    { name: 'when all that it creates are warm agents', given: {}, policy: warm },
    {
      name: 'when the limit of the pass leaves warm agents to the next',
      given: {},
      policy: { ...warm, maxCreationsPerPass: 0 },
    },
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
    {
      name: 'while an agent boots that is to be kept warm',
      given: { agents: [aBootingAgent()], agentJobs: [anAgentJob()] },
      policy: warm,
    },
    {
      name: 'while one more idles than are kept warm',
      given: {
        agents: [anAgent(), anAgent({ id: 502, name: nameFor(1002) })],
        agentJobs: [
          anAgentJob(),
          anAgentJob({ purpose: { kind: 'request', requestId: 1002, attempt: 1 }, agentId: 502 }),
        ],
      },
      policy: warm,
    },
    {
      name: 'while drained, for what is left',
      given: { agents: [anAgent()], agentJobs: [anAgentJob()], control: drained },
    },
    {
      name: 'while a request waits for a parallel job',
      given: { requests: [aJobRequest()], parallelJobs: { value: { total: 1, used: 1 } } },
    },
    { name: 'while a quota holds a request', given: { requests: [aJobRequest()], quotas: [{ pods: 0 }] } },
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
  ])('$name', ({ given, policy }: { given: Given; policy?: Partial<PoolPolicy> }) => {
    expect(plan(anObserved(given), policy).nextLookAt).toBe(noon + 5000);
  });
});
