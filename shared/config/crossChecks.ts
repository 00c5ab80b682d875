/**
 * What the entries of mayfly.yaml say of each other. Read from the document as it is, not from what the schema made of
 * it: a typing error in one place must not hide an unknown name in another.
 */
import type { ConfigProblem } from '../domain/errors.ts';
import type { JsonValue } from '../domain/json.ts';
import { isJsonObject } from '../domain/json.ts';
import { type Entry, entriesOf, type MakeProblem, nameOf, textOf } from './entries.ts';
import { fallbackChecks } from './fallbackChecks.ts';
import { imageChecks } from './imageChecks.ts';
import { type DocumentPath, formatPath, foundAt, valueAt } from './paths.ts';
import { poolChecks } from './poolChecks.ts';
import { registrationChecks } from './registrationChecks.ts';
import { registryChecks } from './registryChecks.ts';
import { templateChecks } from './templateChecks.ts';
import { tokenChecks } from './tokenChecks.ts';

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
    ...['organisations', 'clusters', 'templates', 'tokens', 'images'].flatMap((list) =>
      duplicates(entries(list), nameOf, ['name'], problem),
    ),
    ...duplicates(entries('organisations'), urlOf, ['url'], problem),
    ...duplicates(entries('pools'), poolKey, ['id'], problem),
    ...duplicates(entries('pools'), poolNameKey, ['name'], problem),
    ...entries('pools').flatMap((pool) => poolChecks(pool, documents.filled, problem)),
    ...entries('templates').flatMap((template) => templateChecks(template, problem)),
    ...fallbackChecks(documents.filled, problem),
    ...registrationChecks(documents.filled, problem),
    ...registryChecks(documents.filled, problem),
    ...tokenChecks(documents.filled, problem),
    ...imageChecks(documents.filled, problem),
    ...vaultChecks(documents.filled, problem),
  ];
}

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

function vaultChecks(document: JsonValue, problem: MakeProblem): readonly ConfigProblem[] {
  const isUsed = ['organisations', 'clusters', 'registries', 'hooks', 'tokens', 'delegatedUser'].some((part) =>
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
