/**
 * An entry of a pool's request list: it wants one agent. Absent fields mean "has not happened", exactly as on the
 * wire, where Azure DevOps omits what is unset.
 */
import type { EpochMs } from './instant.ts';

export const taskResults = [
  'succeeded',
  'succeededWithIssues',
  'failed',
  'canceled',
  'skipped',
  'abandoned',
  'manuallyQueued',
  'dependentOnManualQueue',
] as const;

export type TaskResult = (typeof taskResults)[number];

export interface JobRequest {
  readonly id: number;
  readonly poolId: number;
  readonly queuedAt: EpochMs;
  readonly assignedAt?: EpochMs;
  readonly receivedAt?: EpochMs;
  readonly finishedAt?: EpochMs;
  readonly result?: TaskResult;
  /** Lease end. */
  readonly lockedUntil?: EpochMs;
  readonly reservedAgent?: { readonly id: number; readonly name: string };
  /** As on the wire: "name" or "name -op value". */
  readonly demands: readonly string[];
  readonly jobId: string;
  readonly planId: string;
  readonly jobName?: string;
  readonly pipeline?: { readonly id: number; readonly name: string };
  /** What made it: "Build" for pipeline runs. */
  readonly planType?: string;
  readonly run?: { readonly id: number; readonly name: string };
  readonly projectId?: string;
  /** Which parallel-job allowance it draws on. Anything but "Public" counts as private. */
  readonly parallelism: 'private' | 'public';
  readonly userDelayed: boolean;
  readonly priority?: number;
}

/** Unfinished: no result yet. A request without result but with finishTime is over as well. */
export function isUnfinished(request: JobRequest): boolean {
  return request.result === undefined && request.finishedAt === undefined;
}

/** Oldest first; equal times go by id, so that two calls on equal input agree. */
export function byAge(a: JobRequest, b: JobRequest): number {
  return a.queuedAt - b.queuedAt || a.id - b.id;
}
