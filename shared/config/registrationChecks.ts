/** Who may register agents: init containers hold this credential, so it must be one that can do nothing else. */
import type { ConfigProblem } from '../domain/errors.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../domain/json.ts';
import { type Entry, entriesOf, type MakeProblem, nameOf, textOf } from './entries.ts';
import { formatPath, valueAt } from './paths.ts';

export function registrationChecks(document: JsonValue, problem: MakeProblem): readonly ConfigProblem[] {
  const organisations = entriesOf(document, 'organisations');
  return [
    ...entriesOf(document, 'pools').flatMap((pool) => poolProblems(pool, organisations, problem)),
    ...organisations.flatMap((organisation) => sharedCredential(organisation, organisations, problem)),
  ];
}

function poolProblems(
  { path, value }: Entry,
  organisations: readonly Entry[],
  problem: MakeProblem,
): readonly ConfigProblem[] {
  if (value['registration'] !== 'initConfig') return [];
  const organisation = organisations.find((each) => nameOf(each) === textOf(value['organisation']));
  const isMissing = organisation !== undefined && organisation.value['registration'] === undefined;
  return isMissing
    ? [
        problem(
          [...path, 'registration'],
          `must not be initConfig without ${formatPath(organisation.path)}.registration`,
        ),
      ]
    : [];
}

/** Of any organisation: an identity or PAT that Mayfly signs in with reads and deletes agents, here or there. */
function sharedCredential(
  { path, value }: Entry,
  organisations: readonly Entry[],
  problem: MakeProblem,
): readonly ConfigProblem[] {
  const at = ['registration', 'credential'];
  const key = credentialKey(valueAt(value, at));
  const owner = organisations.find((each) => key !== undefined && credentialKey(each.value['credential']) === key);
  return owner === undefined
    ? []
    : [problem([...path, ...at], `must not be ${formatPath(owner.path)}.credential, which may do more than register`)];
}

/** What two spellings of one credential have in common; Key Vault and Entra compare without regard to case. */
function credentialKey(credential: JsonValue | undefined): string | undefined {
  if (!isJsonObject(credential)) return undefined;
  const named = namedIn(credential).map(
    ([kind, name]) => `${kind} ${kind === 'environment' ? name : name.toLowerCase()}`,
  );
  return named[0];
}

function namedIn(credential: JsonObject): readonly (readonly [string, string])[] {
  return ['clientId', 'keyVaultSecret', 'environment'].flatMap((kind) => {
    const name = textOf(credential[kind]);
    return name === undefined ? [] : [[kind, name] as const];
  });
}
