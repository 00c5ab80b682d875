/** What the live probe of a pool found. A value: the command prints it, the control maps get its short form. */
import type { JitProbe } from '../domain/control.ts';
import type { EpochMs } from '../domain/instant.ts';

export const probeStepTitles = {
  readAgents: 'reads the pool and its agents',
  readRequests: 'reads the job requests',
  readParallelJobs: 'reads the parallel jobs',
  seePlaceholder: 'sees a placeholder of its own',
  removeLeftovers: 'removes what earlier probes left',
  register: 'registers a throw-away agent',
  keepDisabled: 'has it disabled before it connects',
  signIn: "exchanges a token with the agent's key",
  openSession: 'opens a session as the agent',
  readBack: 'reads the agent back online',
  disable: 'disables it while it is online',
  delete: 'deletes it while its session is open',
  cleanUp: 'leaves nothing behind',
  record: 'records the outcome',
} as const;
export type ProbeStepId = keyof typeof probeStepTitles;

export interface ProbeStep {
  readonly id: ProbeStepId;
  /** `noted` = neither good nor bad. */
  readonly mark: 'passed' | 'failed' | 'noted';
  /** What was seen, or why it failed; may be empty. */
  readonly text: string;
}

/** What no document says of the server, as far as the probe came. */
export interface Learnt {
  /** Whether a registration can say that the agent is disabled, or a second call must. */
  readonly registration?: 'heeds enabled=false' | 'ignores enabled=false';
  /** What a session does to the capabilities of the registration. */
  readonly capabilities?: 'replaced' | 'merged' | 'kept' | 'mixed';
  readonly disableWhileOnline?: 'accepted' | 'refused';
  readonly deleteWhileIdle?: 'accepted' | 'refused';
  /** The answer to the listener of a deleted agent, and after how long. */
  readonly listenerTold?: string;
  /** The first refusals of a fresh agent that a repetition made good. */
  readonly slowToBeKnown?: true;
}

export type ProbeVerdict = JitProbe | 'inconclusive';

export interface ProbeReport {
  readonly verdict: ProbeVerdict;
  /** Why it is not `works`; else undefined. */
  readonly because?: string;
  readonly organisation: string;
  readonly poolId: number;
  readonly poolName: string;
  readonly agentName: string;
  /** Azure DevOps' time; undefined = it was never heard. */
  readonly at?: EpochMs;
  readonly steps: readonly ProbeStep[];
  readonly learnt: Learnt;
  /** What a person must know of: an agent that stays behind, a request that it was given. */
  readonly leftBehind?: string;
  /** Clusters whose control map has the outcome now. Empty for an inconclusive one, which is never recorded. */
  readonly recordedIn: readonly string[];
  readonly notRecordedIn: readonly string[];
}

const capabilityWords = {
  replaced: 'a session replaces capabilities',
  merged: 'a session adds its capabilities',
  kept: 'a session changes no capabilities',
  mixed: 'a session changes capabilities in an unknown way',
} as const;

/** All that was learnt in one line; empty = nothing. */
export function learntLine(learnt: Learnt): string {
  const { registration, capabilities, disableWhileOnline, deleteWhileIdle, listenerTold, slowToBeKnown } = learnt;
  const told = listenerTold === undefined ? '' : `, the listener gets ${listenerTold}`;
  return [
    capabilities && capabilityWords[capabilities],
    disableWhileOnline && `disable while online ${disableWhileOnline}`,
    deleteWhileIdle && `delete while idle ${deleteWhileIdle}${told}`,
    registration && `registration ${registration}`,
    slowToBeKnown && 'a fresh agent is refused for a moment',
  ]
    .filter((part) => part !== undefined)
    .join('; ');
}

const verdictWords: Readonly<Record<ProbeVerdict, string>> = {
  works: 'jit works',
  fails: 'jit does not work',
  inconclusive: 'It is not known whether jit works',
};

/** The verdict in one line. */
export function verdictLine(report: ProbeReport): string {
  const { verdict, because, organisation, poolId, poolName, learnt } = report;
  const rest = [because, learntLine(learnt)].filter((part) => part !== undefined && part !== '').join('; ');
  return `${verdictWords[verdict]} in pool ${poolId} (${poolName}) of ${organisation}${rest === '' ? '' : `: ${rest}`}.`;
}
