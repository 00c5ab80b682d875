import { describe, expect, it } from 'vitest';
import { mergeControls, readControl } from '../../../shared/domain/control.ts';
import { formatField, readImageState, readImages } from '../../../shared/domain/imageRecords.ts';
import { type ImageState, imageFields, imageKey, imageShort } from '../../../shared/domain/imageState.ts';
import { anImageState, digest } from '../../support/images.ts';

const image6 = imageShort('linux');
const key = (field: Parameters<typeof imageKey>[1]): string => imageKey(image6, field);
const at = (text: string): number => Date.parse(text);

const full: ImageState = {
  inForce: {
    digest: digest('a'),
    version: '5.278.0',
    since: at('2026-03-02T12:00Z'),
    builtAt: at('2026-03-01T02:10Z'),
  },
  candidate: { digest: digest('b'), since: at('2026-03-08T02:20Z'), proven: ['mf-a-1', 'mf-a-2'] },
  good: [
    { digest: digest('c'), version: '5.277.0', since: at('2026-03-02T12:00Z') },
    { digest: 'configured', since: at('2026-02-02T12:00Z') },
  ],
  rolledBack: [{ digest: digest('d'), since: at('2026-02-20T12:00Z'), reason: 'neverStarted' }],
  moved: { digest: digest('e'), since: at('2026-03-07T12:00Z') },
  build: {
    key: 'linux-2026-W10',
    state: 'running',
    try: 2,
    since: at('2026-03-08T02:00Z'),
    id: '4711',
    reason: 'weekly',
  },
  seen: { week: '2026-W10', agent: '5.278.0', base: digest('f') },
  excerpt: 'error: no space\nleft on device',
  requested: { kind: 'try', digest: digest('d') },
};

const written = (state: ImageState): Record<string, string> =>
  Object.fromEntries(
    imageFields.flatMap((field) => {
      const text = formatField(state, field);
      return text === undefined ? [] : [[key(field), text]];
    }),
  );

describe('the state of an image on a map', () => {
  it('is read back as it was written', () => {
    expect(readImageState(written(full), image6)).toEqual({ state: full, damaged: new Set() });
    expect(written(anImageState())).toEqual({});
  });

  it('is in words that people can read', () => {
    const { [key('candidate')]: candidate, [key('rolledBack')]: gone, [key('build')]: build } = written(full);
    expect([candidate, gone, build]).toEqual([
      `${digest('b')} since=2026-03-08T02:20:00.000Z proven=mf-a-1,mf-a-2`,
      `${digest('d')} since=2026-02-20T12:00:00.000Z reason=neverStarted`,
      'linux-2026-W10 state=running try=2 since=2026-03-08T02:00:00.000Z id=4711 reason=weekly',
    ]);
  });

  it.each([
    { field: 'inForce', text: 'sha256:abc since=2026-03-02T12:00Z' },
    { field: 'inForce', text: `${digest('a')} since=yesterday` },
    { field: 'inForce', text: `${digest('a')} since=2026-03-02T12:00Z since=2026-03-02T12:00Z` },
    { field: 'candidate', text: digest('a') },
    { field: 'good', text: `${digest('a')} since=2026-03-02T12:00Z\nnonsense` },
    { field: 'rolledBack', text: 'latest since=2026-03-02T12:00Z' },
    { field: 'build', text: 'linux-2026-W10 state=soon since=2026-03-02T12:00Z' },
    { field: 'seen', text: 'week=2026-W10 what' },
    { field: 'requested', text: 'rebuild' },
    { field: 'requested', text: 'try latest' },
    { field: 'requested', text: 'build now' },
  ] as const)('tells of damage and is as if $field were not there: $text', ({ field, text }) => {
    const data = { ...written({ good: [], rolledBack: [] }), [key(field)]: text };
    expect(readImageState(data, image6)).toEqual({ state: anImageState(), damaged: new Set([field]) });
    expect(readImages(data).problems).toEqual([`${key(field)} cannot be read and is left as it is`]);
  });

  it.each([
    { text: 'build', want: { kind: 'build' } },
    { text: ' rollback\n', want: { kind: 'rollback' } },
    { text: `try ${digest('a')}`, want: { kind: 'try', digest: digest('a') } },
    { text: '', want: undefined },
  ])('takes what people ask for: $text', ({ text, want }) => {
    expect(readImageState({ [key('requested')]: text }, image6).state.requested).toEqual(want);
  });

  it('is part of what a control map says', () => {
    const control = readControl({ ...written(full), [imageKey('other1', 'inForce')]: 'nonsense', paused: 'true' });
    expect(control.images?.get(image6)).toEqual(full);
    expect(control.problems).toEqual([`${imageKey('other1', 'inForce')} cannot be read and is left as it is`]);
    expect(readControl({ paused: 'true' })).not.toHaveProperty('images');
    const merged = mergeControls([control, readControl({ paused: 'false' })]);
    expect(merged.images?.get(image6)).toEqual(full);
  });
});
