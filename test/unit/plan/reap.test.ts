import { describe, expect, it } from 'vitest';
import { unknown } from '../../../shared/domain/read.ts';
import { previewReap, type ReapRow } from '../../../shared/plan/reap.ts';
import {
  anAgent,
  anAgentJob,
  anObserved,
  aPlaceholder,
  aPod,
  type Given,
  minutesAgo,
  nameFor,
  noon,
  policy,
  runningOn,
} from '../../support/builders.ts';
import { aPoolPolicy, aTemplate } from '../../support/policyBuilders.ts';

const rowsOf = (given: Given): readonly ReapRow[] => previewReap(policy, anObserved(given))?.rows ?? [];

/** "agentJob 1001-1 retire finished request 7": object, name, step or "keep", reason, detail. */
function told(given: Given): readonly string[] {
  return rowsOf(given)
    .filter(({ object, verdict }) => object !== 'placeholder' || verdict === 'reap')
    .map(({ object, name, step, reason, detail }) =>
      [object, name.replace(nameFor(0).replace('0-1', ''), ''), step ?? 'keep', reason, detail]
        .filter(Boolean)
        .join(' '),
    );
}

const old = { online: false, createdAt: minutesAgo(60), statusChangedAt: minutesAgo(59) } as const;
const ghost = (id: number) => anAgent({ id, name: nameFor(id), ...old });
const idle = anAgent({ statusChangedAt: minutesAgo(2) });

const rows: readonly { readonly name: string; readonly given: Given; readonly want: readonly string[] }[] = [
  {
    name: 'an agent job whose agent has served',
    given: { agents: [anAgent({ lastCompletedRequest: { id: 1001 } })], agentJobs: [anAgentJob()] },
    want: ['agentJob 1001-1 retire finished'],
  },
  {
    name: 'an idle agent that nobody needs',
    given: { agents: [idle], agentJobs: [anAgentJob({ createdAt: minutesAgo(9), phaseAt: minutesAgo(9) })] },
    want: ['agentJob 1001-1 retire surplus'],
  },
  {
    name: 'a single-use agent that has its request',
    given: { agents: [anAgent()], agentJobs: [anAgentJob()], requests: [runningOn(anAgent())] },
    want: ['agent 1001-1 disable singleUse works on request 1001'],
  },
  {
    name: 'a creation that nobody brought to its end',
    given: { agentJobs: [anAgentJob({ phase: 'creating', createBy: noon - 1, suspended: true })] },
    want: ['agentJob 1001-1 rollBack createByPassed create-by passed'],
  },
  {
    name: 'a tombstone whose request is gone',
    given: { agentJobs: [anAgentJob({ phase: 'rolledBack', phaseAt: minutesAgo(60), suspended: true })] },
    want: ['agentJob 1001-1 bury forgettable'],
  },
  { name: 'a ghost', given: { agents: [ghost(601)] }, want: ['agent 601-1 deleteGhost ghost'] },
  {
    name: 'a busy agent that is disabled already',
    given: {
      agents: [anAgent({ enabled: false, assignedRequestId: 1001 })],
      agentJobs: [anAgentJob()],
      requests: [runningOn(anAgent())],
    },
    want: ['agent 1001-1 keep busy request 1001'],
  },
  {
    name: 'a creation that goes on, without an agent yet',
    given: { agentJobs: [anAgentJob({ phase: 'creating', suspended: true })] },
    want: ['agentJob 1001-1 keep creating'],
  },
  {
    name: 'an agent of others',
    given: { agents: [anAgent({ id: 9, name: 'build-box', ...old })] },
    want: ['agent build-box keep notNamed'],
  },
];

describe('previewReap', () => {
  it.each(rows)('tells of $name', ({ given, want }) => {
    expect(told(given)).toEqual(want);
  });

  it('lists the longest offline first, and tells what is beyond the budget of a pass', () => {
    const few = aPoolPolicy({ maxGhostsPerPass: 1 });
    const agents = [ghost(601), { ...ghost(602), statusChangedAt: minutesAgo(20) }, { ...ghost(603), createdAt: 0 }];
    const preview = previewReap(few, anObserved({ agents }));
    const listed = preview?.rows
      .filter(({ object }) => object === 'agent')
      .map(({ verdict, reason, detail }) => [verdict, reason, detail].filter(Boolean).join(' '));
    expect(listed?.toSorted()).toEqual(['reap ghost', 'reap ghost in a later pass', 'reap ghost in a later pass']);
    const all = previewReap(policy, anObserved({ agents }))?.rows.filter(({ verdict }) => verdict === 'reap');
    expect(all?.map(({ agentId }) => agentId)).toEqual([601, 603, 602]);
  });

  it('says which agent is behind a step, and since when it has been offline', () => {
    expect(rowsOf({ agents: [ghost(601)] })[0]).toEqual({
      verdict: 'reap',
      object: 'agent',
      name: nameFor(601),
      step: 'deleteGhost',
      reason: 'ghost',
      agentId: 601,
      online: false,
      offlineSince: minutesAgo(59),
    });
  });

  it('keeps every placeholder that is configured', () => {
    const given = { agents: [aPlaceholder(aTemplate({ name: 'other' }), { id: 99, ...old })] };
    expect(rowsOf(given).map(({ object, verdict, reason }) => `${object} ${verdict} ${reason}`)).toEqual([
      'placeholder keep placeholder',
      'placeholder keep placeholder',
    ]);
  });

  it('names the clusters that did not answer, where no agent is a ghost', () => {
    const clusters = [{ name: 'primary', agentJobs: unknown('timeout'), quotas: { value: [] } }];
    const preview = previewReap(policy, anObserved({ agents: [ghost(601)], clusters }));
    expect([preview?.clustersUnknown, preview?.rows.find(({ agentId }) => agentId === 601)?.reason]).toEqual([
      ['primary'],
      'clustersUnknown',
    ]);
  });

  it.each(['requests', 'agents'] as const)('is none where the %s are unknown', (part) => {
    expect(previewReap(policy, { ...anObserved(), [part]: unknown('forbidden') })).toBeUndefined();
  });

  it('tells a pool in shadow mode', () => {
    expect(previewReap({ ...policy, mode: 'shadow' }, anObserved())?.shadow).toBe(true);
  });

  it('leaves the pod of a busy agent that is gone to its own rule', () => {
    const pod = aPod({ phase: 'Failed' });
    const given = { agents: [anAgent()], agentJobs: [anAgentJob({ pod })], requests: [runningOn(anAgent())] };
    expect(rowsOf(given).filter(({ step }) => step === 'retire' || step === 'deleteGhost')).toEqual([]);
  });
});
