/**
 * Steps 3 and 4 of a creation where an init container registers the agent: a Secret with its short-lived credential ->
 * start. Which agent came of it is written on the Job by a later look.
 */
import type { AgentJob } from '../domain/agentJob.ts';
import { errorKind, UpstreamError } from '../domain/errors.ts';
import { agentCapabilities } from '../domain/offer.ts';
import type { Secret } from '../domain/secret.ts';
import { agentJobLabels, buildRegistrationSecretManifest } from '../plan/manifest.ts';
import { type Creation, deleteOwnSecret, isRolledBack, outcome, start, storeOwnSecret, undone } from './creation.ts';
import type { Outcome } from './outcome.ts';

/** Asked for before anything is created: without it the Job would only be undone again. */
export async function registrationToken({ deps }: Creation): Promise<Secret> {
  if (deps.registrationToken !== undefined) return deps.registrationToken();
  throw new UpstreamError({
    upstream: 'azureDevOps',
    operation: 'reading the registration credential',
    kind: 'unauthorized',
    detail: 'none is configured: organisations[].registration.credential',
  });
}

async function storeToken(creation: Creation, agentJob: AgentJob, token: Secret): Promise<void> {
  const { deps, action, namespace } = creation;
  const manifest = buildRegistrationSecretManifest({
    name: action.name,
    namespace,
    owner: { name: agentJob.name, uid: agentJob.uid },
    token,
    capabilities: agentCapabilities(action.template, action.parameters),
    proxy: action.template.proxy,
    labels: agentJobLabels({ policy: deps.policy, template: action.template, purpose: action.purpose }),
  });
  await storeOwnSecret(creation, agentJob, manifest);
}

export async function registerInPod(creation: Creation, agentJob: AgentJob, token: Secret): Promise<Outcome> {
  const undo = async (why: string, error: unknown): Promise<Outcome> => {
    if (!(await isRolledBack(creation, agentJob, why))) return outcome(creation, 'uncertain', why, error);
    return undone(creation, why, error, [deleteOwnSecret(creation.cluster, agentJob)]);
  };
  try {
    await storeToken(creation, agentJob, token);
  } catch (error) {
    return undo(`storing the registration credential: ${errorKind(error)}`, error);
  }
  return start(creation, agentJob, { undo }, false);
}
