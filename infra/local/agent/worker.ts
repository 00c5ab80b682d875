/** The worker: holds the lease of one request, works for the time it was told, and reports the result. */
import { secondsMs } from '../../../shared/domain/instant.ts';
import type { TaskResult } from '../../../shared/domain/jobRequest.ts';
import type { Clock } from '../../../shared/ports.ts';
import type { AgentClient } from './client.ts';
import type { JobMessage } from './protocol.ts';
import { isPassing } from './protocol.ts';

export interface JobRun {
  readonly client: AgentClient;
  readonly clock: Clock;
  readonly job: JobMessage;
  readonly cancelled: AbortSignal;
  readonly renewEveryMs: number;
}

/** JobDispatcher.cs: the first renewal is tried five times over about 50 s. */
const attempts = 5;
const betweenAttemptsMs = secondsMs(10);

async function persist(clock: Clock, call: () => Promise<void>): Promise<boolean> {
  for (let attempt = 1; attempt <= attempts; attempt++) {
    try {
      await call();
      return true;
    } catch (error) {
      if (!isPassing(error)) return false;
    }
    if (attempt < attempts) await clock.sleep(betweenAttemptsMs);
  }
  return false;
}

/** Renews until `over`; true = the lease was lost and the work is worth nothing any more. */
async function holdLease(run: JobRun, over: AbortSignal): Promise<boolean> {
  for (;;) {
    try {
      await run.clock.sleep(run.renewEveryMs, over);
    } catch {
      return false;
    }
    try {
      await run.client.renew(run.job.requestId);
    } catch (error) {
      if (!isPassing(error)) return true;
    }
  }
}

async function work({ clock, job, cancelled }: JobRun): Promise<TaskResult> {
  const { value } = job.variables['mayfly.durationMs'];
  return clock.sleep(value, cancelled).then(
    () => 'succeeded',
    () => 'canceled',
  );
}

/**
 * Without a first renewal the job is not run and nobody is told (azure-pipelines-agent issue 5290); a lease that is
 * lost on the way ends it without a report, for the server has given it up. Resolves with what was reported.
 */
export async function runJob(run: JobRun): Promise<TaskResult | undefined> {
  const { client, clock, job } = run;
  if (!(await persist(clock, () => client.renew(job.requestId)))) return undefined;
  const over = new AbortController();
  const lost = holdLease(run, over.signal).then((isLost) => (isLost ? undefined : new Promise<never>(() => {})));
  const result = await Promise.race([work(run), lost]);
  over.abort();
  if (result !== undefined) await persist(clock, () => client.complete(job, result));
  return result;
}
