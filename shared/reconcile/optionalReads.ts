/**
 * Reads that a pass can do without. One that fails leaves what it gave last, or else a default, and its error raises an
 * alarm; what somebody paused stays paused.
 */
import { type Control, mergeControls, readControl } from '../domain/control.ts';
import { errorKind } from '../domain/errors.ts';
import type { Amounts } from '../domain/quota.ts';
import { known, type Read, type Remembered, unknown } from '../domain/read.ts';
import type { Clock, Cluster, ParallelJobs } from '../ports.ts';
import type { LookDeps, ReconcileMemory } from './deps.ts';
import { type ReadMaps, withImagesOfOthers } from './images/imagesOfOthers.ts';
import { within } from './within.ts';

/** What a read of one cluster may take in all; a slower one is unknown, or it would eat up the pass of all others. */
export const clusterReadMs = 20_000;

export async function attempt<T>(errors: unknown[], read: Promise<T>): Promise<Read<T>> {
  try {
    return known(await read);
  } catch (error) {
    errors.push(error);
    return unknown(errorKind(error));
  }
}

/** Keeps a value that was read; answers what was kept where it could not be. */
export function remember<T>(read: Read<T>, last: T | undefined, keep: (value: T) => void): Remembered<T> {
  if (!read.known) return { value: last, error: read.error };
  keep(read.value);
  return { value: read.value };
}

/**
 * One control map that says so is enough to pause or drain, whatever the others say or fail to say. While one cannot be
 * read, what was read last holds beside what the others say now.
 */
export async function readControlMaps(deps: LookDeps, errors: unknown[]): Promise<Remembered<Control>> {
  const { clusters, clock, policy, memory } = deps;
  const bound = { upstream: 'kubernetes', operation: 'reading a control map' } as const;
  const readMaps: ReadMaps = (poolId) =>
    Promise.all(
      clusters.map((cluster) => attempt(errors, within(clock, clusterReadMs, bound, cluster.getControl(poolId)))),
    );
  const reads = await readMaps(policy.poolId);
  const controls = reads.flatMap((read) => (read.known ? [readControl(read.value)] : []));
  const failed = reads.find((read) => !read.known);
  if (failed === undefined) {
    memory.control = await withImagesOfOthers(policy, mergeControls(controls), readMaps);
    return { value: memory.control };
  }
  const remembered = memory.control === undefined ? controls : [...controls, memory.control];
  if (remembered.length === 0) return { value: undefined, error: failed.error };
  memory.control = mergeControls(remembered);
  return { value: memory.control, error: failed.error };
}

export async function readQuotas(
  cluster: Cluster,
  clock: Clock,
  { quotas }: ReconcileMemory,
  errors: unknown[],
): Promise<Remembered<readonly Amounts[]>> {
  const bound = { upstream: 'kubernetes', operation: 'reading resource quotas' } as const;
  const read = await attempt(errors, within(clock, clusterReadMs, bound, cluster.listQuotaRoom()));
  return remember(read, quotas?.get(cluster.name), (value) => quotas?.set(cluster.name, value));
}

/** The parallel jobs of a licence group: one allowance, used by all organisations that share it. */
export async function readParallelJobs(deps: LookDeps, group: readonly LookDeps[]): Promise<ParallelJobs> {
  const others = new Map(group.map((member) => [member.policy.organisation.url, member.pools]));
  others.delete(deps.policy.organisation.url);
  const [own, ...theirs] = await Promise.all([
    deps.pools.getParallelJobs(),
    ...[...others.values()].map((pools) => pools.getParallelJobs()),
  ]);
  return { total: own.total, used: own.used + theirs.reduce((sum, { used }) => sum + used, 0) };
}
