import { describe, expect, it } from 'vitest';
import { added, hasRoom, lessened } from '../../../shared/domain/quota.ts';

describe('hasRoom', () => {
  const needed = { pods: 1, jobs: 1, 'requests.cpu': 2, 'requests.memory': 4 };
  it.each([
    { name: 'a quota that limits nothing', given: {}, want: true },
    { name: 'exactly what is needed', given: { ...needed }, want: true },
    { name: 'a quota of something that is not needed', given: { 'limits.cpu': 0 }, want: true },
    { name: 'no pod left', given: { ...needed, pods: 0 }, want: false },
    { name: 'no Job left', given: { jobs: 0 }, want: false },
    { name: 'too little of one of them', given: { ...needed, 'requests.cpu': 1.9 }, want: false },
    { name: 'a sum of binary fractions a hair below', given: { 'requests.cpu': 0.1 + 0.2 + 1.7 - 1e-9 }, want: true },
    { name: 'less than nothing left', given: { pods: -3 }, want: false },
  ])('is $want for $name', ({ given, want }) => {
    expect(hasRoom(given, needed)).toBe(want);
  });
});

describe('lessened', () => {
  it.each([
    {
      name: 'takes what is limited',
      given: [
        { pods: 3, 'requests.cpu': 4 },
        { pods: 1, 'requests.cpu': 1.5 },
      ],
      want: { pods: 2, 'requests.cpu': 2.5 },
    },
    { name: 'limits nothing new', given: [{ pods: 3 }, { 'requests.cpu': 1 }], want: { pods: 3 } },
    { name: 'may go below nothing', given: [{ pods: 0 }, { pods: 1 }], want: { pods: -1 } },
  ] as const)('$name', ({ given: [room, by], want }) => {
    expect(lessened(room, by)).toEqual(want);
  });
});

describe('added', () => {
  it.each([
    {
      name: 'sums what both name',
      given: [{ pods: 1, 'requests.cpu': 1 }, { pods: 1 }],
      want: { pods: 2, 'requests.cpu': 1 },
    },
    { name: 'leaves out what is nothing', given: [{ pods: 0 }, {}], want: {} },
  ] as const)('$name', ({ given: [a, b], want }) => {
    expect(added(a, b)).toEqual(want);
    expect(added(b, a)).toEqual(want);
  });
});
