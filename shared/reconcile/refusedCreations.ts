/**
 * Creations that a cluster has refused for certain: a missing right, an admission rule, an invalid pod. The next one would
 * be refused as well, so it goes elsewhere, or waits longer each time. Kept in this process alone.
 */
import { errorKind, hasErrorKind } from '../domain/errors.ts';
import { refusalKey } from '../plan/observed.ts';
import type { CreateAction } from '../plan/plan.ts';
import type { Pass } from './deps.ts';

export function noteRefusal(
  { memory, policy, serverNow }: Pass,
  { cluster, template, candidate }: CreateAction,
  error: unknown,
): void {
  if (!hasErrorKind(error, 'forbidden', 'invalid', 'unauthorized', 'notFound')) return;
  const key = refusalKey(cluster, template.name, candidate !== undefined);
  const count = (memory.refusals?.get(key)?.count ?? 0) + 1;
  const { firstMs, maximumMs } = policy.backoff;
  const until = serverNow() + Math.min(maximumMs, firstMs * 2 ** (count - 1));
  const why = error instanceof Error ? error.message : errorKind(error);
  memory.refusals?.set(key, { count, until, why });
}

export function forgetRefusal({ memory }: Pass, { cluster, template, candidate }: CreateAction): void {
  memory.refusals?.delete(refusalKey(cluster, template.name, candidate !== undefined));
}
