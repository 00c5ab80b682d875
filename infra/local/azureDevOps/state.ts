/** The mutable state of one organisation, shared by the parts of the world and by nobody else. */
import type { Capabilities } from '../../../shared/domain/agent.ts';
import { hash64 } from '../../../shared/domain/hash.ts';
import type { EpochMs } from '../../../shared/domain/instant.ts';
import type { TaskResult } from '../../../shared/domain/jobRequest.ts';
import type { CancelTimer, WorldClock } from '../world/clock.ts';
import type { Random } from '../world/random.ts';
import type { DemandSet } from './demands.ts';
import { DemandSets } from './demands.ts';
import { Emitter } from './emitter.ts';
import type { JobState, JobStateEvent, WorldEvent, WorldEventBody } from './events.ts';
import type { WorldLimits, WorldOptions } from './options.ts';
import { defaultLimits } from './options.ts';
import type { AgentMessage, Assignment, Pipeline, Project, PublicKey, Run, SessionEnd } from './records.ts';
import { poolNotFound, requestNotFound } from './worldError.ts';

export interface PoolState {
  readonly id: number;
  readonly name: string;
  autoUpdate: boolean;
  readonly agents: Map<number, AgentState>;
  /** By lower-case name. */
  readonly agentsByName: Map<string, AgentState>;
  /** Oldest first. */
  readonly requests: RequestState[];
  readonly unfinished: Map<number, RequestState>;
  /** In the order of finishing. */
  readonly finished: RequestState[];
}

export interface AgentState {
  readonly id: number;
  readonly pool: PoolState;
  name: string;
  version: string;
  osDescription: string;
  enabled: boolean;
  readonly createdAt: EpochMs;
  statusChangedAt: EpochMs | undefined;
  systemCapabilities: Capabilities;
  userCapabilities: Capabilities;
  /** Answers of `matches`; emptied when capabilities change. */
  readonly matched: Map<DemandSet, boolean>;
  updatePending: boolean;
  clientId: string | undefined;
  publicKey: PublicKey | undefined;
  session: SessionState | undefined;
  reservedBy: RequestState | undefined;
  lastCompleted: RequestState | undefined;
  shuttingDown: boolean;
  /** The server gives it nothing, and nothing that can be read says why. */
  ignored: boolean;
}

export interface SessionState {
  readonly id: string;
  readonly agent: AgentState;
  readonly ownerName: string;
  attached: boolean;
  heardAt: EpochMs;
  ended: SessionEnd | undefined;
  messages: AgentMessage[];
  readonly incoming: Emitter<AgentMessage>;
  readonly end: Emitter<SessionEnd>;
}

export type Attempt = Pick<RequestState, 'jobId' | 'jobName' | 'stage' | 'attempt'> & {
  /** Absent = no agent could ever have run it. */
  readonly request?: RequestState;
};

export interface RunState extends Omit<Run, 'finishedAt' | 'result'> {
  finishedAt?: EpochMs;
  result?: 'succeeded' | 'failed' | 'canceled';
  /** It ended and left requests behind; they stay unfinished, and nobody gets them. */
  orphaned: boolean;
  /** Every attempt of every job, oldest first; those that were refused at once left no request. */
  readonly attempts: Attempt[];
  readonly tags: string[];
  cancelling: boolean;
  /** Jobs that have not ended. */
  open: number;
  jobs: number;
  worst: 'succeeded' | 'failed' | 'canceled';
}

export interface RequestState {
  readonly id: number;
  readonly pool: PoolState;
  readonly run: RunState;
  readonly jobId: string;
  readonly stage: string;
  readonly jobName: string;
  readonly attempt: number;
  readonly demandSet: DemandSet;
  readonly parallelism: 'private' | 'public';
  readonly priority: number;
  userDelayed: boolean;
  readonly durationMs: number;
  readonly queuedAt: EpochMs;
  assignedAt: EpochMs | undefined;
  receivedAt: EpochMs | undefined;
  renewedAt: EpochMs | undefined;
  finishedAt: EpochMs | undefined;
  result: TaskResult | undefined;
  agent: AgentState | undefined;
  cancelRequested: boolean;
  readonly assignments: Assignment[];
  ranBy: string | undefined;
  timer: CancelTimer | undefined;
}

