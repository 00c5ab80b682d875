/**
 * The end of an agent job, step by step; any sweep resumes at the first missing one. Each step either makes the next
 * safe or stops: the agent is disabled before it is asked whether it is idle, and only an agent that is gone lets its
 * pod be ended.
 */
import type { Agent } from '../domain/agent.ts';
import { type AgentJob, isAlive, isOver, mayBeNamedAgain, standsBehind } from '../domain/agentJob.ts';
import { errorKind, hasErrorKind, UpstreamError } from '../domain/errors.ts';
import { isUnfinished } from '../domain/jobRequest.ts';
import { blamelessReasons } from '../domain/reasons.ts';
import type { Action } from '../plan/plan.ts';
import type { Cluster } from '../ports.ts';
import { deleteOwnSecret } from './creation.ts';
import type { Pass } from './deps.ts';
import { endUnderLock, mayYetRegister } from './nameLock.ts';
import type { Outcome, OutcomeKind } from './outcome.ts';
import { lastGraceSeconds, retirePatch, servedPatch, suspendPatch, tombstonePatch } from './patches.ts';
import { tellOfFailure } from './poolEvents.ts';

export type RetireAction = Extract<Action, { readonly kind: 'retire' }>;

interface Retiring {
  readonly deps: Pass;
  readonly action: RetireAction;
  readonly cluster: Cluster;
  /** Whether this pass's agent list was readable and holds a placeholder of ours: only then does a 404 mean absent. */
  readonly absenceCounts: boolean;
  /** Of this pass's list. */
  readonly agents: readonly Agent[];
}

const outcome = (retiring: Retiring, kind: OutcomeKind, detail: string): Outcome => ({
  action: 'retire',
  subject: retiring.action.agentJob.name,
  kind,
  detail: `${retiring.action.reason}: ${detail}`,
});

/** Step 1. The Job in phase retiring, or undefined when somebody else moved it. */
async function markRetiring(retiring: Retiring): Promise<AgentJob | undefined> {
  const { deps, action, cluster } = retiring;
  if (action.agentJob.phase === 'retiring') return action.agentJob;
  try {
    const marked = await cluster.patchAgentJob(
      action.agentJob.name,
      retirePatch(action.agentJob, action.reason, action.detail, deps.serverNow()),
    );
    await tellOfFailure(deps, cluster, action);
    return marked;
  } catch (error) {
    if (hasErrorKind(error, 'invalid', 'notFound')) return undefined;
    throw error;
  }
}

/** The agent of the Job: by the id on the Job, else by name. An agent of another name is not it, whatever the Job says. */
async function lookUpAgent({ deps }: Retiring, { agentId, name }: AgentJob): Promise<Agent | undefined> {
  const { poolId } = deps.policy;
  if (agentId === undefined) return deps.pools.findAgent(poolId, name);
  const agent = await deps.pools.getAgent(poolId, agentId);
  return agent?.name === name ? agent : undefined;
}

/**
 * Whose an agent is that was found by name alone. A twin in another cluster that bears the agent's id has it; one without
 * an id leaves it open.
 */
async function ownerOf(
  { deps }: Retiring,
  { name, cluster, agentId }: AgentJob,
  agent: Agent,
): Promise<'its' | 'a twin' | 'unclear'> {
  if (agentId !== undefined) return 'its';
  const twins = await twinsOf(deps, name, cluster);
  if (twins.some((twin) => twin.agentId === agent.id)) return 'a twin';
  return twins.some((twin) => twin.agentId === undefined) ? 'unclear' : 'its';
}

/** Jobs of the same name in other clusters that may yet run something. */
async function twinsOf({ clusters }: Pass, name: string, cluster: string): Promise<readonly AgentJob[]> {
  const others = clusters.filter((candidate) => candidate.name !== cluster);
  const found = await Promise.all(others.map((other) => other.getAgentJob(name)));
  return found.filter((other) => other !== undefined).filter(isAlive);
}

