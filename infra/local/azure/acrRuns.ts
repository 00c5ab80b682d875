/** Task runs of one container registry: named resources, each with the run that its first request started. */
import type { EpochMs } from '../../../shared/domain/instant.ts';
import type { JsonObject } from '../../../shared/domain/json.ts';
import type { WorldClock } from '../world/clock.ts';

export type AcrEnd = 'Succeeded' | 'Failed' | 'Error' | 'Timeout' | 'never';

export interface AcrTimes {
  /** From the request to the run. */
  readonly queuedMs: number;
  readonly runMs: number;
}

interface RunState {
  readonly name: string;
  readonly runId: string;
  readonly request: JsonObject;
  readonly forceUpdateTag: string | undefined;
  readonly end: AcrEnd;
  readonly createdAt: EpochMs;
  canceledAt?: EpochMs;
}

export interface AcrRunView {
  readonly name: string;
  readonly runId: string;
  readonly request: JsonObject;
  readonly status: 'Queued' | 'Started' | 'Running' | 'Canceled' | Exclude<AcrEnd, 'never'>;
  readonly createdAt: EpochMs;
  readonly startedAt?: EpochMs;
  readonly finishedAt?: EpochMs;
}

const startingMs = 2000;

export class AcrRuns {
  readonly #clock: WorldClock;
  readonly #byName = new Map<string, RunState>();
  readonly #all: RunState[] = [];
  times: AcrTimes = { queuedMs: 3000, runMs: 60_000 };
  /** What becomes of runs that start from here on. */
  end: AcrEnd = 'Succeeded';
  log: readonly string[] = ['Run ID: finished'];

  constructor(clock: WorldClock) {
    this.#clock = clock;
  }

  /**
   * The same request and tag again are no change and start nothing; anything else starts a new run under the name
   * (forceUpdateTag: "how the run should be forced to rerun even if the run request configuration has not changed").
   */
  put(name: string, request: JsonObject, forceUpdateTag: string | undefined): { created: boolean; run: AcrRunView } {
    const present = this.#byName.get(name);
    const same =
      present !== undefined &&
      present.forceUpdateTag === forceUpdateTag &&
      JSON.stringify(present.request) === JSON.stringify(request);
    if (same) return { created: false, run: this.#view(present) };
    const runId = `cb${this.#all.length + 1}`;
    const run = { name, runId, request, forceUpdateTag, end: this.end, createdAt: this.#clock.now() };
    this.#byName.set(name, run);
    this.#all.push(run);
    return { created: true, run: this.#view(run) };
  }

  byName(name: string): AcrRunView | undefined {
    const run = this.#byName.get(name);
    return run && this.#view(run);
  }

  byId(runId: string): AcrRunView | undefined {
    const run = this.#all.find((each) => each.runId === runId);
    return run && this.#view(run);
  }

  list(): readonly AcrRunView[] {
    return this.#all.map((run) => this.#view(run));
  }

  /** False = it is over. */
  cancel(runId: string): boolean {
    const run = this.#all.find((each) => each.runId === runId);
    if (run === undefined || this.#view(run).finishedAt !== undefined) return false;
    run.canceledAt = this.#clock.now();
    return true;
  }

  #view({ name, runId, request, createdAt, end, canceledAt }: RunState): AcrRunView {
    const now = this.#clock.now();
    const base = { name, runId, request, createdAt };
    if (canceledAt !== undefined) return { ...base, status: 'Canceled', finishedAt: canceledAt };
    const startedAt = createdAt + this.times.queuedMs;
    const finishedAt = startedAt + this.times.runMs;
    if (now < startedAt) return { ...base, status: 'Queued' };
    if (end !== 'never' && now >= finishedAt) return { ...base, status: end, startedAt, finishedAt };
    return { ...base, status: now < startedAt + startingMs ? 'Started' : 'Running', startedAt };
  }
}
