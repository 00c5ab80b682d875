/**
 * What the resource quotas of a namespace leave. Every quota of a namespace holds at once, so room is a list; a
 * resource that a quota does not name is not limited by it.
 */
export const quotaResources = [
  'pods',
  'jobs',
  'secrets',
  'requests.cpu',
  'requests.memory',
  'limits.cpu',
  'limits.memory',
  'requests.ephemeral-storage',
] as const;
export type QuotaResource = (typeof quotaResources)[number];

/** In objects, cores and bytes. */
export type Amounts = Readonly<Partial<Record<QuotaResource, number>>>;

/** Sums of binary fractions are off by less than this, in cores or bytes. */
const tolerance = 1e-6;

/** True when `room` has `needed` of everything that it limits. */
export function hasRoom(room: Amounts, needed: Amounts): boolean {
  return quotaResources.every(
    (resource) => (room[resource] ?? Number.POSITIVE_INFINITY) + tolerance >= (needed[resource] ?? 0),
  );
}

export function lessened(room: Amounts, by: Amounts): Amounts {
  return Object.fromEntries(
    quotaResources.flatMap((resource) => {
      const left = room[resource];
      return left === undefined ? [] : [[resource, left - (by[resource] ?? 0)]];
    }),
  );
}

export function added(a: Amounts, b: Amounts): Amounts {
  return Object.fromEntries(
    quotaResources.flatMap((resource) => {
      const sum = (a[resource] ?? 0) + (b[resource] ?? 0);
      return sum === 0 ? [] : [[resource, sum]];
    }),
  );
}
