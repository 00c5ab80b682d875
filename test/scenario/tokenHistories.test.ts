/**
 * The net under tokens: random histories, two rotations at once with a crash before and after every outside call, and
 * twenty tokens due at once. `npm run simulate -- --tokens --seed S --trace` tells a failing history as a story.
 */
import { describe, expect, it } from 'vitest';
import { runTokenCrashes } from '../../infra/local/simulation/tokens/manyTokens.ts';
import { runTokenBurst } from '../../infra/local/simulation/tokens/tokenBurst.ts';
import { runTokenHistory } from '../../infra/local/simulation/tokens/tokenHistory.ts';

const batch = 60;
/** New ones in every run; the test's name tells where to find a failure again. */
const freshSeed = 1_000_000 + (Math.floor(Date.now() / 1000) % 1_000_000);

describe('histories of a token', () => {
  it.each([1, freshSeed])('lock nobody out from seed %i on', { timeout: 60_000 }, async (first) => {
    const found: string[] = [];
    const sums = { rotations: 0, revoked: 0, probes: 0, failedProbes: 0 };
    for (let seed = first; seed < first + batch; seed++) {
      const result = await runTokenHistory({ seed });
      found.push(...result.violations.map((violation) => `seed ${seed}: ${violation}`));
      for (const key of ['rotations', 'revoked', 'probes', 'failedProbes'] as const) sums[key] += result[key];
    }
    expect(found).toEqual([]);
    expect(sums.failedProbes).toBe(0);
    expect(sums.rotations).toBeGreaterThan(batch);
    expect(sums.revoked).toBeGreaterThan(batch);
    expect(sums.probes).toBeGreaterThan(batch * 36_000);
  });

  it('are the same when told again', async () => {
    expect(await runTokenHistory({ seed: 42 })).toEqual(await runTokenHistory({ seed: 42 }));
  });
});

describe('a crash at any outside call of two rotations at once', () => {
  it('before and after each of them, locks nobody out and leaves one PAT', { timeout: 120_000 }, async () => {
    const { callsEnumerated, violations } = await runTokenCrashes(7);
    expect(violations).toEqual([]);
    expect(callsEnumerated).toBeGreaterThan(100);
  });
});

describe('twenty tokens due at once', () => {
  it('are all rotated although the vault slows them down', async () => {
    const { tookMs, throttled, widest, vaultCalls, probes, ...burst } = await runTokenBurst();
    expect(burst).toEqual({ tokens: 20, rotated: 20, failedProbes: 0, violations: [] });
    expect(throttled).toBeGreaterThan(0);
    expect(vaultCalls).toBeGreaterThan(100);
    expect(widest).toBeLessThanOrEqual(20);
    expect(tookMs).toBeLessThan(600_000);
    expect(probes).toBeGreaterThan(0);
  });
});
