/** What images that are rebuilt, their builders, and the templates that run them say of each other. */
import type { ConfigProblem } from '../domain/errors.ts';
import { isAllowed, parseImageReference } from '../domain/imageReference.ts';
import { imageShort } from '../domain/imageState.ts';
import { isJsonObject, type JsonValue } from '../domain/json.ts';
import { type Entry, entriesOf, type MakeProblem, nameOf, textOf } from './entries.ts';
import { formatPath, valueAt } from './paths.ts';
import { type Reference, referenceAt, repeated, unknownNames } from './references.ts';

export function imageChecks(document: JsonValue, problem: MakeProblem): readonly ConfigProblem[] {
  const images = entriesOf(document, 'images');
  const at = (path: readonly string[]): readonly Reference[] => images.flatMap((each) => referenceAt(each, path));
  return [
    // Six characters stand for an image on control maps.
    ...repeated(at(['name']), imageShort, problem),
    ...unknownNames(at(['builder', 'organisation']), 'organisations', document, problem),
    ...unknownNames(at(['builder', 'cluster']), 'clusters', document, problem),
    ...namedByTemplates(document, images, problem),
    ...images.flatMap((image) => [
      ...baseProblems(image, problem),
      ...registryProblems(image, problem),
      ...sourceProblems(image, document, problem),
      ...selfRepair(image, document, problem),
    ]),
    ...sharedPipelines(images, problem),
    ...runByNobody(document, images, problem),
  ];
}

/** `image: { name: linux }` of a template. */
const imageNameOf = ({ path, value }: Entry): readonly Reference[] =>
  isJsonObject(value['image']) ? referenceAt({ path, value }, ['image', 'name']) : [];

function namedByTemplates(
  document: JsonValue,
  images: readonly Entry[],
  problem: MakeProblem,
): readonly ConfigProblem[] {
  const names = entriesOf(document, 'templates').flatMap(imageNameOf);
  if (images.length > 0) return unknownNames(names, 'images', document, problem);
  return names.map(({ path }) => problem(path, 'must be one of the images, and there are none'));
}

/** Its state would lie nowhere, and nothing would ever be built: a slip, or a template that still names it by reference. */
function runByNobody(document: JsonValue, images: readonly Entry[], problem: MakeProblem): readonly ConfigProblem[] {
  const run = new Set(
    entriesOf(document, 'templates')
      .flatMap(imageNameOf)
      .map(({ name }) => name),
  );
  const rule = 'must be run by a template, as image: { name: ... }';
  return images.flatMap((each) =>
    referenceAt(each, ['name'])
      .filter(({ name }) => !run.has(name))
      .map(({ path }) => problem(path, rule)),
  );
}

function baseProblems(image: Entry, problem: MakeProblem): readonly ConfigProblem[] {
  const bad = referenceAt(image, ['baseImage']).filter(({ name }) => parseImageReference(name) === undefined);
  return bad.map(({ path }) => problem(path, 'must be an image reference'));
}

/** A task pushes into the registry that it belongs to. */
function registryProblems({ path, value }: Entry, problem: MakeProblem): readonly ConfigProblem[] {
  const isTask = valueAt(value, ['builder', 'kind']) === 'acrTask';
  const isAzure = /^[a-z0-9]+\.azurecr\.[a-z.]+\//.test(textOf(value['repository']) ?? '');
  return isTask && !isAzure
    ? [problem([...path, 'repository'], 'must be in an Azure Container Registry, where its builder is an acrTask')]
    : [];
}

function sourceProblems({ path, value }: Entry, document: JsonValue, problem: MakeProblem): readonly ConfigProblem[] {
  const listed = valueAt(document, ['allowedRepositories']);
  const repository = textOf(value['repository']);
  if (!Array.isArray(listed) || repository === undefined) return [];
  const allowed = listed.flatMap((each: JsonValue) => textOf(each) ?? []);
  return isAllowed(repository, allowed)
    ? []
    : [problem([...path, 'repository'], 'must come from one of allowedRepositories')];
}

/** An image that does not start could not be rebuilt by agents that start from it. */
function selfRepair(image: Entry, document: JsonValue, problem: MakeProblem): readonly ConfigProblem[] {
  const organisation = valueAt(image.value, ['builder', 'organisation']);
  const pool = valueAt(image.value, ['builder', 'runsOn', 'pool']);
  if (typeof pool !== 'number') return [];
  const found = entriesOf(document, 'pools').find(
    ({ value }) => value['id'] === pool && value['organisation'] === organisation,
  );
  if (found === undefined) return [];
  const templates = valueAt(found.value, ['templates']);
  const names = Array.isArray(templates) ? templates : [];
  const runsIt = entriesOf(document, 'templates').some(
    (template) =>
      names.includes(nameOf(template) ?? '') && imageNameOf(template).some(({ name }) => name === nameOf(image)),
  );
  const rule = `must not be ${formatPath(found.path)}, whose agents are made of this image: it could not repair itself`;
  return runsIt ? [problem([...image.path, 'builder', 'runsOn', 'pool'], rule)] : [];
}

/** A run is told from others by its parameters, which have to be asked for one by one. */
function sharedPipelines(images: readonly Entry[], problem: MakeProblem): readonly ConfigProblem[] {
  const keyOf = ({ value }: Entry): string | undefined => {
    const builder = value['builder'];
    if (!isJsonObject(builder) || builder['kind'] !== 'pipeline') return undefined;
    return JSON.stringify([builder['organisation'], textOf(builder['project'])?.toLowerCase(), builder['pipeline']]);
  };
  return images.flatMap((image, index) => {
    const key = keyOf(image);
    const earlier = images.slice(0, index).find((each) => key !== undefined && keyOf(each) === key);
    const rule = `must not be that of ${earlier === undefined ? '' : formatPath(earlier.path)}: each image has its own`;
    return earlier === undefined ? [] : [problem([...image.path, 'builder', 'pipeline'], rule)];
  });
}
