/** Asks for the runs of requests that may be leftovers. What cannot be told is no leftover. */
import type { AgentJob } from '../domain/agentJob.ts';
import { type EpochMs, minutesMs } from '../domain/instant.ts';
import type { JobRequest } from '../domain/jobRequest.ts';
import { runsToAskAbout } from '../plan/runsOver.ts';
import type { KnownRun, LookDeps } from './deps.ts';
import { attempt } from './optionalReads.ts';

/** A run that goes on is asked for again after this; one that is over stays so. */
const askAgainMs = minutesMs(30);

/** The waiting requests whose runs are known to be over. */
export async function readRunsOver(
  { pools, clock, memory }: LookDeps,
  requests: readonly JobRequest[],
  agentJobs: readonly AgentJob[],
  at: EpochMs,
  errors: unknown[],
): Promise<ReadonlySet<number>> {
  const runs: Map<number, KnownRun> = memory.runs ?? new Map();
  forget(runs, requests);
  const isKnown = (requestId: number): boolean => {
    const run = runs.get(requestId);
    return run !== undefined && (run.isOver || clock.now() - run.askedAt < askAgainMs);
  };
  await Promise.all(
    runsToAskAbout(requests, agentJobs, at, isKnown).map(async ({ requestId, projectId, runId }) => {
      const read = await attempt(errors, pools.isRunOver(projectId, runId));
      runs.set(requestId, { isOver: read.known && read.value === true, askedAt: clock.now() });
    }),
  );
  return new Set([...runs].filter(([, run]) => run.isOver).map(([requestId]) => requestId));
}

function forget(runs: Map<number, KnownRun>, requests: readonly JobRequest[]): void {
  const listed = new Set(requests.map(({ id }) => id));
  for (const requestId of runs.keys()) if (!listed.has(requestId)) runs.delete(requestId);
}
