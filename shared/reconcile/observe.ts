/**
 * One look at a pool. Clusters, agents and optional reads first, in parallel; the requests last, so that whoever is
 * busy is known as late as possible. A read that fails is unknown and says why; it never becomes an empty list.
 */
import { errorKind, UpstreamError } from '../domain/errors.ts';
import type { EpochMs } from '../domain/instant.ts';
import { known, type Read, type Remembered, unknown } from '../domain/read.ts';
import type { Observed } from '../plan/observed.ts';
import { scopeOf } from '../plan/supply.ts';
import type { ParallelJobs, Stamped } from '../ports.ts';
import type { ReconcileDeps } from './deps.ts';
import { within } from './within.ts';

export interface Look {
  readonly observed: Observed;
  /** The failures behind the unknowns, for the one place that logs them. */
  readonly errors: readonly unknown[];
  /** This machine's time at the end of the look: what has passed since is the same on every clock. */
  readonly lookedAt: EpochMs;
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

/** What a read of one cluster may take in all; a slower one is unknown, or it would eat up the pass of all others. */
const clusterReadMs = 20_000;

/**
 * One control map that says so is enough to pause the pool, whatever the others say or fail to say. Without such a one,
 * a map that cannot be read leaves it unknown: a pause is not lifted by that.
 */
async function readPaused({ clusters, clock, policy }: ReconcileDeps): Promise<boolean> {
  const bound = { upstream: 'kubernetes', operation: 'reading a control map' } as const;
  const reads = await Promise.allSettled(
    clusters.map((cluster) => within(clock, clusterReadMs, bound, cluster.getControl(policy.poolId))),
  );
  if (reads.some((read) => read.status === 'fulfilled' && read.value?.['paused'] === 'true')) return true;
  const failed = reads.find((read) => read.status === 'rejected');
  if (failed !== undefined) throw failed.reason;
  return false;
}

function readParallelJobs(deps: ReconcileDeps): Promise<ParallelJobs> {
  const notAsked: ParallelJobs = { total: Number.POSITIVE_INFINITY, used: 0 };
  return deps.policy.parallelJobs === 'unlimited' ? Promise.resolve(notAsked) : deps.pools.getParallelJobs();
}

/** Looks once. Rejects never: what could not be read is unknown in the result. */
export async function observePool(deps: ReconcileDeps): Promise<Look> {
  const errors: unknown[] = [];
  const { policy, clock, memory } = deps;
  const listing = { upstream: 'kubernetes', operation: 'listing agent jobs' } as const;
  const [clusters, agents, parallelJobs, paused] = await Promise.all([
    Promise.all(
      deps.clusters.map(async (cluster) => ({
        name: cluster.name,
        agentJobs: await attempt(errors, within(clock, clusterReadMs, listing, cluster.listAgentJobs(scopeOf(policy)))),
      })),
    ),
    attempt(errors, deps.pools.listAgents(policy.poolId)),
    attempt(errors, readParallelJobs(deps)),
    attempt(errors, readPaused(deps)),
  ]);
  const requests = agents.known
    ? await attempt(errors, deps.pools.listJobRequests(policy.poolId))
    : unknown(agents.error);
  return {
    observed: {
      at: latest(requests, agents) ?? clock.now(),
      requests: map(requests, (stamped) => stamped.value),
      agents: map(agents, (stamped) => stamped.value),
      clusters,
      parallelJobs: remember(parallelJobs, memory.parallelJobs, (value) => {
        memory.parallelJobs = value;
      }),
      paused: remember(paused, memory.paused, (value) => {
        memory.paused = value;
      }),
    },
    lookedAt: clock.now(),
    errors,
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

/**
 * How long Azure DevOps asked us to stay away, in ms. A cluster that is throttled is unknown to its own part of the next
 * pass and delays nobody else.
 */
export function longestRetryAfter(errors: readonly unknown[]): number | undefined {
  const asked = errors.flatMap((error) =>
    error instanceof UpstreamError && error.upstream === 'azureDevOps' ? [error.retryAfterMs ?? 0] : [],
  );
  const longest = Math.max(0, ...asked);
  return longest > 0 ? longest : undefined;
}
