/** Why a run of a pipeline failed: its failed task, what it reported, and the end of its log. Never a reason to fail. */
import { UpstreamError } from '../../domain/errors.ts';
import type { Answer } from '../azureDevOps/answer.ts';
import type { AzureDevOpsCall } from '../azureDevOps/rest.ts';
import { readWire } from '../azureDevOps/wire.ts';
import { excerptOf } from './excerpt.ts';
import type { TimelineRecord } from './runWire.ts';
import { runWire } from './runWire.ts';

type Read = (operation: string, path: string, query?: AzureDevOpsCall['query']) => Promise<Answer>;

const operation = 'reading the log of a failed run';
const tailLines = 25;

/** `build` is the path of the build. undefined = nothing could be read: that it failed is known without. */
export async function failureExcerpt(read: Read, build: string): Promise<string | undefined> {
  try {
    const timeline = await read(operation, `${build}/timeline`);
    const failed = lastFailed(readWire(runWire.timeline, timeline.body, operation));
    if (failed === undefined) return undefined;
    const said = (failed.issues ?? []).filter(({ type }) => type === 'error').flatMap(({ message }) => message ?? []);
    const tail = failed.log == null ? [] : await logTail(read, build, failed.log.id).catch(() => []);
    return excerptOf([`${failed.type ?? 'Step'} ${failed.name ?? ''} failed`, ...said, ...tail]);
  } catch (error) {
    // What is refused or throttled here will be met, and told, by the call that matters.
    if (error instanceof UpstreamError) return undefined;
    throw error;
  }
}

/** A failed task fails its job, stage and run as well: the task is the one that knows why. */
function lastFailed(records: readonly TimelineRecord[]): TimelineRecord | undefined {
  const failed = records.filter(({ result }) => result === 'failed');
  const tasks = failed.filter(({ type }) => type === 'Task');
  const byEnd = (a: TimelineRecord, b: TimelineRecord): number =>
    (a.finishTime ?? '') < (b.finishTime ?? '') ? -1 : 1;
  return [...(tasks.length > 0 ? tasks : failed)].sort(byEnd).at(-1);
}

/** The log's length comes from the list of logs; whole logs may be many megabytes. */
async function logTail(read: Read, build: string, logId: number): Promise<readonly string[]> {
  const logs = readWire(runWire.logs, (await read(operation, `${build}/logs`)).body, operation);
  const count = logs.find((log) => log.id === logId)?.lineCount ?? 0;
  const range = { startLine: Math.max(1, count - tailLines + 1), endLine: Math.max(1, count) };
  const answer = await read(operation, `${build}/logs/${logId}`, range);
  return readWire(runWire.lines, answer.body, operation).slice(-tailLines);
}
