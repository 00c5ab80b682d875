/**
 * A template's `pod` block laid over the pod that we generate. Objects merge; containers, env, volumes, mounts and pull
 * secrets go by name; tolerations append; any other list is replaced. What keeps an agent single-use, unkillable in
 * the middle of a job and without credentials cannot be changed: it is refused by path, and the generated value stays.
 */
import type { ConfigProblem } from '../domain/errors.ts';
import type { JsonObject, JsonValue } from '../domain/json.ts';
import { isJsonObject } from '../domain/json.ts';
import { describeFound, protectionOf, refusedEverywhere } from './podProtection.ts';

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
  const problems: ConfigProblem[] = [];
  const pod = mergeObjects(base, override, '', problems);
  return { pod, problems };
}

function mergeObjects(base: JsonObject, override: JsonObject, path: string, problems: ConfigProblem[]): JsonObject {
  const merged = new Map<string, JsonValue>(Object.entries(base));
  for (const [key, value] of Object.entries(override)) {
    const at = path === '' ? key : `${path}.${key}`;
    const before = Object.hasOwn(base, key) ? base[key] : undefined;
    const taken = mergeValue(before, value, { key, path: at }, problems);
    if (taken !== undefined) merged.set(key, taken);
  }
  return Object.fromEntries(merged);
}

interface Place {
  readonly key: string;
  readonly path: string;
}

/** The value to stand at `place`, or undefined where the override is refused. */
function mergeValue(
  base: JsonValue | undefined,
  value: JsonValue,
  place: Place,
  problems: ConfigProblem[],
): JsonValue | undefined {
  const rule = protectionOf(place.path) ?? refusedEverywhere(place, value);
  if (rule !== undefined) return refuse(place.path, rule, value, problems);
  const keyed = Object.hasOwn(keyedLists, place.key) ? keyedLists[place.key] : undefined;
  if (keyed !== undefined) return mergeKeyed(base, value, { ...place, ...keyed }, problems);
  if (appendedLists.has(place.key)) return append(base, value, place, problems);
  if (isJsonObject(value)) return mergeObjects(isJsonObject(base) ? base : {}, value, place.path, problems);
  // The API server would refuse it, but only when the first pod of the template is made.
  if (isJsonObject(base)) return refuse(place.path, 'must be an object', value, problems);
  if (!Array.isArray(value)) return value;
  return value.map((entry, index) => mergeEntry(entry, `${place.path}[${index}]`, problems));
}

/** An entry of a list that is taken whole is still looked through for what is refused everywhere. */
function mergeEntry(entry: JsonValue, path: string, problems: ConfigProblem[]): JsonValue {
  return isJsonObject(entry) ? mergeObjects({}, entry, path, problems) : entry;
}

function append(base: JsonValue | undefined, value: JsonValue, place: Place, problems: ConfigProblem[]) {
  if (!Array.isArray(value)) return refuse(place.path, 'must be a list', value, problems);
  const added = value.map((entry, index) => mergeEntry(entry, `${place.path}[${index}]`, problems));
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
  problems: ConfigProblem[],
): JsonValue | undefined {
  if (!Array.isArray(value)) return refuse(place.path, 'must be a list', value, problems);
  const merged = new Map<string, JsonObject>();
  for (const entry of Array.isArray(base) ? base : []) merged.set(keyOf(entry, place.by) ?? '', entry);
  const seen = new Set<string>();
  for (const [index, entry] of value.entries()) {
    const key = keyOf(entry, place.by);
    if (key === undefined || !isJsonObject(entry)) {
      refuse(`${place.path}[${index}]`, `must be an object with a ${place.by}`, entry, problems);
    } else if (seen.has(key)) {
      refuse(`${place.path}[${key}]`, `must have a ${place.by} of its own`, key, problems);
    } else {
      seen.add(key);
      const taken = mergeNamed(merged.get(key), entry, { ...place, path: `${place.path}[${key}]` }, problems);
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
  problems: ConfigProblem[],
): JsonObject | undefined {
  const rule = protectionOf(place.path) ?? refusedEverywhere(place, entry);
  if (rule !== undefined) return refuse(place.path, rule, entry, problems);
  const start = place.entries === 'merge' ? (base ?? {}) : {};
  return mergeObjects(start, entry, place.path, problems);
}

function refuse(path: string, rule: string, value: JsonValue, problems: ConfigProblem[]): undefined {
  problems.push({ path, rule, found: describeFound(value) });
  return undefined;
}
