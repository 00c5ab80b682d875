/** A fallback takes over requests that were planned for another template: it has to be able to serve them all. */
import { parseDemand } from '../domain/demand.ts';
import type { ConfigProblem } from '../domain/errors.ts';
import { isJsonObject, type JsonValue } from '../domain/json.ts';
import { type ParameterName, parameterCapability, parameterNames } from '../domain/offer.ts';
import { type Entry, entriesOf, type MakeProblem, nameOf, quantitiesOf, textOf } from './entries.ts';
import { type DocumentPath, valueAt } from './paths.ts';
import { referenceAt, referencesIn, unknownNames } from './references.ts';

const fallbackPath: DocumentPath = ['fallback', 'template'];

export function fallbackChecks(document: JsonValue, problem: MakeProblem): readonly ConfigProblem[] {
  const templates = entriesOf(document, 'templates');
  return templates.flatMap((template, index) => {
    const references = referenceAt(template, fallbackPath);
    const fallback = templates.find((each) => references.some(({ name }) => name === nameOf(each)));
    if (fallback === undefined) return unknownNames(references, 'templates', document, problem);
    return [
      ...circleChecks(templates, index, problem),
      ...abilityChecks(template, fallback, problem),
      ...listingChecks(template, fallback, entriesOf(document, 'pools'), problem),
    ];
  });
}

/** Told once for each circle, at the first of its templates. */
function circleChecks(templates: readonly Entry[], start: number, problem: MakeProblem): readonly ConfigProblem[] {
  const next = (index: number): number => {
    const name = textOf(valueAt(templates[index]?.value ?? null, fallbackPath));
    return name === undefined ? -1 : templates.findIndex((each) => nameOf(each) === name);
  };
  const chain = [start];
  for (let at = next(start); at > start && !chain.includes(at); at = next(at)) chain.push(at);
  if (next(chain.at(-1) ?? start) !== start) return [];
  const path = ['templates', start, ...fallbackPath];
  if (chain.length === 1) return [problem(path, 'must be another template')];
  const names = [...chain, start].map((index) => textOf(templates[index]?.value['name']));
  return [problem(path, `must not lead back to its template: ${names.join(' -> ')}`)];
}

/** Names alone are told: a value may come from a setting. */
function abilityChecks(template: Entry, fallback: Entry, problem: MakeProblem): readonly ConfigProblem[] {
  if (template === fallback) return [];
  const path = [...template.path, ...fallbackPath];
  const osOf = ({ value }: Entry): string => textOf(value['os']) ?? 'linux';
  const offered = offerOf(fallback);
  const lacking = [...offerOf(template).values()].filter(({ key, value }) => {
    const match = offered.get(key);
    return match === undefined || (value !== undefined && value !== match.value);
  });
  const names = lacking.map(({ name }) => name).join(', ');
  return [
    ...(osOf(template) === osOf(fallback) ? [] : [problem(path, 'must have the same os')]),
    ...(lacking.length === 0 ? [] : [problem(path, `must offer the same as the template; it lacks ${names}`)]),
  ];
}

interface Offered {
  readonly key: string;
  readonly name: string;
  /** In lower case, as demands are case-blind; undefined = the name alone is promised. */
  readonly value: string | undefined;
}

/**
 * What is offered to demands, by key. Parameters are compared as they are written: the value that a request chose from
 * one template is looked up in the other.
 */
function offerOf({ value: template }: Entry): ReadonlyMap<string, Offered> {
  const { grantedDemands, capabilities } = template;
  const granted = Array.isArray(grantedDemands) ? grantedDemands.flatMap(grantedOf) : [];
  const own = Object.entries(isJsonObject(capabilities) ? capabilities : {}).map(([name, value]) =>
    offeredAs(name, textOf(value)),
  );
  const parameters = parameterNames.flatMap((parameter) => parametersOf(valueAt(template, ['parameters']), parameter));
  return new Map([...granted, ...own, ...parameters].map((offered) => [offered.key, offered]));
}

const offeredAs = (name: string, value: string | undefined): Offered => ({
  key: name.toLowerCase(),
  name,
  value: value?.toLowerCase(),
});

function grantedOf(text: JsonValue): readonly Offered[] {
  const demand = parseDemand(textOf(text) ?? '');
  return demand === undefined ? [] : [offeredAs(demand.name, demand.kind === 'equals' ? demand.value : undefined)];
}

function parametersOf(parameters: JsonValue | undefined, parameter: ParameterName): readonly Offered[] {
  const listed = valueAt(parameters ?? null, [parameter]);
  const values = isJsonObject(listed) ? Object.keys(listed) : quantitiesOf(listed);
  return values.flatMap((value) => {
    if (value === undefined) return [];
    const name = parameterCapability(parameter, value);
    return [{ key: name, name, value: undefined }];
  });
}

function listingChecks(
  template: Entry,
  fallback: Entry,
  pools: readonly Entry[],
  problem: MakeProblem,
): readonly ConfigProblem[] {
  const lists = (pool: Entry, wanted: Entry): boolean =>
    referencesIn(pool, 'templates').some(({ name }) => name === nameOf(wanted));
  return pools
    .filter((pool) => lists(pool, template) && !lists(pool, fallback))
    .map((pool) => {
      const rule = `must list ${nameOf(fallback)}, the fallback of ${nameOf(template)}`;
      return problem([...pool.path, 'templates'], rule);
    });
}
