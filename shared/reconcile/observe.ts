/**
 * One look at a pool. Clusters, agents and optional reads first, in parallel; the requests last, so that whoever is
 * busy is known as late as possible. A read that fails is unknown and says why; it never becomes an empty list.
 */
import { defined } from '../domain/defined.ts';
import { UpstreamError } from '../domain/errors.ts';
import type { EpochMs } from '../domain/instant.ts';
import { known, type Read, type Remembered, unknown } from '../domain/read.ts';
import type { Observed } from '../plan/observed.ts';
import { knownAgentJobs } from '../plan/observed.ts';
import { scopeOf } from '../plan/view.ts';
import type { ParallelJobs, Stamped } from '../ports.ts';
import type { LookDeps } from './deps.ts';
import { ghostBudget } from './ghostBudget.ts';
import { readLeftovers } from './leftovers.ts';
import { attempt, clusterReadMs, readControlMaps, readParallelJobs, readQuotas, remember } from './optionalReads.ts';
import { readRunsOver } from './readRunsOver.ts';
import { within } from './within.ts';

export interface Look {
  readonly observed: Observed;
  /** The failures behind the unknowns, for the one place that logs them. */
  readonly errors: readonly unknown[];
  /** This machine's time at the end of the look: what has passed since is the same on every clock. */
  readonly lookedAt: EpochMs;
}

export interface LookOptions {
  /** The other pools of the licence group: their organisations' parallel jobs count too. */
  readonly group?: readonly LookDeps[];
  /** For whoever acts on them: they are asked for now and then only, and to ask is to have had them. */
  readonly leftovers?: boolean;
  /** Where somebody has read them already. */
  readonly parallelJobs?: Remembered<ParallelJobs>;
}

const map = <T, U>(read: Read<T>, change: (value: T) => U): Read<U> => (read.known ? known(change(read.value)) : read);

async function lookAtClusters(deps: LookDeps, { leftovers: wantsLeftovers = false }: LookOptions, errors: unknown[]) {
  const { clusters, clock, policy, memory } = deps;
  const listing = { upstream: 'kubernetes', operation: 'listing agent jobs' } as const;
  return Promise.all(
    clusters.map(async (cluster) => {
      const [agentJobs, quotas, leftovers] = await Promise.all([
        attempt(errors, within(clock, clusterReadMs, listing, cluster.listAgentJobs(scopeOf(policy)))),
        readQuotas(cluster, clock, memory, errors),
        wantsLeftovers ? readLeftovers(deps, cluster, errors) : undefined,
      ]);
      return { name: cluster.name, agentJobs, quotas, ...defined({ leftovers }) };
    }),
  );
}

/** Parallel jobs of the licence group, or what they were last. */
export async function lookAtParallelJobs(
  deps: LookDeps,
  errors: unknown[],
  { parallelJobs, group = [] }: LookOptions,
): Promise<Remembered<ParallelJobs>> {
  if (parallelJobs !== undefined) return parallelJobs;
  // Without a limit of ours only the contradiction rule asks, and does without.
  const heard = deps.policy.parallelJobs === 'unlimited' ? [] : errors;
  return remember(await attempt(heard, readParallelJobs(deps, group)), deps.memory.parallelJobs, (value) => {
    deps.memory.parallelJobs = value;
  });
}

/** Looks once. Rejects never: what could not be read is unknown in the result. */
export async function observePool(deps: LookDeps, options: LookOptions = {}): Promise<Look> {
  const errors: unknown[] = [];
  const { policy, clock } = deps;
  const [clusters, agents, parallelJobs, control] = await Promise.all([
    lookAtClusters(deps, options, errors),
    attempt(errors, deps.pools.listAgents(policy.poolId)),
    lookAtParallelJobs(deps, errors, options),
    readControlMaps(deps, errors),
  ]);
  const requests = agents.known
    ? await attempt(errors, deps.pools.listJobRequests(policy.poolId))
    : unknown(agents.error);
  const observed: Observed = {
    at: latest(requests, agents) ?? clock.now(),
    requests: map(requests, (stamped) => stamped.value),
    agents: map(agents, (stamped) => stamped.value),
    clusters,
    parallelJobs,
    group: [],
    control,
    runsOver: new Set(),
    ghostBudget: ghostBudget(deps),
  };
  const runsOver = observed.requests.known
    ? await readRunsOver(deps, observed.requests.value, knownAgentJobs(observed), observed.at, errors)
    : observed.runsOver;
  const { refusals = new Map(), told = new Set() } = deps.memory;
  const remembered = { ...freeSince(deps, observed), refusals, told };
  return { observed: { ...observed, ...remembered, runsOver }, lookedAt: clock.now(), errors };
}

/** A job that has just ended frees its parallel job: only from then on can anything be expected of the server. */
export function freeSince(
  { memory }: LookDeps,
  { at, parallelJobs }: Pick<Observed, 'at' | 'parallelJobs'>,
): { readonly freeSince?: EpochMs } {
  const { value, error } = parallelJobs;
  const isFree = error === undefined && value !== undefined && value.used < value.total;
  if (!isFree) {
    delete memory.freeSince;
    return {};
  }
  memory.freeSince ??= at;
  return { freeSince: memory.freeSince };
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
