/** Objects of ours that belong to nobody: asked for now and then, confirmed one by one, deleted by UID. */
import { isTombstone } from '../domain/agentJob.ts';
import type { EpochMs } from '../domain/instant.ts';
import { minutesMs } from '../domain/instant.ts';
import type { Leftover } from '../domain/leftover.ts';
import { scopeOf } from '../plan/view.ts';
import type { Cluster } from '../ports.ts';
import { clusterOf } from './clusterOf.ts';
import type { LookDeps, ReconcileDeps } from './deps.ts';
import { attempt, clusterReadMs } from './optionalReads.ts';
import type { Outcome } from './outcome.ts';
import { type ActionOf, settle } from './settle.ts';
import { within } from './within.ts';

/** They do no harm but to be there: three lists an hour or so are enough. */
const askEveryMs = minutesMs(10);

const listing = { upstream: 'kubernetes', operation: 'listing leftovers' } as const;

/** undefined = not asked this time, or nobody answered. */
export async function readLeftovers(
  deps: LookDeps,
  cluster: Cluster,
  errors: unknown[],
): Promise<readonly Leftover[] | undefined> {
  const { memory, clock, policy } = deps;
  const asked = memory.leftoversAskedAt;
  const now: EpochMs = clock.now();
  if (asked === undefined || now - (asked.get(cluster.name) ?? Number.NEGATIVE_INFINITY) < askEveryMs) return undefined;
  asked.set(cluster.name, now);
  const read = await attempt(errors, within(clock, clusterReadMs, listing, cluster.listLeftovers(scopeOf(policy))));
  return read.known ? read.value : undefined;
}

/** The list only suggested that its Job is gone; the Job itself must be asked for by name. */
export function deleteLeftover(deps: ReconcileDeps, action: ActionOf<'deleteLeftover'>): Promise<Outcome> {
  const { leftover, cluster: name } = action;
  return settle('deleteLeftover', `${leftover.kind} ${leftover.name}`, async () => {
    const cluster = clusterOf(deps, name);
    for (const owner of new Set([leftover.name, ...leftover.owners.map((each) => each.name)])) {
      const agentJob = await cluster.getAgentJob(owner);
      const isIts = leftover.owners.some(({ uid }) => uid === agentJob?.uid);
      if (agentJob !== undefined && (isIts || !isTombstone(agentJob))) return ['waiting', 'its Job lives'];
    }
    const deleted = await cluster.deleteLeftover(leftover);
    return [deleted === 'replaced' ? 'raced' : 'done'];
  });
}
