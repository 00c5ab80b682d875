/** Which unfinished requests wait for an agent now. */
import type { EpochMs } from '../domain/instant.ts';
import { byAge, isUnfinished, type JobRequest } from '../domain/jobRequest.ts';
import type { Alarm, Skip } from './plan.ts';

export interface Waiting {
  /** Oldest first. */
  readonly requests: readonly JobRequest[];
  readonly skips: readonly Skip[];
  readonly alarms: readonly Alarm[];
}

/** The server gives these no agent now, whatever we do. */
function hopeless(request: JobRequest, runsOver: ReadonlySet<number>): Skip | undefined {
  if (runsOver.has(request.id)) return { requestId: request.id, reason: 'runOver', detail: request.run?.name ?? '' };
  return request.userDelayed ? { requestId: request.id, reason: 'userDelayed' } : undefined;
}

/**
 * Waiting = unfinished and received by nobody. A request that the server has given to an agent is taken for the grace,
 * whoever owns the agent, because that agent may just be starting; after it the request waits again, with an alarm.
 */
export function waitingRequests(
  requests: readonly JobRequest[],
  assignmentGraceMs: number,
  now: EpochMs,
  runsOver: ReadonlySet<number> = new Set(),
): Waiting {
  const waiting: JobRequest[] = [];
  const skips: Skip[] = [];
  const alarms: Alarm[] = [];
  for (const request of requests.toSorted(byAge)) {
    if (!isUnfinished(request) || request.receivedAt !== undefined) continue;
    const skip = hopeless(request, runsOver);
    if (skip !== undefined) skips.push(skip);
    else if (request.assignedAt === undefined) waiting.push(request);
    else if (now - request.assignedAt > assignmentGraceMs) {
      alarms.push({
        reason: 'assignmentExpired',
        subject: `request ${request.id}`,
        detail: request.reservedAgent?.name ?? '',
      });
      waiting.push(request);
    }
  }
  return { requests: waiting, skips, alarms };
}
