/** Warm agents hold room that a waiting request may need: then it goes before them. */
import { describe, expect, it } from 'vitest';
import type { Agent } from '../../../shared/domain/agent.ts';
import type { AgentJob } from '../../../shared/domain/agentJob.ts';
import { agentJobName } from '../../../shared/domain/names.ts';
import type { PoolPolicy, WarmSchedule } from '../../../shared/domain/template.ts';
import { scopeOf } from '../../../shared/plan/view.ts';
import {
  aJobRequest,
  anAgent,
  anAgentJob,
  anObserved,
  aPod,
  type Given,
  minutesAgo,
  policy,
  template,
} from '../../support/builders.ts';
import { plan, told } from '../../support/plans.ts';
import { aTemplate } from '../../support/policyBuilders.ts';

const warmName = (slot: number, ofTemplate = template.name): string =>
  agentJobName(scopeOf(policy), { kind: 'warm', slot, minute: 1 }, ofTemplate);

const always = (count: number, of = template.name): WarmSchedule => ({
  template: of,
  count,
  weekdays: [0, 1, 2, 3, 4, 5, 6],
  from: 0,
  to: 1440,
  zone: 'UTC',
});

/** Online and idle since an hour less a minute for each slot: the first slot is the oldest. */
function aWarmJob(slot: number, rest: Partial<AgentJob> = {}): AgentJob {
  const since = minutesAgo(60 - slot);
  const pod = aPod({ createdAt: since, mainStartedAt: since });
  const purpose = { kind: 'warm', slot, minute: 1 } as const;
  const name = warmName(slot, rest.template);
  return anAgentJob({ purpose, name, agentId: 700 + slot, createdAt: since, phaseAt: since, pod, ...rest });
}

function aWarmAgent(slot: number, rest: Partial<Agent> = {}): Agent {
  const since = minutesAgo(60 - slot);
  return anAgent({ id: 700 + slot, name: warmName(slot), createdAt: since, statusChangedAt: since, ...rest });
}

const idle = (...slots: readonly number[]): Given => ({
  agents: slots.map((slot) => aWarmAgent(slot)),
  agentJobs: slots.map((slot) => aWarmJob(slot)),
});

const sized = { ...template, parameters: { cpu: ['4'], memory: [], image: {} } };
/** No warm agent can serve these, but their template can. */
const asking = (...ids: readonly number[]) =>
  ids.map((id) => aJobRequest({ id, demands: ['mayfly.cpu.4'], queuedAt: minutesAgo(1) + id }));
const retiring = (slot: number, rest: Partial<AgentJob> = {}): Given => ({
  agents: [aWarmAgent(slot, { enabled: false })],
  agentJobs: [aWarmJob(slot, { phase: 'retiring', reason: 'surplus', ...rest })],
});
const both = (a: Given, b: Given): Given => ({
  agents: [...(a.agents ?? []), ...(b.agents ?? [])],
  agentJobs: [...(a.agentJobs ?? []), ...(b.agentJobs ?? [])],
});

/** What is retired, what is created, and why requests and stock wait. */
function seen(given: Given, changed: Partial<PoolPolicy>) {
  const { actions, skips, warm } = plan(anObserved(given), { templates: [sized], warm: [always(3)], ...changed });
  return {
    actions: actions.map(told).filter((action) => !action.includes('Placeholder')),
    skips: skips.map(({ requestId, reason }) => `${requestId} ${reason}`),
    heldBy: warm.map(({ heldBy }) => heldBy),
  };
}

interface Row {
  readonly name: string;
  readonly given: Given;
  readonly changed: Partial<PoolPolicy>;
  readonly want: ReturnType<typeof seen>;
}

const surplus = (...slots: readonly number[]) => slots.map((slot) => `retire ${warmName(slot)} surplus`);
const resumed = (slot: number) => `retire ${warmName(slot)} surplus`;

