/** Many histories in a row, with progress for whoever waits and one line of JSON for whoever counts. */
import { runHistory } from './history.ts';
import type { HistoryResult } from './historyResult.ts';

export interface ManyOptions {
  readonly count: number;
  readonly firstSeed: number;
  readonly write: (line: string) => void;
}

interface Totals {
  histories: number;
  violations: number;
  requests: number;
  jobs: number;
  ran: number;
  lost: number;
  cancelled: number;
  crashes: number;
  calls: number;
  longestSettleMs: number;
}

const noTotals = (): Totals => ({
  histories: 0,
  violations: 0,
  requests: 0,
  jobs: 0,
  ran: 0,
  lost: 0,
  cancelled: 0,
  crashes: 0,
  calls: 0,
  longestSettleMs: 0,
});

function add(totals: Totals, result: HistoryResult): void {
  totals.histories += 1;
  totals.violations += result.violations.length;
  for (const key of ['requests', 'jobs', 'ran', 'lost', 'cancelled', 'crashes', 'calls'] as const)
    totals[key] += result[key];
  totals.longestSettleMs = Math.max(totals.longestSettleMs, result.settledAfterMs);
}

/** Runs them and answers how many violations there were. */
export async function runMany({ count, firstSeed, write }: ManyOptions): Promise<number> {
  const totals = noTotals();
  const failed: number[] = [];
  for (let seed = firstSeed; seed < firstSeed + count; seed++) {
    const result = await runHistory({ seed });
    add(totals, result);
    if (result.violations.length > 0) failed.push(seed);
    for (const violation of result.violations) write(`seed ${seed}: ${violation}`);
    if (totals.histories % 100 === 0)
      write(`${totals.histories} of ${count} histories, ${totals.violations} violations`);
  }
  write(JSON.stringify({ ...totals, firstSeed, failedSeeds: failed }));
  return totals.violations;
}

/** One history again and again, with a crash before and after every outside call that its undisturbed run made. */
export async function runCrashes({
  seed,
  write,
}: {
  readonly seed: number;
  readonly write: (line: string) => void;
}): Promise<number> {
  const undisturbed = await runHistory({ seed });
  const totals = noTotals();
  for (let atCall = 0; atCall < undisturbed.calls; atCall++) {
    for (const when of ['before', 'after'] as const) {
      const result = await runHistory({ seed, crash: { atCall, when } });
      add(totals, result);
      for (const violation of result.violations) write(`seed ${seed}, crash ${when} call ${atCall}: ${violation}`);
    }
    if (atCall % 50 === 49) write(`${atCall + 1} of ${undisturbed.calls} calls, ${totals.violations} violations`);
  }
  write(JSON.stringify({ ...totals, seed, callsEnumerated: undisturbed.calls }));
  return totals.violations;
}
