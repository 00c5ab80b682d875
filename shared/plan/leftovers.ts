/**
 * Objects of ours that belong to nobody any more. The cluster itself removes what has an owner that is gone; left over is
 * what lost its owner, as when somebody deleted a Job and told the cluster to orphan what hangs on it.
 */
import { isTombstone } from '../domain/agentJob.ts';
import type { Leftover } from '../domain/leftover.ts';
import type { Action } from './plan.ts';
import type { View } from './view.ts';

/** An owner of another kind is somebody else's business, as is what the cluster is about to collect. */
function isForsaken({ name, owners }: Leftover, uids: ReadonlySet<string>, names: ReadonlySet<string>): boolean {
  if (names.has(name)) return false;
  return owners.every(({ kind, uid }) => kind === 'Job' && !uids.has(uid));
}

/** Of clusters that answered; confirmed by name before anything is deleted. */
export function planLeftovers({ observed, agentJobs, policy, now }: View): readonly Action[] {
  const uids = new Set(agentJobs.map(({ uid }) => uid));
  return observed.clusters.flatMap(({ name: cluster, agentJobs: read, leftovers = [] }): readonly Action[] => {
    if (!read.known) return [];
    const names = new Set(read.value.filter((agentJob) => !isTombstone(agentJob)).map(({ name }) => name));
    return leftovers
      .filter((leftover) => isForsaken(leftover, uids, names) && now - leftover.createdAt > policy.ghostGraceMs)
      .map((leftover): Action => ({ kind: 'deleteLeftover', name: leftover.name, cluster, leftover }));
  });
}