const rows: readonly Row[] = [
  {
    name: 'the oldest goes for a request that the limit of the pool holds',
    given: { ...idle(0, 1, 2), requests: asking(1) },
    changed: { maxAgents: 3 },
    want: { actions: surplus(0), skips: ['1 atPoolLimit'], heldBy: [undefined] },
  },
  {
    name: 'the oldest goes for a request that the limit of their template holds',
    given: { ...idle(0, 1, 2), requests: asking(1) },
    changed: { templates: [{ ...sized, maxAgents: 3 }] },
    want: { actions: surplus(0), skips: ['1 atTemplateLimit'], heldBy: [undefined] },
  },
  {
    name: 'the oldest goes for a request that a quota holds',
    given: { ...idle(0, 1, 2), requests: asking(1), quotas: [{ pods: 0 }] },
    changed: {},
    want: { actions: surplus(0), skips: ['1 atQuota'], heldBy: [undefined] },
  },
  {
    name: 'one goes for each request that is held',
    given: { ...idle(0, 1, 2), requests: asking(1, 2) },
    changed: { maxAgents: 3 },
    want: { actions: surplus(0, 1), skips: ['1 atPoolLimit', '2 atPoolLimit'], heldBy: [undefined] },
  },
  {
    name: 'all go for as many requests, and no more than all',
    given: { ...idle(0, 1, 2), requests: asking(1, 2, 3, 4) },
    changed: { maxAgents: 3 },
    want: {
      actions: surplus(0, 1, 2),
      skips: [1, 2, 3, 4].map((id) => `${id} atPoolLimit`),
      heldBy: [undefined],
    },
  },
  {
    name: 'one goes though there are fewer than are wanted',
    given: { ...idle(0, 1), requests: asking(1) },
    changed: { maxAgents: 2 },
    want: { actions: surplus(0), skips: ['1 atPoolLimit'], heldBy: ['atPoolLimit'] },
  },
  {
    name: 'none more goes while one is on its way out: its room is the room that is waited for',
    given: { ...both(retiring(0), idle(1, 2)), requests: asking(1) },
    changed: { maxAgents: 3 },
    want: { actions: [resumed(0)], skips: ['1 atPoolLimit'], heldBy: ['atPoolLimit'] },
  },
  {
    name: 'a second one goes for the second request beside one on its way out',
    given: { ...both(retiring(0), idle(1, 2)), requests: asking(1, 2) },
    changed: { maxAgents: 3 },
    want: { actions: [resumed(0), ...surplus(1)], skips: ['1 atPoolLimit', '2 atPoolLimit'], heldBy: ['atPoolLimit'] },
  },
  {
    name: 'one whose pod has ended makes room no more: it has made it',
    given: {
      ...both(retiring(0, { pod: aPod({ phase: 'Succeeded' }) }), idle(1, 2, 3)),
      requests: asking(1),
    },
    changed: { maxAgents: 3 },
    want: { actions: [resumed(0), ...surplus(1)], skips: ['1 atPoolLimit'], heldBy: [undefined] },
  },
  {
    name: 'the request takes the room before the stock does, once it is there',
    given: { ...idle(1, 2), requests: asking(1) },
    changed: { maxAgents: 3 },
    want: {
      actions: [`create ${agentJobName(scopeOf(policy), { kind: 'request', requestId: 1, attempt: 1 }, 'linux')}`],
      skips: [],
      heldBy: ['atPoolLimit'],
    },
  },
  {
    name: 'the stock is not filled again with room that is too small for the request',
    given: { ...idle(1, 2), requests: asking(1), quotas: [{ 'requests.cpu': 2 }] },
    changed: {},
    want: { actions: surplus(1), skips: ['1 atQuota'], heldBy: ['atQuota'] },
  },
  {
    name: 'none goes for a request that waits for its parallel job',
    given: { ...idle(0, 1, 2), requests: asking(1), parallelJobs: { value: { total: 1, used: 1 } } },
    changed: { maxAgents: 3 },
    want: { actions: [], skips: ['1 atPoolLimit'], heldBy: [undefined] },
  },
  {
    name: 'none goes for a request that no template fits',
    given: { ...idle(0, 1, 2), requests: [aJobRequest({ id: 1, demands: ['mainframe'] })] },
    changed: { maxAgents: 3 },
    want: { actions: [], skips: ['1 noTemplate'], heldBy: [undefined] },
  },
  {
    name: 'none goes for a request that a quota could not hold if all of the stock were gone',
    given: { ...idle(0, 1, 2), requests: asking(1), quotas: [{ 'requests.cpu': 0.5 }] },
    changed: {},
    want: { actions: [], skips: ['1 atQuota'], heldBy: [undefined] },
  },
  {
    name: 'one goes for a request that the quota holds once all of the stock are gone',
    given: { ...idle(0, 1, 2), requests: asking(1), quotas: [{ 'requests.cpu': 1 }] },
    changed: {},
    want: { actions: surplus(0), skips: ['1 atQuota'], heldBy: [undefined] },
  },
  {
    name: 'one goes for the request that can be held, beside one that cannot',
    given: {
      ...idle(0, 1, 2),
      requests: [...asking(1), aJobRequest({ id: 2, demands: ['mayfly.cpu.8'], queuedAt: minutesAgo(1) })],
      quotas: [{ 'requests.cpu': 1 }],
    },
    changed: { templates: [{ ...sized, parameters: { cpu: ['4', '8'], memory: [], image: {} } }] },
    want: { actions: surplus(0), skips: ['2 atQuota', '1 atQuota'], heldBy: [undefined] },
  },
  {
    name: 'none goes for the limit of a pass, which the next pass does not have',
    given: { ...idle(0, 1, 2), requests: asking(1) },
    changed: { maxCreationsPerPass: 0 },
    want: { actions: [], skips: ['1 atPassLimit'], heldBy: [undefined] },
  },
];

describe('planPool: warm agents and requests without room', () => {
  it.each(rows)('$name', ({ given, changed, want }) => {
    expect(seen(given, changed)).toEqual(want);
  });

  const gpu = aTemplate({ name: 'gpu', cost: 9 });
  const gpuStock: Given = {
    agents: [5, 6].map((slot) => aWarmAgent(slot, { name: warmName(slot, 'gpu') })),
    agentJobs: [5, 6].map((slot) => aWarmJob(slot, { template: 'gpu' })),
  };
  const twoStocks = both(idle(0, 1), gpuStock);
  const changed = { templates: [sized, gpu], warm: [always(2), always(2, 'gpu')] };
  const gpuGone = (slot: number): string => `retire ${warmName(slot, 'gpu')} surplus`;

  it.each<Omit<Row, 'changed' | 'want'> & { changed: Partial<PoolPolicy>; want: readonly string[] }>([
    {
      name: 'one of them goes for one request that the pool holds',
      given: { ...twoStocks, requests: asking(1) },
      changed: { maxAgents: 4 },
      want: surplus(0),
    },
    {
      name: 'the second stock gives what the first has not',
      given: { ...twoStocks, requests: asking(1, 2, 3) },
      changed: { maxAgents: 4 },
      want: [...surplus(0, 1), gpuGone(5)],
    },
    {
      name: 'the stock of another template is no matter for the limit of one',
      given: { ...twoStocks, requests: asking(1, 2, 3) },
      changed: { templates: [{ ...sized, maxAgents: 2 }, gpu] },
      want: surplus(0, 1),
    },
  ])('of several templates: $name', ({ given, changed: limits, want }) => {
    expect(seen(given, { ...changed, ...limits }).actions).toEqual(want);
  });
});
