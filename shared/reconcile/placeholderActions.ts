/** What happens to placeholders, and the notes of what left the configuration. None of it rejects. */
import { hasErrorKind } from '../domain/errors.ts';
import { agentVersionOf, placeholderCapabilities } from '../domain/offer.ts';
import type { ReconcileDeps } from './deps.ts';
import type { Outcome } from './outcome.ts';
import { type ActionOf, settle } from './settle.ts';

/** Registers the placeholder of a template. One that exists already is as good. */
export function createPlaceholder(deps: ReconcileDeps, action: ActionOf<'createPlaceholder'>): Promise<Outcome> {
  return settle('createPlaceholder', action.name, async () => {
    try {
      await deps.pools.addAgent(deps.policy.poolId, {
        name: action.name,
        version: agentVersionOf(action.template),
        osDescription: 'Mayfly placeholder',
        capabilities: placeholderCapabilities(action.template),
      });
      return ['done'];
    } catch (error) {
      if (hasErrorKind(error, 'conflict')) return ['raced', 'it exists'];
      throw error;
    }
  });
}

/** Brings a placeholder back to what its template offers. */
export function repairPlaceholder(deps: ReconcileDeps, action: ActionOf<'repairPlaceholder'>): Promise<Outcome> {
  return settle('repairPlaceholder', action.name, async () => {
    await deps.pools.updateAgent(deps.policy.poolId, {
      id: action.agentId,
      name: action.name,
      enabled: true,
      version: agentVersionOf(action.template),
      capabilities: placeholderCapabilities(action.template),
    });
    return ['done'];
  });
}

/** Removes the placeholder of a template that left the configuration, after one more look at it. */
export function deletePlaceholder(deps: ReconcileDeps, action: ActionOf<'deletePlaceholder'>): Promise<Outcome> {
  return settle('deletePlaceholder', action.name, async () => {
    const { poolId } = deps.policy;
    const agent = await deps.pools.getAgent(poolId, action.agentId);
    if (agent === undefined) return ['done', 'gone already'];
    if (agent.name !== action.name || agent.online || agent.assignedRequestId !== undefined)
      return ['waiting', 'it is no placeholder any more'];
    return (await deps.pools.deleteAgent(poolId, agent.id)) === 'refused' ? ['waiting', 'refused'] : ['done'];
  });
}

/**
 * Writes to the map of the first cluster of the pool: one record is enough, and all maps are read. Keys are removed from
 * all, whichever was the first when they were written, and where there is no map one is made for people to write on.
 */
export function noteControl(deps: ReconcileDeps, action: ActionOf<'noteControl'>): Promise<Outcome> {
  return settle('noteControl', action.name, async () => {
    const { poolId } = deps.policy;
    const removals = Object.fromEntries(Object.entries(action.changes).filter(([, value]) => value === undefined));
    await Promise.all(
      deps.clusters.map((cluster, index) => cluster.patchControl(poolId, index === 0 ? action.changes : removals)),
    );
    return ['done'];
  });
}
