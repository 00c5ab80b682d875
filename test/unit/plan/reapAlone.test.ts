import { describe, expect, it } from 'vitest';
import type { Agent } from '../../../shared/domain/agent.ts';
import { globbed, previewAlone, type UnconfiguredPool } from '../../../shared/plan/reapAlone.ts';
import { aBootingAgent, aJobRequest, anAgent, minutesAgo, noon, runningOn } from '../../support/builders.ts';

const pool: UnconfiguredPool = {
  organisation: { name: 'contoso', short: 'ab12' },
  poolId: 12,
  at: noon,
  agents: [],
  requests: [],
  graceMs: 10 * 60_000,
  running: [],
};
const old: Partial<Agent> = { online: false, createdAt: minutesAgo(60), statusChangedAt: minutesAgo(59) };

/** Of one agent, long offline: whether it goes, or why it stays. */
function verdict(name: string, given: Partial<UnconfiguredPool> = {}, agent: Partial<Agent> = {}): string | undefined {
  const [row] = previewAlone({ ...pool, ...given, agents: [anAgent({ ...old, name, ...agent })] }).rows;
  return row?.reason;
}

describe('previewAlone', () => {
  it.each([
    { name: 'mf-demo-ab12-12-1001-1', want: 'ghost' },
    { name: 'mf-demo-ab12-12-w-abc123-0-29000000', want: 'ghost' },
    { name: 'mf-demo-ab12-12-p-abc123', want: 'placeholder' },
    { name: 'mf-demo-ab12-12-d-0123abcd', want: 'placeholder' },
    { name: 'mf-demo-ab12-13-1001-1', want: 'notNamed' },
    { name: 'mf-demo-zz99-12-1001-1', want: 'notNamed' },
    { name: 'mf-demo2-ab12-12-1001-1', want: 'notNamed' },
    { name: 'mf-demo-ab12-12-1001', want: 'notNamed' },
    { name: 'agent-1', want: 'notNamed' },
  ])('takes $name for a $want, whoever installed that Mayfly', ({ name, want }) => {
    expect(verdict(name)).toBe(want);
  });

  it.each([
    { what: 'the Job of its name', running: 'mf-demo-ab12-12-1001-1' },
    { what: 'a pod of that Job', running: 'mf-demo-ab12-12-1001-1-x7k2p' },
    { what: 'a pod that is part of its name', running: '1001-1' },
  ])('keeps an agent while $what is there', ({ running }) => {
    expect(verdict('mf-demo-ab12-12-1001-1', { running: [running] })).toBe('agentJobThere');
  });

  it('is not kept by a Job whose name only begins alike', () => {
    expect(verdict('mf-demo-ab12-12-1001-1', { running: ['mf-demo-ab12-12-1001-12'] })).toBe('ghost');
  });

  it('keeps what a request reserves, though the agent itself does not tell', () => {
    const requests = [aJobRequest(), runningOn({ id: 501, name: 'x' })];
    expect(verdict('mf-demo-ab12-12-1001-1', { requests })).toBe('busy');
  });

  it('looks at the names of a pattern instead, and keeps what may be the placeholder of another system', () => {
    expect(verdict('keda-1', { pattern: 'keda-*' })).toBe('ghost');
    expect(verdict('build-1', { pattern: 'keda-*' })).toBe('notNamed');
    const { statusChangedAt: _, ...neverOnline } = aBootingAgent({ name: 'keda-1', createdAt: minutesAgo(60) });
    const [row] = previewAlone({ ...pool, pattern: 'keda-*', agents: [neverOnline] }).rows;
    expect(row?.reason).toBe('placeholder');
  });

  it('keeps placeholders of Mayfly whatever the pattern', () => {
    expect(verdict('mf-demo-ab12-12-p-abc123', { pattern: '*' })).toBe('placeholder');
  });

  it('tells of the cluster that did not answer, and calls nothing a ghost', () => {
    const { running: _, ...asked } = pool;
    const clusterUnknown = { name: 'east', why: 'kubernetes timeout' };
    const agents = [anAgent({ ...old, name: 'mf-demo-ab12-12-1001-1' })];
    const preview = previewAlone({ ...asked, agents, clusterUnknown });
    expect([preview.clustersUnknown, preview.clustersAsked, preview.rows[0]?.reason, preview.alarms]).toEqual([
      ['east'],
      true,
      'clustersUnknown',
      [{ reason: 'clusterUnknown', subject: 'east', detail: 'kubernetes timeout' }],
    ]);
  });
});

describe('globbed', () => {
  it.each([
    { pattern: 'keda-*', name: 'keda-1', want: true },
    { pattern: 'keda-*', name: 'x-keda-1', want: false },
    { pattern: 'a?c', name: 'abc', want: true },
    { pattern: 'a?c', name: 'ac', want: false },
    { pattern: 'a.c', name: 'abc', want: false },
    { pattern: '(a|b)+', name: 'a', want: false },
    { pattern: '*', name: '', want: true },
  ])('of $pattern and "$name" is $want', ({ pattern, name, want }) => {
    expect(globbed(pattern, name)).toBe(want);
  });
});
