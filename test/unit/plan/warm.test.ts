import { describe, expect, it } from 'vitest';
import type { Agent } from '../../../shared/domain/agent.ts';
import type { AgentJob } from '../../../shared/domain/agentJob.ts';
import { hoursMs } from '../../../shared/domain/instant.ts';
import { agentJobName } from '../../../shared/domain/names.ts';
import type { PoolPolicy, WarmSchedule } from '../../../shared/domain/template.ts';
import { scopeOf } from '../../../shared/plan/view.ts';
import {
  aBootingAgent,
  aControl,
  aJobRequest,
  anAgent,
  anAgentJob,
  anObserved,
  aPod,
  type Given,
  minutesAgo,
  nameFor,
  noon,
  policy,
  runningOn,
  secondsAgo,
  switched,
  template,
  withoutPod,
} from '../../support/builders.ts';
import { plan, told } from '../../support/plans.ts';
import { aTemplate } from '../../support/policyBuilders.ts';

const thisMinute = noon / 60_000;
const warmName = (slot: number, minute = thisMinute, ofTemplate = template.name): string =>
  agentJobName(scopeOf(policy), { kind: 'warm', slot, minute }, ofTemplate);

const always = (count: number, of = template.name): WarmSchedule => ({
  template: of,
  count,
  weekdays: [0, 1, 2, 3, 4, 5, 6],
  from: 0,
  to: 1440,
  zone: 'UTC',
});

interface WarmOptions {
  readonly minutes?: number;
  readonly job?: Partial<AgentJob>;
  readonly agent?: Partial<Agent>;
}

/** A warm agent of a slot, made so many minutes ago. */
function aWarmJob(slot: number, { minutes = 60, job = {} }: WarmOptions = {}): AgentJob {
  const since = { createdAt: minutesAgo(minutes), phaseAt: minutesAgo(minutes) };
  const pod = aPod({ createdAt: since.createdAt, mainStartedAt: since.createdAt });
  const purpose = { kind: 'warm', slot, minute: thisMinute - minutes } as const;
  return anAgentJob({ purpose, agentId: 700 + slot, image: template.image, ...since, pod, ...job });
}

function aWarmAgent(slot: number, { minutes = 60, agent = {} }: WarmOptions = {}): Agent {
  const since = minutesAgo(minutes);
  return anAgent({
    id: 700 + slot,
    name: warmName(slot, thisMinute - minutes),
    createdAt: since,
    statusChangedAt: since + 20_000,
    ...agent,
  });
}

/** Online and idle ones, each of its own slot and age. */
const idle = (...all: readonly (readonly [number, WarmOptions?])[]): Given => ({
  agents: all.map(([slot, options]) => aWarmAgent(slot, options)),
  agentJobs: all.map(([slot, options]) => aWarmJob(slot, options)),
});

/** Boots since half a minute. */
const bootingJob = (slot: number): AgentJob =>
  aWarmJob(slot, { minutes: 0, job: { createdAt: secondsAgo(30), phaseAt: secondsAgo(29), pod: aPod() } });
const bootingAgent = (slot: number): Agent =>
  aBootingAgent({ id: 700 + slot, name: warmName(slot), createdAt: secondsAgo(30) });

function seen(given: Given, changed: Partial<PoolPolicy> = {}) {
  const { actions, warm, alarms, skips } = plan(anObserved(given), { warm: [always(2)], ...changed });
  return { actions: actions.map(told).filter((action) => !action.includes('Placeholder')), warm, alarms, skips };
}

const state = (rest: object = {}) => ({
  template: template.name,
  target: 2,
  ready: 0,
  booting: 0,
  stale: 0,
  creating: 0,
  ...rest,
});

