/** What a reconcile works with. Everything from outside arrives here; nothing is looked up. */
import type { EpochMs } from '../domain/instant.ts';
import type { PoolPolicy } from '../domain/template.ts';
import type { AgentKeys, AgentPools, Clock, Cluster, Log, Nonces, ParallelJobs } from '../ports.ts';

/**
 * What optional reads gave last, per process and pool. A cache and no more: without it a configured default holds.
 */
export interface ReconcileMemory {
  parallelJobs?: ParallelJobs;
  paused?: boolean;
}

export interface ReconcileDeps {
  readonly policy: PoolPolicy;
  readonly pools: AgentPools;
  readonly clusters: readonly Cluster[];
  readonly keys: AgentKeys;
  readonly nonces: Nonces;
  readonly clock: Clock;
  readonly log: Log;
  readonly memory: ReconcileMemory;
  /** The namespace of agent jobs by cluster name. */
  readonly namespaces: ReadonlyMap<string, string>;
}

/** A pass that carries out a plan. */
export interface Pass extends ReconcileDeps {
  /** Azure DevOps' time now: that of the look plus what has passed since on this machine's clock. */
  readonly serverNow: () => EpochMs;
}

export interface ReconcileIntent {
  readonly cause: string;
  readonly correlationId: string;
  /** On this machine's clock: nothing new is begun after it; what has begun is finished or undone. */
  readonly deadlineAt: EpochMs;
}
