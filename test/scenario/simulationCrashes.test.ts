/** One small history on virtual time, again for a crash before and after every outside call. */
import { describe, expect, it } from 'vitest';
import { runHistory } from '../../infra/local/simulation/history.ts';
import type { Scenario } from '../../infra/local/simulation/scenario.ts';

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

/** Every so many calls in one test: together all of them, and none so long that a slow machine is a failure. */
const stride = 8;

describe('a crash at any outside call', () => {
  const undisturbed = runHistory({ seed: 5, scenario: quiet });

  it('comes to a history that is sound without it', async () => {
    const { violations, calls } = await undisturbed;
    expect(violations).toEqual([]);
    expect(calls).toBeGreaterThan(40);
  });

  it.each(Array.from({ length: stride }, (_, first) => first))(
    'before and after call %i and every eighth from it, harms nobody and leaves nothing behind',
    { timeout: 120_000 },
    async (first) => {
      const { calls } = await undisturbed;
      const found: string[] = [];
      for (let atCall = first; atCall < calls; atCall += stride) {
        for (const when of ['before', 'after'] as const) {
          const { violations, crashes } = await runHistory({ seed: 5, scenario: quiet, crash: { atCall, when } });
          found.push(...violations.map((violation) => `${when} call ${atCall}: ${violation}`));
          if (crashes !== 1) found.push(`${when} call ${atCall}: ${crashes} crashes`);
        }
      }
      expect(found).toEqual([]);
    },
  );
});
