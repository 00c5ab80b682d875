/**
 * The other pools of a licence group, looked at only when there may not be enough parallel jobs for all: each costs two
 * calls, and near the limit all pools of the group look at each other.
 */
import { known, type Read, unknown } from '../domain/read.ts';
import type { PoolPolicy } from '../domain/template.ts';
import { withImages } from '../plan/images/judge.ts';
import { afterGrant, freeParallelJobs, sharesOf } from '../plan/licence.ts';
import type { GroupMember, LicenceNeeds, Observed } from '../plan/observed.ts';
import { licenceNeeds } from '../plan/provision.ts';
import { type View, viewOf } from '../plan/view.ts';
import { bounded } from './bounded.ts';
import type { LookDeps, ReconcileDeps } from './deps.ts';
import { observePool } from './observe.ts';

/** A member that was looked at so recently is not looked at again, in ms. */
const freshMs = 10_000;
const width = 4;

/** undefined = one of the pool-required reads failed. */
function knownView(policy: PoolPolicy, observed: Observed): View | undefined {
  const { requests, agents } = observed;
  if (!requests.known || !agents.known) return undefined;
  return withImages(viewOf(policy, observed, requests.value, agents.value));
}

/** What a look at a pool needs that may have to look at others, too. */
export type GroupLook = LookDeps & Pick<ReconcileDeps, 'group'>;

export interface Stake {
  readonly needs: LicenceNeeds;
  readonly free: number;
}

/** What this pool needs, when there may not be enough for all: then its share depends on what the others want. */
export function stakeOf({ policy, group = [] }: GroupLook, observed: Observed): Stake | undefined {
  const view = knownView(policy, observed);
  if (view === undefined) return undefined;
  const free = freeParallelJobs(view);
  if (free === Number.POSITIVE_INFINITY) return undefined;
  const most = group.reduce((sum, member) => sum + member.policy.maxAgents, 0);
  // With enough for everybody who could ask, nobody has to be planned for just to see that.
  if (view.requests.length + most <= free) return undefined;
  const needs = licenceNeeds(view);
  const room = free - needs.claims;
  const isShort = needs.wishes.length > 0 && room > 0 && needs.wishes.length + most > room;
  return isShort ? { needs, free } : undefined;
}

async function lookAtMember(
  member: LookDeps,
  parallelJobs: Observed['parallelJobs'],
  errors: unknown[],
): Promise<Read<LicenceNeeds>> {
  const { clock, memory, policy } = member;
  const last = memory.needs;
  // What it was granted then it has taken since, or is about to: nobody else may count on that room.
  if (last !== undefined && clock.now() - last.lookedAt < freshMs)
    return known(afterGrant(last.value, last.granted ?? 0));
  const look = await observePool(member, { parallelJobs });
  errors.push(...look.errors);
  const view = knownView(policy, look.observed);
  // Without a new answer the last one is the best guess, and better than taking the pool for satisfied.
  if (view === undefined) return last === undefined ? unknown(failureOf(look.observed)) : known(last.value);
  const { claims, wishes } = licenceNeeds(view);
  // A pool in shadow mode creates nothing, whatever it wishes.
  const value = { claims, wishes: policy.mode === 'shadow' ? [] : wishes };
  memory.needs = { value, lookedAt: look.lookedAt };
  return known(value);
}

function failureOf({ requests, agents }: Observed) {
  if (!agents.known) return agents.error;
  return requests.known ? 'unexpected' : requests.error;
}

/** Remembers how much of the room is theirs: until the next look it counts as taken. */
function noteGrants(
  { policy }: GroupLook,
  { needs, free }: Stake,
  group: readonly LookDeps[],
  members: readonly GroupMember[],
): void {
  const own = { organisation: policy.organisation.name, poolId: policy.poolId, needs };
  const others = members.flatMap((member, index) => {
    const memory = group[index]?.memory;
    return member.needs.known ? [{ ...member, needs: member.needs.value, memory }] : [];
  });
  const [, ...shares] = sharesOf([own, ...others], free);
  others.forEach(({ memory }, index) => {
    const last = memory?.needs;
    if (memory !== undefined && last !== undefined)
      memory.needs = { ...last, granted: (last.granted ?? 0) + (shares[index] ?? 0) };
  });
}

/** Rejects never: a member that could not be read is unknown. */
export async function observeGroup(
  deps: GroupLook,
  observed: Observed,
  stake: Stake,
  errors: unknown[],
): Promise<readonly GroupMember[]> {
  const group = deps.group ?? [];
  const members = await bounded(group, width, async (member): Promise<GroupMember> => {
    const { organisation, poolId } = member.policy;
    return {
      organisation: organisation.name,
      poolId,
      needs: await lookAtMember(member, observed.parallelJobs, errors),
    };
  });
  noteGrants(deps, stake, group, members);
  return members;
}
