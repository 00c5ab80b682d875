/**
 * The net under everything: random histories on virtual time. `npm run simulate -- --seed S --trace` tells a failing one
 * as a story.
 */
import { describe, expect, it } from 'vitest';
import { runHistory } from '../../infra/local/simulation/history.ts';

/** Of one test: a hundred of known seeds and a hundred of new ones in all. */
const batch = 10;
const batches = Array.from({ length: 10 }, (_, index) => index * batch);
/** New ones in every run; the test's name tells where to find a failure again. */
const freshSeed = 1_000_000 + (Math.floor(Date.now() / 1000) % 1_000_000);

async function violationsOf(seeds: readonly number[]): Promise<readonly string[]> {
  const found: string[] = [];
  for (const seed of seeds) {
    const { violations } = await runHistory({ seed });
    found.push(...violations.map((violation) => `seed ${seed}: ${violation}`));
  }
  return found;
}

describe('simulated histories', () => {
  const firsts = batches.flatMap((offset) => [offset + 1, freshSeed + offset]);
  it.each(firsts)('hold every invariant from seed %i on', { timeout: 60_000 }, async (first) => {
    const seeds = Array.from({ length: batch }, (_, index) => first + index);
    expect(await violationsOf(seeds)).toEqual([]);
  });

  it('are the same when told again', async () => {
    expect(await runHistory({ seed: 42 })).toEqual(await runHistory({ seed: 42 }));
  });
});
