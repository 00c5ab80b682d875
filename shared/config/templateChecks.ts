/** What the parts of one template say of each other. */
import type { ConfigProblem } from '../domain/errors.ts';
import { parseImageReference } from '../domain/imageReference.ts';
import { isJsonObject } from '../domain/json.ts';
import { type Entry, type MakeProblem, quantitiesOf } from './entries.ts';
import { type DocumentPath, formatPath, valueAt } from './paths.ts';
import { podBlockProblems } from './podSchemaBlock.ts';
import { type Reference, repeated } from './references.ts';
import { imagesOf } from './registryChecks.ts';

export function templateChecks(template: Entry, problem: MakeProblem): readonly ConfigProblem[] {
  return [
    ...imagesOf(template).flatMap((image) => imageChecks(image, template.value['allowTags'] === true, problem)),
    ...quantityChecks(template, problem),
    ...[['capabilities'], ['parameters', 'image']].flatMap((at) => spellingChecks(template, at, problem)),
    ...injectChecks(template, problem),
    ...podChecks(template),
  ];
}

/** A tag can be moved under a running pool; what was promoted must be what runs. */
function imageChecks({ path, name }: Reference, allowTags: boolean, problem: MakeProblem): readonly ConfigProblem[] {
  if (!allowTags && !/^[^\s@]+@sha256:[0-9a-f]{64}$/.test(name))
    return [problem(path, 'must carry a digest (@sha256:...) unless allowTags is true')];
  return parseImageReference(name) === undefined ? [problem(path, 'must be an image reference')] : [];
}

/** Two alike would be one capability, and which of them a request chose nobody could tell. */
function quantityChecks({ path, value }: Entry, problem: MakeProblem): readonly ConfigProblem[] {
  return ['cpu', 'memory'].flatMap((parameter) => {
    const at = ['parameters', parameter];
    const values = quantitiesOf(valueAt(value, at)).flatMap((name, index) =>
      name === undefined ? [] : [{ path: [...path, ...at, index], name }],
    );
    return repeated(values, (name) => name.toLowerCase(), problem);
  });
}

/** The server looks capabilities up without regard to case. */
function spellingChecks({ path, value }: Entry, at: DocumentPath, problem: MakeProblem): readonly ConfigProblem[] {
  const named = valueAt(value, at);
  const names = isJsonObject(named) ? Object.keys(named) : [];
  return names
    .filter((name, index) => names.slice(0, index).some((earlier) => earlier.toLowerCase() === name.toLowerCase()))
    .map((name) => problem([...path, ...at, name], 'must differ from the others by more than case'));
}

/** What is injected are programs for Linux. */
function injectChecks({ path, value }: Entry, problem: MakeProblem): readonly ConfigProblem[] {
  return value['inject'] !== undefined && value['os'] === 'windows'
    ? [problem([...path, 'inject'], 'must not be given where os is windows')]
    : [];
}

function podChecks({ path, value }: Entry): readonly ConfigProblem[] {
  const at = formatPath([...path, 'pod']);
  return podBlockProblems(value).map((each) => ({ ...each, path: `${at}.${each.path}` }));
}
