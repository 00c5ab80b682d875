/** The process that rebuilds dies before or after any call that it makes; another one goes on. */
import { describe, expect, it } from 'vitest';
import { minutesMs } from '../../../../shared/domain/instant.ts';
import type { RebuildDeps, RebuiltImage } from '../../../../shared/reconcile/images/deps.ts';
import { rebuildImages } from '../../../../shared/reconcile/images/rebuildImages.ts';
import { has, imageParts, MapInMemory, type Parts, upstream } from '../../../support/imageParts.ts';
import { anImageState, digest } from '../../../support/images.ts';

const noon = Date.UTC(2026, 2, 8, 12);
const key = 'linux-2026-W10';

interface Crash {
  readonly atCall: number;
  readonly when: 'before' | 'after';
}

/** Counts calls; from the crash on none has any effect, or is heard. */
class Life {
  calls = 0;
  #isOver = false;
  readonly #crash: Crash | undefined;

  constructor(crash?: Crash) {
    this.#crash = crash;
  }

  /** The methods of `target`, each a call. */
  through<T extends object>(target: T): T {
    return new Proxy(target, {
      get: (inner, name) => {
        const method: unknown = Reflect.get(inner, name);
        if (typeof method !== 'function') return method;
        return (...given: readonly unknown[]) => this.#call(() => Reflect.apply(method, inner, given));
      },
    });
  }

  async #call(run: () => unknown): Promise<unknown> {
    const isLast = this.calls++ === this.#crash?.atCall;
    if (this.#isOver || (isLast && this.#crash?.when === 'before')) {
      this.#isOver = true;
      throw upstream('unavailable');
    }
    const answer = await run();
    if (!isLast) return answer;
    this.#isOver = true;
    throw upstream('unavailable');
  }
}

function depsOf({ deps }: Parts, life: Life): RebuildDeps {
  const images = deps.images.map(
    (image): RebuiltImage => ({
      ...image,
      builder: life.through(image.builder),
      places: image.places.map(({ cluster, poolId }) => ({ poolId, cluster: life.through(cluster) })),
    }),
  );
  return { ...deps, images, registry: life.through(deps.registry) };
}

interface End {
  readonly starts: readonly string[];
  readonly state: string | undefined;
  readonly candidate: string | undefined;
  readonly inForce: string | undefined;
}

/** From the eighth minute on every build is over, and has pushed. */
function finishBuilds(all: Parts): void {
  for (const [each, build] of all.builder.builds) all.builder.builds.set(each, { ...build, status: 'succeeded' });
  has(all, digest('b'));
}

function endOf({ builder, maps }: Parts): End {
  const [home = anImageState(), other = home] = maps.map((map) => map.state());
  const isSpread = other.candidate?.digest === home.candidate?.digest;
  return {
    starts: builder.calls.filter((call) => call.startsWith('start')),
    state: home.build?.state,
    candidate: isSpread ? home.candidate?.digest : 'not the same on both maps',
    inForce: home.inForce?.digest,
  };
}

/** Looks once a minute: at first those of the process that dies, then those of its heir. */
async function story(crash: Crash | undefined): Promise<End & { readonly calls: number }> {
  const all = imageParts([new MapInMemory(), new MapInMemory()], noon);
  has(all, digest('a'));
  const life = new Life(crash);
  let deps = depsOf(all, life);
  for (let minute = 0; minute < 24; minute++) {
    all.now = noon + minutesMs(minute);
    if (minute >= 8) finishBuilds(all);
    await rebuildImages(deps);
    if (crash !== undefined && life.calls > crash.atCall) deps = depsOf(all, new Life());
  }
  return { ...endOf(all), calls: life.calls };
}

describe('a rebuild that is cut off', { timeout: 60_000 }, () => {
  it('comes to one build, one candidate and the image that was, wherever that happens', async () => {
    const { calls, ...whole } = await story(undefined);
    const want: End = { starts: [`start ${key}`], state: 'done', candidate: digest('b'), inForce: digest('a') };
    expect(whole).toEqual(want);
    const wrong: unknown[] = [];
    for (let atCall = 0; atCall < calls; atCall++) {
      for (const when of ['before', 'after'] as const) {
        const { calls: _, ...end } = await story({ atCall, when });
        if (JSON.stringify(end) !== JSON.stringify(want)) wrong.push({ atCall, when, ...end });
      }
    }
    expect(wrong).toEqual([]);
  });
});
