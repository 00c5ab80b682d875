/** Places of the document that name something, and what can be wrong with the names. */
import type { ConfigProblem } from '../domain/errors.ts';
import type { JsonValue } from '../domain/json.ts';
import { type Entry, entriesOf, type MakeProblem, nameOf } from './entries.ts';
import { type DocumentPath, valueAt } from './paths.ts';
import { suggestion } from './schemaProblems.ts';

export interface Reference {
  readonly path: DocumentPath;
  readonly name: string;
}

/** The name at one place within an entry; none where no text stands there. */
export function referenceAt({ path, value }: Entry, at: DocumentPath): readonly Reference[] {
  const name = valueAt(value, at);
  return typeof name === 'string' ? [{ path: [...path, ...at], name }] : [];
}

/** The names that an entry lists. */
export function referencesIn(entry: Entry, list: string): readonly Reference[] {
  const names = entry.value[list];
  return Array.isArray(names) ? names.flatMap((_, index) => referenceAt(entry, [list, index])) : [];
}

export function unknownNames(
  references: readonly Reference[],
  list: string,
  document: JsonValue,
  problem: MakeProblem,
): readonly ConfigProblem[] {
  const known = entriesOf(document, list).flatMap((entry) => nameOf(entry) ?? []);
  return namesOutside(references, known, `the ${list}`, problem);
}

/** With nothing to choose from, the list itself is what is wrong, and it is told already. */
export function namesOutside(
  references: readonly Reference[],
  known: readonly string[],
  what: string,
  problem: MakeProblem,
): readonly ConfigProblem[] {
  if (known.length === 0) return [];
  return references
    .filter(({ name }) => !known.includes(name))
    .map(({ path, name }) => problem(path, `must be one of ${what}${suggestion(name, known)}`));
}

export function repeated(
  references: readonly Reference[],
  keyOf: (name: string) => string,
  problem: MakeProblem,
): readonly ConfigProblem[] {
  return references
    .filter(({ name }, index) => references.slice(0, index).some((earlier) => keyOf(earlier.name) === keyOf(name)))
    .map(({ path }) => problem(path, 'must be listed once'));
}
