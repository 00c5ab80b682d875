/** Contradictions: since when a parallel job is free, and agents that are not ours by the thousand. */
import { describe, expect, it } from 'vitest';
import type { Agent } from '../../../shared/domain/agent.ts';
import { offerOf } from '../../../shared/domain/demand.ts';
import { matchTrusted } from '../../../shared/plan/contradictions.ts';
import type { Usable } from '../../../shared/plan/supply.ts';
import { viewOf } from '../../../shared/plan/view.ts';
import {
  aJobRequest,
  anAgent,
  anAgentJob,
  anObserved,
  type Given,
  minutesAgo,
  nameFor,
  policy,
  secondsAgo,
} from '../../support/builders.ts';
import { plan, told } from '../../support/plans.ts';

const ours = nameFor(900);
const since = { createdAt: minutesAgo(9), statusChangedAt: minutesAgo(8) };
const waiting = aJobRequest({ queuedAt: minutesAgo(5) });
const faced: Given = {
  requests: [waiting],
  agents: [anAgent({ name: ours, ...since })],
  agentJobs: [anAgentJob({ purpose: { kind: 'request', requestId: 900, attempt: 1 } })],
};
const isPublic = { requests: [{ ...waiting, parallelism: 'public' }] } satisfies Given;

describe('planPool: a parallel job that has only just become free', () => {
  it.each<{ name: string; given: Given; want: readonly string[] }>([
    { name: 'for so long as the grace: the agent is trusted', given: { freeSince: secondsAgo(60) }, want: [] },
    {
      name: 'for longer: it is not',
      given: { freeSince: secondsAgo(61) },
      want: [`retire ${ours} notAssignedByServer`],
    },
    {
      name: 'since nobody knows when: it is not, by the other times',
      given: {},
      want: [`retire ${ours} notAssignedByServer`],
    },
    {
      name: 'is no matter for a public request',
      given: { ...isPublic, freeSince: secondsAgo(1) },
      want: [`retire ${ours} notAssignedByServer`],
    },
  ])('$name', ({ given, want }) => {
    expect(plan(anObserved({ ...faced, ...given })).actions.map(told)).toEqual(want);
  });
});

describe('planPool: agents of others that the server does not use', () => {
  const others = (count: number, rest: Partial<Agent> = {}): readonly Agent[] =>
    Array.from({ length: count }, (_, index) =>
      anAgent({ id: 600 + index, name: `build-${String(index).padStart(4, '0')}`, ...since, ...rest }),
    );
  const reason = 'notAssignedByServer';
  const nothingKnown = 'nothing is known of what it was to offer';

  it.each([
    {
      name: 'one alarm each for three',
      given: others(3),
      want: others(3).map(({ name }) => ({ reason, subject: name, detail: `request 1001: ${nothingKnown}` })),
    },
    {
      name: 'one alarm for four',
      given: others(4),
      want: [
        {
          reason,
          subject: 'request 1001',
          detail: "4 idle agents that are not Mayfly's can serve it, the first is build-0000",
        },
      ],
    },
    {
      name: 'one alarm for thousands',
      given: others(3000),
      want: [
        {
          reason,
          subject: 'request 1001',
          detail: "3000 idle agents that are not Mayfly's can serve it, the first is build-0000",
        },
      ],
    },
  ])('are told of in $name, and the request gets an agent of its own', ({ given, want }) => {
    const { actions, alarms, skips } = plan(anObserved({ requests: [waiting], agents: given }));
    expect({ actions: actions.map(told), alarms, skips }).toEqual({
      actions: [`create ${nameFor(1001)}`],
      alarms: want,
      skips: [],
    });
  });

  it('are told of for each request that has faced more than three of them', () => {
    const linux = others(4);
    const docker = others(5).map((agent) => ({
      ...agent,
      id: agent.id + 100,
      name: `docker-${agent.id}`,
      capabilities: { docker: '27' },
    }));
    const wants = aJobRequest({ id: 1002, queuedAt: minutesAgo(4), demands: ['docker'] });
    const { alarms } = plan(
      anObserved({
        requests: [{ ...waiting, demands: ['Agent.OS -equals Linux'] }, wants],
        agents: [...linux, ...docker],
      }),
    );
    expect(alarms.map(({ subject, detail }) => [subject, detail?.split(' ')[0]])).toEqual([
      ['request 1001', '4'],
      ['request 1002', '5'],
    ]);
  });

  it('are found in one round, however many they are', () => {
    const readsOf = (count: number): number => {
      let reads = 0;
      const usable = others(count).map(
        ({ name, capabilities }): Usable => ({
          get name() {
            reads += 1;
            return name;
          },
          state: 'online',
          offer: offerOf(capabilities),
          ours: false,
          idleSince: since.statusChangedAt,
        }),
      );
      const view = viewOf(policy, anObserved(), [waiting], []);
      expect(matchTrusted(view, [waiting], [], usable).contradictions).toHaveLength(count);
      return reads;
    };
    expect(readsOf(400) / readsOf(200)).toBeLessThan(3);
  });

  it('stay supply if they came only a moment ago, beside those that did not', () => {
    const fresh = anAgent({ id: 599, name: 'new-one', createdAt: secondsAgo(30), statusChangedAt: secondsAgo(30) });
    const { served, alarms } = plan(anObserved({ requests: [waiting], agents: [fresh, ...others(5)] }));
    expect([[...served], alarms.length]).toEqual([[[1001, 'new-one']], 1]);
  });
});
