import { describe, expect, it } from 'vitest';
import type { Agent } from '../../../shared/domain/agent.ts';
import type { AgentJob } from '../../../shared/domain/agentJob.ts';
import { agentJobName } from '../../../shared/domain/names.ts';
import { promisedCapabilities } from '../../../shared/domain/offer.ts';
import { scopeOf } from '../../../shared/plan/view.ts';
import {
  aJobRequest,
  anAgent,
  anAgentJob,
  anObserved,
  type Given,
  minutesAgo,
  nameFor,
  noon,
  policy,
  runningOn,
  secondsAgo,
  template,
} from '../../support/builders.ts';
import { aTombstone, plan, told } from '../../support/plans.ts';
import { aTemplate } from '../../support/policyBuilders.ts';

const ours = nameFor(900);
/** Idle for long, made for a request that is gone. */
const idle = (rest: Partial<Agent> = {}): Agent =>
  anAgent({ name: ours, createdAt: minutesAgo(9), statusChangedAt: minutesAgo(8), ...rest });
const itsJob = (rest: Partial<AgentJob> = {}): AgentJob =>
  anAgentJob({ purpose: { kind: 'request', requestId: 900, attempt: 1 }, ...rest });
/** Waits for longer than the grace. */
const waiting = aJobRequest({ queuedAt: minutesAgo(5) });
const faced = { requests: [waiting], agents: [idle()], agentJobs: [itsJob()] };

function seen(given: Given, changed: Parameters<typeof plan>[1] = {}) {
  const { actions, skips, alarms, served } = plan(anObserved(given), changed);
  return { actions: actions.map(told), skips, alarms, served: [...served] };
}

const promisedAll = 'it reports all that its template promised';
const contradicted = {
  actions: [`retire ${ours} notAssignedByServer`],
  skips: [{ requestId: 1001, reason: 'notAssignedByServer', detail: ours }],
  alarms: [{ reason: 'notAssignedByServer', subject: ours, detail: `request 1001: ${promisedAll}` }],
  served: [],
};
const trusted = { actions: [], skips: [], alarms: [], served: [[1001, ours]] };
const full = { value: { total: 4, used: 4 } };

