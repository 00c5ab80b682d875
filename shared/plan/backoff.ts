/**
 * What earlier failures, read from tombstones, forbid now: a pause per request that doubles with each failure, and a
 * breaker per template that lets one probe through at a time.
 */
import type { AgentJob } from '../domain/agentJob.ts';
import type { EpochMs } from '../domain/instant.ts';
import type { PoolPolicy } from '../domain/template.ts';
import { isBooting } from './boot.ts';

/**
 * A failure: its Job was started, was not retired as surplus, and its agent served no request. Rolled-back and stolen
 * ones never are.
 */
export function isFailure(agentJob: AgentJob): boolean {
  return agentJob.phase === 'tombstone' && agentJob.served === undefined && agentJob.reason !== 'surplus';
}

export const endedAt = (agentJob: AgentJob): EpochMs => agentJob.phaseAt ?? agentJob.finishedAt ?? agentJob.createdAt;

/** When a request that has failed before may be tried again; undefined = it never failed. */
export function retryAt(requestId: number, agentJobs: readonly AgentJob[], policy: PoolPolicy): EpochMs | undefined {
  const failures = agentJobs.filter(
    (agentJob) =>
      agentJob.purpose.kind === 'request' && agentJob.purpose.requestId === requestId && isFailure(agentJob),
  );
  if (failures.length === 0) return undefined;
  const { firstMs, maximumMs } = policy.backoff;
  const pause = Math.min(maximumMs, firstMs * 2 ** (failures.length - 1));
  return Math.max(...failures.map(endedAt)) + pause;
}

export interface Breaker {
  readonly open: boolean;
  /** While open: whether one creation may be tried now. */
  readonly probe: boolean;
}

/**
 * Open when the template failed often inside the window and nothing of it has come through since its last failure: an
 * agent that is `busy` now, or has served. While open one probe boots at a time, and a new one begins a probe period
 * after the last failure.
 */
export function breakerOf(
  template: string,
  agentJobs: readonly AgentJob[],
  busy: ReadonlySet<string>,
  policy: PoolPolicy,
  now: EpochMs,
): Breaker {
  const { breakerFailures, breakerWindowMs, breakerProbeMs } = policy.backoff;
  const ofTemplate = agentJobs.filter((agentJob) => agentJob.template === template);
  const failures = ofTemplate.filter((agentJob) => isFailure(agentJob) && now - endedAt(agentJob) <= breakerWindowMs);
  if (failures.length < breakerFailures) return { open: false, probe: false };
  const lastFailureAt = Math.max(...failures.map(endedAt));
  const cameThrough = ofTemplate.some(
    (agentJob) => (agentJob.served !== undefined || busy.has(agentJob.name)) && endedAt(agentJob) > lastFailureAt,
  );
  if (cameThrough) return { open: false, probe: false };
  const underWay = ofTemplate.some(
    (agentJob) => !busy.has(agentJob.name) && isBooting(agentJob, policy.bootLimits, now),
  );
  return { open: true, probe: !underWay && now - lastFailureAt >= breakerProbeMs };
}
