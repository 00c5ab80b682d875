/** The three kinds of patch, applied to values that are never changed in place. */
import { isJsonObject, type JsonObject, type JsonValue } from '../../../shared/domain/json.ts';
import { same, text } from './object.ts';
import { badRequest, failedPatch, notModelled } from './statusError.ts';
import type { WorldPatch } from './verbs.ts';

/** RFC 7386: objects merge, null takes away, all else replaces. */
export function mergePatch(target: JsonValue | undefined, patch: JsonValue): JsonValue {
  if (!isJsonObject(patch)) return patch;
  const result: Record<string, JsonValue> = isJsonObject(target) ? { ...target } : {};
  for (const [key, value] of Object.entries(patch)) {
    if (value === null) delete result[key];
    else result[key] = mergePatch(result[key], value);
  }
  return result;
}

const unescaped = (segment: string): string => segment.replaceAll('~1', '/').replaceAll('~0', '~');

function segmentsOf(pointer: unknown): string[] {
  if (typeof pointer !== 'string' || (pointer !== '' && !pointer.startsWith('/'))) throw failedPatch();
  return pointer === '' ? [] : pointer.slice(1).split('/').map(unescaped);
}

function read(document: JsonValue | undefined, segments: readonly string[]): JsonValue | undefined {
  let current: JsonValue | undefined = document;
  for (const segment of segments) {
    if (Array.isArray(current)) current = (current as readonly JsonValue[])[Number(segment)];
    else if (isJsonObject(current)) current = Object.hasOwn(current, segment) ? current[segment] : undefined;
    else return undefined;
  }
  return current;
}

type Edit = 'add' | 'replace' | 'remove';

function editList(items: readonly JsonValue[], segment: string, edit: Edit, value: JsonValue): JsonValue {
  const index = segment === '-' && edit === 'add' ? items.length : Number(segment);
  const last = edit === 'add' ? items.length : items.length - 1;
  if (!Number.isInteger(index) || index < 0 || index > last) throw failedPatch();
  const copy = [...items];
  if (edit === 'add') copy.splice(index, 0, value);
  else if (edit === 'replace') copy[index] = value;
  else copy.splice(index, 1);
  return copy;
}

function editObject(object: JsonObject, segment: string, edit: Edit, value: JsonValue): JsonValue {
  if (edit !== 'add' && !Object.hasOwn(object, segment)) throw failedPatch();
  const copy: Record<string, JsonValue> = { ...object };
  if (edit === 'remove') delete copy[segment];
  else copy[segment] = value;
  return copy;
}

/** Rebuilds the way from the root to the edited place; all else is shared with the old document. */
function edited(document: JsonValue | undefined, segments: readonly string[], edit: Edit, value: JsonValue): JsonValue {
  const [head, ...rest] = segments;
  if (head === undefined) return value;
  const isList = Array.isArray(document);
  if (!isList && !isJsonObject(document)) throw failedPatch();
  if (rest.length === 0) {
    return isList
      ? editList(document as readonly JsonValue[], head, edit, value)
      : editObject(document as JsonObject, head, edit, value);
  }
  const child = edited(read(document, [head]), rest, edit, value);
  return isList
    ? editList(document as readonly JsonValue[], head, 'replace', child)
    : editObject(document as JsonObject, head, 'replace', child);
}

type Operation = (document: JsonValue, operation: JsonObject) => JsonValue;

const edits =
  (edit: Edit): Operation =>
  (document, operation) =>
    edited(document, segmentsOf(operation['path']), edit, operation['value'] ?? null);

const operations: Readonly<Record<string, Operation>> = {
  add: edits('add'),
  replace: edits('replace'),
  remove: edits('remove'),
  test: (document, operation) => {
    // A missing path equals null (gopkg.in/evanphx/json-patch).
    const found = read(document, segmentsOf(operation['path'])) ?? null;
    if (!same(found, operation['value'] ?? null)) throw failedPatch();
    return document;
  },
  copy: (document, operation) => {
    const value = existing(document, operation);
    return edited(document, segmentsOf(operation['path']), 'add', value);
  },
  move: (document, operation) => {
    const value = existing(document, operation);
    const without = edited(document, segmentsOf(operation['from']), 'remove', null);
    return edited(without, segmentsOf(operation['path']), 'add', value);
  },
};

function existing(document: JsonValue, operation: JsonObject): JsonValue {
  const value = read(document, segmentsOf(operation['from']));
  if (value === undefined) throw failedPatch();
  return value;
}

function applyOperation(document: JsonValue, operation: JsonValue): JsonValue {
  const name = text(operation, 'op') ?? '';
  const apply = Object.hasOwn(operations, name) ? operations[name] : undefined;
  if (apply === undefined || !isJsonObject(operation)) throw badRequest(`Unexpected kind: ${name}`);
  return apply(document, operation);
}

/** All operations or none. A failing `test`, a missing path: 422 without causes, as the server says it. */
export function jsonPatch(document: JsonObject, patch: JsonValue): JsonObject {
  if (!Array.isArray(patch)) throw badRequest('json: cannot unmarshal object into Go value of type jsonpatch.Patch');
  let current: JsonValue = document;
  for (const operation of patch as readonly JsonValue[]) current = applyOperation(current, operation);
  if (!isJsonObject(current)) throw failedPatch();
  return current;
}

/** Lists merged by key, and directives: where a strategic merge patch differs from a merge patch. */
function isPlainMerge(patch: JsonValue): boolean {
  if (Array.isArray(patch)) return false;
  if (!isJsonObject(patch)) return true;
  return Object.entries(patch).every(([key, value]) => !key.startsWith('$') && isPlainMerge(value));
}

/** The object after the patch. A strategic merge patch is done where it means the same as a merge patch. */
export function patched(object: JsonObject, patch: WorldPatch): JsonObject {
  if (patch.type === 'json') return jsonPatch(object, patch.body);
  if (!isJsonObject(patch.body)) throw badRequest('cannot unmarshal patch: it is no JSON object');
  if (patch.type === 'strategic' && !isPlainMerge(patch.body)) throw notModelled('a strategic merge patch of lists');
  const merged = mergePatch(object, patch.body);
  return isJsonObject(merged) ? merged : object;
}
