/** What the resource quotas of a namespace leave for agent jobs. */
import { z } from 'zod';
import { parseQuantity } from '../../domain/quantity.ts';
import type { Amounts, QuotaResource } from '../../domain/quota.ts';
import { parsed } from './reading.ts';

const quotaSchema = z.object({
  spec: z
    .object({
      scopes: z.array(z.string()).default([]),
      scopeSelector: z
        .object({ matchExpressions: z.array(z.object({ scopeName: z.string(), operator: z.string() })).default([]) })
        .optional(),
    })
    .default({ scopes: [] }),
  status: z
    .object({
      hard: z.record(z.string(), z.string()).default({}),
      used: z.record(z.string(), z.string()).default({}),
    })
    .default({ hard: {}, used: {} }),
});
type Quota = z.infer<typeof quotaSchema>;

/** By the names of a quota (kubernetes.io/docs/concepts/policy/resource-quotas); "cpu" means requests.cpu. */
const resourceOf: Readonly<Record<string, QuotaResource>> = {
  pods: 'pods',
  'count/pods': 'pods',
  'count/jobs.batch': 'jobs',
  'count/secrets': 'secrets',
  secrets: 'secrets',
  cpu: 'requests.cpu',
  'requests.cpu': 'requests.cpu',
  memory: 'requests.memory',
  'requests.memory': 'requests.memory',
  'limits.cpu': 'limits.cpu',
  'limits.memory': 'limits.memory',
  'ephemeral-storage': 'requests.ephemeral-storage',
  'requests.ephemeral-storage': 'requests.ephemeral-storage',
};

/** Those that every agent pod is in: it has no active deadline and always requests something. */
const ourScopes: ReadonlySet<string> = new Set(['NotTerminating', 'NotBestEffort']);

/** Whether other scopes (of priority classes, say) hold our pods cannot be told from here; such quotas are left out. */
function holdsOurPods({ spec }: Quota): boolean {
  const expressions = spec.scopeSelector?.matchExpressions ?? [];
  return (
    spec.scopes.every((scope) => ourScopes.has(scope)) &&
    expressions.every(({ scopeName, operator }) => ourScopes.has(scopeName) && operator === 'Exists')
  );
}

/**
 * Hard less used, both of the status: that is what admission compares (k8s.io/apiserver, plugin resourcequota). A quota
 * whose status was not written yet refuses nothing. More used than hard is no room, never less than none.
 */
function roomOf({ status: { hard, used } }: Quota): Amounts {
  const room: Partial<Record<QuotaResource, number>> = {};
  for (const [name, limit] of Object.entries(hard)) {
    const resource = resourceOf[name];
    const taken = used[name];
    if (resource === undefined || taken === undefined) continue;
    const left = Math.max(0, amount(name, limit) - amount(name, taken));
    room[resource] = Math.min(left, room[resource] ?? Number.POSITIVE_INFINITY);
  }
  return room;
}

/** One entry for each quota that limits agent jobs. Rejects `unexpected` where one cannot be read. */
export function quotaRoom(objects: readonly unknown[]): readonly Amounts[] {
  const quotas = objects.map((object) => parsed(quotaSchema, operation, object));
  return quotas
    .filter(holdsOurPods)
    .map(roomOf)
    .filter((room) => Object.keys(room).length > 0);
}

const operation = 'reading a resource quota';

const quantity = z.string().transform((text, context): number => {
  const value = parseQuantity(text);
  if (value !== undefined) return value;
  context.issues.push({ code: 'custom', message: 'no quantity', input: text });
  return z.NEVER;
});

const amount = (name: string, text: string): number => parsed(quantity, `${operation}, ${name}`, text);
