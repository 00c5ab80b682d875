/** The text of mayfly.yaml as plain JSON values, with `${NAME}` filled in from the settings. */
import { LineCounter, parseDocument } from 'yaml';
import type { ConfigProblem } from '../domain/errors.ts';
import type { JsonValue } from '../domain/json.ts';
import { type DocumentPath, formatPath } from './paths.ts';

export type Settings = Readonly<Record<string, string | undefined>>;

export interface ParsedText {
  /** As written, and with settings filled in; both absent where the text is no YAML. */
  readonly written?: JsonValue;
  readonly filled?: JsonValue;
  readonly problems: readonly ConfigProblem[];
}

/** Deeper than any pod spec; a guard for the recursion here and in the schema. */
const maxDepth = 40;
/** Each alias repeats its anchor: without a limit a few lines grow to gigabytes. */
const maxAliases = 100;
/** One missing bracket is an error on every line that follows. */
const maxFaults = 5;

export function parseYaml(text: string, settings: Settings): ParsedText {
  const read = readYaml(text);
  if ('problems' in read) return read;
  const problems: ConfigProblem[] = [];
  const walk = { settings, problems };
  const written = plain(read.value, [], walk);
  return { written, filled: fill(written, [], walk), problems };
}

function readYaml(text: string): { readonly value: unknown } | { readonly problems: readonly ConfigProblem[] } {
  const lineCounter = new LineCounter();
  try {
    const document = parseDocument(text, { lineCounter, prettyErrors: false, stringKeys: true });
    // A warning is an unknown tag, such as another tool's !secret: its value is not what it seems.
    const faults = [...document.errors, ...document.warnings].slice(0, maxFaults);
    if (faults.length === 0) return { value: document.toJS({ maxAliasCount: maxAliases }) };
    const problems = faults.map(({ pos, message }) => {
      const { line, col } = lineCounter.linePos(pos[0]);
      return { path: `line ${line}, column ${col}`, rule: 'must be YAML', found: message.split('\n')[0] ?? '' };
    });
    return { problems };
  } catch (error) {
    return { problems: [{ path: 'the document', rule: 'must be YAML', found: reasonOf(error) }] };
  }
}

/** The parser's own error for too many aliases, or the engine's for nesting beyond its stack. */
const reasonOf = (error: unknown): string => (error instanceof Error ? error.message.slice(0, 100) : 'no YAML');

interface Walk {
  readonly settings: Settings;
  readonly problems: ConfigProblem[];
}

/** What JSON cannot hold is refused: .nan, .inf, tagged values. */
function plain(value: unknown, path: DocumentPath, walk: Walk): JsonValue {
  if (path.length > maxDepth) return refuse(walk, path, `must not be nested deeper than ${maxDepth}`, 'more');
  if (value === null || value === undefined) return null;
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  if (Array.isArray(value)) return value.map((entry, index) => plain(entry, [...path, index], walk));
  if (isPlainObject(value)) return mapObject(value, (entry, key) => plain(entry, [...path, key], walk));
  return refuse(walk, path, 'must be a plain value', typeof value);
}

function isPlainObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null && Object.getPrototypeOf(value) === Object.prototype;
}

function mapObject<T>(value: Readonly<Record<string, T>>, map: (entry: T, key: string) => JsonValue) {
  return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, map(entry, key)]));
}

function refuse(walk: Walk, path: DocumentPath, rule: string, found: string): null {
  walk.problems.push({ path: formatPath(path), rule, found });
  return null;
}

function fill(value: JsonValue, path: DocumentPath, walk: Walk): JsonValue {
  if (typeof value === 'string') return fillText(value, path, walk);
  if (typeof value !== 'object' || value === null) return value;
  if (Array.isArray(value)) return value.map((entry: JsonValue, index) => fill(entry, [...path, index], walk));
  return mapObject(value as Readonly<Record<string, JsonValue>>, (entry, key) => fill(entry, [...path, key], walk));
}

/** `$${NAME}` stands for the text `${NAME}` itself. */
function fillText(text: string, path: DocumentPath, { settings, problems }: Walk): string {
  return text.replaceAll(/(\$?)\$\{(\w*)\}/g, (written: string, dollar: string, name: string) => {
    if (dollar !== '') return written.slice(1);
    const value = Object.hasOwn(settings, name) ? settings[name] : undefined;
    if (value !== undefined && value !== '') return value;
    const rule = `must name a setting that is set; write $${written} for the text itself`;
    problems.push({ path: formatPath(path), rule, found: written });
    return written;
  });
}
