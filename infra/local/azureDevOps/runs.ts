/** What may be done to a run as a whole: tags, its cancellation, and another attempt of what failed in a stage. */
import type { JobQueue } from './jobQueue.ts';
import type { StageRecord } from './records.ts';
import type { Attempt, OrganisationState, RunState } from './state.ts';
import { runNotFound, WorldError } from './worldError.ts';

type Ending = 'succeeded' | 'failed' | 'canceled';

export class Runs {
  readonly #state: OrganisationState;
  readonly #jobs: JobQueue;

  constructor(state: OrganisationState, jobs: JobQueue) {
    this.#state = state;
    this.#jobs = jobs;
  }

  tags(runId: number): readonly string[] {
    return [...this.#run(runId).tags];
  }

  /** [I] Case makes no difference, and the first spelling stays. */
  addTag(runId: number, tag: string): readonly string[] {
    const { tags } = this.#run(runId);
    if (!tags.some((present) => present.toLowerCase() === tag.toLowerCase())) tags.push(tag);
    return [...tags];
  }

  /** What no agent has received ends at once; what runs is told to stop and ends by itself. One that is over stays so. */
  cancel(runId: number): void {
    const run = this.#run(runId);
    if (run.finishedAt !== undefined) return;
    run.cancelling = true;
    for (const { request } of run.attempts) if (request?.result === undefined && request) this.#jobs.cancel(request.id);
  }

  stages(runId: number): readonly StageRecord[] {
    const run = this.#run(runId);
    return [...Map.groupBy(lastAttempts(run), ({ stage }) => stage)].map(([name, jobs]) => stageOf(run, name, jobs));
  }

  /** Jobs of the stage that failed or were cancelled get another attempt; refused while any of it is unfinished. */
  retryStage(runId: number, stage: string): void {
    const run = this.#run(runId);
    const last = lastAttempts(run);
    const again = last.filter((attempt) => attempt.stage === stage && endingOf(attempt) !== 'succeeded');
    const open = last.some((attempt) => attempt.stage === stage && endingOf(attempt) === undefined);
    if (open || again.length === 0 || run.orphaned) {
      const message = `Stage ${stage} of run ${runId} cannot be retried.`;
      throw new WorldError('InvalidPipelineOperationException', 409, message);
    }
    // The run is as good as the last attempts of its jobs.
    run.worst = worstOf(last.filter((attempt) => !again.includes(attempt)));
    for (const { request } of again) if (request !== undefined) this.#jobs.retry(request.id);
  }

  #run(runId: number): RunState {
    const run = this.#state.runs.get(runId);
    if (run === undefined) throw runNotFound(runId);
    return run;
  }
}

function lastAttempts(run: RunState): readonly Attempt[] {
  return [...new Map(run.attempts.map((attempt) => [attempt.jobId, attempt])).values()];
}

/** undefined = it has not ended. */
function endingOf({ request }: Attempt): Ending | undefined {
  if (request === undefined) return 'failed';
  const { result } = request;
  if (result === undefined) return undefined;
  if (result === 'canceled') return 'canceled';
  return result.startsWith('succeeded') ? 'succeeded' : 'failed';
}

function worstOf(attempts: readonly Attempt[]): Ending {
  const endings = new Set(attempts.map(endingOf));
  if (endings.has('failed')) return 'failed';
  return endings.has('canceled') ? 'canceled' : 'succeeded';
}

function stageOf(run: RunState, name: string, jobs: readonly Attempt[]): StageRecord {
  const records = jobs.map((job) => ({
    jobId: job.jobId,
    name: job.jobName,
    attempt: job.attempt,
    ...stateOf(job, run),
  }));
  const over = records.every(({ state }) => state === 'completed');
  const begun = records.some(({ state }) => state !== 'pending');
  const result = run.orphaned ? 'canceled' : worstOf(jobs);
  return {
    name,
    state: over ? 'completed' : begun ? 'inProgress' : 'pending',
    ...(over && { result }),
    jobs: records,
  };
}

/** A run that ended over the head of its requests shows them as cancelled. */
function stateOf(job: Attempt, run: RunState): Pick<StageRecord, 'state' | 'result'> {
  const result = endingOf(job);
  if (result !== undefined) return { state: 'completed', result };
  if (run.orphaned) return { state: 'completed', result: 'canceled' };
  return { state: job.request?.receivedAt === undefined ? 'pending' : 'inProgress' };
}
