/** What is asked of one history, and what came of it. */
import type { JobAccount } from './jobLedger.ts';
import type { Crash } from './mortal.ts';
import type { Scenario } from './scenario.ts';
import type { Trace } from './trace.ts';

export interface HistoryResult {
  readonly seed: number;
  readonly violations: readonly string[];
  readonly requests: number;
  readonly jobs: number;
  readonly ran: number;
  readonly lost: number;
  readonly cancelled: number;
  readonly calls: number;
  readonly crashes: number;
  readonly account: JobAccount;
  /** Virtual time from the end of the faults until all was served and gone, in ms. */
  readonly settledAfterMs: number;
}

export interface HistoryOptions {
  readonly seed: number;
  /** Overrides what the seed drew. */
  readonly scenario?: (drawn: Scenario) => Scenario;
  readonly crash?: Crash;
  readonly trace?: Trace;
}
