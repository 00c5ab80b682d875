/** Places in the document: how they are written, what stands there, and how much of it may be shown. */
import type { JsonValue } from '../domain/json.ts';
import { isJsonObject } from '../domain/json.ts';
import { describeFound } from '../plan/podProtection.ts';

export type DocumentPath = readonly (string | number)[];

/** `templates[0].image`; odd keys in quotes. The document itself is "the document". */
export function formatPath(path: DocumentPath): string {
  const text = path
    .map((segment) => {
      if (typeof segment === 'number') return `[${segment}]`;
      return /^[\w$-]+$/.test(segment) ? `.${segment}` : `[${JSON.stringify(shorten(segment))}]`;
    })
    .join('');
  return text === '' ? 'the document' : text.replace(/^\./, '');
}

const shorten = (text: string): string => (text.length > 60 ? `${text.slice(0, 60)}…` : text);

export function valueAt(document: JsonValue, path: DocumentPath): JsonValue | undefined {
  let value: JsonValue | undefined = document;
  for (const segment of path) {
    if (Array.isArray(value) && typeof segment === 'number') value = value[segment] as JsonValue | undefined;
    else if (isJsonObject(value) && Object.hasOwn(value, segment)) value = value[segment];
    else return undefined;
  }
  return value;
}

/** Below these people paste the secret itself where its name belongs; their texts are never repeated. */
const sensitive: ReadonlySet<string | number> = new Set([
  'credential',
  'access',
  'secret',
  'keyVaultSecret',
  'env',
  'proxy',
]);

/**
 * What stands at a path, for a problem. `document` is the one before settings were filled in, so that the value of a
 * setting never shows.
 */
export function foundAt(document: JsonValue, path: DocumentPath): string {
  const value = valueAt(document, path);
  if (value === undefined) return 'nothing';
  const hidden = path.some((segment) => sensitive.has(segment)) && path.at(-1) !== 'kind' && path.at(-1) !== 'server';
  return hidden ? foundKind(value) : describeFound(value);
}

/** Of a value that may be anything, the kind alone. */
export function foundKind(value: JsonValue | undefined): string {
  if (value === undefined) return 'nothing';
  return typeof value === 'string' ? `a text of ${value.length} characters` : describeFound(value);
}