/** The name may be its twin's to register. */
const hasTwin = async ({ deps }: Retiring, { name, cluster }: AgentJob): Promise<boolean> =>
  (await twinsOf(deps, name, cluster)).length > 0;

async function disable({ deps }: Retiring, agent: Pick<Agent, 'id' | 'name'>): Promise<void> {
  try {
    await deps.pools.updateAgent(deps.policy.poolId, { id: agent.id, name: agent.name, enabled: false });
  } catch (error) {
    if (!hasErrorKind(error, 'notFound')) throw error;
  }
}

/**
 * Disables the agent of the Job and reads it after that. Where the look has not just shown that the id is that of an agent
 * of this name, it is asked first: to send a name with another's id would rename that.
 */
async function disabledAgent(retiring: Retiring, agentJob: AgentJob): Promise<Agent | undefined> {
  const { agentId: id, name } = agentJob;
  if (id !== undefined) {
    const isSeen = retiring.agents.some((agent) => agent.id === id && agent.name === name);
    if (!isSeen && (await lookUpAgent(retiring, agentJob)) === undefined) return undefined;
    await disable(retiring, { id, name });
  }
  return lookUpAgent(retiring, agentJob);
}

/** What keeps the agent from being deleted now. */
async function hindranceOf(retiring: Retiring, agent: Agent): Promise<string | undefined> {
  if (agent.assignedRequestId !== undefined) return `holds request ${agent.assignedRequestId}`;
  if (!agent.enabled) return undefined;
  await disable(retiring, agent);
  return 'was enabled when read';
}

/** Steps 2 to 4. `gone` = the registration no longer exists; anything else is why we stop here. */
async function removeAgent(retiring: Retiring, agentJob: AgentJob): Promise<'gone' | Outcome> {
  const { deps, cluster } = retiring;
  const { poolId } = deps.policy;
  const agent = await disabledAgent(retiring, agentJob);
  if (agent === undefined) return retiring.absenceCounts ? 'gone' : outcome(retiring, 'waiting', 'absence not proven');
  const owner = await ownerOf(retiring, agentJob, agent);
  if (owner === 'a twin') return 'gone';
  if (owner === 'unclear') return outcome(retiring, 'waiting', 'its agent may be that of another cluster');
  const hindrance = await hindranceOf(retiring, agent);
  if (hindrance !== undefined) return outcome(retiring, 'waiting', hindrance);
  if (agent.lastCompletedRequest !== undefined && agentJob.served === undefined) {
    await cluster.patchAgentJob(agentJob.name, servedPatch(agentJob, agent.lastCompletedRequest.id));
  }
  const deleted = await deps.pools.deleteAgent(poolId, agent.id);
  return deleted === 'refused' ? outcome(retiring, 'waiting', 'the server refuses to delete the agent') : 'gone';
}

/** Asked once more by name: without an id on the Job, the pod may have registered meanwhile. */
async function isNamed(retiring: Retiring, agentJob: AgentJob): Promise<boolean> {
  const { pools, policy } = retiring.deps;
  const named = await pools.findAgent(policy.poolId, agentJob.name);
  if (named === undefined || !standsBehind(agentJob, named)) return false;
  return (await ownerOf(retiring, agentJob, named)) !== 'a twin';
}

/** Step 5. True when no container of the Job can run any more. */
async function endPod(retiring: Retiring, agentJob: AgentJob): Promise<boolean> {
  const { deps, cluster } = retiring;
  if (isOver(agentJob)) return true;
  const now = deps.serverNow();
  if (now - (agentJob.phaseAt ?? now) < deps.policy.endGraceMs) return false;
  if ((await isNamed(retiring, agentJob)) || !retiring.absenceCounts) return false;
  if (mayYetRegister(agentJob) && !(await hasTwin(retiring, agentJob)))
    await endUnderLock(deps.pools, deps.policy.poolId, cluster, agentJob);
  else if (!agentJob.suspended) await cluster.patchAgentJob(agentJob.name, suspendPatch(agentJob));
  else await hurry(retiring, agentJob, now);
  return false;
}

