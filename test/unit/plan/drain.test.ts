import { describe, expect, it } from 'vitest';
import type { AgentJob } from '../../../shared/domain/agentJob.ts';
import type { Control } from '../../../shared/domain/control.ts';
import {
  aBootingAgent,
  aControl,
  aJobRequest,
  anAgent,
  anAgentJob,
  anObserved,
  type Given,
  minutesAgo,
  nameFor,
  runningOn,
  secondsAgo,
  switched,
  template,
  withoutPod,
} from '../../support/builders.ts';
import { aTombstone, plan, told } from '../../support/plans.ts';
import { aTemplate } from '../../support/policyBuilders.ts';

const first = nameFor(1001);
const windows = aTemplate({ name: 'windows', os: 'windows', cost: 5 });
const templates = [template, windows];

function seen(given: Given, control: Partial<Control>, changed: Parameters<typeof plan>[1] = { templates }) {
  const { actions, skips, served } = plan(anObserved({ ...given, control: { value: aControl(control) } }), changed);
  return {
    actions: actions.map(told).filter((action) => !action.includes('createPlaceholder')),
    skips: skips.map(({ requestId, reason, detail }) => [requestId, reason, detail]),
    served: [...served],
  };
}

const waiting: Given = { requests: [aJobRequest()] };

describe('planPool: a pause', () => {
  const linuxOnly: Given = { requests: [aJobRequest({ demands: ['Agent.OS -equals Linux'] })] };
  it.each<{ name: string; given: Given; control: Partial<Control>; want: object }>([
    {
      name: 'of the pool creates nothing',
      given: waiting,
      control: { paused: switched() },
      want: { skips: [[1001, 'paused', 'linux']] },
    },
    {
      name: 'of a template leaves requests to others that fit',
      given: waiting,
      control: { paused: switched(template.name) },
      want: { actions: [`create ${first}`] },
    },
    {
      name: 'of a template holds those that need it',
      given: linuxOnly,
      control: { paused: switched(template.name) },
      want: { skips: [[1001, 'paused', template.name]] },
    },
    {
      name: 'of all templates holds all',
      given: waiting,
      control: { paused: switched(template.name, 'windows') },
      want: { skips: [[1001, 'paused', template.name]] },
    },
    {
      name: 'of a template that does not exist holds nothing',
      given: waiting,
      control: { paused: switched('typo') },
      want: { actions: [`create ${first}`] },
    },
    {
      name: 'lets what boots go on, and serve',
      given: { ...waiting, agents: [aBootingAgent()], agentJobs: [anAgentJob()] },
      control: { paused: switched() },
      want: { served: [[1001, first]] },
    },
    {
      name: 'lets what idles serve',
      given: { requests: [aJobRequest({ id: 1002 })], agents: [anAgent()], agentJobs: [anAgentJob()] },
      control: { paused: switched() },
      want: { served: [[1002, first]] },
    },
    {
      name: 'says what is wrong with a request all the same',
      given: { requests: [aJobRequest({ demands: ['mainframe'] })] },
      control: { paused: switched() },
      want: { skips: [[1001, 'noTemplate', 'linux: mainframe; windows: mainframe']] },
    },
  ])('$name', ({ given, control, want }) => {
    expect(seen(given, control)).toEqual({ actions: [], skips: [], served: [], ...want });
  });

  it('keeps placeholders, so that jobs wait instead of failing', () => {
    const observed = { ...anObserved({ control: { value: aControl({ paused: switched() }) } }) };
    const { actions } = plan({ ...observed, agents: { known: true, value: [] } });
    expect(actions.map(told)).toEqual([`createPlaceholder ${template.name}`]);
  });
});

