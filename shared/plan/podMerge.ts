/**
 * A template's `pod` block laid over the pod that we generate. Objects merge; containers, env, volumes, mounts and pull
 * secrets go by name; tolerations append; any other list is replaced. What keeps an agent single-use, unkillable in
 * the middle of a job and without credentials cannot be changed: it is refused by path, and the generated value stays.
 */
import type { ConfigProblem } from '../domain/errors.ts';
import type { JsonObject, JsonValue } from '../domain/json.ts';
import { isJsonObject } from '../domain/json.ts';
import { describeFound, protectionOf, refusedMount, refusedVariable } from './podProtection.ts';
import { refusedEverywhere } from './podRefusals.ts';

export interface MergedPod {
  readonly pod: JsonObject;
  /** Paths are relative to the pod spec: `containers[agent].command`. */
  readonly problems: readonly ConfigProblem[];
}

/** Lists whose entries are told apart by a key. `merge` = an entry of the same key merges, else it is replaced. */
const keyedLists: Readonly<Record<string, { readonly by: string; readonly entries: 'merge' | 'replace' }>> = {
  containers: { by: 'name', entries: 'merge' },
  initContainers: { by: 'name', entries: 'merge' },
  // One with a value and a valueFrom, or a volume with two sources, would be invalid: these are taken whole.
  env: { by: 'name', entries: 'replace' },
  volumes: { by: 'name', entries: 'replace' },
  imagePullSecrets: { by: 'name', entries: 'replace' },
  volumeMounts: { by: 'mountPath', entries: 'replace' },
};

const appendedLists: ReadonlySet<string> = new Set(['tolerations']);

/** Total: whatever stands in `override`, the result is a pod with every protected value as in `base`. */
export function mergePod(base: JsonObject, override: JsonObject): MergedPod {
  const merge: Merge = { problems: [], ownUsers: override['hostUsers'] === false };
  const pod = mergeObjects(base, override, '', merge);
  return { pod, problems: merge.problems };
}

interface Merge {
  readonly problems: ConfigProblem[];
  readonly ownUsers: boolean;
}

function mergeObjects(base: JsonObject, override: JsonObject, path: string, merge: Merge): JsonObject {
  const merged = new Map<string, JsonValue>(Object.entries(base));
  for (const [key, value] of Object.entries(override)) {
    const at = path === '' ? key : `${path}.${key}`;
    const before = Object.hasOwn(base, key) ? base[key] : undefined;
    const taken = mergeValue(before, value, { key, path: at }, merge);
    if (taken !== undefined) merged.set(key, taken);
  }
  return Object.fromEntries(merged);
}

interface Place {
  readonly key: string;
  readonly path: string;
}

function ruleAgainst(place: Place, value: JsonValue, { ownUsers }: Merge): string | undefined {
  const { key, path } = place;
  return (
    protectionOf(path) ??
    refusedMount(place, value) ??
    refusedVariable(place, value) ??
    refusedEverywhere({ key, path, ownUsers }, value)
  );
}

/** The value to stand at `place`, or undefined where the override is refused. */
function mergeValue(base: JsonValue | undefined, value: JsonValue, place: Place, merge: Merge): JsonValue | undefined {
  const rule = ruleAgainst(place, value, merge);
  if (rule !== undefined) return refuse(place.path, rule, value, merge);
  const keyed = Object.hasOwn(keyedLists, place.key) ? keyedLists[place.key] : undefined;
  if (keyed !== undefined) return mergeKeyed(base, value, { ...place, ...keyed }, merge);
  if (appendedLists.has(place.key)) return append(base, value, place, merge);
  if (isJsonObject(value)) return mergeObjects(isJsonObject(base) ? base : {}, value, place.path, merge);
  // The API server would refuse it, but only when the first pod of the template is made.
  if (isJsonObject(base)) return refuse(place.path, 'must be an object', value, merge);
  if (!Array.isArray(value)) return value;
  return value.map((entry, index) => mergeEntry(entry, `${place.path}[${index}]`, merge));
}

/** An entry of a list that is taken whole is still looked through for what is refused everywhere. */
function mergeEntry(entry: JsonValue, path: string, merge: Merge): JsonValue {
  return isJsonObject(entry) ? mergeObjects({}, entry, path, merge) : entry;
}

function append(base: JsonValue | undefined, value: JsonValue, place: Place, merge: Merge) {
  if (!Array.isArray(value)) return refuse(place.path, 'must be a list', value, merge);
  const added = value.map((entry, index) => mergeEntry(entry, `${place.path}[${index}]`, merge));
  return [...(Array.isArray(base) ? base : []), ...added];
}

interface KeyedPlace extends Place {
  readonly by: string;
  readonly entries: 'merge' | 'replace';
}

function mergeKeyed(
  base: JsonValue | undefined,
  value: JsonValue,
  place: KeyedPlace,
  merge: Merge,
): JsonValue | undefined {
  if (!Array.isArray(value)) return refuse(place.path, 'must be a list', value, merge);
  const merged = new Map<string, JsonObject>();
  for (const entry of Array.isArray(base) ? base : []) merged.set(keyOf(entry, place.by) ?? '', entry);
  const seen = new Set<string>();
  for (const [index, entry] of value.entries()) {
    const key = keyOf(entry, place.by);
    if (key === undefined || !isJsonObject(entry)) {
      refuse(`${place.path}[${index}]`, `must be an object with a ${place.by}`, entry, merge);
    } else if (seen.has(key)) {
      refuse(`${place.path}[${key}]`, `must have a ${place.by} of its own`, key, merge);
    } else {
      seen.add(key);
      const taken = mergeNamed(merged.get(key), entry, { ...place, path: `${place.path}[${key}]` }, merge);
      if (taken !== undefined) merged.set(key, taken);
    }
  }
  return [...merged.values()];
}

function keyOf(entry: unknown, by: string): string | undefined {
  const key = isJsonObject(entry) ? entry[by] : undefined;
  return typeof key === 'string' && key !== '' ? key : undefined;
}

function mergeNamed(
  base: JsonObject | undefined,
  entry: JsonObject,
  place: KeyedPlace,
  merge: Merge,
): JsonObject | undefined {
  const rule = ruleAgainst(place, entry, merge);
  if (rule !== undefined) return refuse(place.path, rule, entry, merge);
  if (place.entries === 'merge') return mergeObjects(base ?? {}, entry, place.path, merge);
  const before = merge.problems.length;
  const taken = mergeObjects({}, entry, place.path, merge);
  // Half of a volume is none: what stood there stays.
  return merge.problems.length === before ? taken : undefined;
}

function refuse(path: string, rule: string, value: JsonValue, { problems }: Merge): undefined {
  problems.push({ path, rule, found: describeFound(value) });
  return undefined;
}
