/** What one agent job of a template draws from the quotas of its namespace. */
import { isJsonObject, type JsonObject, type JsonValue } from '../domain/json.ts';
import { parseQuantity } from '../domain/quantity.ts';
import { type Amounts, added, type QuotaResource, quotaResources } from '../domain/quota.ts';
import type { Template } from '../domain/template.ts';
import { buildAgentPodSpec } from './manifest.ts';

const perContainer = ['cpu', 'memory', 'ephemeral-storage'] as const;

function isQuotaResource(name: string): name is QuotaResource {
  return quotaResources.some((resource) => resource === name);
}

function amountOf(value: JsonValue | undefined): number | undefined {
  if (typeof value === 'number') return value;
  return typeof value === 'string' ? parseQuantity(value) : undefined;
}

function containerAmounts(container: JsonObject): Amounts {
  const resources = isJsonObject(container['resources']) ? container['resources'] : {};
  const limits = isJsonObject(resources['limits']) ? resources['limits'] : {};
  const requests = isJsonObject(resources['requests']) ? resources['requests'] : {};
  // What has a limit and no request requests as much (kubernetes.io, "Resource management for pods and containers").
  const both = { limits, requests: { ...limits, ...requests } } as const;
  const amounts = (['requests', 'limits'] as const).flatMap((kind) => {
    const given: JsonObject = both[kind];
    return perContainer.flatMap((name): readonly [QuotaResource, number][] => {
      const resource = `${kind}.${name}`;
      const amount = amountOf(given[name]);
      return amount === undefined || !isQuotaResource(resource) ? [] : [[resource, amount]];
    });
  });
  return Object.fromEntries(amounts);
}

function containersOf(value: JsonValue | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : [];
}

const total = (all: readonly JsonObject[]): Amounts => all.map(containerAmounts).reduce(added, {});

function largest(a: Amounts, b: Amounts): Amounts {
  return Object.fromEntries(
    quotaResources.flatMap((resource) => {
      const most = Math.max(a[resource] ?? 0, b[resource] ?? 0);
      return most === 0 ? [] : [[resource, most]];
    }),
  );
}

/**
 * Containers and sidecars run together; each other init container runs alone, but beside the sidecars.
 * Source: kubernetes.io/docs/concepts/workloads/pods/init-containers, "Resource sharing within containers".
 */
export function agentJobAmounts(template: Template): Amounts {
  const pod = buildAgentPodSpec(template, 'any');
  const { sidecars = [], alone = [] } = Object.groupBy(containersOf(pod['initContainers']), (container) =>
    container['restartPolicy'] === 'Always' ? 'sidecars' : 'alone',
  );
  const beside = total(sidecars);
  const together = added(total(containersOf(pod['containers'])), beside);
  const most = alone.map((container) => added(containerAmounts(container), beside)).reduce(largest, together);
  return { ...most, pods: 1, jobs: 1, secrets: 1 };
}