export class OrganisationState {
  readonly clock: WorldClock;
  readonly random: Random;
  readonly limits: WorldLimits;
  readonly organisation: { name: string; url: string; authorizationUrl: string };
  readonly projects = new Map<string, Project>();
  readonly pipelines = new Map<string, Pipeline>();
  readonly pools = new Map<number, PoolState>();
  readonly runs = new Map<number, RunState>();
  readonly requests = new Map<number, RequestState>();
  readonly sessions = new Map<string, SessionState>();
  readonly clients = new Map<string, AgentState>();
  readonly demandSets = new DemandSets();
  readonly events = new Emitter<WorldEvent>();
  readonly jobStates = new Emitter<JobStateEvent>();
  /** Requests without agent, oldest first; those that ended meanwhile are swept out by the assignment pass. */
  waiting: RequestState[] = [];
  /** Assigned and unfinished requests by parallelism. */
  readonly used = { private: 0, public: 0 };
  parallelJobs: number;
  skewMs: number;
  readonly #next = new Map<string, number>();
  #whenChanged: () => void = () => undefined;

  constructor(options: WorldOptions) {
    this.clock = options.clock;
    this.random = options.random;
    this.limits = { ...defaultLimits, ...options.limits };
    this.organisation = {
      name: 'contoso',
      url: 'https://dev.azure.com/contoso',
      authorizationUrl: 'https://vstoken.dev.azure.com/contoso',
      ...options.organisation,
    };
    this.parallelJobs = options.parallelJobs ?? 1000;
    this.skewMs = options.skewMs ?? 0;
  }

  now(): EpochMs {
    return this.clock.now() + this.skewMs;
  }

  /** The next number of a kind, from 1 or `first`. */
  next(kind: 'agent' | 'message' | 'pipeline' | 'pool' | 'request' | 'run' | 'guid', first = 1): number {
    const value = this.#next.get(kind) ?? first;
    this.#next.set(kind, value + 1);
    return value;
  }

  nextGuid(): string {
    return guidOf(`${this.organisation.name}:${this.next('guid')}`);
  }

  whenChanged(listener: () => void): void {
    this.#whenChanged = listener;
  }

  /** Something that decides about assignment is different now. */
  changed(): void {
    this.#whenChanged();
  }

  emit(body: WorldEventBody): void {
    this.events.emit({ ...body, at: this.now() });
  }

  emitJobState(request: RequestState, state: JobState): void {
    const { run, jobId, stage, jobName, attempt, result, queuedAt, receivedAt, finishedAt } = request;
    this.jobStates.emit({
      project: run.project,
      pipeline: run.pipeline,
      run: { id: run.id, name: run.name },
      stage,
      job: { id: jobId, name: jobName },
      attempt,
      state,
      ...(result !== undefined && { result }),
      queuedAt,
      ...(receivedAt !== undefined && { startedAt: receivedAt }),
      ...(finishedAt !== undefined && { finishedAt }),
      at: this.now(),
    });
  }

  pool(poolId: number): PoolState {
    const pool = this.pools.get(poolId);
    if (pool === undefined) throw poolNotFound(poolId);
    return pool;
  }

  request(requestId: number, poolId?: number): RequestState {
    const request = this.requests.get(requestId);
    if (request === undefined || (poolId !== undefined && request.pool.id !== poolId)) throw requestNotFound(requestId);
    return request;
  }
}

/** A GUID that is always the same for the same text. */
export function guidOf(text: string): string {
  const hex = [hash64(text), hash64(`${text}#`)].map((half) => half.toString(16).padStart(16, '0')).join('');
  return hex.replace(/^(.{8})(.{4}).(.{3}).(.{3})(.{12})$/, '$1-$2-5$3-8$4-$5');
}

export const ofAgent = (agent: AgentState): { poolId: number; agentId: number; agentName: string } => ({
  poolId: agent.pool.id,
  agentId: agent.id,
  agentName: agent.name,
});

export const ofRequest = (request: RequestState): { poolId: number; requestId: number } => ({
  poolId: request.pool.id,
  requestId: request.id,
});
