/** Which ends of agents speak against the image that they were to prove. */
import type { AgentJob } from '../../domain/agentJob.ts';
import type { RetireReason } from '../../domain/reasons.ts';

const failedStarts: ReadonlySet<string | undefined> = new Set<RetireReason>([
  'neverStarted',
  'ended',
  'wentOffline',
  'updatePending',
  'notAssignedByServer',
]);

/** The cluster had no place for the pod, or no volume: any image would have waited there. */
const ofTheCluster = /^(noPod|quota|unschedulable|mount)\b/;

/**
 * True for an agent of a candidate that did not start, or did not stay. It counts against the candidate and against
 * nothing else: neither its request nor its template has to wait for it.
 */
export function blamesCandidate({ candidate, served, lost, phase, reason, detail }: AgentJob): boolean {
  if (candidate === undefined || served !== undefined || lost !== undefined) return false;
  if (phase !== 'retiring' && phase !== 'tombstone') return false;
  return failedStarts.has(reason) && !ofTheCluster.test(detail ?? '');
}
