import { describe, expect, it } from 'vitest';
import type { BuildRecord, ImageState } from '../../../../shared/domain/imageState.ts';
import { minutesMs } from '../../../../shared/domain/instant.ts';
import { nextLookOf, rebuildImages } from '../../../../shared/reconcile/images/rebuildImages.ts';
import { has, imageParts, MapInMemory, type Parts, upstream, written } from '../../../support/imageParts.ts';
import { anImageState, digest } from '../../../support/images.ts';

const noon = Date.UTC(2026, 2, 8, 12);
const [a, b, c] = [digest('a'), digest('b'), digest('c')];
const key = 'linux-2026-W10';
const from = 'registry.contoso.example/agent';
const seen = { week: '2026-W10', agent: '5.279.0' };
const record = (overrides: Partial<BuildRecord> = {}): BuildRecord => ({
  key,
  state: 'running',
  try: 1,
  since: noon - minutesMs(10),
  id: `run-${key}`,
  reason: 'weekly',
  ...overrides,
});
const { id: _, ...starting } = record({ state: 'starting' });

async function look(parts: Parts): Promise<ImageState> {
  await rebuildImages(parts.deps);
  return parts.maps[0]?.state() ?? anImageState();
}

/** One map, its image in this state. */
const parts = (state: Partial<ImageState> = {}, ...more: Parameters<typeof imageParts>[2][]): Parts =>
  imageParts([new MapInMemory(state)], noon, ...more);

describe('a build that is due', () => {
  it('is written down, looked for, started, and looked for once more', async () => {
    const all = parts({}, { agentPackage: 'linux-x64' });
    const [report] = await rebuildImages(all.deps);
    expect(all.builder.calls).toEqual([`find ${key}`, `start ${key}`, `find ${key}`]);
    expect(all.maps[0]?.state()).toEqual(anImageState({ build: record({ since: noon }), seen }));
    expect(report).toMatchObject({ image: 'linux', errors: [], nextLookAt: noon + minutesMs(1) });
    expect(report?.steps).toEqual([`ordered ${key}: weekly`, `started ${key}`, `follows run-${key}`]);
    expect(nextLookOf(await rebuildImages(all.deps))).toBe(noon + minutesMs(1));
  });

  it('is taken over where somebody has started it', async () => {
    const all = parts();
    all.builder.builds.set(key, { id: 'theirs', status: 'running' });
    expect((await look(all)).build).toMatchObject({ state: 'running', id: 'theirs' });
    expect(all.builder.calls).toEqual([`find ${key}`]);
  });

  it('is not started by whom another was quicker than', async () => {
    const all = parts();
    const [map] = all.maps;
    if (map) map.before = (data) => ({ ...data, ...written({ build: starting }) });
    expect((await look(all)).build).toEqual(starting);
    expect(all.builder.calls).toEqual([]);
  });

  it('is not started while its map cannot be read, though others can', async () => {
    const all = imageParts([new MapInMemory(), new MapInMemory()], noon);
    const [home] = all.maps;
    if (home) home.down = true;
    const [report] = await rebuildImages(all.deps);
    expect(all.builder.calls).toEqual([]);
    expect(report?.errors.length).toBeGreaterThan(0);
  });

  it('is the same that somebody else has started at the same moment', async () => {
    const all = parts();
    all.builder.onStart = async () => {
      all.builder.builds.set(key, { id: 'theirs', status: 'queued' });
      throw upstream('conflict');
    };
    expect((await look(all)).build).toMatchObject({ state: 'running', id: 'theirs' });
  });

  it('gives way to an earlier one that shows only after the start', async () => {
    const all = parts();
    all.builder.onStart = async () => {
      all.builder.builds.set(key, { id: 'theirs', status: 'running' });
      return { id: 'mine', status: 'queued' };
    };
    expect((await look(all)).build).toMatchObject({ state: 'running', id: 'theirs' });
    expect(all.builder.calls).toContain('cancel mine');
  });

  it.each(['timeout', 'unavailable', 'throttled', 'unexpected'] as const)(
    'is looked for, and not started again, after a start that ended with %s',
    async (kind) => {
      const all = parts();
      all.builder.onStart = async (asked) => {
        all.builder.builds.set(asked, { id: 'it', status: 'running' });
        throw upstream(kind);
      };
      expect((await look(all)).build?.state).toBe('starting');
      all.now += minutesMs(1);
      expect((await look(all)).build).toMatchObject({ state: 'running', id: 'it', try: 1 });
      expect(all.builder.calls.filter((call) => call.startsWith('start'))).toHaveLength(1);
    },
  );

  it('is started again once it is sure that nothing came of the first start', async () => {
    const all = parts({ build: { ...starting, since: noon - minutesMs(4) }, seen });
    expect((await look(all)).build?.state).toBe('starting');
    expect(all.builder.calls).toEqual([`find ${key}`]);
    all.now += minutesMs(2);
    expect((await look(all)).build).toMatchObject({ state: 'running', since: all.now, try: 1 });
  });

  it('is tried twice where the builder refuses it', async () => {
    const all = parts();
    const refuse = async (): Promise<never> => {
      throw upstream('forbidden');
    };
    all.builder.onStart = refuse;
    const first = await look(all);
    expect(first).toMatchObject({ build: { state: 'starting', try: 2 }, excerpt: expect.stringMatching(/forbidden/) });
    all.builder.onStart = refuse;
    all.now += minutesMs(6);
    expect((await look(all)).build).toMatchObject({ state: 'failed', try: 2, reason: 'start_forbidden' });
  });
});

