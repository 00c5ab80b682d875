import { describe, expect, it } from 'vitest';
import type { AgentJob, AgentPod } from '../../../shared/domain/agentJob.ts';
import { minutesMs } from '../../../shared/domain/instant.ts';
import type { Template } from '../../../shared/domain/template.ts';
import {
  aBootingAgent,
  aJobRequest,
  anAgentJob,
  anObserved,
  minutesAgo,
  nameFor,
  noon,
  secondsAgo,
} from '../../support/builders.ts';
import { aTombstone, plan, told } from '../../support/plans.ts';
import { aTemplate } from '../../support/policyBuilders.ts';

const fallback = { template: 'onDemand', afterMs: minutesMs(2) };
const spot = aTemplate({ name: 'spot', cost: 1, fallback });
const dear = aTemplate({ name: 'dear', cost: 2 });
const onDemand = aTemplate({ name: 'onDemand', cost: 3 });
const templates: readonly Template[] = [spot, dear, onDemand];
const spotName = nameFor(1001);

/** Its pod has no node since so many seconds. */
function unplaced(seconds: number, rest: Partial<AgentJob> = {}): AgentJob {
  const pod: AgentPod = {
    name: 'pod',
    uid: 'pod-uid',
    phase: 'Pending',
    cause: 'unschedulable',
    createdAt: secondsAgo(seconds),
    terminating: false,
  };
  const since = { createdAt: secondsAgo(seconds + 2), phaseAt: secondsAgo(seconds + 1) };
  return anAgentJob({ template: 'spot', ...since, pod, ...rest });
}

const fellBack = (attempt: number, template: string, rest: Partial<AgentJob> = {}): AgentJob =>
  aTombstone(attempt, { template, reason: 'fellBack', phaseAt: secondsAgo(5), ...rest });

/** It fell back so long ago that its template may be tried once more. */
const pauseEnded = { phaseAt: secondsAgo(30) };

const waiting = { requests: [aJobRequest()], agents: [aBootingAgent({ createdAt: minutesAgo(10) })] };

function decided(given: Parameters<typeof anObserved>[0], changed: Parameters<typeof plan>[1] = {}) {
  const { actions, skips } = plan(anObserved(given), { templates, ...changed });
  const made = actions.flatMap((action) =>
    action.kind === 'create' ? `create ${action.template.name} ${action.name}` : [],
  );
  const ended = actions.flatMap((action) => (action.kind === 'retire' ? told(action) : []));
  return { made, ended, skips };
}

describe('planPool: an agent that no node takes', () => {
  it.each([
    { name: 'is waited for until the time of its fallback', given: unplaced(120), want: [[], []] },
    {
      name: 'falls back after it',
      given: unplaced(121),
      want: [[`retire ${spotName} fellBack unschedulable`], ['retiringFirst']],
    },
    {
      name: 'has the ordinary limit where its template has no fallback',
      given: unplaced(121, { template: 'dear' }),
      want: [[], []],
    },
    {
      name: 'has never started when it outlives that limit',
      given: unplaced(601, { template: 'dear' }),
      want: [[`retire ${spotName} neverStarted unschedulable`], ['retiringFirst']],
    },
    {
      name: 'falls back, whatever the ordinary limit, when both have passed',
      given: unplaced(601),
      want: [[`retire ${spotName} fellBack unschedulable`], ['retiringFirst']],
    },
    {
      name: 'has the ordinary limit where the fallback is no template of the pool',
      given: unplaced(300),
      templates: [spot, dear],
      want: [[], []],
    },
    {
      name: 'falls back at the ordinary limit where that is sooner',
      given: unplaced(601),
      templates: [{ ...spot, fallback: { ...fallback, afterMs: minutesMs(30) } }, dear, onDemand],
      want: [[`retire ${spotName} fellBack unschedulable`], ['retiringFirst']],
    },
    {
      name: 'that has its node is not kept by the scheduler: no fallback',
      given: unplaced(300, {
        pod: {
          name: 'pod',
          uid: 'pod-uid',
          phase: 'Pending',
          cause: 'pulling',
          createdAt: secondsAgo(300),
          scheduledAt: secondsAgo(299),
          terminating: false,
        },
      }),
      want: [[], []],
    },
  ])('$name', ({ given, templates: changed = templates, want }) => {
    const { made, ended, skips } = decided({ ...waiting, agentJobs: [given] }, { templates: changed });
    expect({ made, seen: [ended, skips.map(({ reason }) => reason)] }).toEqual({ made: [], seen: want });
  });
});

