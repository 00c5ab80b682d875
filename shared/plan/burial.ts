/**
 * When a tombstone may go. It is memory for its request; a failed one also for its template's breaker, a warm one for the
 * next attempt. The pods of some failed ones are kept with them, for people to look at.
 */
import { type AgentJob, isTombstone, mayBeNamedAgain } from '../domain/agentJob.ts';
import { minutesMs } from '../domain/instant.ts';
import { endedAt, isFailure, pauses } from './backoff.ts';
import { blamesCandidate } from './images/blame.ts';
import { mayRerun } from './reserved.ts';
import type { View } from './view.ts';

/** Its pod shows what went wrong. */
const isTelling = (agentJob: AgentJob): boolean =>
  isTombstone(agentJob) &&
  agentJob.pod !== undefined &&
  (isFailure(agentJob) || blamesCandidate(agentJob) || agentJob.lost !== undefined);

/** The UIDs of the tombstones whose pods are kept: the newest of each cluster, for a while. */
export function keptForDebugging({ agentJobs, policy, now }: View): ReadonlySet<string> {
  const { forMs, most } = policy.keepFailed;
  const telling = agentJobs.filter((agentJob) => isTelling(agentJob) && now - endedAt(agentJob) < forMs);
  const perCluster = Map.groupBy(telling, ({ cluster }) => cluster);
  const newest = [...perCluster.values()].flatMap((all) =>
    all.toSorted((a, b) => endedAt(b) - endedAt(a) || (a.name < b.name ? -1 : 1)).slice(0, most),
  );
  return new Set(newest.map(({ uid }) => uid));
}

/**
 * A pass may carry out a plan that is older than the creation that was rolled back; while the tombstone stands it finds
 * the name taken.
 */
const oldestPlanMs = minutesMs(2);

export interface BurialContext extends View {
  readonly unfinished: ReadonlySet<number>;
  readonly kept: ReadonlySet<string>;
}

/** How long it is remembered for what it was, whatever its request does. */
function memoryMs(agentJob: AgentJob, { policy }: View): number {
  const isRemembered =
    isFailure(agentJob) || blamesCandidate(agentJob) || (agentJob.purpose.kind === 'warm' && pauses(agentJob));
  const window = isRemembered ? policy.backoff.breakerWindowMs : 0;
  return Math.max(window, agentJob.phase === 'rolledBack' ? oldestPlanMs : 0);
}

export function isForgettable(agentJob: AgentJob, context: BurialContext): boolean {
  const { policy, now, unfinished, kept } = context;
  if (agentJob.purpose.kind === 'request' && unfinished.has(agentJob.purpose.requestId)) return false;
  if (kept.has(agentJob.uid) || mayRerun(agentJob, policy.runs.rerunLost, now)) return false;
  return now - endedAt(agentJob) >= memoryMs(agentJob, context) && !mayBeNamedAgain(agentJob, now);
}
