/**
 * Steps 2 to 4 of a creation where the control plane registers the agent: agent -> Secret with its files -> start. The
 * private key exists in this process alone, so nobody can resume them; whatever fails, all is taken back.
 */
import type { RegisteredAgent } from '../domain/agent.ts';
import type { AgentJob } from '../domain/agentJob.ts';
import { errorKind, UpstreamError } from '../domain/errors.ts';
import { agentCapabilities, agentVersionOf } from '../domain/offer.ts';
import { agentServerUrl, buildAgentFiles } from '../plan/agentFiles.ts';
import { agentJobLabels, buildAgentSecretManifest } from '../plan/manifest.ts';
import type { AgentKey } from '../ports.ts';
import { type Creation, deleteOwnSecret, isRolledBack, outcome, start, storeOwnSecret, undone } from './creation.ts';
import type { Pass } from './deps.ts';
import type { Outcome } from './outcome.ts';

async function deleteOwnAgent({ pools, policy }: Pass, agent: RegisteredAgent): Promise<void> {
  if ((await pools.deleteAgent(policy.poolId, agent.id)) !== 'refused') return;
  const operation = `deleting agent ${agent.id}`;
  throw new UpstreamError({ upstream: 'azureDevOps', operation, kind: 'conflict', detail: 'refused' });
}

/** Undo before an agent is known: only the Job is ours to mark. An agent that a lost reply left behind is a ghost. */
async function undoJob(creation: Creation, agentJob: AgentJob, why: string, error: unknown): Promise<Outcome> {
  const isBack = await isRolledBack(creation, agentJob, why);
  // Past its create-by, any control plane rolls it back.
  return outcome(creation, isBack ? 'undone' : 'uncertain', why, error);
}

/** Undo with an agent of ours, known by the id in its creator's own reply. */
async function undoAll(
  creation: Creation,
  agentJob: AgentJob,
  agent: RegisteredAgent,
  why: string,
  error: unknown,
): Promise<Outcome> {
  if (!(await isRolledBack(creation, agentJob, why))) return outcome(creation, 'uncertain', why, error);
  const { deps, cluster } = creation;
  return undone(creation, why, error, [deleteOwnAgent(deps, agent), deleteOwnSecret(cluster, agentJob)]);
}

/** Step 3. Resolves when a Secret with our files exists that our Job owns; rejects with what kept it from being so. */
async function storeFiles(
  creation: Creation,
  agentJob: AgentJob,
  agent: RegisteredAgent,
  key: AgentKey,
): Promise<void> {
  const { deps, action, namespace } = creation;
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
    proxy: action.template.proxy,
  });
  const manifest = buildAgentSecretManifest({
    name: action.name,
    namespace,
    owner: { name: agentJob.name, uid: agentJob.uid },
    files,
    labels: agentJobLabels({ policy: deps.policy, template: action.template, purpose: action.purpose }),
  });
  await storeOwnSecret(creation, agentJob, manifest);
}

export async function registerJustInTime(
  creation: Creation,
  agentJob: AgentJob,
  key: Promise<AgentKey>,
): Promise<Outcome> {
  const { deps, action } = creation;
  let agentKey: AgentKey;
  let agent: RegisteredAgent;
  try {
    agentKey = await key;
    agent = await deps.pools.addAgent(deps.policy.poolId, {
      name: action.name,
      version: agentVersionOf(action.template),
      osDescription: 'Mayfly agent job',
      capabilities: agentCapabilities(action.template, action.parameters),
      publicKey: agentKey.publicKey,
    });
  } catch (error) {
    return undoJob(creation, agentJob, `registering: ${errorKind(error)}`, error);
  }
  const undo = (why: string, error: unknown): Promise<Outcome> => undoAll(creation, agentJob, agent, why, error);
  try {
    await storeFiles(creation, agentJob, agent, agentKey);
  } catch (error) {
    return undo(`storing the agent files: ${errorKind(error)}`, error);
  }
  return start(creation, agentJob, { agentId: agent.id, undo }, false);
}
