/** Many histories of tokens in a row, crashes at every call of some, and a burst: one line of JSON for whoever counts. */
import { runTokenBurst } from './tokenBurst.ts';
import { runTokenHistory, type TokenHistoryResult } from './tokenHistory.ts';
import type { TokenScenario } from './tokenScenario.ts';

interface Totals {
  histories: number;
  violations: number;
  rotations: number;
  revoked: number;
  mostLive: number;
  probes: number;
  failedProbes: number;
  calls: number;
  crashes: number;
  warnings: number;
}

const noTotals = (): Totals => ({
  histories: 0,
  violations: 0,
  rotations: 0,
  revoked: 0,
  mostLive: 0,
  probes: 0,
  failedProbes: 0,
  calls: 0,
  crashes: 0,
  warnings: 0,
});

function add(totals: Totals, result: TokenHistoryResult): void {
  totals.histories += 1;
  totals.violations += result.violations.length;
  for (const key of ['rotations', 'revoked', 'probes', 'failedProbes', 'calls', 'crashes', 'warnings'] as const)
    totals[key] += result[key];
  totals.mostLive = Math.max(totals.mostLive, result.mostLive);
}

/** Nothing goes wrong but the crash: two rotations on demand at once, spread over two clusters, and a later pass that revokes. */
export const twins = (drawn: TokenScenario): TokenScenario => ({
  ...drawn,
  mode: 'rotate',
  planes: 2,
  copies: [
    { cluster: 'east', secret: 'agent-token', key: 'token' },
    { cluster: 'west', secret: 'agent-token', key: 'token' },
  ],
  latencyMs: 500,
  maxLifespanMs: Number.POSITIVE_INFINITY,
  lifetimeMs: 90 * 86_400_000,
  asked: [
    { atMs: 600_000, deliveries: [0] },
    { atMs: 600_500, deliveries: [0] },
  ],
  deeds: [],
  outages: [],
  lagMs: 0,
  refusal: undefined,
  faultRate: 0,
  deaths: [],
  signedIn: true,
});

export interface TokenCrashes {
  readonly callsEnumerated: number;
  readonly results: readonly TokenHistoryResult[];
  readonly violations: readonly string[];
}

/** One history again and again, with a crash before and after every outside call that its undisturbed run made. */
export async function runTokenCrashes(seed: number): Promise<TokenCrashes> {
  const undisturbed = await runTokenHistory({ seed, scenario: twins });
  const results: TokenHistoryResult[] = [];
  const violations = [...undisturbed.violations];
  for (let atCall = 0; atCall < undisturbed.calls; atCall++) {
    for (const when of ['before', 'after'] as const) {
      const result = await runTokenHistory({ seed, scenario: twins, crash: { atCall, when } });
      results.push({ ...result, violations: [] });
      violations.push(...result.violations.map((violation) => `crash ${when} call ${atCall}: ${violation}`));
      if (result.crashes !== 1) violations.push(`crash ${when} call ${atCall}: ${result.crashes} crashes`);
    }
  }
  return { callsEnumerated: undisturbed.calls, results, violations };
}

/** Seeds whose every call is crashed at; each makes another interleaving of the two rotations. */
const crashedSeeds = 3;

interface Many {
  readonly count: number;
  readonly firstSeed: number;
  readonly write: (line: string) => void;
}

async function runHistories({ count, firstSeed, write }: Many) {
  const totals = noTotals();
  const failedSeeds: number[] = [];
  for (let seed = firstSeed; seed < firstSeed + count; seed++) {
    const result = await runTokenHistory({ seed });
    add(totals, result);
    if (result.violations.length > 0) failedSeeds.push(seed);
    for (const violation of result.violations) write(`seed ${seed}: ${violation}`);
    if (totals.histories % 500 === 0)
      write(`${totals.histories} of ${count} histories of tokens, ${totals.violations} violations`);
  }
  return { ...totals, firstSeed, failedSeeds };
}

async function runCrashed({ firstSeed, write }: Many) {
  const totals = noTotals();
  let callsEnumerated = 0;
  for (let seed = firstSeed; seed < firstSeed + crashedSeeds; seed++) {
    const crashes = await runTokenCrashes(seed);
    callsEnumerated += crashes.callsEnumerated;
    for (const violation of crashes.violations) write(`seed ${seed}, ${violation}`);
    for (const result of crashes.results) add(totals, result);
    totals.violations += crashes.violations.length;
  }
  return { callsEnumerated, ...totals };
}

/** Runs it all and answers how many violations there were. */
export async function runManyTokens(many: Many): Promise<number> {
  const tokens = await runHistories(many);
  const crashed = await runCrashed(many);
  const { violations, ...burst } = await runTokenBurst();
  for (const violation of violations) many.write(`burst: ${violation}`);
  many.write(JSON.stringify({ tokens, crashed, burst: { ...burst, violations: violations.length } }));
  return tokens.violations + crashed.violations + violations.length + (burst.tokens - burst.rotated);
}
