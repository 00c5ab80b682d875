/**
 * The net under everything: random histories on virtual time, and one small history again for a crash before and after
 * every outside call. `npm run simulate -- --seed S --trace` tells a failing one as a story.
 */
import { describe, expect, it } from 'vitest';
import { runHistory } from '../../infra/local/simulation/history.ts';
import type { Scenario } from '../../infra/local/simulation/scenario.ts';

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

/** Nothing goes wrong but the crash, and every kind of step occurs: create, theft, cancellation, disable, retire. */
const quiet = (drawn: Scenario): Scenario => ({
  ...drawn,
  clusters: ['east'],
  policies: drawn.policies.slice(0, 1).map((policy) => ({ ...policy, clusters: ['east'], maxAgents: 100 })),
  planes: 1,
  parallelJobs: 100,
  arrivals: [
    { atMs: 0, poolId: 7, demands: [], durationMs: 5000, parallelism: 'private' },
    { atMs: 0, poolId: 7, demands: ['docker'], durationMs: 5000, parallelism: 'private', cancelAfterMs: 3000 },
  ],
  hooks: { lost: 0, copies: 1, delayMs: 0 },
  latencyMs: 100,
  trouble: 0,
  faultRate: 0,
  deaths: [],
  disasters: [],
  faultsEndMs: 1000,
  overlapChance: 0,
});

describe('a crash at any outside call', () => {
  it('before and after each of them, harms nobody and leaves nothing behind', { timeout: 120_000 }, async () => {
    const undisturbed = await runHistory({ seed: 5, scenario: quiet });
    expect(undisturbed.violations).toEqual([]);
    const found: string[] = [];
    for (let atCall = 0; atCall < undisturbed.calls; atCall++) {
      for (const when of ['before', 'after'] as const) {
        const { violations, crashes } = await runHistory({ seed: 5, scenario: quiet, crash: { atCall, when } });
        found.push(...violations.map((violation) => `${when} call ${atCall}: ${violation}`));
        if (crashes !== 1) found.push(`${when} call ${atCall}: ${crashes} crashes`);
      }
    }
    expect(found).toEqual([]);
    expect(undisturbed.calls).toBeGreaterThan(40);
  });
});
