/** Counts what exists and what has existed, event by event: no moment is between two looks. */
import type { AzureDevOpsWorld } from '../../infra/local/azureDevOps/world.ts';
import type { KubernetesWorld } from '../../infra/local/kubernetes/world.ts';
import { isJsonObject, type JsonObject } from '../../shared/domain/json.ts';
import { annotations, labels } from '../../shared/domain/names.ts';
import type { OutcomeKind } from '../../shared/reconcile/outcome.ts';
import type { PassReport } from '../../shared/reconcile/reconcilePool.ts';

const record = (value: unknown): JsonObject => (isJsonObject(value) ? value : {});
const text = (value: unknown): string | undefined => (typeof value === 'string' ? value : undefined);

const troubles: ReadonlySet<OutcomeKind> = new Set(['failed', 'undone', 'uncertain']);

export interface CountedJob {
  readonly name: string;
  readonly createdAt: number;
  readonly poolId: number;
  readonly template: string;
  readonly image: string;
  /** undefined = a warm one. */
  readonly requestId: number | undefined;
  phase: string;
  reason: string | undefined;
  served: number | undefined;
  /** No container of it runs, or will. */
  isOver: boolean;
}

export class ScalingCount {
  readonly jobs: CountedJob[] = [];
  /** By how many the Jobs that could serve somebody ever outnumbered the requests that were not over. */
  mostSpare = 0;
  /** Requests that ran to their end, by id, with the name of their agent. */
  readonly ran = new Map<number, string>();
  readonly #byUid = new Map<string, CountedJob>();
  readonly #byName = new Map<string, CountedJob>();
  readonly #open = new Set<number>();
  readonly #busy = new Set<number>();
  #live = 0;
  mostLive = 0;
  mostBusy = 0;
  raced = 0;
  /**
   * Outcomes that were neither done nor on their way. A step of an end whose `test` failed is not among them: another
   * control plane took it at the same moment, and who came second has nothing to undo.
   */
  readonly trouble: string[] = [];

  constructor(ado: AzureDevOpsWorld, kubernetes: KubernetesWorld) {
    kubernetes.onEvent((event) => {
      if (event.kind === 'jobCreated') this.#created(event.object, event.uid, event.at);
      if (event.kind === 'podEnded' && event.jobName !== undefined) this.#over(this.#byName.get(event.jobName));
      if (event.kind === 'jobDeleted') this.#over(this.#byUid.get(event.uid));
    });
    kubernetes.watch('jobs', undefined, {}, ({ object }) => this.#noted(object));
    ado.onEvent((event) => {
      if (event.kind === 'requestQueued') this.#open.add(event.requestId);
      if (event.kind === 'finished') this.#open.delete(event.requestId);
      if (event.kind === 'assigned') this.#busy.add(event.requestId);
      if (event.kind === 'unassigned' || event.kind === 'finished') this.#busy.delete(event.requestId);
      this.mostBusy = Math.max(this.mostBusy, this.#busy.size);
      if (event.kind === 'finished' && event.ran && event.result === 'succeeded')
        this.ran.set(event.requestId, event.agentName ?? '');
    });
  }

  #created(object: JsonObject, uid: string, at: number): void {
    const metadata = record(object['metadata']);
    const marks = record(metadata['labels']);
    const requestId = text(marks[labels.requestId]);
    const job: CountedJob = {
      name: text(metadata['name']) ?? '',
      createdAt: at,
      poolId: Number(text(marks[labels.poolId])),
      template: text(marks[labels.template]) ?? '',
      image: text(record(metadata['annotations'])[annotations.image]) ?? '',
      requestId: requestId === undefined ? undefined : Number(requestId),
      phase: 'creating',
      reason: undefined,
      served: undefined,
      isOver: false,
    };
    this.jobs.push(job);
    this.#byUid.set(uid, job);
    this.#byName.set(job.name, job);
    this.#live += 1;
    this.mostLive = Math.max(this.mostLive, this.#live);
    this.#noteSpare();
  }

  #noteSpare(): void {
    const able = this.jobs.filter(({ isOver, phase }) => !isOver && (phase === 'creating' || phase === 'started'));
    this.mostSpare = Math.max(this.mostSpare, able.length - this.#open.size);
  }

  #noted(object: JsonObject): void {
    const metadata = record(object['metadata']);
    const job = this.#byUid.get(text(metadata['uid']) ?? '');
    if (job === undefined) return;
    const notes = record(metadata['annotations']);
    job.phase = text(notes[annotations.phase]) ?? job.phase;
    job.reason = text(notes[annotations.reason]) ?? job.reason;
    const served = text(notes[annotations.served]);
    if (served !== undefined) job.served = Number(served);
    if (job.phase === 'rolledBack') this.#over(job);
  }

  #over(job: CountedJob | undefined): void {
    if (job === undefined || job.isOver) return;
    job.isOver = true;
    this.#live -= 1;
  }

  onReport({ outcomes }: PassReport): void {
    for (const { action, kind, subject, detail = '' } of outcomes) {
      if (action === 'create' && kind === 'raced') this.raced += 1;
      const lostRace = action === 'retire' && kind === 'uncertain' && detail === 'invalid';
      if (!lostRace && troubles.has(kind)) this.trouble.push(`${action} ${kind} ${subject} ${detail}`);
    }
  }

  /** Jobs whose pods have not ended. */
  get live(): number {
    return this.#live;
  }

  /** Requests that an agent holds. */
  get busy(): number {
    return this.#busy.size;
  }

  /** Requests that are not over. */
  get open(): number {
    return this.#open.size;
  }
}
