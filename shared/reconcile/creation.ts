/** One creation under way, and what its steps share. */
import type { AgentJob } from '../domain/agentJob.ts';
import { errorKind, hasErrorKind } from '../domain/errors.ts';
import type { CreateAction } from '../plan/plan.ts';
import type { Cluster } from '../ports.ts';
import type { Pass } from './deps.ts';
import type { Outcome, OutcomeKind } from './outcome.ts';
import { rollBackPatch, startPatch } from './patches.ts';

export interface Creation {
  readonly deps: Pass;
  readonly action: CreateAction;
  readonly cluster: Cluster;
  readonly namespace: string;
}

export function outcome(creation: Creation, kind: OutcomeKind, detail: string, error?: unknown): Outcome {
  return { action: 'create', subject: creation.action.name, kind, detail, ...(error === undefined ? {} : { error }) };
}

/** True when the effect of a call is unknown because its reply never came. */
export const isReplyLost = (error: unknown): boolean => hasErrorKind(error, 'unavailable', 'timeout', 'unexpected');

/** Deletes the Secret of this name only when our Job owns it. */
export async function deleteOwnSecret(cluster: Cluster, agentJob: Pick<AgentJob, 'name' | 'uid'>): Promise<void> {
  const owners = await cluster.getSecretOwners(agentJob.name);
  if (owners?.includes(agentJob.uid) === true) await cluster.deleteSecret(agentJob.name);
}

/**
 * True when the Job is rolled back for certain: by us, or by somebody else already, which is as good. Before that
 * nothing else may be undone, because the Job may have been started.
 */
export async function isRolledBack({ cluster, deps }: Creation, agentJob: AgentJob, why: string): Promise<boolean> {
  try {
    await cluster.patchAgentJob(agentJob.name, rollBackPatch(agentJob, why, deps.serverNow()));
    return true;
  } catch {
    const found = await cluster.getAgentJob(agentJob.name).catch(() => undefined);
    return found?.uid === agentJob.uid && found.phase === 'rolledBack';
  }
}

/** Whatever of a Job that is rolled back is ours to undo; what is left goes with the tombstone, or is a ghost. */
export async function undone(creation: Creation, why: string, error: unknown, parts: readonly Promise<void>[]) {
  const left = (await Promise.allSettled(parts)).find((part) => part.status === 'rejected');
  return left === undefined
    ? outcome(creation, 'undone', why, error)
    : outcome(creation, 'uncertain', `${why}; undoing: ${errorKind(left.reason)}`, error ?? left.reason);
}

/** Puts a Secret there that our Job owns; rejects with what kept it from being so. */
export async function storeOwnSecret(
  { cluster, action }: Creation,
  agentJob: AgentJob,
  manifest: Parameters<Cluster['createSecret']>[0],
): Promise<void> {
  try {
    await cluster.createSecret(manifest);
  } catch (error) {
    if (!hasErrorKind(error, 'conflict') && !isReplyLost(error)) throw error;
    // Only this process has its content, so a Secret that our Job owns can only be the one we just sent.
    const owners = await cluster.getSecretOwners(action.name).catch(() => undefined);
    if (owners?.includes(agentJob.uid) !== true) throw error;
  }
}

export interface Started {
  /** Of an agent that the control plane has registered. */
  readonly agentId?: number;
  /** Takes everything back. */
  readonly undo: (why: string, error: unknown) => Promise<Outcome>;
}

/** Step 4. The start either holds, is refused for good, or nobody can say. */
export async function start(
  creation: Creation,
  agentJob: AgentJob,
  started: Started,
  isLastTry: boolean,
): Promise<Outcome> {
  const { cluster, deps } = creation;
  const who = started.agentId === undefined ? 'registers itself' : `agent ${started.agentId}`;
  try {
    await cluster.patchAgentJob(agentJob.name, startPatch(agentJob, started.agentId, deps.serverNow()));
    return outcome(creation, 'done', who);
  } catch (error) {
    const found = await cluster.getAgentJob(agentJob.name).catch(() => undefined);
    if (found === undefined || found.uid !== agentJob.uid) return outcome(creation, 'uncertain', 'starting', error);
    if (found.phase === 'rolledBack') return started.undo('rolled back by another', error);
    if (found.phase === 'unreadable') return outcome(creation, 'uncertain', 'starting', error);
    if (found.phase !== 'creating') return outcome(creation, 'done', `${who}, after a lost reply`);
    return isLastTry ? started.undo(`starting: ${errorKind(error)}`, error) : start(creation, agentJob, started, true);
  }
}
