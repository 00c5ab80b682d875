/** How long an agent job may take to bring its agent online, by what presently keeps it. */
import type { AgentJob, BootCause } from '../domain/agentJob.ts';
import { isOver } from '../domain/agentJob.ts';
import type { EpochMs } from '../domain/instant.ts';
import type { PoolPolicy } from '../domain/template.ts';

/** What keeps a started agent job from having its agent online. */
export function bootCause(agentJob: AgentJob): BootCause {
  if (agentJob.pod === undefined) return 'noPod';
  if (agentJob.pod.mainStartedAt !== undefined) return 'connecting';
  return agentJob.pod.cause;
}

/** When the clock of the present cause began: waiting for a node, then for image and volumes, then for the agent. */
function bootSince(agentJob: AgentJob): EpochMs {
  const pod = agentJob.pod;
  if (pod === undefined) return agentJob.phaseAt ?? agentJob.createdAt;
  return pod.mainStartedAt ?? pod.scheduledAt ?? pod.createdAt;
}

const isUnplaced = (agentJob: AgentJob): boolean => bootCause(agentJob) === 'unschedulable';

/** True when no node took its pod within the time after which its template's fallback takes over. */
export function fallsBack(agentJob: AgentJob, policy: PoolPolicy, now: EpochMs): boolean {
  if (!isUnplaced(agentJob)) return false;
  const fallback = policy.templates.find(({ name }) => name === agentJob.template)?.fallback;
  if (fallback === undefined || !policy.templates.some(({ name }) => name === fallback.template)) return false;
  return now - bootSince(agentJob) > Math.min(fallback.afterMs, policy.bootLimits.unschedulable);
}

/** True when the present cause has outlived its limit: the agent counts as never started. */
export function isBootExpired(agentJob: AgentJob, policy: PoolPolicy, now: EpochMs): boolean {
  return now - bootSince(agentJob) > policy.bootLimits[bootCause(agentJob)] || fallsBack(agentJob, policy, now);
}

/**
 * Booting: still being created and not past its create-by, or started, its pod not over, and inside the limit of what
 * presently keeps it. Whether its agent has ever been online is the caller's to know.
 */
export function isBooting(agentJob: AgentJob, policy: PoolPolicy, now: EpochMs): boolean {
  if (agentJob.phase === 'creating') return now < agentJob.createBy;
  return agentJob.phase === 'started' && !isOver(agentJob) && !isBootExpired(agentJob, policy, now);
}