describe('planPool: what stands in for a template that fell back', () => {
  const retiring = unplaced(130, { phase: 'retiring', reason: 'fellBack', phaseAt: secondsAgo(1) });
  it.each([
    { name: 'is the named one, at once, while the first is being retired', given: [retiring], want: 'onDemand' },
    { name: 'is the named one when the first is over', given: [fellBack(1, 'spot')], want: 'onDemand' },
    {
      name: 'is the next in order when the named one does not fit',
      given: [fellBack(1, 'spot')],
      templates: [spot, dear, aTemplate({ name: 'onDemand', os: 'windows' })],
      demands: ['Agent.OS -equals Linux'],
      want: 'dear',
    },
    {
      name: 'is the next in order when the named one has no room',
      given: [fellBack(1, 'spot')],
      templates: [spot, dear, { ...onDemand, maxAgents: 0 }],
      want: 'dear',
    },
    {
      name: 'is the first itself once more, last of all, when no other has room',
      given: [fellBack(1, 'spot', pauseEnded)],
      templates: [spot, { ...dear, maxAgents: 0 }, { ...onDemand, maxAgents: 0 }],
      want: 'spot',
    },
    {
      name: 'is the first itself once more when it alone fits',
      given: [fellBack(1, 'spot', pauseEnded)],
      templates: [{ ...spot, capabilities: { ssd: '1' } }, dear, onDemand],
      demands: ['ssd'],
      want: 'spot',
    },
    {
      name: 'is what is left when several fell back',
      given: [fellBack(1, 'spot'), fellBack(2, 'onDemand')],
      want: 'dear',
    },
    {
      name: 'follows the chain from the last one',
      given: [fellBack(1, 'spot'), fellBack(2, 'onDemand')],
      templates: [
        spot,
        dear,
        { ...onDemand, fallback: { template: 'last', afterMs: 1 } },
        aTemplate({ name: 'last', cost: 99 }),
      ],
      want: 'last',
    },
    {
      name: 'is the first again when all fell back',
      given: [fellBack(1, 'spot', pauseEnded), fellBack(2, 'onDemand'), fellBack(3, 'dear')],
      want: 'spot',
    },
    {
      name: 'is, when all fell back, the first whose pause is over',
      given: [fellBack(1, 'spot'), fellBack(2, 'onDemand'), fellBack(3, 'dear', pauseEnded)],
      want: 'dear',
    },
    { name: 'is the first itself for a request of which nothing fell back', given: [], want: 'spot' },
  ])('$name', ({ given, want, demands = [], templates: changed = templates }) => {
    const { made, skips } = decided({ requests: [aJobRequest({ demands })], agentJobs: given }, { templates: changed });
    const name = nameFor(1001, given.length + 1);
    expect({ made, skips }).toEqual({ made: [`create ${want} ${name}`], skips: [] });
  });

  it('is named last of what has no room', () => {
    const none = templates.map((each) => ({ ...each, maxAgents: 0 }));
    const { skips } = decided(
      { requests: [aJobRequest()], agentJobs: [fellBack(1, 'spot', pauseEnded)] },
      { templates: none },
    );
    const refusals = ['onDemand', 'dear', 'spot'].map((name) => ({ template: name, reason: 'atTemplateLimit' }));
    expect(skips).toEqual([{ requestId: 1001, reason: 'atTemplateLimit', detail: 'onDemand', refusals }]);
  });

  const ssd = [{ ...spot, capabilities: { ssd: '1' } }, dear, onDemand];
  it.each([
    { name: 'for the first pause', given: [fellBack(1, 'spot', { phaseAt: secondsAgo(29) })], made: [] },
    { name: 'no longer than that', given: [fellBack(1, 'spot', pauseEnded)], made: ['create spot'] },
    {
      name: 'twice as long after it fell back again',
      given: [fellBack(1, 'spot', { phaseAt: secondsAgo(900) }), fellBack(2, 'spot', { phaseAt: secondsAgo(59) })],
      made: [],
    },
    {
      name: 'no longer than that the second time',
      given: [fellBack(1, 'spot', { phaseAt: secondsAgo(900) }), fellBack(2, 'spot', { phaseAt: secondsAgo(60) })],
      made: ['create spot'],
    },
    {
      name: 'not longer for what another template fell back',
      given: [fellBack(1, 'spot', pauseEnded), fellBack(2, 'onDemand')],
      made: ['create spot'],
    },
  ])('waits $name where the request fits nothing else', ({ given, made }) => {
    const { made: seen, skips } = decided(
      { requests: [aJobRequest({ demands: ['ssd'] })], agentJobs: given },
      { templates: ssd },
    );
    const skip = { requestId: 1001, reason: 'backingOff', detail: 'spot' };
    expect({ made: seen, skips }).toEqual({
      made: made.map((each) => `${each} ${nameFor(1001, given.length + 1)}`),
      skips: made.length === 0 ? [skip] : [],
    });
  });

  it('does not make the request pause, but counts for the breaker of the template', () => {
    const failures = [1, 2, 3].map((id) =>
      fellBack(1, 'spot', { purpose: { kind: 'request', requestId: 900 + id, attempt: 1 } }),
    );
    const { made, skips } = decided({
      requests: [aJobRequest({ id: 1 }), aJobRequest({ id: 2 })],
      agentJobs: failures,
    });
    expect({ made, skips }).toEqual({ made: [`create dear ${nameFor(1)}`, `create dear ${nameFor(2)}`], skips: [] });
    const { alarms } = plan(anObserved({ agentJobs: failures }), { templates });
    expect(alarms).toEqual([
      {
        reason: 'breakerOpen',
        subject: 'spot',
        detail: 'agents of 3 requests failed in a row, the last one: fellBack',
      },
    ]);
  });

  it('makes the request pause for what failed otherwise', () => {
    const failed = fellBack(2, 'onDemand', { reason: 'neverStarted' });
    const { made, skips } = decided({ requests: [aJobRequest()], agentJobs: [fellBack(1, 'spot'), failed] });
    const again = new Date(noon + 25_000).toISOString();
    expect({ made, skips }).toEqual({ made: [], skips: [{ requestId: 1001, reason: 'backingOff', detail: again }] });
  });
});

describe('planPool: an older request whose agent no node takes', () => {
  // The older one is given the agent of the younger; the younger one has none then, though nothing of it fell back.
  const requests = [
    aJobRequest({ id: 1001, queuedAt: secondsAgo(130) }),
    aJobRequest({ id: 1002, queuedAt: secondsAgo(129) }),
  ];
  const placing = unplaced(20, { purpose: { kind: 'request', requestId: 1002, attempt: 1 }, agentId: 12 });
  const agents = [1001, 1002].map((id, index) => aBootingAgent({ id: 11 + index, name: nameFor(id) }));

  it.each([
    { name: 'is ended before another is made in its stead', given: unplaced(121), made: [], skips: ['retiringFirst'] },
    {
      name: 'has the named fallback made in its stead, not the same again',
      given: fellBack(1, 'spot'),
      made: [`create onDemand ${nameFor(1002, 2)}`],
      skips: [],
    },
  ])('$name', ({ given, made, skips }) => {
    const seen = decided({ requests, agents, agentJobs: [given, placing] });
    expect({ made: seen.made, skips: seen.skips.map(({ reason }) => reason) }).toEqual({ made, skips });
  });
});
