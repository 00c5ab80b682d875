/** Label and field selectors: parsed once, then asked per object. */
import type { JsonObject } from '../../../shared/domain/json.ts';
import { record, text } from './object.ts';
import type { ResourceType } from './resource.ts';
import { badRequest } from './statusError.ts';
import type { SelectorOptions } from './verbs.ts';

export type Predicate = (object: JsonObject) => boolean;
type Labels = Readonly<Record<string, unknown>>;
type Requirement = (labels: Labels) => boolean;

/** A comma inside parentheses belongs to a set. */
const clauses = /(?:[^,(]|\([^)]*\))+/g;
const word = '[A-Za-z0-9](?:[-A-Za-z0-9_./]*[A-Za-z0-9])?';
const equality = new RegExp(`^(${word})\\s*(=|==|!=)\\s*(${word})?$`);
const membership = new RegExp(`^(${word})\\s+(in|notin)\\s*\\(([^)]*)\\)$`);
const existence = new RegExp(`^(!?)\\s*(${word})$`);

function equalityOf(clause: string): Requirement | undefined {
  const match = equality.exec(clause);
  if (match === null) return undefined;
  const [, key = '', operator, value = ''] = match;
  // `!=` and `notin` select objects that lack the key as well.
  return operator === '!=' ? (labels) => labels[key] !== value : (labels) => labels[key] === value;
}

function membershipOf(clause: string): Requirement | undefined {
  const match = membership.exec(clause);
  if (match === null) return undefined;
  const [, key = '', operator, set = ''] = match;
  const values = new Set(set.split(',').map((value) => value.trim()));
  const holds = (labels: Labels): boolean => Object.hasOwn(labels, key) && values.has(String(labels[key]));
  return operator === 'in' ? holds : (labels) => !holds(labels);
}

function existenceOf(clause: string): Requirement | undefined {
  const match = existence.exec(clause);
  if (match === null) return undefined;
  const [, not, key = ''] = match;
  return not === '!' ? (labels) => !Object.hasOwn(labels, key) : (labels) => Object.hasOwn(labels, key);
}

/** The operators that may not begin a clause, longest first; the server names what it found. */
const operators = ['==', '!=', '=', ')', '(', ','];

function refused(clause: string): Error {
  const operator = operators.find((candidate) => clause.startsWith(candidate));
  // Recorded for "=="; other malformed selectors get the same code and reason, the wording is inferred.
  if (operator !== undefined) return badRequest(`found '${operator}', expected: !, identifier, or 'end of string'`);
  return badRequest(`unable to parse requirement: ${clause}`);
}

function labelPredicate(selector: string): Predicate {
  const requirements = (selector.match(clauses) ?? []).map((raw) => {
    const clause = raw.trim();
    const requirement = equalityOf(clause) ?? membershipOf(clause) ?? existenceOf(clause);
    if (requirement === undefined) throw refused(clause);
    return requirement;
  });
  return (object) => {
    const labels = record(object, 'metadata', 'labels');
    return requirements.every((requirement) => requirement(labels));
  };
}

function fieldPredicate(type: ResourceType, selector: string): Predicate {
  const tests = selector.split(',').map((clause) => {
    const match = /^([^=!]+)(!=|==?)(.*)$/.exec(clause.trim());
    if (match === null) throw badRequest(`invalid selector: '${clause}'; can't understand '${clause}'`);
    const [, field = '', operator, value = ''] = match;
    const known = field === 'metadata.name' || (field === 'metadata.namespace' && type.namespaced);
    if (!known && !type.fields.includes(field)) {
      throw badRequest(`field label "${field}" not supported for ${type.kind}`);
    }
    const path = field === 'source' ? ['source', 'component'] : field.split('.');
    return (object: JsonObject): boolean => ((text(object, ...path) ?? '') === value) === (operator !== '!=');
  });
  return (object) => tests.every((test) => test(object));
}

/** True for what both selectors take. Throws 400 for a selector that does not parse or names an unknown field. */
export function selectorPredicate(type: ResourceType, options: SelectorOptions): Predicate {
  const predicates: Predicate[] = [];
  if (options.labelSelector) predicates.push(labelPredicate(options.labelSelector));
  if (options.fieldSelector) predicates.push(fieldPredicate(type, options.fieldSelector));
  return (object) => predicates.every((predicate) => predicate(object));
}
