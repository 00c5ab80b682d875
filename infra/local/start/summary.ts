/** The end of the demonstration in one table: how long requests of each template waited for what. */
import type { Ledger, RequestEntry } from './ledger.ts';

/** In ms; absent = nothing to measure. */
export interface Spread {
  readonly median: number;
  readonly max: number;
}

export interface SummaryRow {
  readonly template: string;
  readonly requests: number;
  readonly succeeded: number;
  /** From the moment a request was queued. */
  readonly toJob: Spread | undefined;
  readonly toRunning: Spread | undefined;
  readonly toFinished: Spread | undefined;
}

export function spreadOf(values: readonly number[]): Spread | undefined {
  const sorted = values.toSorted((a, b) => a - b);
  const [max, middle] = [sorted.at(-1), sorted[Math.floor(sorted.length / 2)]];
  if (max === undefined || middle === undefined) return undefined;
  const median = sorted.length % 2 === 1 ? middle : (middle + (sorted[sorted.length / 2 - 1] ?? middle)) / 2;
  return { median, max };
}

function durations(requests: readonly RequestEntry[], key: 'jobCreatedAt' | 'receivedAt' | 'finishedAt'): number[] {
  return requests.flatMap((request) => {
    const at = request[key];
    return at === undefined ? [] : [at - request.queuedAt];
  });
}

function rowOf(template: string, requests: readonly RequestEntry[]): SummaryRow {
  return {
    template,
    requests: requests.length,
    succeeded: requests.filter(({ result }) => result === 'succeeded').length,
    toJob: spreadOf(durations(requests, 'jobCreatedAt')),
    toRunning: spreadOf(durations(requests, 'receivedAt')),
    toFinished: spreadOf(durations(requests, 'finishedAt')),
  };
}

const unserved = '(none)';

/** A row for each template that ran something, and one for all. Requests count where they ran. */
export function summaryRows(
  ledger: Pick<Ledger, 'requests' | 'agentJobs'>,
  ids: readonly number[],
): readonly SummaryRow[] {
  const requests = ids.flatMap((id) => ledger.requests.get(id) ?? []);
  const templateOf = ({ ranBy }: RequestEntry): string => ledger.agentJobs.get(ranBy ?? '')?.template ?? unserved;
  const byTemplate = Map.groupBy(requests, templateOf);
  const rows = [...byTemplate].toSorted(([a], [b]) => (a < b ? -1 : 1)).map(([name, group]) => rowOf(name, group));
  return [...rows, rowOf('all', requests)];
}

const spreadText = (spread: Spread | undefined): string =>
  spread === undefined ? '-' : `${(spread.median / 1000).toFixed(1)} / ${(spread.max / 1000).toFixed(1)}`;

const head = ['template', 'requests', 'succeeded', 'Job created', 'running', 'finished'] as const;

export function summaryTable(rows: readonly SummaryRow[]): string {
  const cells = rows.map((row) => [
    row.template,
    String(row.requests),
    String(row.succeeded),
    spreadText(row.toJob),
    spreadText(row.toRunning),
    spreadText(row.toFinished),
  ]);
  const widths = head.map((title, column) => Math.max(title.length, ...cells.map((row) => row[column]?.length ?? 0)));
  const line = (row: readonly string[]): string =>
    row
      .map((cell, column) => (column === 0 ? cell.padEnd(widths[column] ?? 0) : cell.padStart(widths[column] ?? 0)))
      .join('  ');
  const rule = widths.map((width) => '-'.repeat(width)).join('  ');
  return [line(head), rule, ...cells.slice(0, -1).map(line), rule, ...cells.slice(-1).map(line)].join('\n');
}
