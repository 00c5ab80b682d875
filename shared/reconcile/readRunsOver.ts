/** Asks for the runs of requests that may be leftovers. What cannot be told is no leftover. */
import type { AgentJob } from '../domain/agentJob.ts';
import type { EpochMs } from '../domain/instant.ts';
import type { JobRequest } from '../domain/jobRequest.ts';
import { runsToAskAbout } from '../plan/runsOver.ts';
import type { KnownRun, LookDeps } from './deps.ts';
import { attempt } from './optionalReads.ts';
import { within } from './within.ts';

/** The answer is worth no more of a pass. */
const askMs = 10_000;
const asking = { upstream: 'azureDevOps', operation: 'asking for a run' } as const;

/** The waiting requests whose runs are known to be over. */
export async function readRunsOver(
  { pools, memory, clock }: LookDeps,
  requests: readonly JobRequest[],
  agentJobs: readonly AgentJob[],
  at: EpochMs,
  errors: unknown[],
): Promise<ReadonlySet<number>> {
  const runs: Map<number, KnownRun> = memory.runs ?? new Map();
  forget(runs, requests);
  // One that is over stays so, which is never to be asked again.
  const askedAt = (requestId: number): EpochMs | undefined => {
    const run = runs.get(requestId);
    return run?.isOver === true ? Number.POSITIVE_INFINITY : run?.askedAt;
  };
  await Promise.all(
    runsToAskAbout(requests, agentJobs, at, askedAt).map(async ({ requestId, projectId, runId }) => {
      const read = await attempt(errors, within(clock, askMs, asking, pools.isRunOver(projectId, runId)));
      runs.set(requestId, { isOver: read.known && read.value === true, askedAt: at });
    }),
  );
  return new Set([...runs].filter(([, run]) => run.isOver).map(([requestId]) => requestId));
}

function forget(runs: Map<number, KnownRun>, requests: readonly JobRequest[]): void {
  const listed = new Set(requests.map(({ id }) => id));
  for (const requestId of runs.keys()) if (!listed.has(requestId)) runs.delete(requestId);
}
