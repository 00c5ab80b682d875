/**
 * The decoder of the API server: takes what came over the wire apart, complains about wrong types (400), and about
 * unknown fields as `fieldValidation` asks. What it returns is a copy without the unknown fields.
 */
import { isJsonObject, type JsonObject, type JsonValue } from '../../../shared/domain/json.ts';
import { text, withMetadata } from './object.ts';
import { parseQuantity, quantityRule } from './quantity.ts';
import type { ResourceType } from './resource.ts';
import { metadataShape, type Shape, shapes } from './schema.ts';
import { badRequest, cannotHandle } from './statusError.ts';
import type { WriteOptions } from './verbs.ts';

export interface Decoded {
  readonly object: JsonObject;
  readonly warnings: readonly string[];
}

interface Place {
  /** "spec.template.spec.containers": without indexes, as Go prints a field. */
  readonly field: string;
  /** "spec.template.spec.containers[0]", as strict decoding prints one. */
  readonly path: string;
  readonly owner: string;
}

interface Walk {
  readonly refuse: (why: string) => Error;
  readonly unknown: string[];
}

const goTypes = { string: 'string', bool: 'bool', int32: 'int32', int64: 'int64' } as const;

function jsonTypeOf(value: JsonValue): string {
  if (Array.isArray(value)) return 'array';
  if (typeof value === 'boolean') return 'bool';
  return typeof value;
}

function mismatch(walk: Walk, value: JsonValue, place: Place, goType: string): Error {
  // A number that does not fit its field is named with its digits.
  const found = typeof value === 'number' ? `number${Number.isInteger(value) ? '' : ` ${value}`}` : jsonTypeOf(value);
  return walk.refuse(
    `json: cannot unmarshal ${found} into Go struct field ${place.owner}.${place.field} of type ${goType}`,
  );
}

function isOfType(value: JsonValue, type: keyof typeof goTypes): boolean {
  if (type === 'string') return typeof value === 'string';
  if (type === 'bool') return typeof value === 'boolean';
  return typeof value === 'number' && Number.isInteger(value);
}

function decodeScalar(walk: Walk, value: JsonValue, shape: Extract<Shape, string>, place: Place): JsonValue {
  if (shape === 'any') return value;
  if (shape === 'quantity') {
    if (typeof value === 'number') return String(value);
    if (typeof value === 'string' && parseQuantity(value) !== undefined) return value;
    throw walk.refuse(quantityRule);
  }
  if (shape === 'base64') return decodeBase64(walk, value, place);
  if (!isOfType(value, shape)) throw mismatch(walk, value, place, goTypes[shape]);
  return value;
}

function decodeBase64(walk: Walk, value: JsonValue, place: Place): JsonValue {
  if (typeof value !== 'string') throw mismatch(walk, value, place, '[]uint8');
  const bad = value.search(/[^A-Za-z0-9+/=\r\n]/);
  if (bad !== -1) throw walk.refuse(`illegal base64 data at input byte ${bad}`);
  const clean = value.replaceAll(/[\r\n]/g, '');
  if (clean.length % 4 !== 0)
    throw walk.refuse(`illegal base64 data at input byte ${clean.length - (clean.length % 4)}`);
  return value;
}

function decodeStruct(
  walk: Walk,
  value: JsonObject,
  shape: Extract<Shape, { struct: string }>,
  place: Place,
): JsonObject {
  const result: Record<string, JsonValue> = {};
  for (const [key, item] of Object.entries(value)) {
    const path = place.path === '' ? key : `${place.path}.${key}`;
    const field = place.field === '' ? key : `${place.field}.${key}`;
    const inner = Object.hasOwn(shape.fields, key) ? shape.fields[key] : undefined;
    if (inner === undefined) walk.unknown.push(path);
    // null is what is absent, for every field.
    else if (item !== null) result[key] = decodeValue(walk, item, inner, { field, path, owner: shape.struct });
  }
  return result;
}

function decodeValue(walk: Walk, value: JsonValue, shape: Shape, place: Place): JsonValue {
  if (typeof shape === 'string') return decodeScalar(walk, value, shape, place);
  if ('list' in shape) {
    if (!Array.isArray(value)) throw mismatch(walk, value, place, '[]');
    const items = value as readonly JsonValue[];
    return items.map((item, index) =>
      decodeValue(walk, item, shape.list, { ...place, path: `${place.path}[${index}]` }),
    );
  }
  if (!isJsonObject(value)) throw mismatch(walk, value, place, 'struct' in shape ? shape.struct : 'map');
  if ('struct' in shape) return decodeStruct(walk, value, shape, place);
  return Object.fromEntries(
    Object.entries(value)
      .filter(([, item]) => item !== null)
      .map(([key, item]) => [key, decodeValue(walk, item, shape.map, place)]),
  );
}

function checkKind(type: ResourceType, body: JsonObject): JsonObject {
  const kind = text(body, 'kind') ?? type.kind;
  const apiVersion = text(body, 'apiVersion') ?? type.apiVersion;
  const version = apiVersion.split('/').at(-1) ?? '';
  if (apiVersion !== type.apiVersion) {
    const scheme = 'in scheme "k8s/pkg/api/legacyscheme/scheme.go:30"';
    throw cannotHandle(type, kind, version, `no kind "${kind}" is registered for version "${apiVersion}" ${scheme}`);
  }
  if (kind !== type.kind) {
    const group = type.group.split('.')[0] ?? '';
    throw cannotHandle(type, kind, version, `converting (v1.${kind}) to (${group}.${type.kind}): unknown conversion`);
  }
  return { kind, apiVersion, ...body };
}

/** `body` is parsed JSON, or anything else that a client may send. */
export function decode(type: ResourceType, body: unknown, options: WriteOptions): Decoded {
  if (!isJsonObject(body)) {
    const why = "couldn't get version/kind; json parse error";
    throw badRequest(`the object provided is unrecognized (must be of type ${type.kind}): ${why}`);
  }
  const complete = checkKind(type, body);
  const walk: Walk = { refuse: (why) => cannotHandle(type, type.kind, type.version, why), unknown: [] };
  const shape = shapes[type.kind];
  const object =
    shape === undefined ? decodeMetadataOnly(walk, complete) : decodeValue(walk, complete, shape, root(type));
  const unknown = walk.unknown.map((path) => `unknown field "${path}"`);
  if (unknown.length > 0 && options.fieldValidation === 'Strict') {
    throw walk.refuse(`strict decoding error: ${unknown.join(', ')}`);
  }
  const warnings = options.fieldValidation === 'Ignore' ? [] : unknown;
  // Who changed which field is not modelled; what a client sends of it is dropped.
  return { object: withMetadata(object as JsonObject, { managedFields: undefined }), warnings };
}

const root = (type: ResourceType): Place => ({ field: '', path: '', owner: type.kind });

function decodeMetadataOnly(walk: Walk, body: JsonObject): JsonObject {
  const place = { field: 'metadata', path: 'metadata', owner: 'ObjectMeta' };
  return { ...body, metadata: decodeValue(walk, body['metadata'] ?? {}, metadataShape, place) };
}