describe('planPool: warm capacity', () => {
  it.each<{ name: string; given: Given; changed?: Partial<PoolPolicy>; actions: readonly string[]; want: object }>([
    {
      name: 'creates what is missing, by slot and minute',
      given: {},
      actions: [`create ${warmName(0)}`, `create ${warmName(1)}`],
      want: { creating: 2 },
    },
    { name: 'keeps what is wanted, however long it idles', given: idle([0], [1]), actions: [], want: { ready: 2 } },
    {
      name: 'creates the rest under a slot that is free',
      given: idle([1]),
      actions: [`create ${warmName(0)}`],
      want: { ready: 1, creating: 1 },
    },
    {
      name: 'counts what boots',
      given: {
        agents: [aWarmAgent(0), bootingAgent(1)],
        agentJobs: [aWarmJob(0), bootingJob(1)],
      },
      actions: [],
      want: { ready: 1, booting: 1 },
    },
    {
      name: 'counts what is being created',
      given: {
        agentJobs: [withoutPod(anAgentJob({ ...bootingJob(0), phase: 'creating', suspended: true })), bootingJob(1)],
      },
      actions: [],
      want: { booting: 2 },
    },
    {
      name: 'keeps an idle agent that was made for a request that is gone',
      given: {
        agents: [aWarmAgent(0), anAgent({ createdAt: minutesAgo(9), statusChangedAt: minutesAgo(8) })],
        agentJobs: [aWarmJob(0), anAgentJob()],
      },
      actions: [],
      want: { ready: 2 },
    },
    {
      name: 'keeps the youngest of too many, and ends the others as surplus',
      given: idle([0, { minutes: 30 }], [1, { minutes: 90 }], [2, { minutes: 60 }]),
      actions: [`retire ${warmName(1, thisMinute - 90)} surplus`],
      want: { ready: 3 },
    },
    {
      name: 'keeps those that are online before those that boot',
      given: {
        agents: [aWarmAgent(0), aWarmAgent(1), bootingAgent(2)],
        agentJobs: [aWarmJob(0), aWarmJob(1), bootingJob(2)],
      },
      changed: { idleMinimumMs: 0 },
      actions: [`retire ${warmName(2)} surplus`],
      want: { ready: 2, booting: 1 },
    },
    {
      name: 'takes no agent for stock that somebody chose parameters for',
      given: idle([0], [1, { job: { parameters: { cpu: '4' } } }]),
      actions: [`create ${warmName(2)}`, `retire ${warmName(1, thisMinute - 60)} surplus`],
      want: { ready: 1, creating: 1 },
    },
    {
      name: 'takes no busy agent for stock',
      given: {
        requests: [runningOn({ id: 701, name: warmName(1, thisMinute - 60) }, { id: 5 })],
        agents: [aWarmAgent(0), aWarmAgent(1, { agent: { enabled: false, assignedRequestId: 5 } })],
        agentJobs: [aWarmJob(0), aWarmJob(1)],
      },
      actions: [`create ${warmName(2)}`],
      want: { ready: 1, creating: 1 },
    },
    {
      name: 'takes no agent for stock that a waiting request will get',
      given: { ...idle([0], [1]), requests: [aJobRequest()] },
      actions: [`create ${warmName(2)}`],
      want: { ready: 1, creating: 1 },
    },
    {
      name: 'takes no foreign agent for stock',
      given: { agents: [anAgent({ name: 'build-server-1' }), anAgent({ id: 502, name: 'build-server-2' })] },
      actions: [`create ${warmName(0)}`, `create ${warmName(1)}`],
      want: { creating: 2 },
    },
    {
      name: 'uses no name of a tombstone or of a registered agent',
      given: {
        agents: [anAgent({ name: warmName(0), online: false, createdAt: secondsAgo(90) })],
        agentJobs: [withoutPod(aWarmJob(1, { job: { phase: 'tombstone', suspended: true, served: 4 } }))],
      },
      actions: [`create ${warmName(2)}`, `create ${warmName(3)}`, `bury ${warmName(1, thisMinute - 60)}`],
      want: { creating: 2 },
    },
  ])('$name', ({ given, changed, actions, want }) => {
    const found = seen(given, changed);
    expect({ actions: found.actions, warm: found.warm }).toEqual({ actions, warm: [state(want)] });
  });

  it('makes warm agents without parameters, for nobody', () => {
    const { actions } = plan(anObserved(), { warm: [always(1)] });
    expect(actions).toEqual([
      {
        kind: 'create',
        name: warmName(0),
        cluster: 'primary',
        template,
        parameters: {},
        purpose: { kind: 'warm', slot: 0, minute: thisMinute },
        registration: 'jit',
      },
    ]);
  });

  it('wants none outside of the schedule: what idles is surplus', () => {
    const closed = { ...always(2), from: 13 * 60, to: 14 * 60 };
    const { actions, warm } = seen(idle([0], [1]), { warm: [closed] });
    expect({ actions, warm }).toEqual({
      actions: [0, 1].map((slot) => `retire ${warmName(slot, thisMinute - 60)} surplus`),
      warm: [],
    });
  });

  it('keeps a stock of each template apart', () => {
    const gpu = aTemplate({ name: 'gpu' });
    const { actions, warm } = seen(idle([0], [1]), { templates: [template, gpu], warm: [always(1), always(1, 'gpu')] });
    expect({ actions, warm }).toEqual({
      actions: [`create ${warmName(0, thisMinute, 'gpu')}`, `retire ${warmName(1, thisMinute - 60)} surplus`],
      warm: [state({ target: 1, ready: 2 }), state({ template: 'gpu', target: 1, creating: 1 })],
    });
  });

  it('comes after everything that waits', () => {
    const requests = [1, 2].map((id) => aJobRequest({ id }));
    const { actions, warm, skips } = seen({ requests }, { maxAgents: 3 });
    expect({ actions, warm, skips }).toEqual({
      actions: [`create ${nameFor(1)}`, `create ${nameFor(2)}`, `create ${warmName(0)}`],
      warm: [state({ creating: 1, heldBy: 'atPoolLimit' })],
      skips: [],
    });
  });
});

