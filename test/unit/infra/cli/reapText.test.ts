import pc from 'picocolors';
import { describe, expect, it } from 'vitest';
import { age, exitCodeOf, previewText, totals } from '../../../../infra/cli/reapText.ts';
import type { ReapPreview, ReapRow } from '../../../../shared/plan/reap.ts';

const hour = 3_600_000;
const at = 100 * hour;
const plain = pc.createColors(false);
const row = (overrides: Partial<ReapRow>): ReapRow => ({
  verdict: 'keep',
  object: 'agent',
  name: 'a',
  reason: 'notNamed',
  ...overrides,
});
const preview = (rows: readonly ReapRow[], overrides: Partial<ReapPreview> = {}): ReapPreview => ({
  organisation: 'contoso',
  poolId: 12,
  pool: 'linux',
  at,
  rows,
  alarms: [],
  clustersUnknown: [],
  clustersAsked: true,
  shadow: false,
  ...overrides,
});

const some = [
  row({ verdict: 'reap', object: 'agentJob', cluster: 'east', name: 'j', step: 'retire', reason: 'finished' }),
  row({ verdict: 'reap', name: 'g', step: 'deleteGhost', reason: 'ghost', offlineSince: at - 3 * hour, online: false }),
  row({ verdict: 'reap', name: 'd', step: 'disable', reason: 'singleUse', detail: 'works on request 7' }),
  row({ name: 'p', object: 'placeholder', reason: 'placeholder', offlineSince: 0, online: false }),
  row({ name: 'o', reason: 'online', online: true }),
];

describe('the text of a dry run', () => {
  it('has totals, a row for each object, and what it leaves out', () => {
    expect(previewText(preview(some), plain, false).split('\n')).toEqual([
      'Pool 12 (linux) of contoso: 2 would go, 1 would be disabled, 2 stay.',
      '                      name    offline  why',
      'retire   agent job    east/j           finished',
      'delete   agent        g           3 h  ghost',
      'disable  agent        d                singleUse: works on request 7',
      'keep     placeholder  p           4 d  a placeholder: it stays offline for ever',
      'Also there: 1 online; --all lists them.',
      'Nothing was touched.',
    ]);
  });

  it('lists online agents, too, where all is asked for', () => {
    const lines = previewText(preview(some), plain, true).split('\n');
    expect(lines.filter((line) => /^keep +agent +o /.test(line))).toHaveLength(1);
    expect(lines.filter((line) => line.startsWith('Also'))).toEqual([]);
  });

  it('paints what goes red and what is disabled yellow', () => {
    const colors = pc.createColors(true);
    const text = previewText(preview(some), colors, false);
    const painted = (name: string): string | undefined => text.split('\n').find((line) => line.includes(` ${name} `));
    expect([painted('g'), painted('d')]).toEqual([
      colors.red('delete   agent        g           3 h  ghost'),
      colors.yellow('disable  agent        d                singleUse: works on request 7'),
    ]);
  });

  it('of an empty pool has no table', () => {
    expect(previewText(preview([]), plain, false)).toBe(
      'Pool 12 (linux) of contoso: 0 would go, 0 stay.\nNothing was touched.',
    );
  });

  it.each([
    {
      name: 'a cluster did not answer',
      given: { clustersUnknown: ['east'], alarms: [{ reason: 'clusterUnknown', subject: 'east', detail: 'timeout' }] },
      want: 'Cluster east did not answer (timeout): what runs there is not known.',
    },
    {
      name: 'no cluster was named and some may be ghosts',
      given: { clustersAsked: false },
      want: 'Whether 1 of them are ghosts only their cluster can tell: name it with --kubeconfig.',
    },
    {
      name: 'the pool only plans',
      given: { shadow: true },
      want: 'The pool is in shadow mode: nothing of this will happen.',
    },
  ] as const)('says that $name', ({ given, want }) => {
    const rows = [row({ reason: 'clustersUnknown' })];
    expect(previewText(preview(rows, given), plain, false).split('\n')).toContain(want);
  });

  it('counts one that stays', () => {
    expect(totals(preview([row({})]))).toBe('0 would go, 1 stays');
  });

  it.each([
    { ms: -5, want: '0 min' },
    { ms: 119 * 60_000, want: '119 min' },
    { ms: 120 * 60_000, want: '2 h' },
    { ms: 47.9 * hour, want: '47 h' },
    { ms: 48 * hour, want: '2 d' },
  ])('tells $ms ms as $want', ({ ms, want }) => {
    expect(age(ms)).toBe(want);
  });

  it('ends with 1 where a cluster is unknown', () => {
    expect([exitCodeOf({ clustersUnknown: [] }), exitCodeOf({ clustersUnknown: ['east'] })]).toEqual([0, 1]);
  });
});
