/** Reading and rebuilding plain objects. Nothing here changes an object in place: histories and watches share them. */
import type { EpochMs } from '../../../shared/domain/instant.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../../shared/domain/json.ts';

export const emptyObject: JsonObject = {};
const emptyList: readonly JsonValue[] = [];

export function at(value: JsonValue | undefined, ...path: readonly string[]): JsonValue | undefined {
  let current = value;
  for (const key of path) {
    if (!isJsonObject(current)) return undefined;
    current = current[key];
  }
  return current;
}

export function text(value: JsonValue | undefined, ...path: readonly string[]): string | undefined {
  const found = at(value, ...path);
  return typeof found === 'string' ? found : undefined;
}

export function count(value: JsonValue | undefined, ...path: readonly string[]): number | undefined {
  const found = at(value, ...path);
  return typeof found === 'number' ? found : undefined;
}

export function record(value: JsonValue | undefined, ...path: readonly string[]): JsonObject {
  const found = at(value, ...path);
  return isJsonObject(found) ? found : emptyObject;
}

export function list(value: JsonValue | undefined, ...path: readonly string[]): readonly JsonValue[] {
  const found = at(value, ...path);
  return Array.isArray(found) ? (found as readonly JsonValue[]) : emptyList;
}

export const nameOf = (object: JsonObject): string => text(object, 'metadata', 'name') ?? '';
export const namespaceOf = (object: JsonObject): string => text(object, 'metadata', 'namespace') ?? '';
export const uidOf = (object: JsonObject): string => text(object, 'metadata', 'uid') ?? '';
export const isDeleting = (object: JsonObject): boolean => at(object, 'metadata', 'deletionTimestamp') !== undefined;

export function finalizersOf(object: JsonObject): readonly string[] {
  return list(object, 'metadata', 'finalizers') as readonly string[];
}

/** A value as text: strings as they are, all else as JSON. */
export function scalar(value: JsonValue | undefined): string {
  return typeof value === 'string' ? value : value === undefined ? '' : JSON.stringify(value);
}

/** Sets what is given; undefined takes a key away. */
export function withKeys(object: JsonObject, changes: Readonly<Record<string, JsonValue | undefined>>): JsonObject {
  const result: Record<string, JsonValue> = { ...object };
  for (const [key, value] of Object.entries(changes)) {
    if (value === undefined) delete result[key];
    else result[key] = value;
  }
  return result;
}

export function withMetadata(object: JsonObject, changes: Readonly<Record<string, JsonValue | undefined>>): JsonObject {
  return { ...object, metadata: withKeys(record(object, 'metadata'), changes) };
}

export function withoutFinalizer(object: JsonObject, finalizer: string): JsonObject {
  const rest = finalizersOf(object).filter((other) => other !== finalizer);
  return withMetadata(object, { finalizers: rest.length === 0 ? undefined : rest });
}

/** RFC 3339 in whole seconds, as metav1.Time is sent. */
export function timestamp(ms: EpochMs): string {
  return `${new Date(ms).toISOString().slice(0, 19)}Z`;
}

/** Deep equality of JSON values. */
export function same(a: JsonValue | undefined, b: JsonValue | undefined): boolean {
  if (a === b) return true;
  if (Array.isArray(a) && Array.isArray(b)) return a.length === b.length && a.every((item, i) => same(item, b[i]));
  if (!isJsonObject(a) || !isJsonObject(b)) return false;
  const keys = Object.keys(a);
  return keys.length === Object.keys(b).length && keys.every((key) => Object.hasOwn(b, key) && same(a[key], b[key]));
}