describe('planPool: stale warm agents', () => {
  const old = { minutes: 13 * 60 };
  const { image: _, ...unknownImage } = aWarmJob(1);
  const otherImage = { job: { image: 'registry.contoso.example/agent@sha256:0' } };
  const name = (slot: number, minutes: number): string => warmName(slot, thisMinute - minutes);
  it.each<{ name: string; given: Given; changed?: Partial<PoolPolicy>; actions: readonly string[]; want: object }>([
    {
      name: 'one that is too old stays until a younger one is there',
      given: idle([0], [1, old]),
      actions: [`create ${warmName(2)}`],
      want: { ready: 1, stale: 1, creating: 1 },
    },
    {
      name: 'one of an older image stays until a younger one is there',
      given: idle([0], [1, otherImage]),
      actions: [`create ${warmName(2)}`],
      want: { ready: 1, stale: 1, creating: 1 },
    },
    {
      name: 'one stays while the younger one boots',
      given: {
        agents: [aWarmAgent(0), aWarmAgent(1, old), bootingAgent(2)],
        agentJobs: [aWarmJob(0), aWarmJob(1, old), bootingJob(2)],
      },
      actions: [],
      want: { ready: 1, booting: 1, stale: 1 },
    },
    {
      name: 'one goes once the younger one is online',
      given: idle([0], [1, old], [2, { minutes: 1 }]),
      actions: [`retire ${name(1, 780)} replaced`],
      want: { ready: 2, stale: 1 },
    },
    {
      name: 'all go once as many younger ones are online as are wanted',
      given: idle([0, old], [1, otherImage], [2, { minutes: 1 }], [3, { minutes: 2 }]),
      actions: [`retire ${name(0, 780)} replaced`, `retire ${name(1, 60)} replaced`],
      want: { ready: 2, stale: 2 },
    },
    {
      name: 'one goes before where there is no room for a younger one, with an alarm',
      given: idle([0, old], [1, old]),
      changed: { maxAgents: 2 },
      actions: [`retire ${name(0, 780)} replaced`],
      want: { stale: 2, heldBy: 'atPoolLimit' },
    },
    {
      name: 'none goes where there is room for one younger one',
      given: idle([0, old], [1, old]),
      changed: { maxAgents: 3 },
      actions: [`create ${warmName(2)}`],
      want: { stale: 2, creating: 1, heldBy: 'atPoolLimit' },
    },
    {
      name: 'one of exactly the age that is allowed is fresh',
      given: idle([0], [1, { minutes: 12 * 60 }]),
      actions: [],
      want: { ready: 2 },
    },
    {
      name: 'one whose image nobody knows is fresh',
      given: {
        agents: [aWarmAgent(0), aWarmAgent(1)],
        agentJobs: [aWarmJob(0), unknownImage],
      },
      actions: [],
      want: { ready: 2 },
    },
    {
      name: 'one that still boots is none, whatever its image',
      given: {
        agents: [aWarmAgent(0), bootingAgent(1)],
        agentJobs: [aWarmJob(0), { ...bootingJob(1), image: 'registry.contoso.example/agent@sha256:0' }],
      },
      actions: [],
      want: { ready: 1, booting: 1 },
    },
    {
      name: 'one that a request will get is nobody’s stock',
      given: { ...idle([0, old], [1], [2]), requests: [aJobRequest()] },
      actions: [],
      want: { ready: 2 },
    },
  ])('$name', ({ given, changed, actions, want }) => {
    const found = seen(given, changed);
    expect({ actions: found.actions, warm: found.warm }).toEqual({ actions, warm: [state(want)] });
  });

  it('are as old as the policy allows', () => {
    expect(seen(idle([0], [1]), { warmMaxAgeMs: hoursMs(1) - 1 }).warm).toEqual([state({ stale: 2, creating: 2 })]);
  });
});

