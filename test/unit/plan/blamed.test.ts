/** Whom to blame when the server leaves a request waiting: the agent before it, or, of several agents, the request. */
import { describe, expect, it } from 'vitest';
import type { Agent } from '../../../shared/domain/agent.ts';
import type { AgentJob } from '../../../shared/domain/agentJob.ts';
import { agentJobName } from '../../../shared/domain/names.ts';
import type { Alarm, Skip } from '../../../shared/plan/plan.ts';
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
  secondsAgo,
} from '../../support/builders.ts';
import { plan, told } from '../../support/plans.ts';

/** Idle for long. */
const idle = (rest: Partial<Agent>): Agent =>
  anAgent({ createdAt: minutesAgo(9), statusChangedAt: minutesAgo(8), ...rest });

function seen(given: Given, changed: Parameters<typeof plan>[1] = {}) {
  const { actions, skips, alarms, served } = plan(anObserved(given), changed);
  return { actions: actions.map(told), skips, alarms, served: [...served] };
}

const promisedAll = 'it reports all that its template promised';

const stuck = aJobRequest({ id: 1, queuedAt: minutesAgo(10) });
const fresh = aJobRequest({ id: 2, queuedAt: secondsAgo(3) });
const blame = (id: number): Alarm => ({
  reason: 'notAssignedByServer',
  subject: `request ${id}`,
  detail: 'the server gives it to none of several idle agents that can serve it',
});
const skipOf = (id: number): Skip => ({ requestId: id, reason: 'notAssignedByServer', detail: 'several idle agents' });
const warmNames = [0, 1, 2].map((slot) => agentJobName(scopeOf(policy), { kind: 'warm', slot, minute: 1 }, 'linux'));
const [warm0 = '', warm1 = '', warm2 = ''] = warmNames;
const warmStock = (count: number): Given => ({
  agents: warmNames.slice(0, count).map((name, slot) => idle({ id: 700 + slot, name })),
  agentJobs: warmNames
    .slice(0, count)
    .map((_, slot) => anAgentJob({ purpose: { kind: 'warm', slot, minute: 1 }, agentId: 700 + slot })),
});
const keep = (count: number) => ({
  warm: [{ template: 'linux', count, weekdays: [0, 1, 2, 3, 4, 5, 6], from: 0, to: 1440, zone: 'UTC' } as const],
});
const own = (id: number, rest: Partial<Agent> = {}): Agent => idle({ id, name: nameFor(id), ...rest });
const jobOf = (id: number): AgentJob =>
  anAgentJob({ purpose: { kind: 'request', requestId: id, attempt: 1 }, agentId: id });
const unused = (agent: string, request: number): Alarm => ({
  reason: 'notAssignedByServer',
  subject: agent,
  detail: `request ${request}: ${promisedAll}`,
});
const foreign = (id: number): Agent => idle({ id, name: `build-server-${id}` });
const unusedForeign = (id: number, request: number): Alarm => ({
  reason: 'notAssignedByServer',
  subject: `build-server-${id}`,
  detail: `request ${request}: nothing is known of what it was to offer`,
});

interface Row {
  readonly name: string;
  readonly given: Given;
  readonly changed?: Parameters<typeof plan>[1];
  readonly want: ReturnType<typeof seen>;
}