/**
 * A process that hangs makes the most of its grace, which is as long as a pipeline job may be. Its agent is gone, so
 * nothing can come of it any more.
 */
async function hurry({ deps, cluster }: Retiring, { pod, phaseAt }: AgentJob, now: number): Promise<void> {
  const forMs = now - (phaseAt ?? now);
  const { endGraceMs } = deps.policy;
  if (pod === undefined || forMs < 2 * endGraceMs) return;
  // Nobody answers for it any more: its node is gone, or its kubelet dead. It holds a place of the pool for nothing.
  const isForsaken = forMs > forsakenAfter * endGraceMs;
  await cluster.endPod(pod.name, pod.uid, isForsaken ? 0 : lastGraceSeconds);
}

/** In graces. */
const forsakenAfter = 15;

/** True while the tombstone has something to remember: a living request, or a failure for the breaker. */
async function isWorthRemembering({ deps, action }: Retiring, agentJob: AgentJob): Promise<boolean> {
  if (agentJob.lost !== undefined) return true;
  if (agentJob.served === undefined && !blamelessReasons.has(action.reason)) return true;
  if (agentJob.purpose.kind === 'warm') return mayBeNamedAgain(agentJob, deps.serverNow());
  const request = await deps.pools.getJobRequest(deps.policy.poolId, agentJob.purpose.requestId);
  return request !== undefined && isUnfinished(request);
}

/** Step 6. The credential goes first, then the Job, or it stays as memory. */
async function layToRest(retiring: Retiring, agentJob: AgentJob): Promise<Outcome> {
  const { deps, cluster } = retiring;
  await deleteOwnSecret(cluster, agentJob);
  if (await isWorthRemembering(retiring, agentJob)) {
    await cluster.patchAgentJob(agentJob.name, tombstonePatch(agentJob, deps.serverNow()));
    return outcome(retiring, 'done', 'tombstone');
  }
  await cluster.deleteAgentJob(agentJob.name, agentJob.uid);
  return outcome(retiring, 'done', 'deleted');
}

async function retire(retiring: Retiring): Promise<Outcome> {
  const marked = await markRetiring(retiring);
  if (marked === undefined) return outcome(retiring, 'raced', 'the Job moved on');
  // Of one that lost the race, the agent of the name is another Job's, which was quicker to register it.
  const removed = retiring.action.reason === 'raced' ? 'gone' : await removeAgent(retiring, marked);
  if (removed !== 'gone') return removed;
  // Read afresh: `served` may have just been written, and the pod is seen by list only once, long ago.
  const agentJob = await retiring.cluster.getAgentJob(marked.name);
  if (agentJob === undefined || agentJob.uid !== marked.uid) return outcome(retiring, 'raced', 'the Job is gone');
  if (agentJob.phase !== 'retiring') return outcome(retiring, 'raced', `the Job is ${agentJob.phase}`);
  const over = await endPod(retiring, agentJob);
  return over ? layToRest(retiring, agentJob) : outcome(retiring, 'waiting', 'the pod has not ended');
}

/** Takes an agent job as far towards its end as is safe now. Never rejects. */
export async function retireAgentJob(
  deps: Pass,
  action: RetireAction,
  absenceCounts: boolean,
  agents: readonly Agent[] = [],
): Promise<Outcome> {
  const cluster = deps.clusters.find((candidate) => candidate.name === action.agentJob.cluster);
  const subject = action.agentJob.name;
  if (cluster === undefined)
    return { action: 'retire', subject, kind: 'failed', detail: 'its cluster is not configured' };
  try {
    return await retire({ deps, action, cluster, absenceCounts, agents });
  } catch (error) {
    // A `test` of a patch failed: somebody else has taken this very step. Azure DevOps may refuse what it cannot read.
    if (error instanceof UpstreamError && error.upstream === 'kubernetes' && error.kind === 'invalid')
      return { action: 'retire', subject, kind: 'raced', detail: 'the Job moved on' };
    return { action: 'retire', subject, kind: 'uncertain', detail: errorKind(error), error };
  }
}
