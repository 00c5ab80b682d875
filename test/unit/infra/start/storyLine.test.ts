import picocolors from 'picocolors';
import { describe, expect, it } from 'vitest';
import type { Step } from '../../../../infra/local/start/narrator.ts';
import { storyLine } from '../../../../infra/local/start/storyLine.ts';

const context = {
  startedAt: 10_000,
  poolNames: new Map([
    [1, 'linux'],
    [2, 'web'],
  ]),
  colors: picocolors.createColors(false),
};

const aStep = (more: Partial<Step> = {}): Step => ({
  at: 13_210,
  poolId: 2,
  requestId: 1004,
  what: 'waiting',
  detail: 'demands size -equals large',
  tone: 'begin',
  ...more,
});

describe('a line of the story', () => {
  const table: readonly { readonly name: string; readonly given: Partial<Step>; readonly want: string }[] = [
    { name: 'has columns', given: {}, want: '+   3.21s  web     1004  waiting      demands size -equals large' },
    {
      name: 'keeps its columns without a request',
      given: { requestId: undefined, poolId: 1, what: 'placeholder', detail: 'linux' },
      want: '+   3.21s  linux         placeholder  linux',
    },
    { name: 'ends where its text ends', given: { detail: '' }, want: '+   3.21s  web     1004  waiting' },
    { name: 'never counts backwards', given: { at: 0, detail: 'x' }, want: '+   0.00s  web     1004  waiting      x' },
  ];
  it.each(table)('$name', ({ given, want }) => {
    expect(storyLine(aStep(given), context)).toBe(want);
  });

  it('is coloured where colours are taken', () => {
    const line = storyLine(aStep({ tone: 'good' }), { ...context, colors: picocolors.createColors(true) });
    expect(line).toContain('\u001b[32m');
  });
});
