/** What zod found wrong, in our own words: where, which rule, what stands there. */
import { closest, distance } from 'fastest-levenshtein';
import type { z } from 'zod';
import type { ConfigProblem } from '../domain/errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../domain/json.ts';
import { configJsonSchema } from './jsonSchema.ts';
import { type DocumentPath, formatPath, foundAt, foundKind, valueAt } from './paths.ts';

type Issue = z.core.$ZodIssue;

/** `written` is the document before settings were filled in. */
export function schemaProblems(issues: readonly Issue[], written: JsonValue): readonly ConfigProblem[] {
  return issues.flatMap((issue): readonly ConfigProblem[] => {
    const path = issue.path.map((segment) => (typeof segment === 'symbol' ? String(segment) : segment));
    if (issue.code === 'unrecognized_keys') return issue.keys.map((key) => unknownKey([...path, key], written));
    const missing = valueAt(written, path) === undefined;
    const rule = missing ? 'is required' : ruleOf(issue);
    return [{ path: formatPath(path), rule, found: foundAt(written, path) }];
  });
}

const kinds: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  int: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
  record: 'an object',
};

function ruleOf(issue: Issue): string {
  if (issue.code === 'too_small' || issue.code === 'too_big') return sizeRule(issue);
  if (issue.code === 'invalid_type') return `must be ${kinds[issue.expected] ?? issue.expected}`;
  if (issue.code === 'invalid_value') return `must be one of ${issue.values.map(String).join(', ')}`;
  if (issue.code === 'invalid_key') return issue.issues[0]?.message ?? issue.message;
  return issue.code === 'invalid_union' ? unionRule(issue) : issue.message;
}

/** Without a discriminator, the union has a rule of its own. */
function unionRule(issue: Extract<Issue, { code: 'invalid_union' }>): string {
  return 'options' in issue && Array.isArray(issue.options)
    ? `must be one of ${issue.options.join(', ')}`
    : issue.message;
}

type SizeIssue = Extract<Issue, { code: 'too_small' | 'too_big' }>;

function sizeRule(issue: SizeIssue): string {
  if (issue.code === 'too_small' && issue.origin === 'array') return 'must not be empty';
  const [limit, exclusive, inclusive] =
    issue.code === 'too_small' ? [issue.minimum, 'above', 'at least'] : [issue.maximum, 'below', 'at most'];
  const unit = issue.origin === 'string' ? ' characters long' : '';
  return `must be ${issue.inclusive === false ? exclusive : inclusive} ${limit}${unit}`;
}

/** Only the kind of its value is shown: a secret in the wrong place is most often under an unknown key. */
function unknownKey(path: DocumentPath, written: JsonValue): ConfigProblem {
  const key = String(path.at(-1));
  const rule = `unknown key${suggestion(key, knownKeys(path.slice(0, -1), written))}`;
  return { path: formatPath(path), rule, found: foundKind(valueAt(written, path)) };
}

/** `, did you mean "x"?` for the nearest of `known`, or a list of them where none is near; empty when there are none. */
export function suggestion(name: string, known: readonly string[]): string {
  if (known.length === 0) return '';
  const nearest = closest(name, known);
  // Half the letters wrong is no typing error any more.
  if (name.length <= 60 && distance(name, nearest) <= Math.max(1, Math.floor(name.length / 2))) {
    return `, did you mean "${nearest}"?`;
  }
  return `, known are ${known.join(', ')}`;
}

/** The keys that the schema has for the object at `path`; of alternatives the one that its `kind` chooses. */
function knownKeys(path: DocumentPath, written: JsonValue): readonly string[] {
  let node: JsonValue | undefined = configJsonSchema();
  for (const [depth, segment] of path.entries()) {
    node = chosen(node, valueAt(written, path.slice(0, depth)));
    node = typeof segment === 'number' ? node?.['items'] : objectAt(node, 'properties')?.[segment];
  }
  return Object.keys(objectAt(chosen(node, valueAt(written, path)), 'properties') ?? {});
}

function chosen(node: JsonValue | undefined, value: JsonValue | undefined): JsonObject | undefined {
  if (!isJsonObject(node)) return undefined;
  const options = node['oneOf'] ?? node['anyOf'];
  if (!Array.isArray(options)) return node;
  const kind = isJsonObject(value) ? value['kind'] : undefined;
  return options
    .filter(isJsonObject)
    .find((option) => objectAt(objectAt(option, 'properties'), 'kind')?.['const'] === kind);
}

function objectAt(node: JsonObject | undefined, key: string): JsonObject | undefined {
  const value = node?.[key];
  return isJsonObject(value) ? value : undefined;
}
