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

/**
 * Waiting = unfinished and received by nobody. A request that the server has given to an agent is taken for the grace,
 * whoever owns the agent, because that agent may just be starting; after it the request waits again, with an alarm.
 */
export function waitingRequests(requests: readonly JobRequest[], assignmentGraceMs: number, now: EpochMs): Waiting {
  const waiting: JobRequest[] = [];
  const skips: Skip[] = [];
  const alarms: Alarm[] = [];
  for (const request of requests.toSorted(byAge)) {
    if (!isUnfinished(request) || request.receivedAt !== undefined) continue;
    if (request.userDelayed) {
      skips.push({ requestId: request.id, reason: 'userDelayed' });
      continue;
    }
    if (request.assignedAt !== undefined) {
      if (now - request.assignedAt <= assignmentGraceMs) continue;
      alarms.push({
        reason: 'assignmentExpired',
        subject: `request ${request.id}`,
        detail: request.reservedAgent?.name ?? '',
      });
    }
    waiting.push(request);
  }
  return { requests: waiting, skips, alarms };
}