describe('an image of which nothing is known', () => {
  it('is in force as the tag has it, before the first build moves that', async () => {
    const all = parts();
    has(all, a);
    const state = await look(all);
    expect(state.inForce).toEqual({ digest: a, from, version: '5.279.0', builtAt: 1000, since: noon });
    expect(state.build?.state).toBe('running');
  });

  it('is not built while nobody can tell what the tag stands for', async () => {
    const all = parts();
    all.images.set(all.policy.reference, 'down');
    expect(await look(all)).toEqual(anImageState());
    expect(all.builder.calls).toEqual([]);
  });

  it('is built where there is no such tag', async () => {
    const state = await look(parts());
    expect(state.inForce).toBeUndefined();
    expect(state.build?.state).toBe('running');
  });
});

describe('a build under way', () => {
  const running = (build: Partial<BuildRecord> = {}): Parts => parts({ build: record(build), seen });

  it('is followed as long as it may take', async () => {
    const all = running();
    all.builder.builds.set(key, { id: `run-${key}`, status: 'queued' });
    expect((await look(all)).build).toEqual(record());
    expect(all.maps[0]?.writes).toBe(0);
  });

  it('is cancelled after that, and built anew under another key', async () => {
    const all = running({ since: noon - minutesMs(61) });
    all.builder.builds.set(key, { id: `run-${key}`, status: 'running' });
    expect((await look(all)).build).toMatchObject({ key, state: 'running', try: 2, id: `run-${key}-t2` });
    expect(all.builder.calls).toContain(`cancel run-${key}`);
  });

  it.each([
    { name: 'fails', status: 'failed', reason: 'failed' },
    { name: 'is cancelled by somebody', status: 'canceled', reason: 'canceled' },
  ] as const)('that $name is built anew, then given up with the end of its log', async ({ status, reason }) => {
    const all = running();
    const excerpt = `${'x'.repeat(5000)} no space left`;
    all.builder.builds.set(key, { id: `run-${key}`, status, excerpt });
    expect((await look(all)).build).toMatchObject({ state: 'running', try: 2 });
    all.builder.builds.set(`${key}-t2`, { id: `run-${key}-t2`, status, excerpt });
    const state = await look(all);
    expect(state.build).toMatchObject({ state: 'failed', try: 2, reason });
    expect(state.excerpt).toHaveLength(4000);
    expect(state.excerpt).toMatch(/no space left$/);
  });

  it('that the builder no longer knows counts as failed', async () => {
    expect((await look(running())).build).toMatchObject({ state: 'running', try: 2 });
  });

  it('is left as it is while the builder does not answer', async () => {
    const all = running();
    all.builder.get = () => Promise.reject(upstream('unavailable'));
    expect((await look(all)).build).toEqual(record());
  });

  it('becomes the candidate by what the registry says of its tag', async () => {
    const all = running();
    has(all, b);
    all.builder.builds.set(key, { id: `run-${key}`, status: 'succeeded' });
    const state = await look(all);
    expect(state.build).toMatchObject({ state: 'done', since: noon });
    expect(state.candidate).toEqual({ digest: b, from, version: '5.279.0', builtAt: 1000, since: noon, proven: [] });
  });

  it('becomes it by its own digest where the builder tells that', async () => {
    const all = running();
    has(all, b);
    has(all, c, false);
    all.builder.builds.set(key, { id: `run-${key}`, status: 'succeeded', digest: c });
    expect((await look(all)).candidate?.digest).toBe(c);
  });

  it('waits while the registry is down', async () => {
    const all = running();
    all.images.set(all.policy.reference, 'down');
    all.builder.builds.set(key, { id: `run-${key}`, status: 'succeeded' });
    expect((await look(all)).build?.state).toBe('built');
    has(all, b);
    all.now += minutesMs(60);
    expect(await look(all)).toMatchObject({ build: { state: 'done' }, candidate: { digest: b } });
  });

  it.each([
    { name: 'pushed nothing', changes: {}, reason: 'notPushed' },
    {
      name: 'pushed where images may not come from',
      changes: { allowedRepositories: ['other.example/*'] },
      reason: 'notAllowed',
    },
  ])('that $name has failed for good', async ({ changes, reason }) => {
    const all = parts({ build: record({ state: 'built' }), seen }, changes);
    if (reason === 'notAllowed') has(all, b);
    const state = await look(all);
    expect(state.build).toMatchObject({ state: 'failed', reason });
    expect(state).not.toHaveProperty('candidate');
  });

  it('renews the image in force where it gave the same once more', async () => {
    const inForce = { digest: b, since: 5, builtAt: 1 };
    const all = parts({ build: record({ state: 'built' }), seen, inForce });
    has(all, b);
    expect(await look(all)).toEqual(
      anImageState({
        build: { ...record({ state: 'done' }), since: noon },
        seen,
        inForce: { ...inForce, from, builtAt: 1000 },
      }),
    );
  });
});

