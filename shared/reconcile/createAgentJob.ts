/**
 * Create one agent: Job (suspended) -> agent -> Secret -> start. Only the creator goes through these steps, told by its
 * nonce; nobody resumes them, because its private key exists in this process alone. Whatever step fails, the Job is
 * rolled back by the same test-and-set that a start needs, so exactly one of "started" and "rolled back" ever holds.
 */
import type { RegisteredAgent } from '../domain/agent.ts';
import type { AgentJob } from '../domain/agentJob.ts';
import { errorKind, hasErrorKind, UpstreamError } from '../domain/errors.ts';
import { agentCapabilities } from '../domain/offer.ts';
import { agentServerUrl, buildAgentFiles } from '../plan/agentFiles.ts';
import { agentJobLabels, buildAgentJobManifest, buildAgentSecretManifest } from '../plan/manifest.ts';
import type { CreateAction } from '../plan/plan.ts';
import type { AgentKey, Cluster } from '../ports.ts';
import type { Pass } from './deps.ts';
import type { Outcome, OutcomeKind } from './outcome.ts';
import { rollBackPatch, startPatch } from './patches.ts';

/** One creation under way. */
interface Creation {
  readonly deps: Pass;
  readonly action: CreateAction;
  readonly cluster: Cluster;
  readonly namespace: string;
}

function outcome(creation: Creation, kind: OutcomeKind, detail: string, error?: unknown): Outcome {
  return { action: 'create', subject: creation.action.name, kind, detail, ...(error === undefined ? {} : { error }) };
}

/** True when the effect of a call is unknown because its reply never came. */
const isReplyLost = (error: unknown): boolean => hasErrorKind(error, 'unavailable', 'timeout', 'unexpected');

/** Step 1. Our own Job, or the outcome that ends the creation. */
async function createOwnJob(creation: Creation, creator: string): Promise<AgentJob | Outcome> {
  const { deps, action, cluster, namespace } = creation;
  const createdAt = deps.serverNow();
  const manifest = buildAgentJobManifest({
    policy: deps.policy,
    template: action.template,
    parameters: action.parameters,
    name: action.name,
    purpose: action.purpose,
    creator,
    createdAt,
    createBy: createdAt + deps.policy.createByMs,
    namespace,
  });
  try {
    return await cluster.createAgentJob(manifest);
  } catch (error) {
    if (!hasErrorKind(error, 'conflict') && !isReplyLost(error))
      return outcome(creation, 'failed', errorKind(error), error);
    // The name may be taken by our own POST, sent twice by a proxy or answered into a broken connection.
    const existing = await cluster.getAgentJob(action.name).catch(() => undefined);
    if (existing?.creator === creator) return existing;
    if (existing !== undefined) return outcome(creation, 'raced', 'the Job exists');
    return outcome(creation, 'uncertain', `creating the Job: ${errorKind(error)}`, error);
  }
}

/** Undo before an agent is known: only the Job is ours to mark. An agent that a lost reply left behind is a ghost. */
async function undoJob(creation: Creation, agentJob: AgentJob, why: string, error: unknown): Promise<Outcome> {
  try {
    await creation.cluster.patchAgentJob(agentJob.name, rollBackPatch(agentJob, why, creation.deps.serverNow()));
    return outcome(creation, 'undone', why, error);
  } catch {
    // Past its create-by, any control plane rolls it back.
    return outcome(creation, 'uncertain', why, error);
  }
}

/**
 * Undo with an agent of ours, known by the id in its creator's own reply. The Job must be rolled back for certain
 * first: if somebody else did it already that is as good.
 */
async function undoAll(
  creation: Creation,
  agentJob: AgentJob,
  agent: RegisteredAgent,
  why: string,
  error: unknown,
): Promise<Outcome> {
  const { cluster, deps } = creation;
  try {
    await cluster.patchAgentJob(agentJob.name, rollBackPatch(agentJob, why, creation.deps.serverNow()));
  } catch {
    const found = await cluster.getAgentJob(agentJob.name).catch(() => undefined);
    if (found?.uid !== agentJob.uid || found.phase !== 'rolledBack') return outcome(creation, 'uncertain', why, error);
  }
  const undone = await Promise.allSettled([deleteOwnAgent(deps, agent), deleteOwnSecret(cluster, agentJob)]);
  const left = undone.find((part) => part.status === 'rejected');
  // What is left is a ghost, and a Secret that goes with the tombstone.
  return left === undefined
    ? outcome(creation, 'undone', why, error)
    : outcome(creation, 'uncertain', `${why}; undoing: ${errorKind(left.reason)}`, error ?? left.reason);
}

async function deleteOwnAgent({ pools, policy }: Pass, agent: RegisteredAgent): Promise<void> {
  if ((await pools.deleteAgent(policy.poolId, agent.id)) !== 'refused') return;
  const operation = `deleting agent ${agent.id}`;
  throw new UpstreamError({ upstream: 'azureDevOps', operation, kind: 'conflict', detail: 'refused' });
}