describe('planPool: a drain', () => {
  const drained = [{ drained: switched() }, { drained: switched(template.name) }];
  const rows: readonly { readonly name: string; readonly given: Given; readonly actions: readonly string[] }[] = [
    {
      name: 'ends what idles, however young',
      given: { agents: [anAgent({ statusChangedAt: secondsAgo(1) })], agentJobs: [anAgentJob()] },
      actions: [`retire ${first} drained`],
    },
    {
      name: 'ends what boots',
      given: { agents: [aBootingAgent()], agentJobs: [anAgentJob()] },
      actions: [`retire ${first} drained`],
    },
    {
      name: 'ends what waits for its pod',
      given: { agents: [aBootingAgent()], agentJobs: [withoutPod(anAgentJob())] },
      actions: [`retire ${first} drained`],
    },
    {
      name: 'lets its creator finish a creation: it is ended after',
      given: { agentJobs: [withoutPod(anAgentJob({ phase: 'creating', suspended: true }))] },
      actions: [],
    },
    {
      name: 'leaves an agent to the job that it runs',
      given: {
        requests: [runningOn(anAgent())],
        agents: [anAgent({ enabled: false, assignedRequestId: 1001 })],
        agentJobs: [anAgentJob()],
      },
      actions: [],
    },
    {
      name: 'disables an agent that has received its job',
      given: { requests: [runningOn(anAgent())], agents: [anAgent()], agentJobs: [anAgentJob()] },
      actions: [`disable ${first}`],
    },
    {
      name: 'leaves an agent to the request that it was just given',
      given: {
        requests: [aJobRequest({ assignedAt: secondsAgo(2), reservedAgent: { id: 501, name: first } })],
        agents: [anAgent()],
        agentJobs: [anAgentJob()],
      },
      actions: [],
    },
    {
      name: 'resumes a retire under the reason that it has',
      given: {
        agents: [anAgent({ enabled: false })],
        agentJobs: [anAgentJob({ phase: 'retiring', reason: 'surplus' })],
      },
      actions: [`retire ${first} surplus`],
    },
    {
      name: 'ends what has finished as finished',
      given: { agents: [anAgent({ lastCompletedRequest: { id: 1001 } })], agentJobs: [anAgentJob()] },
      actions: [`retire ${first} finished`],
    },
    { name: 'leaves foreign agents alone', given: { agents: [anAgent({ name: 'build-server' })] }, actions: [] },
  ];
  describe.each([
    { of: 'of the pool', control: drained[0] },
    { of: 'of the template', control: drained[1] },
  ])('$of', ({ control = {} }) => {
    it.each(rows)('$name', ({ given, actions }) => {
      expect(seen(given, control)).toEqual({ actions, skips: [], served: [] });
    });
  });

  const idle: Given = { agents: [anAgent()], agentJobs: [anAgentJob()] };
  it.each<{ name: string; given: Given; control: Partial<Control>; want: object }>([
    {
      name: 'of the pool creates nothing',
      given: waiting,
      control: { drained: switched() },
      want: { skips: [[1001, 'drained', 'linux']] },
    },
    {
      name: 'is told before a pause',
      given: waiting,
      control: { drained: switched(), paused: switched() },
      want: { skips: [[1001, 'drained', 'linux']] },
    },
    {
      name: 'makes an idle agent no supply: it is going',
      given: { ...waiting, ...idle },
      control: { drained: switched() },
      want: { actions: [`retire ${first} drained`], skips: [[1001, 'drained', 'linux']] },
    },
    {
      name: 'makes a booting agent no supply',
      given: { ...waiting, agents: [aBootingAgent()], agentJobs: [anAgentJob()] },
      control: { drained: switched() },
      want: { actions: [`retire ${first} drained`], skips: [[1001, 'drained', 'linux']] },
    },
    {
      name: 'of a template lets another one serve its requests',
      given: { ...waiting, ...idle },
      control: { drained: switched(template.name) },
      want: { actions: [`create ${nameFor(1001, 2)}`, `retire ${first} drained`] },
    },
    {
      name: 'of another template changes nothing',
      given: { ...waiting, ...idle },
      control: { drained: switched('windows') },
      want: { served: [[1001, first]] },
    },
    {
      name: 'leaves foreign agents to serve',
      given: { ...waiting, agents: [anAgent({ name: 'build-server' })] },
      control: { drained: switched() },
      want: { served: [[1001, 'build-server']] },
    },
  ])('$name', ({ given, control, want }) => {
    expect(seen(given, control)).toEqual({ actions: [], skips: [], served: [], ...want });
  });

  it('keeps placeholders, so that jobs wait instead of failing', () => {
    const observed = anObserved({ control: { value: aControl({ drained: switched() }) } });
    const { actions } = plan({ ...observed, agents: { known: true, value: [] } });
    expect(actions.map(told)).toEqual([`createPlaceholder ${template.name}`]);
  });

  it('is no failure: neither does a request wait for it once it is lifted, nor does a breaker count it', () => {
    const ended = (id: number, attempt: number): AgentJob =>
      aTombstone(attempt, {
        purpose: { kind: 'request', requestId: id, attempt },
        reason: 'drained',
        phaseAt: secondsAgo(1),
      });
    const agentJobs = [ended(1001, 1), ended(1001, 2), ended(1002, 1), ended(1003, 1)];
    const requests = [aJobRequest(), aJobRequest({ id: 1002 }), aJobRequest({ id: 1003, queuedAt: minutesAgo(9) })];
    expect(seen({ requests, agentJobs }, {}, { templates: [template] })).toEqual({
      actions: [`create ${nameFor(1003, 2)}`, `create ${nameFor(1001, 3)}`, `create ${nameFor(1002, 2)}`],
      skips: [],
      served: [],
    });
  });

  it('goes by what was last known while the control map cannot be read', () => {
    const control = { value: aControl({ drained: switched() }), error: 'timeout' } as const;
    const { actions, alarms } = plan(anObserved({ ...idle, control }));
    expect([actions.map(told), alarms]).toEqual([
      [`retire ${first} drained`],
      [{ reason: 'controlUnknown', subject: 'timeout' }],
    ]);
  });
});
