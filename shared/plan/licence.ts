/**
 * Parallel jobs: how many private requests the server may start now, and how the pools of a licence group share them.
 * The server looks for a free parallel job before it looks for an agent, so an agent beyond them would only idle.
 * Source: learn.microsoft.com/azure/devops/pipelines/process/runs and licensing/concurrent-jobs (2026-11).
 */
import type { JobRequest } from '../domain/jobRequest.ts';
import type { GroupMember, LicenceNeeds, Wish } from './observed.ts';
import type { View } from './view.ts';

type Licensed = Pick<View, 'policy' | 'observed' | 'requests'>;

export const isPrivate = (request: JobRequest): boolean => request.parallelism === 'private';

/**
 * Parallel jobs that nothing runs on. Unknown usage of an `auto` limit does not stop the pool: the server itself never
 * runs more than are allowed. A number that was configured holds all the same, against what this pool is known to use.
 */
export function freeParallelJobs({ policy, observed, requests }: Licensed): number {
  const usage = observed.parallelJobs.value;
  const allowed = policy.parallelJobs === 'auto' ? usage?.total : policy.parallelJobs;
  if (allowed === undefined || allowed === 'unlimited') return Number.POSITIVE_INFINITY;
  const usedHere = requests.filter((request) => isPrivate(request) && request.assignedAt !== undefined);
  return Math.max(0, allowed - (usage?.used ?? usedHere.length));
}

/** True when the server has said in this very look that another private job may start. */
export function isKnownFree({ observed }: Licensed): boolean {
  const { value, error } = observed.parallelJobs;
  return error === undefined && value !== undefined && value.used < value.total;
}

export interface Entitled {
  /** Those that the server may start now: public ones, and as many of the oldest private ones as are free. */
  readonly entitled: readonly JobRequest[];
  /** The others wait for a parallel job before they wait for an agent. */
  readonly held: readonly JobRequest[];
}

/** `waiting` oldest first, and so are both parts. */
export function entitledFirst(waiting: readonly JobRequest[], free: number): Entitled {
  let left = free;
  const entitled: JobRequest[] = [];
  const held: JobRequest[] = [];
  for (const request of waiting) {
    if (!isPrivate(request) || left > 0) entitled.push(request);
    else held.push(request);
    if (isPrivate(request)) left -= 1;
  }
  return { entitled, held };
}

const byAge = (a: Wish, b: Wish): number => a.queuedAt - b.queuedAt || a.requestId - b.requestId;

/**
 * How many of its wishes each pool is granted. What private requests with an agent are about to take is taken; the rest
 * is dealt one at a time, in each round to every pool that still wishes, beginning with the one that waits longest. A
 * pool has had its turn in as many rounds as it has claims: so whoever looks while another pool is halfway through its
 * grant deals it the other half, as it does itself, and gives nobody the room twice. Every pool of a group that sees the
 * same comes to the same deal, so equal wishes go by the order of the pools, on which all agree.
 */
function dealOut(pools: readonly LicenceNeeds[], free: number): readonly number[] {
  const granted = pools.map(() => 0);
  let room = free - pools.reduce((sum, { claims }) => sum + claims, 0);
  const rounds = Math.max(0, ...pools.map(({ claims, wishes }) => claims + wishes.length));
  for (let round = 0; room > 0 && round < rounds; round++) {
    const turns = pools.flatMap(({ claims, wishes }, pool) => {
      const wish = wishes[round - claims];
      return wish === undefined ? [] : [{ wish, pool }];
    });
    const dealt = turns.toSorted((a, b) => byAge(a.wish, b.wish)).slice(0, room);
    for (const { pool } of dealt) granted[pool] = (granted[pool] ?? 0) + 1;
    room -= dealt.length;
  }
  return granted;
}

/** What one pool is granted: `place` = how many of the others come before it. */
export function licenceShare(own: LicenceNeeds, others: readonly LicenceNeeds[], free: number, place = 0): number {
  return dealOut(others.toSpliced(place, 0, own), free)[place] ?? 0;
}

type Pool = Pick<GroupMember, 'organisation' | 'poolId'>;

const byPool = (a: Pool, b: Pool): number =>
  a.organisation === b.organisation ? a.poolId - b.poolId : a.organisation < b.organisation ? -1 : 1;

/** The share of the pool that is looked at, among those of its group whose needs are known. */
export function shareOf(
  { policy, observed }: Pick<View, 'policy' | 'observed'>,
  own: LicenceNeeds,
  free: number,
): number {
  const pool = { organisation: policy.organisation.name, poolId: policy.poolId };
  const members = observed.group
    .toSorted(byPool)
    .flatMap(({ needs, ...member }) => (needs.known ? [{ member, needs: needs.value }] : []));
  const place = members.filter(({ member }) => byPool(member, pool) < 0).length;
  return licenceShare(
    own,
    members.map(({ needs }) => needs),
    free,
    place,
  );
}

/** What each pool of a group is granted, by its place in `pools`. */
export function sharesOf(pools: readonly (Pool & { readonly needs: LicenceNeeds })[], free: number): readonly number[] {
  const ordered = pools.toSorted(byPool);
  const shares = dealOut(
    ordered.map(({ needs }) => needs),
    free,
  );
  return pools.map((pool) => shares[ordered.indexOf(pool)] ?? 0);
}

/** What a pool needs once it has made agents for so many of its wishes. */
export function afterGrant({ claims, wishes }: LicenceNeeds, granted: number): LicenceNeeds {
  const made = Math.min(granted, wishes.length);
  return { claims: claims + made, wishes: wishes.slice(made) };
}
