/** The causes of a 422, worded as k8s.io/apimachinery/pkg/util/validation/field words them. */
import { isJsonObject, type JsonValue } from '../../../../shared/domain/json.ts';
import type { StatusCause } from '../statusError.ts';

/** As Go prints JSON: the keys of a map in order. */
function sorted(value: JsonValue): JsonValue {
  if (!isJsonObject(value)) return value;
  const keys = Object.keys(value).sort();
  return Object.fromEntries(keys.map((key) => [key, sorted(value[key] ?? null)]));
}

const shown = (value: JsonValue): string => JSON.stringify(sorted(value));

export function invalidValue(field: string, value: JsonValue, rule: string): StatusCause {
  return { reason: 'FieldValueInvalid', message: `Invalid value: ${shown(value)}: ${rule}`, field };
}

export function required(field: string, detail = ''): StatusCause {
  return { reason: 'FieldValueRequired', message: `Required value${detail === '' ? '' : `: ${detail}`}`, field };
}

export function duplicate(field: string, value: string): StatusCause {
  return { reason: 'FieldValueDuplicate', message: `Duplicate value: ${shown(value)}`, field };
}

export function missing(field: string, value: string): StatusCause {
  return { reason: 'FieldValueNotFound', message: `Not found: ${shown(value)}`, field };
}

export function notAllowed(field: string, detail: string): StatusCause {
  return { reason: 'FieldValueForbidden', message: `Forbidden: ${detail}`, field };
}

export function unsupported(field: string, value: string, supported: readonly string[]): StatusCause {
  const values = supported.map((each) => `"${each}"`).join(', ');
  return {
    reason: 'FieldValueNotSupported',
    message: `Unsupported value: ${shown(value)}: supported values: ${values}`,
    field,
  };
}

export function tooLong(field: string, maxBytes: number): StatusCause {
  return { reason: 'FieldValueTooLong', message: `Too long: may not be more than ${maxBytes} bytes`, field };
}
