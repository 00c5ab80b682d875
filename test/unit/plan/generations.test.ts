/** Two control planes, one of them with an older configuration: it must not undo what the other does. */
import { describe, expect, it } from 'vitest';
import type { Agent } from '../../../shared/domain/agent.ts';
import type { AgentJob } from '../../../shared/domain/agentJob.ts';
import { agentJobName } from '../../../shared/domain/names.ts';
import { promisedCapabilities } from '../../../shared/domain/offer.ts';
import { known } from '../../../shared/domain/read.ts';
import type { PoolPolicy, WarmSchedule } from '../../../shared/domain/template.ts';
import { scopeOf } from '../../../shared/plan/view.ts';
import {
  aBootingAgent,
  aControl,
  aJobRequest,
  anAgent,
  anAgentJob,
  anObserved,
  aPlaceholder,
  type Given,
  minutesAgo,
  nameFor,
  noon,
  policy,
  secondsAgo,
  template,
} from '../../support/builders.ts';
import { plan, told } from '../../support/plans.ts';
import { aTemplate } from '../../support/policyBuilders.ts';

const newer = { control: { value: aControl({ generation: 8 }) } };
const always: WarmSchedule = {
  template: 'linux',
  count: 1,
  weekdays: [0, 1, 2, 3, 4, 5, 6],
  from: 0,
  to: 1440,
  zone: 'UTC',
};
const warmPurpose = { kind: 'warm', slot: 0, minute: 1 } as const;
const warmName = (minute = 1): string => agentJobName(scopeOf(policy), { ...warmPurpose, minute }, 'linux');
const since = { createdAt: minutesAgo(60), statusChangedAt: minutesAgo(59) };
const warmAgent: Agent = anAgent({ id: 700, name: warmName(), ...since });
const warmJob = (rest: Partial<AgentJob> = {}): AgentJob =>
  anAgentJob({
    purpose: warmPurpose,
    agentId: 700,
    image: template.image,
    createdAt: since.createdAt,
    phaseAt: since.createdAt,
    ...rest,
  });
const idleForRequest: Given = {
  agents: [anAgent(since)],
  agentJobs: [anAgentJob({ createdAt: since.createdAt, phaseAt: since.createdAt })],
};
const damaged = [aPlaceholder(template, { enabled: false })];

function actions(given: Given & { readonly allAgents?: readonly Agent[] }, changed: Partial<PoolPolicy>) {
  const { allAgents, ...rest } = given;
  const observed = anObserved(rest);
  return plan(allAgents === undefined ? observed : { ...observed, agents: known(allAgents) }, changed).actions.map(
    told,
  );
}

const older = { generation: 7 };
const outdated = (detail: string) => [{ reason: 'configurationOutdated', subject: 'linux', detail }];

describe('planPool: an older configuration than the newest that looked', () => {
  it.each<{
    name: string;
    given: Given & { readonly allAgents?: readonly Agent[] };
    changed?: Partial<PoolPolicy>;
    /** What it does, and what the newest does instead. */
    want: readonly [readonly string[], readonly string[]];
  }>([
    {
      name: 'creates a placeholder that is missing',
      given: { allAgents: [] },
      want: [['createPlaceholder linux'], ['createPlaceholder linux']],
    },
    {
      name: 'repairs no placeholder',
      given: { allAgents: damaged },
      want: [[], ['repairPlaceholder linux']],
    },
    {
      name: 'makes no warm agent',
      given: {},
      changed: { warm: [always] },
      want: [[], [`create ${warmName(noon / 60_000)}`]],
    },
    {
      name: 'retires no warm agent that its schedule does not want',
      given: { agents: [warmAgent], agentJobs: [warmJob()] },
      want: [[], [`retire ${warmName()} surplus`]],
    },
    {
      name: 'replaces no warm agent whose image it does not want',
      given: {
        agents: [warmAgent, anAgent({ id: 501, ...since })],
        agentJobs: [warmJob({ image: 'newer' }), anAgentJob({ image: template.image, phaseAt: since.createdAt })],
      },
      changed: { warm: [always], idleMinimumMs: 24 * 3_600_000 },
      want: [[], [`retire ${warmName()} replaced`]],
    },
    {
      name: 'retires an idle agent that was made for a request which is gone',
      given: idleForRequest,
      want: [[`retire ${nameFor(1001)} surplus`], [`retire ${nameFor(1001)} surplus`]],
    },
    {
      name: 'retires a warm agent that has gone offline',
      given: { agents: [anAgent({ ...warmAgent, online: false })], agentJobs: [warmJob()] },
      changed: { warm: [always], maxAgents: 0 },
      want: [[`retire ${warmName()} wentOffline`], [`retire ${warmName()} wentOffline`]],
    },
    {
      name: 'creates agents for requests',
      given: { requests: [aJobRequest()] },
      want: [[`create ${nameFor(1001)}`], [`create ${nameFor(1001)}`]],
    },
  ])('$name', ({ given, changed = {}, want }) => {
    expect([
      actions({ ...given, ...newer }, { ...changed, ...older }),
      actions({ ...given, ...newer }, { ...changed, generation: 8 }),
    ]).toEqual(want);
  });

  it.each([
    { name: 'an older number', generation: 7, want: outdated('generation 7, the control map tells of 8') },
    { name: 'the same number', generation: 8, want: [] },
    { name: 'a newer number', generation: 9, want: [] },
  ])('is known by its number, with an alarm: $name', ({ generation, want }) => {
    expect(plan(anObserved(newer), { generation }).alarms).toEqual(want);
  });

  it('is none without a number, or where nobody wrote one', () => {
    expect([plan(anObserved(newer)).alarms, plan(anObserved(), older).alarms]).toEqual([[], []]);
  });
});

describe('planPool: an agent that boots for a template which is not in the configuration', () => {
  const docker = aTemplate({ name: 'docker', capabilities: { docker: '27' } });
  const booting = (rest: Partial<Agent> = {}): Agent =>
    aBootingAgent({ capabilities: promisedCapabilities(docker), ...rest });
  const itsJob = anAgentJob({ template: 'docker', createdAt: secondsAgo(30), phaseAt: secondsAgo(29) });
  const asking = aJobRequest({ demands: ['docker'] });

  it.each<{ name: string; given: Given; want: unknown }>([
    {
      name: 'serves the request that its registered capabilities fit',
      given: { requests: [asking], agents: [booting()], agentJobs: [itsJob] },
      want: { served: [[1001, nameFor(1001)]], skips: [] },
    },
    {
      name: 'serves none that they do not fit',
      given: {
        requests: [aJobRequest({ demands: ['mainframe'] })],
        agents: [booting()],
        agentJobs: [itsJob],
      },
      want: { served: [], skips: ['noTemplate'] },
    },
    {
      name: 'serves none before it is registered: nobody knows what it will offer',
      given: { requests: [asking], agentJobs: [itsJob] },
      want: { served: [], skips: ['noTemplate'] },
    },
    {
      name: 'serves none once it is disabled',
      given: { requests: [asking], agents: [booting({ enabled: false })], agentJobs: [itsJob] },
      want: { served: [], skips: ['noTemplate'] },
    },
  ])('$name', ({ given, want }) => {
    const { served, skips } = plan(anObserved(given));
    expect({ served: [...served], skips: skips.map(({ reason }) => reason) }).toEqual(want);
  });
});
