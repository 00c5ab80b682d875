/** What one look at a pool gave. Reads that failed are unknown, never empty. */
import type { Agent } from '../domain/agent.ts';
import type { AgentJob } from '../domain/agentJob.ts';
import type { Control } from '../domain/control.ts';
import type { EpochMs } from '../domain/instant.ts';
import type { JobRequest } from '../domain/jobRequest.ts';
import type { Leftover } from '../domain/leftover.ts';
import type { Amounts } from '../domain/quota.ts';
import type { Read, Remembered } from '../domain/read.ts';

export interface ObservedCluster {
  readonly name: string;
  readonly agentJobs: Read<readonly AgentJob[]>;
  /** What each quota of its namespace leaves; empty = none limits agent jobs. */
  readonly quotas: Remembered<readonly Amounts[]>;
  /** Objects with our mark beside Jobs and pods; absent = nobody asked this time. */
  readonly leftovers?: readonly Leftover[];
}

/** A request for which an agent job would be created if nothing but the licence were in the way. */
export interface Wish {
  readonly requestId: number;
  readonly queuedAt: EpochMs;
}

/** What a pool of a licence group asks of the parallel jobs that they share. */
export interface LicenceNeeds {
  /** Private requests that have an agent already and will take a parallel job each. */
  readonly claims: number;
  /** Private ones that would get an agent, oldest first. */
  readonly wishes: readonly Wish[];
}

export interface GroupMember {
  readonly organisation: string;
  readonly poolId: number;
  readonly needs: Read<LicenceNeeds>;
}

/** Of a template in a cluster: each creation that is refused makes the pause before the next one longer. */
export interface Refusing {
  readonly until: EpochMs;
  readonly why: string;
}

export const toldKey = (runId: number, tag: string): string => `${runId}/${tag}`;

/** What a cluster refuses of a candidate it may well take of the image in force. */
export const refusalKey = (cluster: string, template: string, isCandidate = false): string =>
  `${cluster}/${template}${isCandidate ? ' (candidate)' : ''}`;

export interface Observed {
  /** Azure DevOps' own time at the last read. */
  readonly at: EpochMs;
  readonly requests: Read<readonly JobRequest[]>;
  readonly agents: Read<readonly Agent[]>;
  readonly clusters: readonly ObservedCluster[];
  /** Of the whole licence group. */
  readonly parallelJobs: Remembered<{ readonly total: number; readonly used: number }>;
  /** Since when every look has seen a free parallel job; absent = nobody kept track. */
  readonly freeSince?: EpochMs;
  /** Creations that a cluster refuses for certain, by `refusalKey`. */
  readonly refusals?: ReadonlyMap<string, Refusing>;
  /** The other pools of the licence group; looked at only when there may not be enough for all. */
  readonly group: readonly GroupMember[];
  /** Paused stays paused while the control map cannot be read. */
  readonly control: Remembered<Control>;
  /** What runs were told already, as far as this process remembers; by `toldKey`. */
  readonly told?: ReadonlySet<string>;
  /** How many ghosts a pass may begin with; absent = as many as the policy lets a pass. */
  readonly ghostBudget?: number;
  /** Waiting requests whose runs are over: nobody will ever take them. */
  readonly runsOver: ReadonlySet<number>;
}

/** The agent jobs of all clusters that answered. */
export function knownAgentJobs(observed: Observed): readonly AgentJob[] {
  return observed.clusters.flatMap((cluster) => (cluster.agentJobs.known ? cluster.agentJobs.value : []));
}

export function everyClusterKnown(observed: Observed): boolean {
  return observed.clusters.every((cluster) => cluster.agentJobs.known);
}
