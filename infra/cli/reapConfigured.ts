/** Looks at a pool of mayfly.yaml as a pass would, with the credentials that it has there. */
import { configuredPoolParts } from '../../shared/app.ts';
import { UpstreamError } from '../../shared/domain/errors.ts';
import { previewReap, type ReapPreview } from '../../shared/plan/reap.ts';
import { lookingAt, type PoolParts } from '../../shared/pools.ts';
import type { LookDeps } from '../../shared/reconcile/deps.ts';
import { lookAtAll } from '../../shared/reconcile/reconcilePool.ts';
import type { Progress } from './reapAlone.ts';
import { Complaint, complaintOf } from './reapComplaint.ts';

function policyOf({ policies }: PoolParts, organisation: string, pool: number) {
  const found = policies.find((policy) => policy.organisation.name === organisation && policy.poolId === pool);
  if (found !== undefined) return found;
  const known = policies.map((policy) => `${policy.organisation.name} ${policy.poolId}`).join(', ');
  throw new Complaint(
    `mayfly.yaml has no pool ${pool} of ${organisation}; it has ${known || 'none'}. The URL of an organisation does without it.`,
  );
}

/** The same look, told as it goes. */
function told<D extends LookDeps>(deps: D, progress: Progress): D {
  const { pools, clusters } = deps;
  const heard = async <T>(what: string, read: Promise<T>, size: (value: T) => number): Promise<T> => {
    progress(`reading ${what}`);
    const value = await read;
    progress(`${size(value)} ${what}`);
    return value;
  };
  return {
    ...deps,
    pools: {
      ...pools,
      listAgents: (poolId) => heard('agents', pools.listAgents(poolId), ({ value }) => value.length),
      listJobRequests: (poolId) =>
        heard('unfinished requests', pools.listJobRequests(poolId), ({ value }) => value.length),
    },
    clusters: clusters.map((cluster) => ({
      ...cluster,
      listAgentJobs: (scope) =>
        heard(`agent jobs of ${cluster.name}`, cluster.listAgentJobs(scope), ({ length }) => length),
    })),
  };
}

/** Rejects with a Complaint where the pool cannot be read; a cluster that cannot is told in the preview. */
export async function lookConfigured(
  options: { readonly organisation: string; readonly pool: number },
  env: Readonly<Record<string, string | undefined>>,
  progress: Progress,
): Promise<ReapPreview> {
  const parts = await configuredPoolParts(env);
  const policy = policyOf(parts, options.organisation, options.pool);
  const { observed, errors } = await lookAtAll(told(lookingAt(parts, policy), progress), { leftovers: true });
  const preview = previewReap(policy, observed);
  if (preview !== undefined) return preview;
  const { url } = policy.organisation;
  const failed = errors.find((error) => error instanceof UpstreamError && error.upstream !== 'kubernetes');
  if (!(failed instanceof UpstreamError)) throw errors[0] ?? new Complaint(`Pool ${policy.poolId} cannot be read.`);
  throw complaintOf(failed, { url, poolId: policy.poolId, credential: 'the credential in mayfly.yaml' });
}
