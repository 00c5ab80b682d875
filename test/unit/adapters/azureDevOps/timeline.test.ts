import { describe, expect, it } from 'vitest';
import { stagesOf } from '../../../../shared/adapters/azureDevOps/timeline.ts';

const record = (type: string, id: string, parentId: string | null, more: Readonly<Record<string, unknown>> = {}) => ({
  type,
  id,
  parentId,
  ...more,
});
const read = (...records: readonly unknown[]): unknown => stagesOf({ records }, 'reading a timeline');

describe('a timeline', () => {
  it('tells stages by their name in the YAML, with the jobs below their phases', () => {
    const build = { name: 'Build and test', identifier: 'Build', state: 'completed', result: 'succeededWithIssues' };
    const jobs = [
      record('Task', 't1', 'j1', { name: 'Checkout' }),
      record('Job', 'j1', 'p1', { name: 'Compile', identifier: 'Build.Compile.__default' }),
      record('Phase', 'p1', 's1'),
      record('Stage', 's1', null, build),
      record('Checkpoint', 'c1', 's1'),
    ];
    expect(read(...jobs, record('Stage', 's2', null, { identifier: 'Deploy', state: 'pending' }))).toEqual([
      { name: 'Build', state: 'completed', result: 'succeeded', jobs: [{ jobId: 'j1', name: 'Compile' }] },
      { name: 'Deploy', state: 'pending', jobs: [] },
    ]);
  });

  it.each([
    ['failed', 'failed'],
    ['abandoned', 'failed'],
    ['canceled', 'canceled'],
    ['skipped', 'skipped'],
    ['manuallyQueued', 'other'],
  ])('tells %s as %s', (result, want) => {
    expect(read(record('Stage', 's', null, { identifier: 'A', state: 'completed', result }))).toMatchObject([
      { result: want },
    ]);
  });

  it('gives no stage a job whose parents lead nowhere', () => {
    const loop = [record('Job', 'j', 'p'), record('Phase', 'p', 'j'), record('Stage', 's', null, { identifier: 'A' })];
    expect(read(...loop)).toEqual([{ name: 'A', state: 'pending', jobs: [] }]);
  });

  it('without records has no stages, and is unreadable where they are none', () => {
    expect(stagesOf({ records: null }, 'reading')).toEqual([]);
    expect(() => read({ type: 'Stage' })).toThrow(expect.objectContaining({ kind: 'unexpected' }));
  });
});
