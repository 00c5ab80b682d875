/**
 * Pipelines that are started by the Runs API and run elsewhere than on the pools of this world: those that build images.
 * What becomes of a run follows from its definition and the time alone.
 */
import type { EpochMs } from '../../../shared/domain/instant.ts';
import type { WorldClock } from '../world/clock.ts';

export type RunEnd = 'succeeded' | 'partiallySucceeded' | 'failed' | 'never';

export interface RunnablePipeline {
  readonly id: number;
  readonly name: string;
  readonly project: { readonly id: string; readonly name: string };
  /** Declared in the YAML: any other is refused. */
  readonly parameters: readonly string[];
  readonly queuedMs?: number;
  readonly runMs?: number;
  /** Asked once for each run, at its start. */
  readonly end?: (run: StartedRun) => RunEnd;
  /** The log of its one task. */
  readonly log?: readonly string[];
}

export interface StartedRun {
  readonly id: number;
  readonly pipeline: RunnablePipeline;
  readonly refName: string;
  readonly templateParameters: Readonly<Record<string, string>>;
  readonly queuedAt: EpochMs;
}

interface RunState extends StartedRun {
  readonly end: RunEnd;
  canceledAt?: EpochMs;
}

/** A run as it stands at the time of asking. */
export interface RunView extends StartedRun {
  readonly status: 'notStarted' | 'inProgress' | 'completed';
  readonly result?: Exclude<RunEnd, 'never'> | 'canceled';
  readonly startedAt?: EpochMs;
  readonly finishedAt?: EpochMs;
}

export class PipelineRuns {
  readonly #clock: WorldClock;
  readonly #pipelines = new Map<number, RunnablePipeline>();
  readonly #runs = new Map<number, RunState>();
  /** Far from the ids of the world's own runs. */
  #nextId = 70_001;

  constructor(clock: WorldClock) {
    this.#clock = clock;
  }

  define(pipeline: RunnablePipeline): void {
    this.#pipelines.set(pipeline.id, pipeline);
  }

  pipeline(id: number): RunnablePipeline | undefined {
    return this.#pipelines.get(id);
  }

  start(pipeline: RunnablePipeline, refName: string, templateParameters: StartedRun['templateParameters']): RunView {
    const id = this.#nextId++;
    const run = { id, pipeline, refName, templateParameters, queuedAt: this.#clock.now() };
    this.#runs.set(id, { ...run, end: pipeline.end?.(run) ?? 'succeeded' });
    return viewOf({ ...run, end: 'never' }, run.queuedAt);
  }

  get(id: number): RunView | undefined {
    const run = this.#runs.get(id);
    return run && viewOf(run, this.#clock.now());
  }

  /** Newest first. */
  list(): readonly RunView[] {
    return [...this.#runs.values()].map((run) => viewOf(run, this.#clock.now())).reverse();
  }

  /** A run that has ended stays as it is. */
  cancel(id: number): void {
    const run = this.#runs.get(id);
    const now = this.#clock.now();
    if (run !== undefined && viewOf(run, now).status !== 'completed') run.canceledAt = now;
  }
}

function viewOf(run: RunState, now: EpochMs): RunView {
  const { end, canceledAt, ...started } = run;
  const { queuedMs = 1000, runMs = 60_000 } = run.pipeline;
  const startedAt = run.queuedAt + queuedMs;
  const endsAt = end === 'never' ? Number.POSITIVE_INFINITY : startedAt + runMs;
  if (canceledAt !== undefined) return { ...started, status: 'completed', result: 'canceled', finishedAt: canceledAt };
  if (now < startedAt) return { ...started, status: 'notStarted' };
  if (end === 'never' || now < endsAt) return { ...started, status: 'inProgress', startedAt };
  return { ...started, status: 'completed', result: end, startedAt, finishedAt: endsAt };
}
