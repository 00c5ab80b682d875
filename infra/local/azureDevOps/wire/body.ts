/** Reading what clients send. Member names are taken in any case, as the server's JSON reader does. */
import { isJsonObject, type JsonObject, type JsonValue } from '../../../../shared/domain/json.ts';
import { badArgument } from './refusal.ts';
import type { WireContext } from './wire.ts';

export async function objectBody(c: WireContext): Promise<JsonObject> {
  const text = await c.req.text();
  try {
    const body: unknown = JSON.parse(text);
    if (isJsonObject(body)) return body;
  } catch {
    throw badArgument('The body is not valid JSON.');
  }
  throw badArgument('The body must be a JSON object.');
}

/** azure-devops-node-api 17.0.1 spells `oSDescription` where the service answers `osDescription`. */
export function member(body: JsonObject, name: string): JsonValue | undefined {
  const key = Object.keys(body).find((candidate) => candidate.toLowerCase() === name.toLowerCase());
  return key === undefined ? undefined : body[key];
}

export function stringMember(body: JsonObject, name: string): string | undefined {
  const value = member(body, name);
  return typeof value === 'string' ? value : undefined;
}

export function booleanMember(body: JsonObject, name: string): boolean | undefined {
  const value = member(body, name);
  return typeof value === 'boolean' ? value : undefined;
}

export function objectMember(body: JsonObject, name: string): JsonObject | undefined {
  const value = member(body, name);
  return isJsonObject(value) ? value : undefined;
}

const textOf = (value: JsonValue): string => (typeof value === 'string' ? value : JSON.stringify(value));

export function stringMap(body: JsonObject, name: string): Readonly<Record<string, string>> | undefined {
  const value = objectMember(body, name);
  return value && Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, textOf(entry)]));
}

/** A whole number in the path or query; anything else is a bad argument. */
export function idOf(text: string | undefined, name: string): number {
  if (text !== undefined && /^\d+$/.test(text)) return Number(text);
  throw badArgument(`The value "${text ?? ''}" of ${name} is not a number.`);
}

export const isTrue = (text: string | undefined): boolean => text?.toLowerCase() === 'true';

/** `1,2,3`; empty entries are ignored. */
export function idList(text: string, name: string): readonly number[] {
  const parts = text.split(',').filter((part) => part.trim() !== '');
  return parts.map((part) => idOf(part.trim(), name));
}

export function numberMember(body: JsonObject, name: string): number {
  const value = member(body, name);
  return idOf(typeof value === 'number' ? String(value) : stringMember(body, name), name);
}
