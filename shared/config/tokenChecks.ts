/** What the tokens, the delegated user and the hook secret say of each other and of the rest. */
import type { ConfigProblem } from '../domain/errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../domain/json.ts';
import { reservedTokenNames } from '../domain/tokenNudge.ts';
import { type Entry, entriesOf, type MakeProblem, nameOf, textOf } from './entries.ts';
import { type DocumentPath, formatPath, valueAt } from './paths.ts';
import { type Reference, referenceAt, unknownNames } from './references.ts';

export function tokenChecks(document: JsonValue, problem: MakeProblem): readonly ConfigProblem[] {
  const tokens = entriesOf(document, 'tokens');
  const sources = subscriptionEntries(document);
  const organisations = [...tokens, ...sources].flatMap((entry) => referenceAt(entry, ['organisation']));
  const copies = tokens.flatMap(copiesOf);
  const clusters = copies.flatMap((entry) => referenceAt(entry, ['cluster']));
  return [
    ...unknownNames(organisations, 'organisations', document, problem),
    ...unknownNames(clusters, 'clusters', document, problem),
    ...repeatedPlaces(copies, problem),
    ...sharedSecrets(document, tokens, problem),
    ...tokensOfOthers(document, tokens, problem),
    ...tokens.flatMap((token) => withoutUser(token, document, problem)),
    ...tokens.flatMap((token) => spanProblems(token, problem)),
    ...tokens.flatMap((token) => reservedNames(token, problem)),
    ...hookProblems(document, sources, problem),
  ];
}

const objectsAt = (path: DocumentPath, value: JsonValue | undefined): readonly Entry[] =>
  Array.isArray(value)
    ? value.flatMap((each: JsonValue, index) => (isJsonObject(each) ? [{ path: [...path, index], value: each }] : []))
    : [];

const subscriptionEntries = (document: JsonValue): readonly Entry[] =>
  objectsAt(['hooks', 'subscriptions'], valueAt(document, ['hooks', 'subscriptions']));

const copiesOf = ({ path, value }: Entry): readonly Entry[] => objectsAt([...path, 'secrets'], value['secrets']);

/** Two tokens under one key would overwrite each other for ever. */
function repeatedPlaces(copies: readonly Entry[], problem: MakeProblem): readonly ConfigProblem[] {
  const keyOf = ({ value }: Entry): string =>
    JSON.stringify([value['cluster'], value['secret'], value['key'] ?? 'token']);
  return copies.flatMap((copy, index) => {
    const earlier = copies.slice(0, index).find((other) => keyOf(other) === keyOf(copy));
    return earlier === undefined ? [] : [problem(copy.path, `must not be the place of ${formatPath(earlier.path)}`)];
  });
}

/** Secrets of the vault that Mayfly writes; their names are compared as the vault does, without regard to case. */
function sharedSecrets(document: JsonValue, tokens: readonly Entry[], problem: MakeProblem): readonly ConfigProblem[] {
  const hook = isJsonObject(valueAt(document, ['hooks', 'subscriptions', 0])) ? hookSecretAt : [];
  const user: Entry = { path: [], value: isJsonObject(document) ? document : {} };
  const written: readonly Reference[] = [
    ...tokens.flatMap((token) => referenceAt(token, ['keyVaultSecret'])),
    ...referenceAt(user, ['delegatedUser', 'keyVaultSecret']),
    ...(hook.length === 0 ? [] : referenceAt(user, hook)),
  ];
  return written.flatMap(({ path, name }, index) => {
    const earlier = written.slice(0, index).find((other) => other.name.toLowerCase() === name.toLowerCase());
    return earlier === undefined ? [] : [problem(path, `must not be the secret of ${formatPath(earlier.path)}`)];
  });
}

const credentialsAt: readonly DocumentPath[] = [
  ['credential', 'keyVaultSecret'],
  ['registration', 'credential', 'keyVaultSecret'],
];

/** A token is made for one organisation, or proven at one only: under its name another would be locked out. */
function tokensOfOthers(document: JsonValue, tokens: readonly Entry[], problem: MakeProblem): readonly ConfigProblem[] {
  const used = entriesOf(document, 'organisations').flatMap((organisation) =>
    credentialsAt.flatMap((at) => referenceAt(organisation, at).map((secret) => ({ organisation, secret }))),
  );
  return used.flatMap(({ organisation, secret: { path, name } }) => {
    const token = tokens.find(({ value }) => textOf(value['keyVaultSecret'])?.toLowerCase() === name.toLowerCase());
    const owner = token && textOf(token.value['organisation']);
    if (token === undefined || owner === undefined || owner === nameOf(organisation)) return [];
    return [
      problem(path, `must not be the secret of ${formatPath(token.path)}, which is for the organisation ${owner} only`),
    ];
  });
}

const hookSecretAt: DocumentPath = ['hooks', 'secret', 'current', 'keyVaultSecret'];

function withoutUser({ path, value }: Entry, document: JsonValue, problem: MakeProblem): readonly ConfigProblem[] {
  return value['mode'] === 'rotate' && valueAt(document, ['delegatedUser']) === undefined
    ? [problem([...path, 'mode'], 'must be watch as long as there is no delegatedUser')]
    : [];
}

function spanProblems({ path, value }: Entry, problem: MakeProblem): readonly ConfigProblem[] {
  const [before, lifetime] = [hoursOf(value, 'rotateBefore'), hoursOf(value, 'lifetime') ?? 30 * 24];
  return before !== undefined && before > lifetime / 2
    ? [problem([...path, 'rotateBefore'], 'must be at most half of lifetime')]
    : [];
}

const reservedNames = (token: Entry, problem: MakeProblem): readonly ConfigProblem[] =>
  reservedTokenNames.includes(nameOf(token) ?? '')
    ? [problem([...token.path, 'name'], `must not be ${reservedTokenNames.join(' or ')}, which have another meaning`)]
    : [];

function hoursOf(value: JsonObject, key: string): number | undefined {
  const [, amount, unit] = /^(\d+)([hd])$/.exec(textOf(value[key]) ?? '') ?? [];
  return amount === undefined ? undefined : Number(amount) * (unit === 'd' ? 24 : 1);
}

function hookProblems(document: JsonValue, sources: readonly Entry[], problem: MakeProblem): readonly ConfigProblem[] {
  const [first] = sources;
  if (first === undefined || valueAt(document, hookSecretAt) !== undefined) return [];
  return [problem(['hooks', 'secret', 'current'], 'must be a keyVaultSecret where subscriptions are named')];
}
