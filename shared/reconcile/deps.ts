/** What a reconcile works with. Everything from outside arrives here; nothing is looked up. */
import type { Control } from '../domain/control.ts';
import type { EpochMs } from '../domain/instant.ts';
import type { Amounts } from '../domain/quota.ts';
import type { Secret } from '../domain/secret.ts';
import type { PoolPolicy } from '../domain/template.ts';
import type { LicenceNeeds, Refusing } from '../plan/observed.ts';
import type { PipelineRuns } from '../ports/runs.ts';
import type { AgentKeys, AgentPools, Clock, Cluster, Log, Nonces, ParallelJobs, Throttle } from '../ports.ts';
import type { GhostMemory } from './ghostBudget.ts';

/** What an earlier look learned of a run, and when by Azure DevOps' time. */
export interface KnownRun {
  readonly isOver: boolean;
  readonly askedAt: EpochMs;
}

/** How often a cluster has refused to create agent jobs of a template in a row. */
export interface Refused extends Refusing {
  readonly count: number;
}

/**
 * What optional reads gave last, per process and pool. A cache and no more: without it a configured default holds.
 */
export interface ReconcileMemory {
  parallelJobs?: ParallelJobs;
  /** By Azure DevOps' time; see Observed. */
  freeSince?: EpochMs;
  control?: Control;
  readonly quotas?: Map<string, readonly Amounts[]>;
  /** By template and cluster; see Observed. */
  readonly refusals?: Map<string, Refused>;
  /** By request. */
  readonly runs?: Map<number, KnownRun>;
  /** What runs were told; see Observed. */
  readonly told?: Set<string>;
  /** What ghosts may cost. */
  ghosts?: GhostMemory;
  /** When each cluster was asked for leftovers last, by this machine's clock. */
  readonly leftoversAskedAt?: Map<string, EpochMs>;
  /**
   * What this pool asked of its licence group when another one looked last, by this machine's clock, and how many of
   * its wishes were granted then.
   */
  needs?: { readonly value: LicenceNeeds; readonly lookedAt: EpochMs; readonly granted?: number };
}

/** What a look at a pool needs. */
export interface LookDeps {
  readonly policy: PoolPolicy;
  readonly pools: Pick<AgentPools, 'listAgents' | 'listJobRequests' | 'isRunOver' | 'getParallelJobs'>;
  readonly clusters: readonly Cluster[];
  readonly clock: Clock;
  readonly memory: ReconcileMemory;
  /** Of the pool's organisation; absent = nobody listens for signs. */
  readonly throttle?: Throttle;
}

export interface ReconcileDeps extends LookDeps {
  readonly pools: AgentPools;
  /** Absent = nobody is told anything and nothing is run again. */
  readonly runs?: PipelineRuns;
  readonly keys: AgentKeys;
  /** A short-lived credential of the identity that only registers agents; for `initConfig`. */
  readonly registrationToken?: () => Promise<Secret>;
  readonly nonces: Nonces;
  readonly log: Log;
  /** The namespace of agent jobs by cluster name. */
  readonly namespaces: ReadonlyMap<string, string>;
  /** The other pools that share parallel jobs with this one. */
  readonly group?: readonly LookDeps[];
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
