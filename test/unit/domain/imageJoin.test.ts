import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { joinImages } from '../../../shared/domain/imageJoin.ts';
import type { ImageState } from '../../../shared/domain/imageState.ts';
import { anImageState, digest } from '../../support/images.ts';

const [a, b, c] = [digest('a'), digest('b'), digest('c')];
const candidate = (of: string, since: number, ...proven: readonly string[]) => ({ digest: of, since, proven });

interface Row {
  readonly name: string;
  readonly given: readonly Partial<ImageState>[];
  readonly want: Partial<ImageState>;
}

const rows: readonly Row[] = [
  { name: 'nothing of nothing', given: [], want: {} },
  {
    name: 'the image that came into force last',
    given: [{ inForce: { digest: a, since: 1 } }, { inForce: { digest: b, since: 2 } }],
    want: { inForce: { digest: b, since: 2 } },
  },
  {
    name: 'the agents that any record knows to have come through',
    given: [{ candidate: candidate(a, 1, 'x') }, { candidate: candidate(a, 1, 'y', 'x') }],
    want: { candidate: candidate(a, 1, 'x', 'y') },
  },
  {
    name: 'none of those of an earlier candidate',
    given: [{ candidate: candidate(a, 1, 'x') }, { candidate: candidate(b, 2) }],
    want: { candidate: candidate(b, 2) },
  },
  {
    name: 'no candidate that another record has rolled back',
    given: [{ candidate: candidate(a, 1) }, { rolledBack: [{ digest: a, since: 2 }] }],
    want: { rolledBack: [{ digest: a, since: 2 }] },
  },
  {
    name: 'one that was asked for after it had been rolled back',
    given: [{ candidate: candidate(a, 3) }, { rolledBack: [{ digest: a, since: 2 }] }],
    want: { candidate: candidate(a, 3), rolledBack: [{ digest: a, since: 2 }] },
  },
  {
    name: 'no candidate that came into force elsewhere',
    given: [{ candidate: candidate(a, 1) }, { inForce: { digest: a, since: 2 } }],
    want: { inForce: { digest: a, since: 2 } },
  },
  {
    name: 'no candidate that has been in force and was followed by another',
    given: [{ candidate: candidate(a, 1) }, { inForce: { digest: b, since: 3 }, good: [{ digest: a, since: 3 }] }],
    want: { inForce: { digest: b, since: 3 }, good: [{ digest: a, since: 3 }] },
  },
  {
    name: 'good ones of all records, the newest first, without the one in force',
    given: [
      { inForce: { digest: a, since: 3 }, good: [{ digest: b, since: 1 }] },
      {
        good: [
          { digest: c, since: 2 },
          { digest: a, since: 1 },
        ],
      },
    ],
    want: {
      inForce: { digest: a, since: 3 },
      good: [
        { digest: c, since: 2 },
        { digest: b, since: 1 },
      ],
    },
  },
  {
    name: 'no good one that was rolled back since',
    given: [{ good: [{ digest: a, since: 1 }] }, { rolledBack: [{ digest: a, since: 2 }] }],
    want: { rolledBack: [{ digest: a, since: 2 }] },
  },
  {
    name: 'the image before one that came into force here and failed there: of one trial the failure counts',
    given: [
      { inForce: { digest: b, since: 9, tried: 5 }, good: [{ digest: a, since: 9 }] },
      { inForce: { digest: a, since: 1 }, rolledBack: [{ digest: b, since: 7, tried: 5, reason: 'neverStarted' }] },
    ],
    want: {
      inForce: { digest: a, since: 9 },
      rolledBack: [{ digest: b, since: 10, tried: 5, reason: 'neverStarted' }],
    },
  },
  {
    name: 'one in force that was tried again after it had failed',
    given: [
      { inForce: { digest: b, since: 9, tried: 8 }, good: [{ digest: a, since: 9 }] },
      { inForce: { digest: a, since: 1 }, rolledBack: [{ digest: b, since: 7, tried: 5, reason: 'neverStarted' }] },
    ],
    want: { inForce: { digest: b, since: 9, tried: 8 }, good: [{ digest: a, since: 9 }] },
  },
  {
    name: 'the build that moved last, with all that belongs to it',
    given: [
      { build: { key: 'k1', state: 'done', try: 1, since: 1 }, seen: { agent: '1' }, excerpt: 'x' },
      { build: { key: 'k2', state: 'running', try: 1, since: 2 }, seen: { agent: '2' } },
    ],
    want: { build: { key: 'k2', state: 'running', try: 1, since: 2 }, seen: { agent: '2' } },
  },
  {
    name: 'what anybody asks for',
    given: [{}, { requested: { kind: 'build' } }],
    want: { requested: { kind: 'build' } },
  },
];

const since = fc.integer({ min: 0, max: 4 });
const digests = fc.constantFrom(a, b, c);
/** What came into force at one time did so by one trial, or by none. */
const image = fc
  .record({ digest: digests, since })
  .map((each) => (each.since % 2 === 0 ? each : { ...each, tried: each.since - 1 }));
const gone = fc.record({ digest: digests, since, tried: since }, { requiredKeys: ['digest', 'since'] });
const states: fc.Arbitrary<ImageState> = fc
  .record(
    {
      inForce: image,
      candidate: fc.record({ digest: digests, since, proven: fc.subarray(['x', 'y']) }),
      good: fc.uniqueArray(image, { maxLength: 2, selector: (each) => each.digest }),
      rolledBack: fc.uniqueArray(gone, { maxLength: 2, selector: (each) => each.digest }),
    },
    { requiredKeys: ['good', 'rolledBack'] },
  )
  .map((state) => state);

describe('the records of several maps together', () => {
  it.each(rows)('tell $name', ({ given, want }) => {
    expect(joinImages(given.map(anImageState))).toEqual(anImageState(want));
  });

  it('do so in whatever order they are read, and however often', () => {
    fc.assert(
      fc.property(fc.array(states, { maxLength: 3 }), (all) => {
        const once = joinImages(all);
        expect(joinImages(all.toReversed())).toEqual(once);
        expect(joinImages([once, ...all])).toEqual(once);
        expect(joinImages([once])).toEqual(once);
      }),
      { numRuns: 2000 },
    );
  });
});
