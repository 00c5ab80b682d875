/**
 * Log lines on the Functions host: the event's name, then its fields as JSON, so that a person reads the first and a
 * query the second. Fields are plain values; whatever is a Secret never gets here, because the type does not fit.
 */
import type { Log, LogFields, LogLevel } from '../ports.ts';

type Write = (...args: unknown[]) => void;

/** What an invocation context and the console have in common. */
export type LogSink = Readonly<Record<LogLevel, Write>>;

function line(event: string, fields: LogFields): string {
  const text = JSON.stringify(fields);
  return text === '{}' ? event : `${event} ${text}`;
}

/** A log whose lines all bear the fields of `bound`, those of a line winning. */
export function functionsLog(sink: LogSink, bound: LogFields = {}): Log {
  return {
    write(level, event, fields = {}) {
      sink[level](line(event, { ...bound, ...fields }));
    },
  };
}
