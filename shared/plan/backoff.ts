/**
 * What earlier failures, read from tombstones, forbid now: a pause per request that doubles with each failure, and a
 * breaker per template that lets one probe through at a time.
 */
import { type AgentJob, createByPassed } from '../domain/agentJob.ts';
import type { EpochMs } from '../domain/instant.ts';
import type { PoolPolicy } from '../domain/template.ts';
import { isBooting } from './boot.ts';

const failedStarts: ReadonlySet<string | undefined> = new Set(['neverStarted', 'wentOffline', 'updatePending']);

/**
 * A failure: its Job was started, was not retired as surplus, and its agent served no request. Rolled-back and stolen
 * ones never are. One that never came up counts from the moment it is being retired, long before its pod has ended.
 */
export function isFailure(agentJob: AgentJob): boolean {
  if (agentJob.served !== undefined) return false;
  if (agentJob.phase === 'retiring') return failedStarts.has(agentJob.reason);
  return agentJob.phase === 'tombstone' && agentJob.reason !== 'surplus';
}

/** Rolled back because a step was refused: no failure of the template, but trying again at once changes nothing. */
function isRefused(agentJob: AgentJob): boolean {
  return agentJob.phase === 'rolledBack' && agentJob.reason !== createByPassed;
}

export const endedAt = (agentJob: AgentJob): EpochMs => agentJob.phaseAt ?? agentJob.finishedAt ?? agentJob.createdAt;

/** When a request may be tried again, by its earlier attempts; undefined = none of them failed or was refused. */
export function retryAt(attempts: readonly AgentJob[], policy: PoolPolicy): EpochMs | undefined {
  const failures = attempts.filter((agentJob) => isFailure(agentJob) || isRefused(agentJob));
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
