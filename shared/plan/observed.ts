/** What one look at a pool gave. Reads that failed are unknown, never empty. */
import type { Agent } from '../domain/agent.ts';
import type { AgentJob } from '../domain/agentJob.ts';
import type { EpochMs } from '../domain/instant.ts';
import type { JobRequest } from '../domain/jobRequest.ts';
import type { Read, Remembered } from '../domain/read.ts';

export interface ObservedCluster {
  readonly name: string;
  readonly agentJobs: Read<readonly AgentJob[]>;
}

export interface Observed {
  /** Azure DevOps' own time at the last read. */
  readonly at: EpochMs;
  readonly requests: Read<readonly JobRequest[]>;
  readonly agents: Read<readonly Agent[]>;
  readonly clusters: readonly ObservedCluster[];
  readonly parallelJobs: Remembered<{ readonly total: number; readonly used: number }>;
  /** Paused stays paused while the control map cannot be read. */
  readonly paused: Remembered<boolean>;
}

/** The agent jobs of all clusters that answered. */
export function knownAgentJobs(observed: Observed): readonly AgentJob[] {
  return observed.clusters.flatMap((cluster) => (cluster.agentJobs.known ? cluster.agentJobs.value : []));
}

export function everyClusterKnown(observed: Observed): boolean {
  return observed.clusters.every((cluster) => cluster.agentJobs.known);
}
