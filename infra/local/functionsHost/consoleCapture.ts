import { format } from 'node:util';
import type { LogSink } from './invocations.ts';

const levels = { debug: 'debug', log: 'information', info: 'information', warn: 'warning', error: 'error' } as const;

/** While a function runs, its console lines go to the sink; all others pass. The returned function ends it. */
export function captureConsole(currentFunction: () => string | undefined, sink: LogSink): () => void {
  const methods = Object.keys(levels) as (keyof typeof levels)[];
  const originals = methods.map((method) => [method, console[method]] as const);
  for (const [method, original] of originals) {
    console[method] = (...args: unknown[]): void => {
      const name = currentFunction();
      if (name === undefined) original(...args);
      else sink(name, levels[method], format(...args));
    };
  }
  return () => {
    for (const [method, original] of originals) console[method] = original;
  };
}
