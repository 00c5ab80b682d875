/**
 * Resource quotas: refused at creation (403), and counted again whenever something comes or goes. Usage is counted
 * live, so a freed place is free at once; the real controller may take seconds to notice.
 */
import type { JsonObject, JsonValue } from '../../../shared/domain/json.ts';
import { at, list, nameOf, namespaceOf, record, same, scalar, text } from './object.ts';
import { formatQuantity, parseQuantity } from './quantity.ts';
import { type ResourceName, resourceTypes } from './resource.ts';
import { forbidden } from './statusError.ts';
import type { Store } from './store.ts';

/** Under which names a quota counts objects of a resource. */
const countedAs: Partial<Record<ResourceName, readonly string[]>> = {
  pods: ['pods', 'count/pods'],
  jobs: ['count/jobs.batch'],
  secrets: ['secrets', 'count/secrets'],
  configmaps: ['configmaps', 'count/configmaps'],
};

/** "cpu" in a quota means requests.cpu. */
const computeNames = ['cpu', 'memory', 'ephemeral-storage'].flatMap((name) => [
  name,
  `requests.${name}`,
  `limits.${name}`,
]);

function amountOf(container: JsonValue, name: string): number | undefined {
  const [section, resource] = name.includes('.') ? name.split('.') : ['requests', name];
  const resources = record(container, 'resources');
  const value = record(resources, section ?? '')[resource ?? ''];
  // A limit without a request is the request too (core/v1 defaults).
  const fallback = section === 'requests' ? record(resources, 'limits')[resource ?? ''] : undefined;
  const found = value ?? fallback;
  return typeof found === 'string' ? parseQuantity(found) : undefined;
}

/** The larger of the sum of the containers and the largest init container. */
function computeUsage(pod: JsonObject, name: string): number {
  const main = list(pod, 'spec', 'containers').reduce<number>((sum, each) => sum + (amountOf(each, name) ?? 0), 0);
  const init = list(pod, 'spec', 'initContainers').map((each) => amountOf(each, name) ?? 0);
  return Math.max(main, ...init);
}

const isTerminal = (pod: JsonObject): boolean => ['Succeeded', 'Failed'].includes(text(pod, 'status', 'phase') ?? '');

/** undefined = another scope, which is not modelled. */
function isInScope(pod: JsonObject, scope: string): boolean | undefined {
  const hasDeadline = at(pod, 'spec', 'activeDeadlineSeconds') !== undefined;
  if (scope === 'Terminating' || scope === 'NotTerminating') return hasDeadline === (scope === 'Terminating');
  if (scope !== 'BestEffort' && scope !== 'NotBestEffort') return undefined;
  const containers = [...list(pod, 'spec', 'containers'), ...list(pod, 'spec', 'initContainers')];
  const named = ['requests', 'limits'].flatMap((section) =>
    containers.flatMap((each) => Object.keys(record(each, 'resources', section))),
  );
  const isBestEffort = !named.some((name) => name === 'cpu' || name === 'memory');
  return isBestEffort === (scope === 'BestEffort');
}

/** Of the scopes and of the selector alike: an `Exists` without values is the scope itself. */
function scopesOf(quota: JsonObject): readonly string[] {
  const expressions = list(quota, 'spec', 'scopeSelector', 'matchExpressions');
  return [...list(quota, 'spec', 'scopes').map(String), ...expressions.map((each) => text(each, 'scopeName') ?? '')];
}

/** Scopes of priority classes and affinity; undefined = all of the quota is modelled. */
export function unmodelledInQuota(quota: JsonObject): string | undefined {
  const foreign = scopesOf(quota).find((scope) => isInScope(quota, scope) === undefined);
  return foreign === undefined ? undefined : `a quota with the scope ${foreign}`;
}

/** A quota with scopes counts pods only, and of those only the ones that are in each of its scopes. */
function counts(quota: JsonObject, resource: ResourceName, object: JsonObject): boolean {
  const scopes = scopesOf(quota);
  return scopes.length === 0 || (resource === 'pods' && scopes.every((scope) => isInScope(object, scope) === true));
}

function usageOf(resource: ResourceName, object: JsonObject, name: string): number {
  if (resource === 'pods' && name !== 'count/pods' && isTerminal(object)) return 0;
  if (countedAs[resource]?.includes(name)) return 1;
  return resource === 'pods' && computeNames.includes(name) ? computeUsage(object, name) : 0;
}

function usedOf(store: Store, quota: JsonObject, name: string): number {
  const namespace = namespaceOf(quota);
  const resources = (Object.keys(countedAs) as ResourceName[]).filter(
    (resource) => countedAs[resource]?.includes(name) || (resource === 'pods' && computeNames.includes(name)),
  );
  return resources
    .flatMap((resource) =>
      store
        .all(resource, namespace)
        .filter((object) => counts(quota, resource, object))
        .map((object) => usageOf(resource, object, name)),
    )
    .reduce((sum, usage) => sum + usage, 0);
}

/** A quota on cpu refuses pods that do not say how much they want. */
function unspecified(pod: JsonObject, names: readonly string[]): string | undefined {
  const complaints = names
    .filter((name) => computeNames.includes(name))
    .flatMap((name) => {
      const without = list(pod, 'spec', 'containers').filter((each) => amountOf(each, name) === undefined);
      const containers = without.map((each) => text(each, 'name') ?? '').join(',');
      return containers === '' ? [] : [`${name} for: ${containers}`];
    });
  return complaints.length === 0 ? undefined : `must specify ${complaints.join('; ')}`;
}

export const isCounted = (resource: ResourceName): boolean => countedAs[resource] !== undefined;

/** Throws 403 when a quota of the namespace has no room for the object. */
export function checkQuota(store: Store, resource: ResourceName, object: JsonObject, namespace: string): void {
  if (!isCounted(resource)) return;
  const quotas = store.all('resourcequotas', namespace).filter((quota) => counts(quota, resource, object));
  for (const quota of quotas) {
    const hard = record(quota, 'spec', 'hard');
    const names = Object.keys(hard).sort();
    const refuse = (why: string): Error => forbidden(resourceTypes[resource], nameOf(object), why);
    const missing = resource === 'pods' ? unspecified(object, names) : undefined;
    if (missing !== undefined) throw refuse(`failed quota: ${nameOf(quota)}: ${missing}`);
    const exceeded = names
      .map((name) => ({ name, wants: usageOf(resource, object, name), used: usedOf(store, quota, name) }))
      .filter(({ name, wants, used }) => wants > 0 && used + wants > (parseQuantity(scalar(hard[name])) ?? 0));
    if (exceeded.length === 0) continue;
    const requested = exceeded.map(({ name, wants }) => `${name}=${formatQuantity(wants)}`).join(',');
    const used = exceeded.map((each) => `${each.name}=${formatQuantity(each.used)}`).join(',');
    const limited = exceeded.map(({ name }) => `${name}=${scalar(hard[name])}`).join(',');
    throw refuse(`exceeded quota: ${nameOf(quota)}, requested: ${requested}, used: ${used}, limited: ${limited}`);
  }
}

/** status.used of every quota of a namespace: written by the quota controller, and by admission for what it lets in. */
export function recountQuotas(store: Store, namespace: string): void {
  for (const quota of store.all('resourcequotas', namespace)) {
    const hard = record(quota, 'spec', 'hard');
    const used = Object.fromEntries(
      Object.keys(hard).map((name) => [name, formatQuantity(usedOf(store, quota, name))]),
    );
    const status = { hard, used };
    if (!same(record(quota, 'status'), status)) store.update('resourcequotas', { ...quota, status });
  }
}
