/** What is asked of one history of a token, and what came of it. */
import type { Crash } from '../mortal.ts';
import type { TokenScenario } from './tokenScenario.ts';

export interface TokenHistoryOptions {
  readonly seed: number;
  /** Overrides what the seed drew. */
  readonly scenario?: (drawn: TokenScenario) => TokenScenario;
  readonly crash?: Crash;
  readonly trace?: (line: string) => void;
}

export interface TokenHistoryResult {
  readonly seed: number;
  readonly violations: readonly string[];
  readonly rotations: number;
  readonly revoked: number;
  readonly mostLive: number;
  readonly probes: number;
  readonly failedProbes: number;
  readonly calls: number;
  readonly crashes: number;
  readonly warnings: number;
}
