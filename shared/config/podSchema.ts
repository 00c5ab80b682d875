/**
 * A template's whole pod against the schema of Kubernetes and the rules of its API server that a pod block can break.
 * What is found here would otherwise be refused when the first pod of the template is made, or dropped unsaid: the
 * server answers unknown fields with a warning that nobody reads.
 */
import type { ConfigProblem } from '../domain/errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../domain/json.ts';
import { foundKind } from './paths.ts';
import generated from './podSchema.generated.json' with { type: 'json' };
import { podRuleProblems } from './podSchemaRules.ts';
import { suggestion } from './schemaProblems.ts';

/**
 * Of the pod after merging; empty = an API server of the version in `podSchema.generated.json` reads every field, and
 * refuses none by the rules known here. Paths are relative to the pod spec and name list entries where those have
 * names: `containers[agent].resources.limits.memory`. Admission in the cluster may refuse more.
 */
export function podSchemaProblems(pod: JsonObject): readonly ConfigProblem[] {
  const problems = podShapeProblems(pod);
  // The rules read fields without asking for their kinds again.
  return problems.length > 0 ? problems : podRuleProblems(pod);
}

/** What the schema alone says. */
export function podShapeProblems(pod: JsonObject): readonly ConfigProblem[] {
  const problems: ConfigProblem[] = [];
  check(pod, root, '', problems);
  return problems;
}

/** The words of JSON Schema that the generated one uses; a test holds the reading of them to that of ajv. */
interface Schema {
  readonly $ref?: string;
  readonly type?: string | readonly string[];
  readonly enum?: readonly string[];
  readonly pattern?: string;
  readonly properties?: Readonly<Record<string, Schema>>;
  readonly required?: readonly string[];
  readonly additionalProperties?: boolean | Schema;
  readonly items?: Schema;
}

// As JSON the file's type is that of its literal text, for which each of the definitions differs from the others.
const document: { readonly definitions: Readonly<Record<string, unknown>> } = generated;
const root: Schema = { $ref: '#/definitions/PodSpec' };

function resolved(schema: Schema): { readonly schema: Schema; readonly name: string } {
  const name = schema.$ref?.replace('#/definitions/', '') ?? '';
  return { schema: name === '' ? schema : (document.definitions[name] as Schema), name };
}

function check(value: JsonValue, reference: Schema, path: string, problems: ConfigProblem[]): void {
  const { schema, name } = resolved(reference);
  const rule = brokenRule(value, schema);
  if (rule !== undefined) problems.push({ path, rule, found: foundKind(value) });
  else if (Array.isArray(value)) checkEntries(value, schema.items ?? {}, path, problems);
  else if (isJsonObject(value)) checkFields(value, schema, { path, name }, problems);
}

const kinds: Readonly<Record<string, string>> = {
  string: 'a text',
  number: 'a number',
  integer: 'a whole number',
  boolean: 'true or false',
  array: 'a list',
  object: 'an object',
};

function brokenRule(value: JsonValue, { type, enum: choices, pattern }: Schema): string | undefined {
  const allowed = type === undefined ? [] : [type].flat();
  if (allowed.length > 0 && !allowed.some((each) => isOfKind(value, each))) {
    return `must be ${allowed.map((each) => kinds[each]).join(' or ')}`;
  }
  if (typeof value !== 'string') return undefined;
  if (choices !== undefined && !choices.includes(value)) return `must be one of ${choices.join(', ')}`;
  // Quantities are the only texts with a pattern.
  return pattern === undefined || new RegExp(pattern).test(value)
    ? undefined
    : 'must be a quantity such as 500m or 4Gi';
}

function isOfKind(value: JsonValue, kind: string): boolean {
  if (kind === 'integer') return Number.isInteger(value);
  if (kind === 'array') return Array.isArray(value);
  return kind === 'object' ? isJsonObject(value) : typeof value === kind;
}

function checkEntries(values: readonly JsonValue[], items: Schema, path: string, problems: ConfigProblem[]): void {
  for (const [index, entry] of values.entries()) check(entry, items, `${path}[${entryName(entry) ?? index}]`, problems);
}

function entryName(entry: JsonValue): string | undefined {
  const name = isJsonObject(entry) ? (entry['name'] ?? entry['mountPath']) : undefined;
  return typeof name === 'string' && name !== '' ? name : undefined;
}

interface Place {
  readonly path: string;
  /** Of the Kubernetes type. */
  readonly name: string;
}

function checkFields(value: JsonObject, schema: Schema, place: Place, problems: ConfigProblem[]): void {
  const at = (key: string): string => (place.path === '' ? key : `${place.path}.${key}`);
  for (const [key, field] of Object.entries(value)) {
    const known = schema.properties !== undefined && Object.hasOwn(schema.properties, key);
    const further = known ? schema.properties?.[key] : schema.additionalProperties;
    if (typeof further === 'object') check(field, further, at(key), problems);
    else if (further === false) problems.push(unknownField(at(key), key, schema, place.name, field));
  }
  for (const key of schema.required ?? []) {
    if (!Object.hasOwn(value, key)) problems.push({ path: at(key), rule: 'must be given', found: 'nothing' });
  }
}

function unknownField(path: string, key: string, schema: Schema, type: string, value: JsonValue): ConfigProblem {
  const hint = suggestion(key, Object.keys(schema.properties ?? {}));
  return { path, rule: `must be a field of ${type}${hint}`, found: foundKind(value) };
}
