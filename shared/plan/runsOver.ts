/**
 * Requests that may be leftovers of runs long over. The server keeps some of them unfinished for ever and gives them no
 * agent, so each would cost agent after agent. Only the run itself tells; asking costs a call, so only suspects are.
 * Source: Microsoft Q&A 5793414 and kedacore/keda issue 3679 (read 2026-11).
 */
import { type AgentJob, isTombstone } from '../domain/agentJob.ts';
import { type EpochMs, hoursMs, minutesMs } from '../domain/instant.ts';
import { byAge, isUnfinished, type JobRequest } from '../domain/jobRequest.ts';
import { endedAt } from './backoff.ts';

const suspectAgeMs = hoursMs(1);
/** A run that went on is asked about again after this, or after the next failure. */
const askAgainMs = minutesMs(30);
/** Of a pass: the oldest are at the head of the line, so they are what keeps others waiting. */
const asksPerLook = 3;

/** When an attempt at each request came to nothing last. */
function lastFailures(agentJobs: readonly AgentJob[]): ReadonlyMap<number, EpochMs> {
  const last = new Map<number, EpochMs>();
  for (const agentJob of agentJobs) {
    const { purpose, served } = agentJob;
    if (!isTombstone(agentJob) || served !== undefined || purpose.kind !== 'request') continue;
    last.set(purpose.requestId, Math.max(endedAt(agentJob), last.get(purpose.requestId) ?? 0));
  }
  return last;
}

export interface RunQuestion {
  readonly requestId: number;
  readonly projectId: string;
  readonly runId: number;
}

/** Waiting, and given to nobody. */
const isUntouched = (request: JobRequest): boolean =>
  isUnfinished(request) && request.receivedAt === undefined && request.assignedAt === undefined;

/** The runs to ask about now; `askedAt` = when one was found to go on, undefined = never asked. */
export function runsToAskAbout(
  requests: readonly JobRequest[],
  agentJobs: readonly AgentJob[],
  now: EpochMs,
  askedAt: (requestId: number) => EpochMs | undefined,
): readonly RunQuestion[] {
  const failures = lastFailures(agentJobs);
  const isSuspect = (request: JobRequest): boolean => {
    const [failedAt, asked] = [failures.get(request.id), askedAt(request.id)];
    const isOld = now - request.queuedAt > suspectAgeMs;
    if (asked === undefined) return isOld || failedAt !== undefined;
    return (failedAt !== undefined && failedAt > asked) || (isOld && now - asked > askAgainMs);
  };
  return requests
    .filter((request) => isUntouched(request) && isSuspect(request))
    .toSorted(byAge)
    .flatMap(({ id, projectId, run, planType }) =>
      // Only builds: what else queues requests numbers its runs in its own way.
      projectId === undefined || run === undefined || planType !== 'Build'
        ? []
        : [{ requestId: id, projectId, runId: run.id }],
    )
    .slice(0, asksPerLook);
}
