/** What a rebuild does when maps, builders and registries answer late, half, or not at all. */
import { describe, expect, it } from 'vitest';
import type { BuildRecord, ImageState } from '../../../../shared/domain/imageState.ts';
import { minutesMs } from '../../../../shared/domain/instant.ts';
import { rebuildImages } from '../../../../shared/reconcile/images/rebuildImages.ts';
import { has, imageParts, MapInMemory, type Parts, upstream } from '../../../support/imageParts.ts';
import { anImageState, digest } from '../../../support/images.ts';

const noon = Date.UTC(2026, 2, 8, 12);
const [a, b, c] = [digest('a'), digest('b'), digest('c')];
const key = 'linux-2026-W10';
const seen = { week: '2026-W10' };
const record = (overrides: Partial<BuildRecord> = {}): BuildRecord => ({
  key,
  state: 'running',
  try: 1,
  since: noon,
  id: `run-${key}`,
  reason: 'weekly',
  ...overrides,
});

async function look(parts: Parts): Promise<ImageState> {
  await rebuildImages(parts.deps);
  return parts.maps[0]?.state() ?? anImageState();
}

/** Looks every five minutes. */
async function looks(parts: Parts, minutes: number): Promise<ImageState> {
  const end = parts.now + minutesMs(minutes);
  while (parts.now < end) {
    parts.now += minutesMs(5);
    await rebuildImages(parts.deps);
  }
  return parts.maps[0]?.state() ?? anImageState();
}

const starts = ({ builder }: Parts): readonly string[] => builder.calls.filter((call) => call.startsWith('start'));

describe('the image before the first build', () => {
  it('has to stand on the map before anything is built', async () => {
    const all = imageParts([new MapInMemory()], noon);
    has(all, a);
    const [map] = all.maps;
    if (map) map.refused = 1;
    await look(all);
    expect([starts(all), map?.state().inForce]).toEqual([[], undefined]);
    const state = await look(all);
    expect(starts(all)).toEqual([`start ${key}`]);
    expect(state.inForce?.digest).toBe(a);
  });

  it('is not taken from the tag where only people removed what was in force', async () => {
    const good = [{ digest: c, since: 1 }];
    const all = imageParts([new MapInMemory({ good, seen })], noon);
    has(all, b);
    expect((await look(all)).inForce).toBeUndefined();
  });
});

describe('a wish to go back', () => {
  it('is fulfilled once, though one of the maps does not take it at first', async () => {
    const inForce = { digest: c, since: 5 };
    const good = [
      { digest: b, since: 5 },
      { digest: a, since: 3 },
    ];
    const home = new MapInMemory({ inForce, good, seen });
    const other = new MapInMemory({ inForce, good, requested: { kind: 'rollback' } });
    const all = imageParts([home, other], noon);
    other.refused = 1;
    await look(all);
    all.now += minutesMs(60);
    await look(all);
    all.now += minutesMs(60);
    await look(all);
    for (const map of [home, other]) {
      expect(map.state()).toMatchObject({ inForce: { digest: b }, rolledBack: [{ digest: c }] });
      expect(map.state().requested).toBeUndefined();
    }
  });
});

describe('what a build pushed', () => {
  const inForce = { digest: a, since: 1, builtAt: 1 };
  const built = (state: Partial<ImageState> = {}): Parts =>
    imageParts([new MapInMemory({ build: record({ state: 'built' }), seen, inForce, ...state })], noon);

  it('may show at the registry some minutes later: a replica lags behind', async () => {
    const all = built();
    has(all, a);
    expect((await look(all)).build?.state).toBe('built');
    has(all, b);
    all.now += minutesMs(2);
    expect(await look(all)).toMatchObject({ build: { state: 'done' }, candidate: { digest: b } });
    expect((await look(all)).moved).toBeUndefined();
  });

  it('may not be there at all for some minutes', async () => {
    const all = built({ build: record({ state: 'built', digest: b }) });
    has(all, a);
    expect((await look(all)).build?.state).toBe('built');
    has(all, b, false);
    expect((await look(all)).candidate?.digest).toBe(b);
  });

  it('is nothing new where the tag stays as it was', async () => {
    const all = built();
    has(all, a);
    const state = await looks(all, 15);
    expect(state).toMatchObject({ build: { state: 'done' }, inForce: { digest: a, builtAt: 1000 } });
    expect(state).not.toHaveProperty('candidate');
  });

  it('is not what somebody else had pushed before', async () => {
    const all = built({ moved: { digest: c, since: 2 } });
    has(all, c);
    const state = await looks(all, 15);
    expect(state.build).toMatchObject({ state: 'failed', reason: 'notPushed' });
    expect(state).not.toHaveProperty('candidate');
    expect(state.moved?.digest).toBe(c);
  });
});

describe('a builder that never answers', () => {
  const down = async (): Promise<never> => {
    throw upstream('unavailable');
  };

  it('has had its two tries in the end, and people are told', async () => {
    const all = imageParts([new MapInMemory({ seen: { week: '2026-W09' }, inForce: { digest: a, since: 1 } })], noon);
    has(all, a);
    all.builder.find = down;
    expect((await look(all)).build).toMatchObject({ state: 'starting', try: 1 });
    expect((await looks(all, 70)).build).toMatchObject({ state: 'starting', try: 2 });
    expect((await looks(all, 70)).build).toMatchObject({ state: 'failed', try: 2, reason: 'start_unavailable' });
    expect(starts(all)).toEqual([]);
  });

  it('is asked to start no more than a few times under one name', async () => {
    const all = imageParts([new MapInMemory({ seen: { week: '2026-W09' }, inForce: { digest: a, since: 1 } })], noon);
    has(all, a);
    all.builder.start = async ({ key: asked }) => {
      all.builder.calls.push(`start ${asked}`);
      throw upstream('unavailable');
    };
    const state = await looks(all, 12 * 60);
    expect(state.build).toMatchObject({ state: 'failed', try: 2, reason: 'notStarted' });
    expect(starts(all).length).toBeLessThanOrEqual(12);
  });

  it('counts as one that hangs where it should have been over long ago', async () => {
    const all = imageParts([new MapInMemory({ build: record(), seen, inForce: { digest: a, since: 1 } })], noon);
    has(all, a);
    all.builder.get = down;
    expect((await looks(all, 55)).build).toMatchObject({ state: 'running', try: 1 });
    expect((await looks(all, 10)).build).toMatchObject({ try: 2 });
  });
});
