/** The lists of the document, read loosely: what is not as it should be is left to the schema to complain about. */
import type { ConfigProblem } from '../domain/errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../domain/json.ts';
import { type DocumentPath, valueAt } from './paths.ts';

export interface Entry {
  readonly path: DocumentPath;
  readonly value: JsonObject;
}

export type MakeProblem = (path: DocumentPath, rule: string) => ConfigProblem;

export function entriesOf(document: JsonValue, list: string): readonly Entry[] {
  const values = valueAt(document, [list]);
  if (!Array.isArray(values)) return [];
  return values.flatMap((value: JsonValue, index) => (isJsonObject(value) ? [{ path: [list, index], value }] : []));
}

export function textOf(value: JsonValue | undefined): string | undefined {
  return typeof value === 'string' ? value : undefined;
}

/** The texts of a list of quantities, which YAML may have read as numbers; undefined in the place of anything else. */
export function quantitiesOf(value: JsonValue | undefined): readonly (string | undefined)[] {
  if (!Array.isArray(value)) return [];
  return value.map((each: JsonValue) => (typeof each === 'number' ? String(each) : textOf(each)));
}

export const nameOf = ({ value }: Entry): string | undefined => textOf(value['name']);