describe('planPool: what holds warm capacity back', () => {
  const failed = (slot: number, minutes: number, reason = 'neverStarted'): AgentJob =>
    withoutPod(aWarmJob(slot, { minutes, job: { phase: 'tombstone', suspended: true, reason } }));
  it.each<{ name: string; given: Given; changed?: Partial<PoolPolicy>; want: object }>([
    {
      name: 'a paused pool',
      given: { control: { value: aControl({ paused: switched() }) } },
      want: { heldBy: 'paused' },
    },
    {
      name: 'a paused template',
      given: { control: { value: aControl({ paused: switched(template.name) }) } },
      want: { heldBy: 'paused' },
    },
    { name: 'the limit of the pool', given: {}, changed: { maxAgents: 1 }, want: { heldBy: 'atPoolLimit' } },
    {
      name: 'the limit of the template',
      given: {},
      changed: { templates: [{ ...template, maxAgents: 1 }] },
      want: { heldBy: 'atTemplateLimit' },
    },
    { name: 'the limit of a pass', given: {}, changed: { maxCreationsPerPass: 0 }, want: { heldBy: 'atPassLimit' } },
    { name: 'a quota', given: { quotas: [{ pods: 0 }] }, want: { heldBy: 'atQuota' } },
    {
      name: 'an earlier failure of its own, for its pause',
      given: { agentJobs: [aWarmJob(0), failed(1, 0.4)] },
      want: { heldBy: 'backingOff' },
    },
    {
      name: 'the breaker of the template',
      given: { agentJobs: [aWarmJob(0), ...[1, 2, 3].map((slot) => failed(slot, 3 + slot / 10))] },
      want: { heldBy: 'breakerOpen' },
    },
  ])('is $name', ({ given, changed, want }) => {
    const { actions, warm } = seen({ ...idle([0]), ...given }, changed);
    expect({ actions, warm }).toEqual({ actions: [], warm: [state({ ready: 1, ...want })] });
  });

  it.each([
    {
      name: 'the parallel jobs that requests wait for: an idle agent takes none',
      given: { requests: [aJobRequest()], parallelJobs: { value: { total: 1, used: 1 } } },
    },
    { name: 'one that was sound and only drained', given: { agentJobs: [failed(5, 0.1, 'drained')] } },
  ])('is not $name', ({ given }) => {
    expect(seen(given, { parallelJobs: 'auto' }).warm).toEqual([state({ creating: 2 })]);
  });

  it('is no failure whose pause is over, but after one they are made one at a time', () => {
    expect(seen({ agentJobs: [failed(5, 1)] }).warm).toEqual([state({ creating: 1 })]);
    expect(seen({ agentJobs: [failed(5, 16)] }).warm).toEqual([state({ creating: 1 })]);
  });

  it('raises an alarm where there is no room, with what there is', () => {
    expect(seen(idle([0]), { maxAgents: 1 }).alarms).toEqual([
      { reason: 'warmShort', subject: template.name, detail: '1 of 2 are ready: atPoolLimit' },
    ]);
    expect(seen(idle([0]), { maxCreationsPerPass: 0 }).alarms).toEqual([]);
  });

  it('is a drain: none is wanted, and what idles or boots goes at once', () => {
    const control = { value: aControl({ drained: switched() }) };
    const given = { agents: [aWarmAgent(0), bootingAgent(1)], agentJobs: [aWarmJob(0), bootingJob(1)], control };
    const { actions, warm } = seen(given);
    expect({ actions, warm }).toEqual({
      actions: [`retire ${warmName(0, thisMinute - 60)} drained`, `retire ${warmName(1)} drained`],
      warm: [],
    });
  });
});
