/**
 * npm run simulate -- --count N --first-seed S      N random histories, then one line of JSON
 * npm run simulate -- --seed S --trace              one of them, told as a story
 * npm run simulate -- --crashes --seed S            one of them again for a crash before and after every outside call
 * npm run simulate -- --tokens --count N            N histories of a token that is rotated, crashes at every outside call
 *                                                   of some, and twenty tokens at once; then one line of JSON
 */
import { Command, InvalidArgumentError } from 'commander';
import { runHistory } from '../local/simulation/history.ts';
import { runCrashes, runMany } from '../local/simulation/many.ts';
import { runManyTokens } from '../local/simulation/tokens/manyTokens.ts';
import { runTokenHistory } from '../local/simulation/tokens/tokenHistory.ts';
import { Trace } from '../local/simulation/trace.ts';

function wholeNumber(text: string): number {
  const number = Number(text);
  if (!Number.isSafeInteger(number) || number < 0) throw new InvalidArgumentError('A whole number from 0 is needed.');
  return number;
}

function count(text: string): number {
  if (wholeNumber(text) === 0) throw new InvalidArgumentError('A number from 1 is needed: no histories prove nothing.');
  return wholeNumber(text);
}

const command = new Command('simulate')
  .description('Runs random histories on virtual time and checks what must always hold.')
  .option('--count <n>', 'how many histories', count, 200)
  .option('--first-seed <s>', 'the seed of the first; the others follow', wholeNumber, 1)
  .option('--seed <s>', 'only this one', wholeNumber)
  .option('--trace', 'tell it as a story')
  .option('--crashes', 'repeat it with a crash before and after every outside call')
  .option('--tokens', 'histories of a token that is rotated')
  .parse();
const options = command.opts<{
  count: number;
  firstSeed: number;
  seed?: number;
  trace?: boolean;
  crashes?: boolean;
  tokens?: boolean;
}>();

// `npm run simulate ... | head`: who reads no further has seen enough.
process.stdout.on('error', () => process.exit(0));

const write = (line: string): void => {
  process.stdout.write(`${line}\n`);
};

async function tokens(): Promise<number> {
  const { seed, count, firstSeed } = options;
  if (seed === undefined) return runManyTokens({ count, firstSeed, write });
  const result = await runTokenHistory({ seed, ...(options.trace === true ? { trace: write } : {}) });
  write(JSON.stringify(result));
  return result.violations.length;
}

async function main(): Promise<number> {
  if (options.seed === undefined && (options.trace === true || options.crashes === true)) {
    command.error('error: --trace and --crashes need --seed: they tell of one history');
  }
  if (options.tokens === true) return tokens();
  if (options.seed === undefined) return runMany({ count: options.count, firstSeed: options.firstSeed, write });
  if (options.crashes === true) return runCrashes({ seed: options.seed, write });
  const trace = options.trace === true ? { trace: new Trace(write) } : {};
  const result = await runHistory({ seed: options.seed, ...trace });
  for (const violation of result.violations) write(`VIOLATION ${violation}`);
  write(JSON.stringify({ histories: 1, ...result, violations: result.violations.length }));
  return result.violations.length;
}

process.exitCode = (await main()) === 0 ? 0 : 1;
