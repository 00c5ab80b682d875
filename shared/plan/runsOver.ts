/**
 * Requests that may be leftovers of runs long over. The server keeps some of them unfinished for ever and gives them no
 * agent, so each would cost agent after agent. Only the run itself tells; asking costs a call, so only suspects are.
 * Source: Microsoft Q&A 5793414 and kedacore/keda issue 3679 (read 2026-11).
 */
import { type AgentJob, isTombstone } from '../domain/agentJob.ts';
import { type EpochMs, hoursMs } from '../domain/instant.ts';
import { byAge, isUnfinished, type JobRequest } from '../domain/jobRequest.ts';

const suspectAgeMs = hoursMs(1);
/** Of a pass: the oldest are at the head of the line, so they are what keeps others waiting. */
const asksPerLook = 3;

function hasFailed(agentJobs: readonly AgentJob[]): ReadonlySet<number> {
  const failed = agentJobs.filter((agentJob) => isTombstone(agentJob) && agentJob.served === undefined);
  return new Set(failed.flatMap(({ purpose }) => (purpose.kind === 'request' ? purpose.requestId : [])));
}

export interface RunQuestion {
  readonly requestId: number;
  readonly projectId: string;
  readonly runId: number;
}

/** The runs to ask about now; `isKnown` = asked not long ago. */
export function runsToAskAbout(
  requests: readonly JobRequest[],
  agentJobs: readonly AgentJob[],
  now: EpochMs,
  isKnown: (requestId: number) => boolean,
): readonly RunQuestion[] {
  const failed = hasFailed(agentJobs);
  const isSuspect = (request: JobRequest): boolean =>
    isUnfinished(request) &&
    request.receivedAt === undefined &&
    request.assignedAt === undefined &&
    (now - request.queuedAt > suspectAgeMs || failed.has(request.id)) &&
    !isKnown(request.id);
  return requests
    .filter(isSuspect)
    .toSorted(byAge)
    .flatMap(({ id, projectId, run, planType }) =>
      // Only builds: what else queues requests numbers its runs in its own way.
      projectId === undefined || run === undefined || planType !== 'Build'
        ? []
        : [{ requestId: id, projectId, runId: run.id }],
    )
    .slice(0, asksPerLook);
}
