import type { EpochMs } from '../../../shared/domain/instant.ts';
import { minutesMs } from '../../../shared/domain/instant.ts';
import type { WorldClock } from '../world/clock.ts';
import type { Random } from '../world/random.ts';

export interface Range {
  readonly min: number;
  readonly max: number;
}

/** How the server behaves. Durations in ms. */
export interface WorldLimits {
  /** From "an agent could have it" to "it is assigned". A maximum of 0 assigns at once, within the verb. */
  assignDelayMs: Range;
  /** A session that is not heard of for this long dies (vso-agent issue 202, observed about 5 min). */
  sessionTtlMs: number;
  /** A renewal extends the lease to now plus this (agent logs: 10 min). */
  leaseMs: number;
  /** From the end of the lease to giving the agent up; with the lease 10 to 13 min (azure-pipelines-agent issue 4813). */
  leaseSweepMs: Range;
  /** [?] From assignment to waiting again when the agent is gone and never received it. Not published anywhere. */
  unreceivedMs: number;
  /** [?] The status of a refused deletion is not published; clients must cope with any 4xx. */
  jobStillRunningStatus: number;
  /** `$top` is capped (kedacore/keda issue 6819). */
  maxTop: number;
  /** Implied by every job as `Agent.Version -gtVersion`. */
  minimumAgentVersion: string;
  /** How often an agent that said it is shutting down is given a job all the same (azure-pipelines-agent issue 3994). */
  lateAssignmentChance: number;
  /** [?] What a session's capabilities do to the registered ones. */
  sessionCapabilities: 'replace' | 'merge' | 'ignore';
  /** [?] Whether a registration can say that the agent is disabled. */
  registersDisabled: boolean;
  /** For clients that must cope with a server that breaks its own rule: a disabled agent is given jobs. */
  assignsToDisabled: boolean;
}

export const defaultLimits: WorldLimits = {
  assignDelayMs: { min: 0, max: 1000 },
  sessionTtlMs: minutesMs(5),
  leaseMs: minutesMs(10),
  leaseSweepMs: { min: minutesMs(1), max: minutesMs(3) },
  unreceivedMs: minutesMs(15),
  jobStillRunningStatus: 400,
  maxTop: 200,
  minimumAgentVersion: '2.163.1',
  lateAssignmentChance: 0,
  sessionCapabilities: 'replace',
  registersDisabled: true,
  assignsToDisabled: false,
};

export interface WorldOptions {
  readonly clock: WorldClock;
  readonly random: Random;
  readonly organisation?: { readonly name: string; readonly url: string; readonly authorizationUrl: string };
  /** Private parallel jobs on self-hosted agents. */
  readonly parallelJobs?: number;
  /** The server's clock minus the injected one, in ms. */
  readonly skewMs?: EpochMs;
  readonly limits?: Partial<WorldLimits>;
}
