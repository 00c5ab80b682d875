/** Secrets and ConfigMaps: keys, sizes, and what `immutable` forbids. */
import type { JsonObject } from '../../../../shared/domain/json.ts';
import { record, same, scalar } from '../object.ts';
import type { StatusCause } from '../statusError.ts';
import { invalidValue, notAllowed, tooLong } from './cause.ts';

const maxBytes = 1_048_576;
const keyRule =
  "a valid config key must consist of alphanumeric characters, '-', '_' or '.' (e.g. 'key.name',  or 'KEY_NAME',  or " +
  "'key-name', regex used for validation is '[-._a-zA-Z0-9]+')";

function keyCauses(object: JsonObject, section: 'data' | 'binaryData'): StatusCause[] {
  return Object.keys(record(object, section))
    .filter((key) => !/^[-._a-zA-Z0-9]+$/.test(key) || key.length > 253)
    .map((key) => invalidValue(`${section}[${key}]`, key, keyRule));
}

const lengths = (values: JsonObject, size: (value: string) => number): number =>
  Object.values(values).reduce<number>((sum, value) => sum + size(scalar(value)), 0);

export function secretCauses(secret: JsonObject): StatusCause[] {
  const size = lengths(record(secret, 'data'), (value) => Buffer.byteLength(value, 'base64'));
  return [...keyCauses(secret, 'data'), ...(size > maxBytes ? [tooLong('data', maxBytes)] : [])];
}

export function configMapCauses(configMap: JsonObject): StatusCause[] {
  const size =
    lengths(record(configMap, 'data'), (value) => Buffer.byteLength(value)) +
    lengths(record(configMap, 'binaryData'), (value) => Buffer.byteLength(value, 'base64'));
  const causes = [...keyCauses(configMap, 'data'), ...keyCauses(configMap, 'binaryData')];
  return size > maxBytes ? [...causes, tooLong('[]', maxBytes)] : causes;
}

const immutableRule = 'field is immutable when `immutable` is set';

/** For both kinds; a Secret's type never changes. */
export function dataUpdateCauses(before: JsonObject, after: JsonObject): StatusCause[] {
  const causes: StatusCause[] = [];
  if (before['type'] !== after['type']) {
    causes.push(invalidValue('type', after['type'] ?? null, 'field is immutable'));
  }
  if (before['immutable'] !== true) return causes;
  if (after['immutable'] !== true) causes.push(notAllowed('immutable', immutableRule));
  for (const section of ['data', 'binaryData']) {
    if (!same(before[section], after[section])) causes.push(notAllowed(section, immutableRule));
  }
  return causes;
}
