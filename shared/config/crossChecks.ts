/**
 * What the entries of mayfly.yaml say of each other. Read from the document as it is, not from what the schema made of
 * it: a typing error in one place must not hide an unknown name in another.
 */
import type { ConfigProblem } from '../domain/errors.ts';
import type { JsonValue } from '../domain/json.ts';
import { isJsonObject } from '../domain/json.ts';
import { templateShort } from '../domain/names.ts';
import { type Entry, entriesOf, type MakeProblem, textOf } from './entries.ts';
import { type DocumentPath, formatPath, foundAt, valueAt } from './paths.ts';
import { suggestion } from './schemaProblems.ts';
import { templateChecks } from './templateChecks.ts';

export interface Documents {
  /** Before settings were filled in: what problems may show. */
  readonly written: JsonValue;
  readonly filled: JsonValue;
}

export function crossChecks(documents: Documents): readonly ConfigProblem[] {
  const problem = (path: DocumentPath, rule: string): ConfigProblem => ({
    path: formatPath(path),
    rule,
    found: foundAt(documents.written, path),
  });
  const entries = (list: string): readonly Entry[] => entriesOf(documents.filled, list);
  return [
    ...['organisations', 'clusters', 'templates'].flatMap((list) =>
      duplicates(entries(list), nameOf, ['name'], problem),
    ),
    ...duplicates(entries('organisations'), urlOf, ['url'], problem),
    ...duplicates(entries('pools'), poolKey, ['id'], problem),
    ...duplicates(entries('pools'), poolNameKey, ['name'], problem),
    ...entries('pools').flatMap((pool) => poolChecks(pool, documents.filled, problem)),
    ...entries('templates').flatMap((template) => templateChecks(template, problem)),
    ...vaultChecks(documents.filled, problem),
  ];
}

const nameOf = ({ value }: Entry): string | undefined => textOf(value['name']);
/** Two spellings of one organisation would be two owners of the same agents. */
const urlOf = ({ value }: Entry): string | undefined => textOf(value['url'])?.toLowerCase().replace(/\/+$/, '');
const poolKey = ({ value }: Entry): string | undefined =>
  typeof value['id'] === 'number' ? `${textOf(value['organisation'])} ${value['id']}` : undefined;

/** People and stories name pools, and an organisation has no two of one name. */
const poolNameKey = ({ value }: Entry): string | undefined => {
  const name = textOf(value['name']);
  return name === undefined ? undefined : `${textOf(value['organisation'])} ${name.toLowerCase()}`;
};

function duplicates(
  entries: readonly Entry[],
  keyOf: (entry: Entry) => string | undefined,
  at: DocumentPath,
  problem: MakeProblem,
): readonly ConfigProblem[] {
  const first = new Map<string, Entry>();
  return entries.flatMap((entry) => {
    const key = keyOf(entry);
    if (key === undefined) return [];
    const earlier = first.get(key);
    if (earlier !== undefined) return [problem([...entry.path, ...at], `must not repeat ${formatPath(earlier.path)}`)];
    first.set(key, entry);
    return [];
  });
}

function poolChecks(pool: Entry, document: JsonValue, problem: MakeProblem): readonly ConfigProblem[] {
  const references = (list: string): readonly { path: DocumentPath; name: string }[] => {
    const names = pool.value[list];
    if (!Array.isArray(names)) return [];
    return names.flatMap((name: JsonValue, index) =>
      typeof name === 'string' ? [{ path: [...pool.path, list, index], name }] : [],
    );
  };
  const organisation = textOf(pool.value['organisation']);
  const owner = organisation === undefined ? [] : [{ path: [...pool.path, 'organisation'], name: organisation }];
  return [
    ...unknownNames(owner, 'organisations', document, problem),
    ...unknownNames(references('templates'), 'templates', document, problem),
    ...unknownNames(references('clusters'), 'clusters', document, problem),
    ...repeated(references('templates'), (name) => name, problem),
    ...repeated(references('clusters'), (name) => name, problem),
    ...sameShort(references('templates'), problem),
  ];
}

interface Reference {
  readonly path: DocumentPath;
  readonly name: string;
}

function unknownNames(
  references: readonly Reference[],
  list: string,
  document: JsonValue,
  problem: MakeProblem,
): readonly ConfigProblem[] {
  const known = entriesOf(document, list).flatMap((entry) => nameOf(entry) ?? []);
  // With nothing to choose from, the list itself is what is wrong, and it is told already.
  if (known.length === 0) return [];
  return references
    .filter(({ name }) => !known.includes(name))
    .map(({ path, name }) => problem(path, `must be one of the ${list}${suggestion(name, known)}`));
}

function repeated(references: readonly Reference[], keyOf: (name: string) => string, problem: MakeProblem) {
  return references
    .filter(({ name }, index) => references.slice(0, index).some((earlier) => keyOf(earlier.name) === keyOf(name)))
    .map(({ path }) => problem(path, 'must be listed once'));
}

/** Six characters stand for a template in the names of placeholders: two alike would fight over one agent. */
function sameShort(references: readonly Reference[], problem: MakeProblem): readonly ConfigProblem[] {
  return references
    .filter(({ name }, index) =>
      references
        .slice(0, index)
        .some((earlier) => earlier.name !== name && templateShort(earlier.name) === templateShort(name)),
    )
    .map(({ path }) => problem(path, 'must be renamed: its short form equals that of another template'));
}

function vaultChecks(document: JsonValue, problem: MakeProblem): readonly ConfigProblem[] {
  const isUsed = ['organisations', 'clusters', 'hooks'].some((part) =>
    hasKey(valueAt(document, [part]), 'keyVaultSecret'),
  );
  return isUsed && valueAt(document, ['keyVault']) === undefined
    ? [problem(['keyVault'], 'is required where a keyVaultSecret is named')]
    : [];
}

function hasKey(value: JsonValue | undefined, key: string): boolean {
  if (Array.isArray(value)) return value.some((entry: JsonValue) => hasKey(entry, key));
  return isJsonObject(value) && (Object.hasOwn(value, key) || Object.values(value).some((entry) => hasKey(entry, key)));
}