describe('several control maps', () => {
  const done = { build: record({ state: 'done' }), seen };

  it('come to know what any of them knows, builds and wishes aside', async () => {
    const home = new MapInMemory({ ...done, candidate: { digest: b, since: 5, proven: ['x'] } });
    const other = new MapInMemory({ rolledBack: [{ digest: c, since: 1 }], inForce: { digest: a, since: 2 } });
    const all = imageParts([home, other], noon);
    await rebuildImages(all.deps);
    const known = {
      inForce: { digest: a, since: 2 },
      candidate: { digest: b, since: 5, proven: ['x'] },
      rolledBack: [{ digest: c, since: 1 }],
    };
    expect(home.state()).toEqual(anImageState({ ...done, ...known }));
    expect(other.state()).toEqual(anImageState(known));
    const writes = home.writes + other.writes;
    await rebuildImages(all.deps);
    expect(home.writes + other.writes).toBe(writes);
  });

  it('drop a candidate that agents of one pool have shown to be bad', async () => {
    const home = new MapInMemory({ ...done, candidate: { digest: b, since: 5, proven: [] } });
    const other = new MapInMemory({ rolledBack: [{ digest: b, since: 9, reason: 'neverStarted' }] });
    await rebuildImages(imageParts([home, other], noon).deps);
    expect(home.state()).toEqual(
      anImageState({ ...done, rolledBack: [{ digest: b, since: 9, reason: 'neverStarted' }] }),
    );
  });

  it('take a wish from whichever it is written on, and go back once', async () => {
    const inForce = { digest: b, since: 5 };
    const good = [
      { digest: a, since: 5 },
      { digest: c, since: 3 },
    ];
    const home = new MapInMemory({ ...done, inForce, good });
    const other = new MapInMemory({ inForce, requested: { kind: 'rollback' } });
    await rebuildImages(imageParts([home, other], noon).deps);
    for (const map of [home, other]) {
      expect(map.state()).toMatchObject({
        inForce: { digest: a, since: noon },
        good: [{ digest: c }],
        rolledBack: [{ digest: b }],
      });
      expect(map.state().requested).toBeUndefined();
    }
  });

  it('let one that is out of reach learn of it later', async () => {
    const home = new MapInMemory({ ...done, candidate: { digest: b, since: 5, proven: [] } });
    const other = new MapInMemory();
    const all = imageParts([home, other], noon);
    other.down = true;
    await rebuildImages(all.deps);
    other.down = false;
    await rebuildImages(all.deps);
    expect(other.state().candidate?.digest).toBe(b);
  });
});

describe('wishes', () => {
  const idle = { build: record({ state: 'done' }), seen };

  it('for a build that is under way are answered by it', async () => {
    const all = parts({ build: record(), seen, requested: { kind: 'build' } });
    all.builder.builds.set(key, { id: `run-${key}`, status: 'running' });
    expect((await look(all)).requested).toBeUndefined();
    expect(all.builder.calls.some((call) => call.startsWith('start'))).toBe(false);
  });

  it('to try an image wait for a registry that is down', async () => {
    const all = parts({ ...idle, requested: { kind: 'try', digest: c }, rolledBack: [{ digest: c, since: 1 }] });
    all.images.set(`registry.contoso.example/agent@${c}`, 'down');
    expect((await look(all)).requested).toEqual({ kind: 'try', digest: c });
    has(all, c, false);
    const state = await look(all);
    expect(state.candidate?.digest).toBe(c);
    expect(state.requested).toBeUndefined();
  });

  it('to try what the registry does not have are dropped', async () => {
    const state = await look(parts({ ...idle, requested: { kind: 'try', digest: c } }));
    expect(state).toEqual(anImageState(idle));
  });

  it('to go back where there is nothing to go back to are dropped', async () => {
    const state = await look(parts({ ...idle, inForce: { digest: b, since: 5 }, requested: { kind: 'rollback' } }));
    expect(state).toEqual(anImageState({ ...idle, inForce: { digest: b, since: 5 } }));
  });
});

describe('a damaged value', () => {
  it('is kept, and nothing is built over it', async () => {
    const all = parts();
    const [map] = all.maps;
    const damaged = Object.fromEntries(Object.keys(written({ build: starting })).map((each) => [each, 'soon']));
    if (map) map.data = { ...damaged };
    const [report] = await rebuildImages(all.deps);
    expect(map?.data).toEqual(damaged);
    expect(all.builder.calls).toEqual([]);
    expect(report?.errors).toContainEqual(expect.objectContaining({ kind: 'invalid' }));
  });
});
