/** What registries, trusted repositories and the images of templates say of each other. */
import type { ConfigProblem } from '../domain/errors.ts';
import { isAllowed } from '../domain/imageReference.ts';
import { isJsonObject, type JsonValue } from '../domain/json.ts';
import { type Entry, entriesOf, type MakeProblem, textOf } from './entries.ts';
import { valueAt } from './paths.ts';
import { type Reference, repeated } from './references.ts';

/** The template's own image, those that a request may choose, and the one that brings the agent. */
export function imagesOf({ path, value }: Entry): readonly Reference[] {
  const named = valueAt(value, ['parameters', 'image']);
  const chosen = isJsonObject(named) ? Object.entries(named) : [];
  return [
    { path: [...path, 'image'], name: textOf(value['image']) ?? '' },
    { path: [...path, 'inject', 'image'], name: textOf(valueAt(value, ['inject', 'image'])) ?? '' },
    ...chosen.map(([name, image]) => ({
      path: [...path, 'parameters', 'image', name],
      name: textOf(image) ?? '',
    })),
  ].filter(({ name }) => name.trim() !== '');
}

export function registryChecks(document: JsonValue, problem: MakeProblem): readonly ConfigProblem[] {
  const hosts = entriesOf(document, 'registries').flatMap(({ path, value }): readonly Reference[] => {
    const name = textOf(value['host']);
    return name === undefined ? [] : [{ path: [...path, 'host'], name }];
  });
  return [...repeated(hosts, (host) => host.toLowerCase(), problem), ...foreignImages(document, problem)];
}

/** An image from elsewhere is what somebody else may have put there. */
function foreignImages(document: JsonValue, problem: MakeProblem): readonly ConfigProblem[] {
  const listed = valueAt(document, ['allowedRepositories']);
  if (!Array.isArray(listed) || listed.length === 0) return [];
  const allowed = listed.flatMap((each: JsonValue) => textOf(each) ?? []);
  return entriesOf(document, 'templates')
    .flatMap(imagesOf)
    .filter(({ name }) => !isAllowed(name, allowed))
    .map(({ path }) => problem(path, 'must come from one of allowedRepositories'));
}
