/** What pipeline authors do: projects, pipelines, runs, and the job requests that they bring. */
import type { ForeignJob } from './events.ts';
import type { Leases } from './leases.ts';
import { hasMatchingAgent } from './matching.ts';
import type { JobSpec, Pipeline, Project, QueuedJob } from './records.ts';
import type { OrganisationState, PoolState, RequestState, RunState } from './state.ts';
import { guidOf, ofRequest } from './state.ts';

type NewRequest = Pick<
  RequestState,
  | 'attempt'
  | 'demandSet'
  | 'durationMs'
  | 'jobId'
  | 'jobName'
  | 'parallelism'
  | 'pool'
  | 'priority'
  | 'run'
  | 'stage'
  | 'userDelayed'
>;

export class JobQueue {
  readonly #state: OrganisationState;
  readonly #leases: Leases;
  readonly #jobIds = new Map<string, string>();

  constructor(state: OrganisationState, leases: Leases) {
    this.#state = state;
    this.#leases = leases;
  }

  /** By name; made when unknown. */
  project(name: string): Project {
    const present = this.#state.projects.get(name);
    if (present !== undefined) return present;
    const project = { id: this.#state.nextGuid(), name };
    this.#state.projects.set(name, project);
    return project;
  }

  queue(spec: JobSpec): QueuedJob {
    const pool = this.#state.pool(spec.poolId);
    const run = this.#run(spec);
    const stage = spec.stage ?? '__default';
    const jobName = spec.jobName ?? (run.jobs === 0 ? 'Job' : `Job${run.jobs + 1}`);
    return this.#enqueue({
      pool,
      run,
      stage,
      jobName,
      jobId: this.#jobId(stage, jobName),
      attempt: 1,
      demandSet: this.#state.demandSets.of(this.#withVersion(spec.demands ?? [])),
      durationMs: spec.durationMs ?? 60_000,
      parallelism: spec.parallelism ?? 'private',
      priority: spec.priority ?? 0,
      userDelayed: spec.userDelayed ?? false,
    });
  }

  retry(requestId: number): QueuedJob {
    const request = this.#state.request(requestId);
    return this.#enqueue({ ...request, attempt: request.attempt + 1, userDelayed: false });
  }

  cancel(requestId: number): void {
    const request = this.#state.request(requestId);
    if (request.result !== undefined) return;
    this.#state.emit({ kind: 'cancelRequested', ...ofRequest(request) });
    request.cancelRequested = true;
    if (request.receivedAt === undefined) this.#leases.finish(request, 'canceled', { ran: false, lost: false });
    else this.#leases.deliverCancellation(request);
  }

  delay(requestId: number, delayed: boolean): void {
    this.#state.request(requestId).userDelayed = delayed;
    this.#state.changed();
  }

  orphanRun(runId: number): void {
    const run = this.#state.runs.get(runId);
    if (run === undefined) throw new RangeError(`no run ${runId}`);
    run.finishedAt = this.#state.now();
    run.result = 'canceled';
    run.orphaned = true;
  }

  emitForeign(job: ForeignJob): void {
    const run = this.#run(job);
    const stage = job.stage ?? '__default';
    const name = job.jobName ?? 'Job';
    const at = this.#state.now();
    this.#state.jobStates.emit({
      project: run.project,
      pipeline: run.pipeline,
      run: { id: run.id, name: run.name },
      stage,
      job: { id: this.#jobId(stage, name), name },
      attempt: 1,
      state: job.state,
      ...(job.result !== undefined && { result: job.result }),
      queuedAt: at,
      ...(job.state !== 'waiting' && { startedAt: at }),
      ...(job.state === 'completed' && { finishedAt: at }),
      at,
    });
  }

  #enqueue(wanted: NewRequest): QueuedJob {
    const { pool, run, jobId } = wanted;
    run.jobs += 1;
    run.open += 1;
    // [I] A run that gets another job is in progress again: retrying one reopens its build.
    delete run.finishedAt;
    delete run.result;
    run.cancelling = false;
    if (!hasMatchingAgent(pool, wanted.demandSet)) return this.#refuse(wanted);
    const request: RequestState = {
      ...pick(wanted),
      id: this.#state.next('request', 1001),
      queuedAt: this.#state.now(),
      assignedAt: undefined,
      receivedAt: undefined,
      renewedAt: undefined,
      finishedAt: undefined,
      result: undefined,
      agent: undefined,
      cancelRequested: false,
      assignments: [],
      ranBy: undefined,
      timer: undefined,
    };
    this.#state.requests.set(request.id, request);
    run.attempts.push({ ...placeOf(request), request });
    pool.requests.push(request);
    pool.unfinished.set(request.id, request);
    this.#state.waiting.push(request);
    this.#state.emit({ kind: 'requestQueued', ...ofRequest(request) });
    this.#state.emitJobState(request, 'waiting');
    this.#state.changed();
    return { kind: 'queued', requestId: request.id, runId: run.id, jobId };
  }

  /**
   * Busy and offline agents count, enabled or not; none at all that matches means that the job fails at once
   * (learn.microsoft.com pipelines/process/runs). [I] It leaves no entry in the request list.
   */
  #refuse(wanted: NewRequest): QueuedJob {
    const { pool, run, stage, jobId, jobName, attempt } = wanted;
    const at = this.#state.now();
    const message = refusal(pool, wanted.demandSet.demands);
    run.attempts.push(placeOf(wanted));
    run.open -= 1;
    run.worst = 'failed';
    if (run.open === 0) Object.assign(run, { finishedAt: at, result: 'failed' });
    this.#state.emit({ kind: 'jobRefused', poolId: pool.id, runId: run.id, message });
    this.#state.jobStates.emit({
      project: run.project,
      pipeline: run.pipeline,
      run: { id: run.id, name: run.name },
      stage,
      job: { id: jobId, name: jobName },
      attempt,
      state: 'completed',
      result: 'failed',
      queuedAt: at,
      finishedAt: at,
      at,
    });
    return { kind: 'refused', runId: run.id, jobId, message };
  }

  #run(spec: { readonly runId?: number; readonly project?: string; readonly pipeline?: string }): RunState {
    const present = spec.runId === undefined ? undefined : this.#state.runs.get(spec.runId);
    if (present !== undefined) return present;
    if (spec.runId !== undefined) throw new RangeError(`no run ${spec.runId}`);
    const project = this.project(spec.project ?? this.#state.projects.keys().next().value ?? 'Fabrikam');
    const id = this.#state.next('run', 501);
    const run: RunState = {
      id,
      name: `20260105.${id}`,
      project,
      pipeline: this.#pipeline(project, spec.pipeline ?? 'build'),
      planId: this.#state.nextGuid(),
      queuedAt: this.#state.now(),
      attempts: [],
      tags: [],
      cancelling: false,
      open: 0,
      orphaned: false,
      jobs: 0,
      worst: 'succeeded',
    };
    this.#state.runs.set(id, run);
    return run;
  }

  #pipeline(project: Project, name: string): Pipeline {
    const key = `${project.id}/${name}`;
    const present = this.#state.pipelines.get(key);
    if (present !== undefined) return present;
    const pipeline = { id: this.#state.next('pipeline', 21), name };
    this.#state.pipelines.set(key, pipeline);
    return pipeline;
  }

  /** The id is derived from the job's place in the pipeline, so every run of it repeats the same ones. */
  #jobId(stage: string, jobName: string): string {
    const place = `${stage}.${jobName}`.toLowerCase();
    const jobId = this.#jobIds.get(place) ?? guidOf(place);
    this.#jobIds.set(place, jobId);
    return jobId;
  }

  /** Every job carries a minimum agent version (pipelines/process/demands). */
  #withVersion(demands: readonly string[]): readonly string[] {
    const named = demands.some((demand) => demand.toLowerCase().startsWith('agent.version '));
    return named ? demands : [...demands, `Agent.Version -gtVersion ${this.#state.limits.minimumAgentVersion}`];
  }
}

const placeOf = ({ jobId, jobName, stage, attempt }: NewRequest) => ({ jobId, jobName, stage, attempt });

function pick(wanted: NewRequest): NewRequest {
  const { attempt, demandSet, durationMs, jobId, jobName, parallelism, pool, priority, run, stage, userDelayed } =
    wanted;
  return { attempt, demandSet, durationMs, jobId, jobName, parallelism, pool, priority, run, stage, userDelayed };
}

const refusal = (pool: PoolState, demands: readonly string[]): string =>
  `No agent found in pool ${pool.name} which satisfies the specified demands: ${demands.join(', ')}`;
