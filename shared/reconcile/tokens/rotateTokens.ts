/**
 * Many tokens in one call. They share a vault, which slows down whoever asks too much: only a few are under way at once,
 * and those that were asked to come back later are come back to as long as there is time. What is left is in the reports.
 */
import type { EpochMs } from '../../domain/instant.ts';
import { bounded } from '../bounded.ts';
import { rotateToken, type TokenReport } from './rotateToken.ts';
import type { TokenDeps, TokenIntent } from './tokenDeps.ts';

/** Tokens under way at once. */
export const tokenWidth = 4;

interface Due {
  readonly deps: TokenDeps;
  readonly report: TokenReport;
  /** On this machine's clock. */
  readonly at: EpochMs;
}

/** Rejects never. The reports are in the order of the tokens: the last one of each. */
export async function rotateTokens(tokens: readonly TokenDeps[], intent: TokenIntent): Promise<readonly TokenReport[]> {
  const reports = new Map<TokenDeps, TokenReport>();
  let due = tokens;
  while (due.length > 0) {
    const looked = await bounded(due, tokenWidth, async (deps): Promise<Due> => {
      const report = await rotateToken(deps, intent);
      reports.set(deps, report);
      return { deps, report, at: deps.clock.now() + (report.lookAgainInMs ?? Number.POSITIVE_INFINITY) };
    });
    const again = looked.filter((one) => one.report.isCutShort && one.at < intent.deadlineAt);
    const [first] = again;
    if (first === undefined) break;
    // All of them at the latest of their times: whoever comes earlier than asked is throttled again, and all with it.
    const at = Math.max(...again.map((one) => one.at));
    await first.deps.clock.sleep(Math.max(0, at - first.deps.clock.now()));
    due = again.map(({ deps }) => deps);
  }
  return tokens.flatMap((deps) => reports.get(deps) ?? []);
}
