/**
 * What the Azure DevOps world tells about itself. These are copies taken at the time of asking, with instants in
 * epoch milliseconds of the server's clock; the HTTP door spells them as the wire does.
 */
import type { Capabilities } from '../../../shared/domain/agent.ts';
import type { EpochMs } from '../../../shared/domain/instant.ts';
import type { TaskResult } from '../../../shared/domain/jobRequest.ts';

export interface Project {
  readonly id: string;
  readonly name: string;
}

export interface Pipeline {
  readonly id: number;
  readonly name: string;
}

/** A run; its id is the build id. */
export interface Run {
  readonly id: number;
  readonly name: string;
  readonly project: Project;
  readonly pipeline: Pipeline;
  readonly planId: string;
  readonly queuedAt: EpochMs;
  readonly finishedAt?: EpochMs;
  readonly result?: 'succeeded' | 'failed' | 'canceled';
  /** Its cancellation was asked for, and it has not ended. */
  readonly cancelling: boolean;
}

/** A stage as the timeline tells it: by the last attempts of its jobs. */
export interface StageRecord {
  readonly name: string;
  readonly state: 'pending' | 'inProgress' | 'completed';
  readonly result?: 'succeeded' | 'failed' | 'canceled';
  readonly jobs: readonly (Pick<StageRecord, 'name' | 'state' | 'result'> & {
    readonly jobId: string;
    readonly attempt: number;
  })[];
}

export interface Pool {
  readonly id: number;
  readonly name: string;
  readonly autoUpdate: boolean;
  /** Registered agents, placeholders included. */
  readonly size: number;
}

export interface PublicKey {
  readonly exponent: string;
  readonly modulus: string;
}

/** The short form of an agent, as it stands inside job requests. */
export interface AgentReference {
  readonly id: number;
  readonly name: string;
  readonly version: string;
  readonly osDescription: string;
  readonly enabled: boolean;
  readonly online: boolean;
}

export interface AgentRecord extends AgentReference {
  readonly poolId: number;
  readonly createdAt: EpochMs;
  /** When it last went online or offline; absent for one that never was online. */
  readonly statusChangedAt?: EpochMs;
  readonly systemCapabilities: Capabilities;
  readonly userCapabilities: Capabilities;
  readonly updatePending: boolean;
  /** Absent without a public key. */
  readonly clientId?: string;
  readonly publicKey?: PublicKey;
  readonly assignedRequestId?: number;
  readonly lastCompletedRequestId?: number;
}

export interface Assignment {
  readonly agentId: number;
  readonly agentName: string;
  readonly at: EpochMs;
}

export interface RequestRecord {
  readonly id: number;
  readonly poolId: number;
  readonly project: Project;
  readonly pipeline: Pipeline;
  readonly run: { readonly id: number; readonly name: string };
  readonly planId: string;
  /** Derived from stage and job name: the same in every run of a pipeline, and over retries. */
  readonly jobId: string;
  readonly stage: string;
  readonly jobName: string;
  readonly attempt: number;
  readonly demands: readonly string[];
  readonly parallelism: 'private' | 'public';
  readonly priority: number;
  readonly userDelayed: boolean;
  /** How long the job works once an agent runs it. A hint to simulated agents. */
  readonly durationMs: number;
  readonly queuedAt: EpochMs;
  readonly assignedAt?: EpochMs;
  readonly receivedAt?: EpochMs;
  readonly finishedAt?: EpochMs;
  readonly result?: TaskResult;
  readonly lockedUntil?: EpochMs;
  /** Stays after the end. */
  readonly reservedAgent?: AgentReference;
  readonly cancelRequested: boolean;
  /** Every time it was given to an agent; more than one means that an earlier agent never received it. */
  readonly assignments: readonly Assignment[];
  /** The agent that received it and completed it. */
  readonly ranBy?: string;
  /** Only where the response shape has it. */
  readonly matchedAgents?: readonly AgentReference[];
  /** Only when asked for. */
  readonly statusMessage?: string;
}

export interface AgentRegistration {
  readonly name: string;
  readonly version?: string;
  readonly osDescription?: string;
  readonly enabled?: boolean;
  readonly systemCapabilities?: Capabilities;
  readonly userCapabilities?: Capabilities;
  readonly publicKey?: PublicKey;
}

/** What a PATCH of an agent may carry; what is absent stays. */
export interface AgentPatch {
  readonly name?: string;
  readonly enabled?: boolean;
  readonly version?: string;
  readonly osDescription?: string;
  readonly systemCapabilities?: Capabilities;
  readonly userCapabilities?: Capabilities;
}

export interface JobSpec {
  readonly poolId: number;
  readonly demands?: readonly string[];
  /** By name; made when unknown. */
  readonly project?: string;
  /** By name; made when unknown. */
  readonly pipeline?: string;
  /** Adds the job to this run; without it a new run begins. */
  readonly runId?: number;
  readonly stage?: string;
  readonly jobName?: string;
  readonly durationMs?: number;
  readonly parallelism?: 'private' | 'public';
  readonly priority?: number;
  readonly userDelayed?: boolean;
}

/** `refused` = no registered agent could ever run it, so the run failed at once and there is no request. */
export type QueuedJob =
  | { readonly kind: 'queued'; readonly requestId: number; readonly runId: number; readonly jobId: string }
  | { readonly kind: 'refused'; readonly runId: number; readonly jobId: string; readonly message: string };

/** The query of a request list. `top` wins over `completedRequestCount`. */
export interface RequestQuery {
  readonly top?: number;
  readonly completedRequestCount?: number;
  readonly agentIds?: readonly number[];
  readonly planId?: string;
  readonly jobId?: string;
}

export interface ResourceUsage {
  readonly usedCount: number;
  readonly totalCount: number;
  readonly runningRequests: readonly RequestRecord[];
}

export type AgentMessage =
  | {
      readonly messageId: number;
      readonly messageType: 'PipelineAgentJobRequest';
      readonly requestId: number;
      readonly jobId: string;
      readonly planId: string;
      readonly jobName: string;
      readonly durationMs: number;
    }
  | {
      readonly messageId: number;
      readonly messageType: 'JobCancellation';
      readonly requestId: number;
      readonly jobId: string;
    };

export interface SessionSpec {
  readonly ownerName: string;
  readonly version?: string;
  /** Replace the registered system capabilities; absent leaves them. */
  readonly capabilities?: Capabilities;
  /**
   * True = the listener counts as alive, and what it runs as renewed, until `crash` or `closeSession`. Spares a
   * simulation the keep-alive every 30 s and the renewal every 60 s.
   */
  readonly attached?: boolean;
}

export interface Session {
  readonly id: string;
  readonly poolId: number;
  readonly agentId: number;
  readonly agentName: string;
  readonly ownerName: string;
}

export type SessionEnd = 'closed' | 'expired' | 'agentDeleted';

export interface PoolSnapshot {
  readonly at: EpochMs;
  readonly agents: readonly AgentRecord[];
  /** All, finished ones too, oldest first. */
  readonly requests: readonly RequestRecord[];
}
