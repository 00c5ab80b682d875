import { describe, expect, it } from 'vitest';
import { jsonPatch, mergePatch } from '../../../../infra/local/kubernetes/patch.ts';
import { formatQuantity, parseQuantity } from '../../../../infra/local/kubernetes/quantity.ts';
import { resourceTypes } from '../../../../infra/local/kubernetes/resource.ts';
import { selectorPredicate } from '../../../../infra/local/kubernetes/selectors.ts';

describe('selectorPredicate', () => {
  const job = { metadata: { name: 'a', labels: { pool: 'linux', 'mayfly.dev/pool-id': '7' } } };
  const rows: { name: string; given: string; want: boolean }[] = [
    { name: 'equality', given: 'pool=linux', want: true },
    { name: 'double equality', given: 'pool == linux', want: true },
    { name: 'inequality', given: 'pool!=linux', want: false },
    { name: 'inequality of an absent key', given: 'gone!=x', want: true },
    { name: 'a prefixed key', given: 'mayfly.dev/pool-id=7', want: true },
    { name: 'membership', given: 'pool in (win, linux)', want: true },
    { name: 'non-membership', given: 'pool notin (win,linux)', want: false },
    { name: 'non-membership of an absent key', given: 'gone notin (x)', want: true },
    { name: 'existence', given: 'pool', want: true },
    { name: 'absence', given: '!pool', want: false },
    { name: 'all of several', given: 'pool=linux,mayfly.dev/pool-id in (8),!gone', want: false },
  ];
  it.each(rows)('reads $name: $given', ({ given, want }) => {
    expect(selectorPredicate(resourceTypes.jobs, { labelSelector: given })(job)).toBe(want);
  });

  it('selects pods by phase and by exclusion of it', () => {
    const pod = { metadata: { name: 'p' }, status: { phase: 'Failed' } };
    const selects = (fieldSelector: string) => selectorPredicate(resourceTypes.pods, { fieldSelector })(pod);
    expect([selects('status.phase=Failed'), selects('status.phase!=Failed,metadata.name=p')]).toEqual([true, false]);
  });
});

describe('jsonPatch', () => {
  const document = { metadata: { annotations: { 'a/b': '1' } }, list: ['x', 'z'] };
  const rows: { name: string; given: { op: string; path: string; value?: string; from?: string }; want: unknown }[] = [
    { name: 'adds a member', given: { op: 'add', path: '/metadata/k', value: 'v' }, want: ['metadata', 'k', 'v'] },
    { name: 'adds at the end of a list', given: { op: 'add', path: '/list/-', value: 'v' }, want: ['x', 'z', 'v'] },
    { name: 'adds inside a list', given: { op: 'add', path: '/list/1', value: 'y' }, want: ['x', 'y', 'z'] },
    { name: 'removes from a list', given: { op: 'remove', path: '/list/0' }, want: ['z'] },
    { name: 'copies', given: { op: 'copy', from: '/list/0', path: '/list/-' }, want: ['x', 'z', 'x'] },
    { name: 'moves', given: { op: 'move', from: '/list/0', path: '/list/-' }, want: ['z', 'x'] },
  ];
  it.each(rows)('$name', ({ given, want }) => {
    const after = jsonPatch(document, [given]);
    const seen = given.path.startsWith('/list')
      ? after['list']
      : ['metadata', 'k', (after['metadata'] as { k: string }).k];
    expect(seen).toEqual(want);
  });

  const refused = [
    { op: 'test', path: '/metadata/annotations/a~1b', value: '2' },
    { op: 'test', path: '/gone', value: 'x' },
    { op: 'replace', path: '/metadata/gone', value: 'x' },
    { op: 'remove', path: '/metadata/gone' },
    { op: 'add', path: '/gone/k', value: 'x' },
    { op: 'add', path: '/list/9', value: 'x' },
  ];
  it.each(refused)('refuses $op at $path, and changes nothing', (operation) => {
    const first = { op: 'replace', path: '/metadata/annotations/a~1b', value: '3' };
    const operations = operation.path.includes('a~1b') ? [operation] : [first, operation];
    expect(() => jsonPatch(document, operations)).toThrow('the server rejected our request');
    expect(document.metadata.annotations).toEqual({ 'a/b': '1' });
  });
});

describe('mergePatch', () => {
  it('merges objects, replaces lists, and takes away what is null', () => {
    expect(mergePatch({ a: { b: 1, c: 2 }, l: [1, 2] }, { a: { c: null, d: 3 }, l: [9] })).toEqual({
      a: { b: 1, d: 3 },
      l: [9],
    });
  });
});

describe('quantities', () => {
  it.each([
    { given: '100m', want: 0.1 },
    { given: '1.5', want: 1.5 },
    { given: '128Mi', want: 134_217_728 },
    { given: '2k', want: 2000 },
    { given: '1e3', want: 1000 },
    { given: 'lots', want: undefined },
    { given: '1.2.3', want: undefined },
  ])('reads $given', ({ given, want }) => {
    expect(parseQuantity(given)).toBe(want);
  });

  it('prints fractions in thousandths', () => {
    expect([formatQuantity(0.1 + 0.2), formatQuantity(4)]).toEqual(['300m', '4']);
  });
});