/** Deletes the Secret of this name only when our Job owns it. */
export async function deleteOwnSecret(cluster: Cluster, agentJob: Pick<AgentJob, 'name' | 'uid'>): Promise<void> {
  const owners = await cluster.getSecretOwners(agentJob.name);
  if (owners?.includes(agentJob.uid) === true) await cluster.deleteSecret(agentJob.name);
}

/** Step 3. Resolves when a Secret with our files exists that our Job owns; rejects with what kept it from being so. */
async function createOwnSecret(
  creation: Creation,
  agentJob: AgentJob,
  agent: RegisteredAgent,
  key: AgentKey,
): Promise<void> {
  const { deps, action, cluster, namespace } = creation;
  const { authorization } = agent;
  if (authorization === undefined) throw new RangeError('the registration answered no authorization');
  const files = buildAgentFiles({
    agentName: action.name,
    agentId: agent.id,
    poolId: deps.policy.poolId,
    poolName: deps.policy.poolName,
    serverUrl: agentServerUrl(deps.policy.organisation.url, agent.serverUrl),
    clientId: authorization.clientId,
    authorizationUrl: authorization.authorizationUrl,
    rsaParameters: key.rsaParameters,
    capabilities: agentCapabilities(action.template, action.parameters),
  });
  try {
    await cluster.createSecret(
      buildAgentSecretManifest({
        name: action.name,
        namespace,
        owner: { name: agentJob.name, uid: agentJob.uid },
        files,
        labels: agentJobLabels({ policy: deps.policy, template: action.template, purpose: action.purpose }),
      }),
    );
  } catch (error) {
    if (!hasErrorKind(error, 'conflict') && !isReplyLost(error)) throw error;
    // Only this process has the key, so a Secret that our Job owns can only be the one we just sent.
    const owners = await cluster.getSecretOwners(action.name).catch(() => undefined);
    if (owners?.includes(agentJob.uid) !== true) throw error;
  }
}

/** Step 4. The start either holds, is refused for good, or nobody can say. */
async function start(
  creation: Creation,
  agentJob: AgentJob,
  agent: RegisteredAgent,
  isLastTry: boolean,
): Promise<Outcome> {
  const { cluster } = creation;
  try {
    await cluster.patchAgentJob(agentJob.name, startPatch(agentJob, agent.id, creation.deps.serverNow()));
    return outcome(creation, 'done', `agent ${agent.id}`);
  } catch (error) {
    const found = await cluster.getAgentJob(agentJob.name).catch(() => undefined);
    if (found === undefined || found.uid !== agentJob.uid) return outcome(creation, 'uncertain', 'starting', error);
    if (found.phase === 'rolledBack') return undoAll(creation, agentJob, agent, 'rolled back by another', error);
    if (found.phase === 'unreadable') return outcome(creation, 'uncertain', 'starting', error);
    if (found.phase !== 'creating') return outcome(creation, 'done', `agent ${agent.id}, after a lost reply`);
    return isLastTry
      ? undoAll(creation, agentJob, agent, `starting: ${errorKind(error)}`, error)
      : start(creation, agentJob, agent, true);
  }
}

async function registerAndStart(creation: Creation, agentJob: AgentJob, key: Promise<AgentKey>): Promise<Outcome> {
  const { deps, action } = creation;
  let agentKey: AgentKey;
  let agent: RegisteredAgent;
  try {
    agentKey = await key;
    agent = await deps.pools.addAgent(deps.policy.poolId, {
      name: action.name,
      version: action.template.agentVersion,
      osDescription: 'Mayfly agent job',
      capabilities: agentCapabilities(action.template, action.parameters),
      publicKey: agentKey.publicKey,
    });
  } catch (error) {
    return undoJob(creation, agentJob, `registering: ${errorKind(error)}`, error);
  }
  try {
    await createOwnSecret(creation, agentJob, agent, agentKey);
  } catch (error) {
    return undoAll(creation, agentJob, agent, `storing the agent files: ${errorKind(error)}`, error);
  }
  return start(creation, agentJob, agent, false);
}

/** Creates one agent job, or leaves nothing behind but a burnt number. Never rejects. */
export async function createAgentJob(deps: Pass, action: CreateAction): Promise<Outcome> {
  const cluster = deps.clusters.find((candidate) => candidate.name === action.cluster);
  const namespace = deps.namespaces.get(action.cluster);
  if (cluster === undefined || namespace === undefined) {
    return { action: 'create', subject: action.name, kind: 'failed', detail: `no cluster ${action.cluster}` };
  }
  const creation: Creation = { deps, action, cluster, namespace };
  // The key is made while the Job is on its way: both take about as long.
  const key = deps.keys.generate();
  key.catch(() => undefined);
  try {
    const agentJob = await createOwnJob(creation, deps.nonces.next());
    return 'uid' in agentJob ? await registerAndStart(creation, agentJob, key) : agentJob;
  } catch (error) {
    return outcome(creation, 'uncertain', error instanceof UpstreamError ? error.kind : 'unexpected', error);
  }
}
