/** What the commands of the local system share: options, how they speak, and how they end. */
import { InvalidArgumentError, Option } from 'commander';
import pc from 'picocolors';
import { ConfigError } from '../../shared/domain/errors.ts';
import { defaultPortBase, PortsTaken, parts } from '../local/start/ports.ts';

// `npm start | head`: who reads no further has seen enough.
process.stdout.on('error', () => process.exit(0));

export const say = (line = ''): void => {
  process.stdout.write(`${line}\n`);
};

function portBaseOf(text: string): number {
  const base = Number(text);
  const last = 65_535 - parts.length + 1;
  if (Number.isInteger(base) && base >= 1024 && base <= last) return base;
  throw new InvalidArgumentError(`A number from 1024 to ${last} is needed.`);
}

export const portBaseOption = (): Option =>
  new Option('--port-base <n>', `the first of ${parts.length} ports in a row`)
    .argParser(portBaseOf)
    .default(defaultPortBase);

/** Says what went wrong in a line a person can act on. What nobody foresaw keeps its stack. */
export function complain(error: unknown): void {
  const foreseen = error instanceof PortsTaken || error instanceof ConfigError;
  const text = error instanceof Error ? (foreseen ? error.message : (error.stack ?? error.message)) : String(error);
  process.stderr.write(`${pc.red(text)}\n`);
}

/** In ms. Whoever presses Ctrl-C does not wait longer. */
const closeWithinMs = 2500;

/**
 * Ctrl-C aborts the returned signal; a second one ends the process at once. The first may take a moment, because
 * running functions and open sockets are let go of in order.
 */
export function interruption(): AbortSignal {
  const interrupted = new AbortController();
  const onSignal = (): void => {
    if (interrupted.signal.aborted) process.exit(130);
    say(pc.dim('\nEnding. Once more ends it at once.'));
    interrupted.abort();
  };
  process.on('SIGINT', onSignal);
  process.on('SIGTERM', onSignal);
  return interrupted.signal;
}

/** Closes within its time and leaves: timers of the worlds may still be set, and nobody waits for those. */
export async function leave(code: number, close: () => Promise<void>): Promise<never> {
  await Promise.race([close(), new Promise((resolve) => setTimeout(resolve, closeWithinMs))]).catch(complain);
  process.exit(code);
}
