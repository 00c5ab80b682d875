/**
 * Create one agent: Job (suspended) -> registration -> start. Only the creator goes through these steps, told by its
 * nonce, and nobody resumes them. Whatever step fails, the Job is rolled back by the same test-and-set that a start
 * needs, so exactly one of "started" and "rolled back" ever holds.
 */
import type { AgentJob } from '../domain/agentJob.ts';
import { errorKind, hasErrorKind, UpstreamError } from '../domain/errors.ts';
import { buildAgentJobManifest } from '../plan/manifest.ts';
import type { CreateAction } from '../plan/plan.ts';
import { type Creation, isReplyLost, outcome } from './creation.ts';
import type { Pass } from './deps.ts';
import type { Outcome } from './outcome.ts';
import { forgetRefusal, noteRefusal } from './refusedCreations.ts';
import { registerInPod, registrationToken } from './registerInPod.ts';
import { registerJustInTime } from './registerJustInTime.ts';

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
    candidate: action.candidate,
    creator,
    createdAt,
    createBy: createdAt + deps.policy.createByMs,
    namespace,
    registration: registrationOf(creation),
  });
  try {
    const created = await cluster.createAgentJob(manifest);
    forgetRefusal(deps, action);
    return created;
  } catch (error) {
    noteRefusal(deps, action, error);
    if (!hasErrorKind(error, 'conflict') && !isReplyLost(error))
      return outcome(creation, 'failed', errorKind(error), error);
    // The name may be taken by our own POST, sent twice by a proxy or answered into a broken connection.
    const existing = await cluster.getAgentJob(action.name).catch(() => undefined);
    if (existing?.creator === creator) return existing;
    if (existing !== undefined) return outcome(creation, 'raced', 'the Job exists');
    return outcome(creation, 'uncertain', `creating the Job: ${errorKind(error)}`, error);
  }
}

/** What the init container needs to know, where there is one. */
function registrationOf({ action, deps }: Creation) {
  if (action.registration === 'jit') return 'jit';
  const { organisation, poolName } = deps.policy;
  return { kind: 'initConfig', url: organisation.url, poolName } as const;
}

async function createJustInTime(creation: Creation, creator: string): Promise<Outcome> {
  // The key is made while the Job is on its way: both take about as long.
  const key = creation.deps.keys.generate();
  key.catch(() => undefined);
  const agentJob = await createOwnJob(creation, creator);
  return 'uid' in agentJob ? registerJustInTime(creation, agentJob, key) : agentJob;
}

async function createToRegisterItself(creation: Creation, creator: string): Promise<Outcome> {
  let token: Awaited<ReturnType<typeof registrationToken>>;
  try {
    token = await registrationToken(creation);
  } catch (error) {
    return outcome(creation, 'failed', `reading the registration credential: ${errorKind(error)}`, error);
  }
  const agentJob = await createOwnJob(creation, creator);
  return 'uid' in agentJob ? registerInPod(creation, agentJob, token) : agentJob;
}

/** Creates one agent job, or leaves nothing behind but a burnt number. Never rejects. */
export async function createAgentJob(deps: Pass, action: CreateAction): Promise<Outcome> {
  const cluster = deps.clusters.find((candidate) => candidate.name === action.cluster);
  const namespace = deps.namespaces.get(action.cluster);
  if (cluster === undefined || namespace === undefined) {
    return { action: 'create', subject: action.name, kind: 'failed', detail: `no cluster ${action.cluster}` };
  }
  const creation: Creation = { deps, action, cluster, namespace };
  const create = action.registration === 'jit' ? createJustInTime : createToRegisterItself;
  try {
    return await create(creation, deps.nonces.next());
  } catch (error) {
    return outcome(creation, 'uncertain', error instanceof UpstreamError ? error.kind : 'unexpected', error);
  }
}
