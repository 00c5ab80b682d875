/** What happens in the Azure DevOps world, for observers: tests, invariants, the hook publisher. */
import type { EpochMs } from '../../../shared/domain/instant.ts';
import type { TaskResult } from '../../../shared/domain/jobRequest.ts';
import type { Pipeline, Project, SessionEnd } from './records.ts';

interface OfAgent {
  readonly poolId: number;
  readonly agentId: number;
  readonly agentName: string;
}

interface OfRequest {
  readonly poolId: number;
  readonly requestId: number;
}

export type WorldEventBody =
  | ({ readonly kind: 'requestQueued' } & OfRequest)
  | { readonly kind: 'jobRefused'; readonly poolId: number; readonly runId: number; readonly message: string }
  | ({ readonly kind: 'assigned' } & OfRequest & OfAgent)
  /** Assigned but never received: it waits again. */
  | ({ readonly kind: 'unassigned' } & OfRequest & OfAgent)
  | ({ readonly kind: 'received' } & OfRequest & OfAgent)
  | ({ readonly kind: 'cancelRequested' } & OfRequest)
  | ({
      readonly kind: 'finished';
      readonly result: TaskResult;
      /** An agent received and completed it. */
      readonly ran: boolean;
      /** Its lease ran out: "We stopped hearing from agent". */
      readonly lost: boolean;
      readonly agentId?: number;
      readonly agentName?: string;
    } & OfRequest)
  | ({ readonly kind: 'agentAdded'; readonly by: string; readonly placeholder: boolean } & OfAgent)
  | ({ readonly kind: 'agentReplaced'; readonly by: string } & OfAgent)
  | ({ readonly kind: 'agentUpdated'; readonly by: string; readonly enabled: boolean } & OfAgent)
  | ({
      readonly kind: 'agentDeleted';
      readonly by: string;
      /** Through a door, not by an operator of the world. */
      readonly byUs: boolean;
      /** Only an operator's forced deletion can take an agent from under a request. */
      readonly heldRequest?: number;
    } & OfAgent)
  | ({ readonly kind: 'deleteRefused'; readonly by: string } & OfRequest & OfAgent)
  | ({ readonly kind: 'sessionOpened'; readonly sessionId: string } & OfAgent)
  | ({ readonly kind: 'sessionClosed'; readonly sessionId: string; readonly because: SessionEnd } & OfAgent);

export type WorldEvent = WorldEventBody & { readonly at: EpochMs };

/** Who acts when no door does. */
export const operator = 'operator';

export type JobState = 'waiting' | 'running' | 'completed';

/** What a job-state service hook would tell. It knows no pool, demands or request id, and neither may its payload. */
export interface JobStateEvent {
  readonly project: Project;
  readonly pipeline: Pipeline;
  readonly run: { readonly id: number; readonly name: string };
  readonly stage: string;
  readonly job: { readonly id: string; readonly name: string };
  readonly attempt: number;
  readonly state: JobState;
  readonly result?: TaskResult;
  readonly queuedAt: EpochMs;
  readonly startedAt?: EpochMs;
  readonly finishedAt?: EpochMs;
  readonly at: EpochMs;
}

/** A job of some other pool, Microsoft-hosted for instance: hooks fire for these too. */
export interface ForeignJob {
  readonly project?: string;
  readonly pipeline?: string;
  readonly stage?: string;
  readonly jobName?: string;
  readonly state: JobState;
  readonly result?: TaskResult;
}

export type Unsubscribe = () => void;
