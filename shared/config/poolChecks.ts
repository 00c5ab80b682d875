/** What a pool names: its organisation, templates and clusters, and of the templates those with a task of their own. */
import type { ConfigProblem } from '../domain/errors.ts';
import type { JsonValue } from '../domain/json.ts';
import { templateShort } from '../domain/names.ts';
import type { Entry, MakeProblem } from './entries.ts';
import { namesOutside, type Reference, referenceAt, referencesIn, repeated, unknownNames } from './references.ts';

export function poolChecks(pool: Entry, document: JsonValue, problem: MakeProblem): readonly ConfigProblem[] {
  const templates = referencesIn(pool, 'templates');
  const clusters = referencesIn(pool, 'clusters');
  return [
    ...unknownNames(referenceAt(pool, ['organisation']), 'organisations', document, problem),
    ...unknownNames(templates, 'templates', document, problem),
    ...unknownNames(clusters, 'clusters', document, problem),
    ...repeated(templates, (name) => name, problem),
    ...repeated(clusters, (name) => name, problem),
    ...sameShort(templates, problem),
    ...namesOutside(
      [...referenceAt(pool, ['defaultTemplate']), ...warmTemplates(pool)],
      templates.map(({ name }) => name),
      "the pool's templates",
      problem,
    ),
  ];
}

function warmTemplates(pool: Entry): readonly Reference[] {
  const { warm } = pool.value;
  return Array.isArray(warm) ? warm.flatMap((_, index) => referenceAt(pool, ['warm', index, 'template'])) : [];
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
