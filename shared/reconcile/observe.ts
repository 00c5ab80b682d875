/**
 * One look at a pool. Clusters, agents and optional reads first, in parallel; the requests last, so that whoever is
 * busy is known as late as possible. A read that fails is unknown and says why; it never becomes an empty list.
 */
import { errorKind, UpstreamError } from '../domain/errors.ts';
import type { EpochMs } from '../domain/instant.ts';
import { known, type Read, type Remembered, unknown } from '../domain/read.ts';
import type { Observed } from '../plan/observed.ts';
import { scopeOf } from '../plan/supply.ts';
import type { Cluster, ParallelJobs, Stamped } from '../ports.ts';
import type { ReconcileDeps } from './deps.ts';

export interface Look {
  readonly observed: Observed;
  /** The failures behind the unknowns, for the one place that logs them. */
  readonly errors: readonly unknown[];
  /** The longest time an upstream asked us to stay away, in ms. */
  readonly retryAfterMs: number | undefined;
}

async function attempt<T>(errors: unknown[], read: Promise<T>): Promise<Read<T>> {
  try {
    return known(await read);
  } catch (error) {
    errors.push(error);
    return unknown(errorKind(error));
  }
}

const map = <T, U>(read: Read<T>, change: (value: T) => U): Read<U> => (read.known ? known(change(read.value)) : read);

/** Paused is what one control map or more says. No readable map leaves it unknown, and a pause is not lifted by that. */
async function readPaused(clusters: readonly Cluster[], poolId: number): Promise<boolean> {
  const controls = await Promise.all(clusters.map((cluster) => cluster.getControl(poolId)));
  return controls.some((control) => control?.['paused'] === 'true');
}

function readParallelJobs(deps: ReconcileDeps): Promise<ParallelJobs> {
  const notAsked: ParallelJobs = { total: Number.POSITIVE_INFINITY, used: 0 };
  return deps.policy.parallelJobs === 'unlimited' ? Promise.resolve(notAsked) : deps.pools.getParallelJobs();
}

/** Looks once. Rejects never: what could not be read is unknown in the result. */
export async function observePool(deps: ReconcileDeps): Promise<Look> {
  const errors: unknown[] = [];
  const { poolId } = deps.policy;
  const [clusters, agents, parallelJobs, paused] = await Promise.all([
    Promise.all(
      deps.clusters.map(async (cluster) => ({
        name: cluster.name,
        agentJobs: await attempt(errors, cluster.listAgentJobs(scopeOf(deps.policy))),
      })),
    ),
    attempt(errors, deps.pools.listAgents(poolId)),
    attempt(errors, readParallelJobs(deps)),
    attempt(errors, readPaused(deps.clusters, poolId)),
  ]);
  const requests = agents.known ? await attempt(errors, deps.pools.listJobRequests(poolId)) : unknown(agents.error);
  return {
    observed: {
      at: latest(requests, agents) ?? deps.clock.now(),
      requests: map(requests, (stamped) => stamped.value),
      agents: map(agents, (stamped) => stamped.value),
      clusters,
      parallelJobs: remember(parallelJobs, deps.memory.parallelJobs, (value) => {
        deps.memory.parallelJobs = value;
      }),
      paused: remember(paused, deps.memory.paused, (value) => {
        deps.memory.paused = value;
      }),
    },
    errors,
    retryAfterMs: longestRetryAfter(errors),
  };
}

/** Keeps a value that was read; answers what was kept where it could not be. */
function remember<T>(read: Read<T>, last: T | undefined, keep: (value: T) => void): Remembered<T> {
  if (!read.known) return { value: last, error: read.error };
  keep(read.value);
  return { value: read.value };
}

function latest(...reads: readonly Read<Stamped<unknown>>[]): EpochMs | undefined {
  const times = reads.flatMap((read) => (read.known ? [read.value.at] : []));
  return times.length === 0 ? undefined : Math.max(...times);
}

export function longestRetryAfter(errors: readonly unknown[]): number | undefined {
  const asked = errors.flatMap((error) => (error instanceof UpstreamError ? [error.retryAfterMs ?? 0] : []));
  const longest = Math.max(0, ...asked);
  return longest > 0 ? longest : undefined;
}
