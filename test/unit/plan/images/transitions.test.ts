import { describe, expect, it } from 'vitest';
import { joinImages } from '../../../../shared/domain/imageJoin.ts';
import type { ImageState } from '../../../../shared/domain/imageState.ts';
import { applied, offered, offerRefusal, restored } from '../../../../shared/plan/images/transitions.ts';
import { anImagePolicy, anImageState, digest } from '../../../support/images.ts';

const [a, b, c] = [digest('a'), digest('b'), digest('c')];
const policy = anImagePolicy({ keptImages: 2 });
const trying = (...proven: readonly string[]): ImageState =>
  anImageState({ inForce: { digest: a, since: 1 }, candidate: { digest: b, version: '5.279.0', since: 5, proven } });
const proved = (...agents: readonly string[]) => ({ kind: 'proved', digest: b, since: 5, agents }) as const;
const fell = { kind: 'rolledBack', digest: b, since: 5, reason: 'neverStarted' } as const;

describe('a candidate', () => {
  it.each([
    { name: 'is proven by one agent after the other', given: trying('x'), change: proved('x'), want: trying('x') },
    {
      name: 'comes into force with the last that it takes',
      given: trying('x'),
      change: proved('y'),
      want: anImageState({
        inForce: { digest: b, version: '5.279.0', since: 9, tried: 5 },
        good: [{ digest: a, since: 9 }],
      }),
    },
    {
      name: 'leaves nothing to go back to where it is the first one: the tag stands for it by now',
      given: anImageState({ candidate: { digest: b, since: 5, proven: [] } }),
      change: proved('x', 'y'),
      want: anImageState({ inForce: { digest: b, since: 9, tried: 5 } }),
    },
    {
      name: 'pushes the oldest of the good ones out',
      given: {
        ...trying('x'),
        good: [
          { digest: c, since: 0 },
          { digest: 'configured', since: 0 },
        ],
      },
      change: proved('y'),
      want: anImageState({
        inForce: { digest: b, version: '5.279.0', since: 9, tried: 5 },
        good: [
          { digest: a, since: 9 },
          { digest: c, since: 0 },
        ],
      }),
    },
    {
      name: 'goes, and is remembered, when one of its agents does not start',
      given: trying('x'),
      change: fell,
      want: anImageState({
        inForce: { digest: a, since: 1 },
        rolledBack: [{ digest: b, since: 9, tried: 5, reason: 'neverStarted' }],
      }),
    },
    {
      name: 'is not moved by what another one showed',
      given: trying(),
      change: { ...fell, digest: c },
      want: trying(),
    },
    {
      name: 'is not moved by what it showed as an earlier one',
      given: trying(),
      change: { ...fell, since: 4 },
      want: trying(),
    },
  ])('$name', ({ given, change, want }) => {
    expect(applied(given, change, policy, 9)).toEqual(want);
  });

  it('is settled once, whoever writes first', () => {
    const once = applied(trying('x'), proved('y'), policy, 9);
    expect(applied(once, proved('y', 'z'), policy, 10)).toEqual(once);
    expect(applied(once, fell, policy, 10)).toEqual(once);
    const late = applied(trying('x'), proved('z'), policy, 11);
    expect(joinImages([once, late]).inForce).toEqual(late.inForce);
  });
});

describe('an image that was built', () => {
  const image = { digest: c, version: '5.279.0', builtAt: 7 };

  it('becomes the candidate, in the place of one that is not proven', () => {
    expect(offered(trying('x'), image, 9, false).candidate).toEqual({ ...image, since: 9, proven: [] });
  });

  it.each([
    { name: 'is in force', given: anImageState({ inForce: { digest: c, since: 1 } }), want: 'inForce' },
    {
      name: 'is the candidate',
      given: anImageState({ candidate: { digest: c, since: 1, proven: ['x'] } }),
      want: 'candidate',
    },
    { name: 'was rolled back', given: anImageState({ rolledBack: [{ digest: c, since: 1 }] }), want: 'rolledBack' },
  ])('changes nothing where it $name', ({ given, want }) => {
    expect(offerRefusal(given, image)).toBe(want);
    expect(offered(given, image, 9, false)).toEqual(given);
  });

  it('is tried again where somebody asks for it', () => {
    const state = offered(anImageState({ rolledBack: [{ digest: c, since: 1 }] }), image, 9, true);
    expect(joinImages([state]).candidate).toEqual({ ...image, since: 9, proven: [] });
  });
});

describe('going back on demand', () => {
  it('takes the last good image, and never the bad one by itself again', () => {
    const state = anImageState({
      inForce: { digest: b, since: 5 },
      good: [
        { digest: a, since: 5 },
        { digest: c, since: 3 },
      ],
    });
    expect(restored(state, 9)).toEqual(
      anImageState({
        inForce: { digest: a, since: 9 },
        good: [{ digest: c, since: 3 }],
        rolledBack: [{ digest: b, since: 9, reason: 'requested' }],
      }),
    );
    expect(joinImages([state, restored(state, 9)])).toEqual(restored(state, 9));
  });

  it('changes nothing where there is none', () => {
    const state = anImageState({ inForce: { digest: b, since: 5 } });
    expect(restored(state, 9)).toEqual(state);
    expect(restored(anImageState(), 9)).toEqual(anImageState());
  });
});

describe('a clock that is behind the one that wrote before', () => {
  const early = 2;
  const other = anImageState({ inForce: { digest: a, since: 4 }, candidate: { digest: b, since: 5, proven: [] } });

  it('ends a candidate for all maps', () => {
    const gone = applied(other, fell, policy, early);
    expect(joinImages([gone, other])).not.toHaveProperty('candidate');
  });

  it('brings one into force on all maps', () => {
    const after = applied(other, proved('x', 'y'), policy, early);
    expect(joinImages([after, other]).inForce?.digest).toBe(b);
  });

  it('goes back on all maps', () => {
    const state = anImageState({ inForce: { digest: b, since: 9 }, good: [{ digest: a, since: 9 }] });
    expect(joinImages([restored(state, early), state]).inForce?.digest).toBe(a);
  });

  it('lets people try again what was given up, and builds replace what is not proven', () => {
    const state = anImageState({ rolledBack: [{ digest: c, since: 9 }] });
    expect(joinImages([offered(state, { digest: c }, early, true), state]).candidate?.digest).toBe(c);
    expect(joinImages([offered(other, { digest: c }, early, false), other]).candidate?.digest).toBe(c);
  });
});