describe('planPool: an agent that the server does not use', () => {
  it.each<{ name: string; given: Given; changed?: Parameters<typeof plan>[1]; want: unknown }>([
    { name: 'is no supply, and is retired, after the grace', given: faced, want: contradicted },
    {
      name: 'is trusted while the request is younger',
      given: { ...faced, requests: [aJobRequest({ queuedAt: secondsAgo(60) })] },
      want: trusted,
    },
    {
      name: 'is not trusted a moment later',
      given: { ...faced, requests: [aJobRequest({ queuedAt: secondsAgo(61) })] },
      want: contradicted,
    },
    {
      name: 'is trusted while its status is younger',
      given: { ...faced, agents: [idle({ statusChangedAt: secondsAgo(60) })] },
      want: trusted,
    },
    {
      name: 'is trusted while its registration, where it has no status, is younger',
      given: { ...faced, agents: [withoutStatus(idle({ createdAt: secondsAgo(60) }))] },
      want: trusted,
    },
    {
      name: 'is trusted where nobody knows since when it idles',
      given: { ...faced, agents: [withoutTimes(idle())] },
      want: trusted,
    },
    {
      name: 'is never told of a request that is assigned',
      given: {
        ...faced,
        requests: [
          aJobRequest({ queuedAt: minutesAgo(9), assignedAt: minutesAgo(5), reservedAgent: { id: 9, name: 'x' } }),
        ],
      },
      want: { ...trusted, alarms: [{ reason: 'assignmentExpired', subject: 'request 1001', detail: 'x' }] },
    },
    {
      name: 'is trusted while all parallel jobs are in use',
      given: { ...faced, parallelJobs: full },
      want: trusted,
    },
    {
      name: 'is trusted where nobody knows of parallel jobs',
      given: { ...faced, parallelJobs: { value: undefined, error: 'timeout' } },
      changed: { parallelJobs: 'unlimited' },
      want: trusted,
    },
    {
      name: 'is trusted where a free parallel job is only remembered',
      given: { ...faced, parallelJobs: { value: { total: 4, used: 0 }, error: 'timeout' } },
      changed: { parallelJobs: 'unlimited' },
      want: trusted,
    },
    {
      name: 'is judged by what the server says where the configuration sets no limit',
      given: faced,
      changed: { parallelJobs: 'unlimited' },
      want: contradicted,
    },
    {
      name: 'is judged without the parallel jobs for a public request',
      given: { ...faced, requests: [{ ...waiting, parallelism: 'public' }], parallelJobs: full },
      want: contradicted,
    },
    {
      name: 'is judged by a grace of the policy',
      given: faced,
      changed: { notAssignedGraceMs: 300_000 },
      want: trusted,
    },
    {
      name: 'is judged by what it can: one that cannot serve the request faces none',
      given: { ...faced, requests: [{ ...waiting, demands: ['mainframe'] }] },
      want: {
        actions: [`retire ${ours} surplus`],
        skips: [{ requestId: 1001, reason: 'noTemplate', detail: 'linux: mainframe' }],
        alarms: [],
        served: [],
      },
    },
  ])('$name', ({ given, changed, want }) => {
    expect(
      seen(given, { idleMinimumMs: 600_000, ...(isSurplus(want) ? { idleMinimumMs: 0 } : {}), ...changed }),
    ).toEqual(want);
  });

  it('is trusted while its last finish is younger, if it is one of others', () => {
    const foreign = { id: 7, name: 'build-server', lastCompletedRequest: { id: 1, finishedAt: secondsAgo(60) } };
    const given = { requests: [waiting], agents: [idle(foreign)] };
    expect(seen(given)).toEqual({ ...trusted, served: [[1001, 'build-server']] });
  });

  it('is no supply any more, but never retired, if it is one of others', () => {
    const given = { requests: [waiting], agents: [idle({ id: 7, name: 'build-server' })] };
    expect(seen(given)).toEqual({
      actions: [`create ${nameFor(1001)}`],
      skips: [],
      alarms: [
        {
          reason: 'notAssignedByServer',
          subject: 'build-server',
          detail: 'request 1001: nothing is known of what it was to offer',
        },
      ],
      served: [],
    });
  });

  it('is never told of a booting one', () => {
    const booting = anAgentJob({ createdAt: secondsAgo(100), phaseAt: secondsAgo(99), agentId: 501 });
    expect(seen({ requests: [waiting], agentJobs: [booting] }).served).toEqual([[1001, nameFor(1001)]]);
  });

  it('leaves the request to another agent that can be trusted', () => {
    const fresh = anAgent({ id: 502, name: nameFor(901), createdAt: secondsAgo(50), statusChangedAt: secondsAgo(40) });
    const freshJob = anAgentJob({ purpose: { kind: 'request', requestId: 901, attempt: 1 }, agentId: 502 });
    const { actions, skips, served } = seen({
      requests: [waiting],
      agents: [idle(), fresh],
      agentJobs: [itsJob(), freshJob],
    });
    expect({ actions, skips, served }).toEqual({
      actions: [`retire ${ours} notAssignedByServer`],
      skips: [],
      served: [[1001, nameFor(901)]],
    });
  });

  it('tells how the agent differs from what its template promised', () => {
    const docker = aTemplate({ capabilities: { docker: '27' } });
    const capabilities = { ...promisedCapabilities(template), 'Agent.Version': '4.0.0' };
    const { alarms } = seen({ ...faced, agents: [idle({ capabilities })] }, { templates: [docker] });
    expect(alarms).toEqual([
      {
        reason: 'notAssignedByServer',
        subject: ours,
        detail: 'request 1001: docker: promised 27, reports nothing; Agent.Version: promised 5.278.0, reports 4.0.0',
      },
    ]);
  });
});

describe('planPool: several agents that the server does not use', () => {
  const ids = [901, 902, 903];
  const agentOfId = (id: number): Agent => idle({ id, name: nameFor(id) });
  const jobOfId = (id: number, templateName = template.name): AgentJob =>
    itsJob({ purpose: { kind: 'request', requestId: id, attempt: 1 }, agentId: id, template: templateName });
  const requests = ids.map((id) => aJobRequest({ id: id + 100, queuedAt: minutesAgo(5) + id }));

  it('are retired one at a time of each template, and told of all', () => {
    const gpu = aTemplate({ name: 'gpu' });
    const { actions, skips, alarms } = seen(
      {
        requests,
        agents: ids.map(agentOfId),
        agentJobs: [jobOfId(901), jobOfId(902), jobOfId(903, 'gpu')],
      },
      { templates: [template, gpu], idleMinimumMs: 0 },
    );
    const placeholderOfGpu = 'createPlaceholder gpu';
    expect(actions).toEqual([
      placeholderOfGpu,
      `retire ${nameFor(901)} notAssignedByServer`,
      `retire ${nameFor(903)} notAssignedByServer`,
    ]);
    expect(skips.map(({ requestId, reason }) => [requestId, reason])).toEqual(
      requests.map(({ id }) => [id, 'notAssignedByServer']),
    );
    expect(alarms.map(({ subject }) => subject)).toEqual(ids.map((id) => nameFor(id)));
  });

  it('are never surplus as long as they are told of, however long they idle', () => {
    const { actions } = seen(
      { requests, agents: ids.map(agentOfId), agentJobs: ids.map((id) => jobOfId(id)) },
      { idleMinimumMs: 0 },
    );
    expect(actions).toEqual([`retire ${nameFor(901)} notAssignedByServer`]);
  });

  it('are all told of where the server gives nothing to anybody, each request left before its own', () => {
    const { actions, skips, served } = seen({
      requests: ids.map((id) => aJobRequest({ id, queuedAt: minutesAgo(5) + id })),
      agents: ids.map(agentOfId),
      agentJobs: ids.map((id) => jobOfId(id)),
    });
    expect({ actions, skips, served }).toEqual({
      actions: [`retire ${nameFor(901)} notAssignedByServer`],
      skips: ids.map((id) => ({ requestId: id, reason: 'notAssignedByServer', detail: nameFor(id) })),
      served: [],
    });
  });

  it.each([
    { name: 'nothing is strange about an agent of a request that waits for its parallel job', used: 3, want: [] },
    { name: 'it is when the server may start both', used: 2, want: [nameFor(901)] },
  ])('by the parallel jobs that are free: $name', ({ used, want }) => {
    const own = anAgent({ id: 501, createdAt: secondsAgo(50), statusChangedAt: secondsAgo(40) });
    const { alarms } = seen({
      requests: [aJobRequest({ queuedAt: minutesAgo(9) }), aJobRequest({ id: 1002, queuedAt: minutesAgo(8) })],
      agents: [own, agentOfId(901)],
      agentJobs: [anAgentJob(), jobOfId(901)],
      parallelJobs: { value: { total: 4, used } },
    });
    expect(alarms.map(({ subject }) => subject)).toEqual(want);
  });
});