const rows: readonly Row[] = [
  {
    name: 'is itself to blame: the agents serve others, and nothing is created or retired for it',
    given: { requests: [stuck, fresh], ...warmStock(3) },
    changed: keep(2),
    want: { actions: [], skips: [skipOf(1)], alarms: [blame(1)], served: [[2, warm0]] },
  },
  {
    name: 'costs no agent its place among the warm ones',
    given: { requests: [stuck], ...warmStock(2) },
    changed: keep(2),
    want: { actions: [], skips: [skipOf(1)], alarms: [blame(1)], served: [] },
  },
  {
    name: 'is not to blame before the second agent has idled for the grace',
    given: {
      requests: [stuck],
      agents: [idle({ id: 700, name: warm0 }), idle({ id: 701, name: warm1, statusChangedAt: secondsAgo(60) })],
      agentJobs: warmStock(2).agentJobs ?? [],
    },
    changed: keep(2),
    want: {
      actions: [
        `create ${agentJobName(scopeOf(policy), { kind: 'warm', slot: 2, minute: noon / 60_000 }, 'linux')}`,
        `create ${agentJobName(scopeOf(policy), { kind: 'warm', slot: 3, minute: noon / 60_000 }, 'linux')}`,
        `retire ${warm0} notAssignedByServer`,
      ],
      skips: [],
      alarms: [unused(warm0, 1)],
      served: [[1, warm1]],
    },
  },
  {
    name: 'is not to blame where there is one idle agent: that one is not trusted',
    given: { requests: [stuck], ...warmStock(1) },
    want: {
      actions: [`retire ${warm0} notAssignedByServer`],
      skips: [{ requestId: 1, reason: 'notAssignedByServer', detail: warm0 }],
      alarms: [unused(warm0, 1)],
      served: [],
    },
  },
  {
    name: 'is not to blame where the one idle agent is its own',
    given: { requests: [stuck], agents: [own(1)], agentJobs: [jobOf(1)] },
    want: {
      actions: [`retire ${nameFor(1)} notAssignedByServer`],
      skips: [{ requestId: 1, reason: 'notAssignedByServer', detail: nameFor(1) }],
      alarms: [unused(nameFor(1), 1)],
      served: [],
    },
  },
  {
    name: 'loses its own agent, which the server leaves idle too',
    given: {
      requests: [stuck],
      agents: [own(1), ...(warmStock(1).agents ?? [])],
      agentJobs: [jobOf(1), ...(warmStock(1).agentJobs ?? [])],
    },
    changed: keep(1),
    want: {
      actions: [`retire ${nameFor(1)} notAssignedByServer`],
      skips: [skipOf(1)],
      alarms: [unused(nameFor(1), 1), blame(1)],
      served: [],
    },
  },
  {
    name: 'keeps its own agent that serves another now',
    given: {
      requests: [stuck, fresh, aJobRequest({ id: 3, queuedAt: secondsAgo(2) })],
      agents: [own(1), ...(warmStock(1).agents ?? [])],
      agentJobs: [jobOf(1), ...(warmStock(1).agentJobs ?? [])],
    },
    want: {
      actions: [],
      skips: [skipOf(1)],
      alarms: [unused(nameFor(1), 1), blame(1)],
      served: [
        [2, nameFor(1)],
        [3, warm0],
      ],
    },
  },
  {
    name: 'is one of two that are to blame, each before agents of its own',
    given: { requests: [stuck, { ...fresh, queuedAt: minutesAgo(9) }], ...warmStock(3) },
    changed: keep(3),
    want: { actions: [], skips: [skipOf(1), skipOf(2)], alarms: [blame(1), blame(2)], served: [] },
  },
  {
    name: 'is not to blame for agents of others, however many leave it',
    given: { requests: [stuck], agents: [foreign(8), foreign(9)] },
    want: {
      actions: [`create ${nameFor(1)}`],
      skips: [],
      alarms: [unusedForeign(8, 1), unusedForeign(9, 1)],
      served: [],
    },
  },
  {
    name: 'is not to blame for one of ours beside agents of others',
    given: {
      requests: [stuck],
      agents: [foreign(8), foreign(9), ...(warmStock(1).agents ?? [])],
      agentJobs: warmStock(1).agentJobs ?? [],
    },
    want: {
      actions: [`retire ${warm0} notAssignedByServer`],
      skips: [{ requestId: 1, reason: 'notAssignedByServer', detail: warm0 }],
      alarms: [unusedForeign(8, 1), unusedForeign(9, 1), unused(warm0, 1)],
      served: [],
    },
  },
  {
    name: 'that is to blame for two of ours leaves those of others untrusted all the same',
    given: {
      requests: [stuck, fresh],
      agents: [foreign(8), ...(warmStock(2).agents ?? [])],
      agentJobs: warmStock(2).agentJobs ?? [],
    },
    changed: keep(1),
    want: { actions: [], skips: [skipOf(1)], alarms: [unusedForeign(8, 1), blame(1)], served: [[2, warm0]] },
  },
];

describe('planPool: a request that the server gives to none of several idle agents', () => {
  it.each(rows)('$name', ({ given, changed, want }) => {
    expect(seen(given, { idleMinimumMs: 6_000_000, ...changed })).toEqual(want);
  });

  it('holds nobody else: the others share all agents in the order of their age', () => {
    const others = [2, 3, 4].map((id) => aJobRequest({ id, queuedAt: secondsAgo(9) + id }));
    const { served, skips } = seen({ requests: [stuck, ...others], ...warmStock(3) });
    expect({ served, skips }).toEqual({
      served: [
        [2, warm0],
        [3, warm1],
        [4, warm2],
      ],
      skips: [skipOf(1)],
    });
  });
});
