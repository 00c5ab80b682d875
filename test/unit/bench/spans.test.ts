import { describe, expect, it } from 'vitest';
import { sequential, together } from '../../bench/spans.ts';

const rows = [
  { name: 'none', given: [], want: { sequential: 0, together: 0 } },
  {
    name: 'one after the other',
    given: [
      [0, 2],
      [2, 5],
    ],
    want: { sequential: 2, together: 5 },
  },
  {
    name: 'side by side',
    given: [
      [0, 4],
      [1, 3],
      [2, 5],
    ],
    want: { sequential: 1, together: 5 },
  },
  {
    name: 'a long one beside two that wait',
    given: [
      [0, 9],
      [1, 3],
      [4, 6],
    ],
    want: { sequential: 2, together: 9 },
  },
  {
    name: 'in any order, with a gap',
    given: [
      [7, 8],
      [0, 1],
    ],
    want: { sequential: 2, together: 2 },
  },
] as const;

describe('calls of a journal', () => {
  it.each(rows)('are counted and added up: $name', ({ given, want }) => {
    const spans = given.map(([from, to]) => ({ from, to }));
    expect({ sequential: sequential(spans), together: together(spans) }).toEqual(want);
  });
});