describe('planPool: the past of a contradiction', () => {
  it('holds the request back for as long as any other failure, if the agent was made for it', () => {
    const failed = aTombstone(1, { phase: 'retiring', reason: 'notAssignedByServer', phaseAt: secondsAgo(1) });
    expect(seen({ requests: [waiting], agentJobs: [failed] }).skips.map(({ reason }) => reason)).toEqual([
      'backingOff',
    ]);
  });
});

describe('planPool: an agent that cannot do what it was made for', () => {
  const docker = aTemplate({ capabilities: { docker: '27' } });
  const asking = aJobRequest({ demands: ['docker'] });
  const poor = anAgent({ capabilities: promisedCapabilities(template) });
  const name = nameFor(1001);
  const retired = {
    actions: [`retire ${name} notAssignedByServer`],
    skips: [{ requestId: 1001, reason: 'notAssignedByServer', detail: name }],
    alarms: [
      {
        reason: 'notAssignedByServer',
        subject: name,
        detail: 'request 1001: docker: promised 27, reports nothing',
      },
    ],
    served: [],
  };
  const templates = { templates: [docker] };
  // The placeholder is none of this template's: it is told apart in the tests of placeholders.
  const without = ({ actions, ...rest }: ReturnType<typeof seen>) => ({
    ...rest,
    actions: actions.filter((action) => !action.includes('Placeholder')),
  });

  it('is retired as soon as it reports less, and its request waits for that', () => {
    const given = { requests: [asking], agents: [poor], agentJobs: [anAgentJob()] };
    expect(without(seen(given, templates))).toEqual(retired);
  });

  it('stays while another request can use it', () => {
    const given = { requests: [asking, aJobRequest({ id: 1002 })], agents: [poor], agentJobs: [anAgentJob()] };
    const { actions, skips, served } = without(seen(given, templates));
    expect({ actions, skips, served }).toEqual({ actions: [], skips: retired.skips, served: [[1002, name]] });
  });

  it('is no warm stock: it goes, and another is made for the stock', () => {
    const given = { requests: [asking], agents: [poor], agentJobs: [anAgentJob()] };
    const allDay = { weekdays: [0, 1, 2, 3, 4, 5, 6], from: 0, to: 1440, zone: 'UTC' } as const;
    const warmName = agentJobName(scopeOf(policy), { kind: 'warm', slot: 0, minute: noon / 60_000 }, 'linux');
    const warm = [{ template: 'linux', count: 1, ...allDay }];
    expect(without(seen(given, { ...templates, warm }))).toEqual({
      ...retired,
      actions: [`create ${warmName}`, ...retired.actions],
    });
  });

  it('is no matter once its request runs elsewhere', () => {
    const elsewhere = runningOn({ id: 9, name: 'build-server' }, { demands: ['docker'] });
    const given = { requests: [elsewhere], agents: [poor], agentJobs: [anAgentJob()] };
    expect(without(seen(given, templates))).toEqual({ actions: [], skips: [], alarms: [], served: [] });
  });
});

function withoutStatus(agent: Agent): Agent {
  const { statusChangedAt: _, ...rest } = agent;
  return rest;
}

function withoutTimes(agent: Agent): Agent {
  const { createdAt: _, ...rest } = withoutStatus(agent);
  return rest;
}

function isSurplus(want: unknown): boolean {
  return JSON.stringify(want).includes('surplus');
}
