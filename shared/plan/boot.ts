/** How long an agent job may take to bring its agent online, by what presently keeps it. */
import type { AgentJob, AgentPod, BootCause } from '../domain/agentJob.ts';
import { hasStopped } from '../domain/agentJob.ts';
import type { EpochMs } from '../domain/instant.ts';
import type { PoolPolicy } from '../domain/template.ts';

/** What keeps a started agent job from having its agent online. */
export function bootCause(agentJob: AgentJob): BootCause {
  if (agentJob.pod === undefined) return agentJob.trouble?.cause ?? 'noPod';
  if (agentJob.pod.mainStartedAt !== undefined) return 'connecting';
  return agentJob.pod.cause;
}

/** Words of others are of any length. */
const longestWords = 300;

const told = (what: string, words: string | undefined): string =>
  words === undefined || words === '' ? what : `${what}: ${words.trim().slice(0, longestWords)}`;

const pullWords = {
  notFound: 'there is no such image',
  unauthorized: 'the registry refuses the credentials',
  rateLimited: 'the registry limits the rate',
} as const;

/** What keeps it, in a word and the words of whoever keeps it. */
export function bootTrouble(agentJob: AgentJob): string {
  const { pod, trouble } = agentJob;
  const cause = bootCause(agentJob);
  const what = pod?.pullTrouble === undefined ? cause : `${cause} (${pullWords[pod.pullTrouble]})`;
  return told(what, pod === undefined ? trouble?.message : cause === 'connecting' ? undefined : pod.message);
}

/** How the process of an agent ended, where its pod tells; undefined = as it should. */
export function endTrouble({ pod }: AgentJob): string | undefined {
  if (pod === undefined) return 'its pod is gone';
  if (pod.disruption !== undefined) return told(pod.disruption, pod.message);
  if (pod.mainStartedAt === undefined) return startTrouble(pod);
  if (pod.exitCode === 0) return undefined;
  return exitWords(pod);
}

/** The code stands beside the words, which may be cut: docs/agent-image.md tells what each means and what to do. */
function startTrouble(pod: AgentPod): string {
  const { cause, message, exitCode } = pod;
  if (message === undefined) return told(cause, exitWords(pod));
  const isTold = exitCode === undefined || message.includes(`code ${exitCode}`);
  return isTold ? told(cause, message) : `${told(cause, message)} (exit code ${exitCode})`;
}

function exitWords({ reason, exitCode }: Pick<AgentPod, 'reason' | 'exitCode'>): string | undefined {
  const code = exitCode === undefined ? undefined : `exit code ${exitCode}`;
  return [reason, code].filter((word) => word !== undefined).join(', ') || undefined;
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
  return agentJob.phase === 'started' && !hasStopped(agentJob) && !isBootExpired(agentJob, policy, now);
}
