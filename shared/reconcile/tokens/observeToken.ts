/**
 * One look at a token. The versions first, then the latest one with its value, so that the value is at least as new as
 * the list. It is proven and compared with every copy, and goes no further: what is observed holds no secret.
 */
import { defined } from '../../domain/defined.ts';
import type { EpochMs } from '../../domain/instant.ts';
import { known, type Read, unknown } from '../../domain/read.ts';
import type { Secret } from '../../domain/secret.ts';
import type { PersonalToken, TokenCopy, VaultVersion } from '../../domain/token.ts';
import type { ObservedCopy, ObservedToken, Proof } from '../../plan/tokens/observedToken.ts';
import type { VaultSecret } from '../../ports/tokens.ts';
import type { Stamped } from '../../ports.ts';
import { bounded } from '../bounded.ts';
import { attempt } from '../optionalReads.ts';
import { ask, clusterOf, readLatest, type TokenDeps, type TokenIntent } from './tokenDeps.ts';

export interface TokenLook {
  readonly observed: ObservedToken;
  /** The failures behind the unknowns, for the one place that logs them. */
  readonly errors: readonly unknown[];
}

/** Copies read at once. */
const copyWidth = 8;

const isSame = (a: Secret, b: Secret): boolean => a.reveal() === b.reveal();

async function readCopy(deps: TokenDeps, copy: TokenCopy, latest: Secret, errors: unknown[]): Promise<ObservedCopy> {
  const held = await attempt(
    errors,
    ask(deps, ['kubernetes', 'reading a copy of a token'], async () =>
      clusterOf(deps, copy.cluster).readValue(copy.secret, copy.key),
    ),
  );
  if (!held.known) return { copy, holds: held };
  if (held.value === undefined) return { copy, holds: known('nothing') };
  return { copy, holds: known(isSame(held.value, latest) ? 'latest' : 'other') };
}

function withoutValue({ version, createdAt, expiresAt, enabled, tags }: VaultSecret): VaultVersion {
  return { version, createdAt, enabled, tags, ...(expiresAt === undefined ? {} : { expiresAt }) };
}

/** The latest first: two versions of one second are listed in any order, and one may have come after the list. */
function ordered(versions: readonly VaultVersion[], latest: VaultVersion | undefined): readonly VaultVersion[] {
  if (latest === undefined) return versions;
  return [latest, ...versions.filter(({ version }) => version !== latest.version)];
}

function prove(deps: TokenDeps, value: Secret, errors: unknown[]): Promise<Read<Proof>> {
  return attempt(
    errors,
    ask(deps, ['azureDevOps', 'proving a token'], () => deps.proof.prove(value)),
  );
}

function listPersonal(
  { personalTokens, ...deps }: TokenDeps,
  errors: unknown[],
): Promise<Read<Stamped<readonly PersonalToken[]>> | undefined> {
  if (personalTokens === undefined) return Promise.resolve(undefined);
  return attempt(
    errors,
    ask(deps, ['azureDevOps', 'listing personal access tokens'], () => personalTokens.list()),
  );
}

const unstamped = <T>(read: Read<Stamped<T>>): Read<T> => (read.known ? known(read.value.value) : read);

const nudgeOf = ({ cause, askedId }: TokenIntent): Pick<ObservedToken, 'cause' | 'askedId'> =>
  askedId === undefined ? { cause } : { cause, askedId };

const timeOf = (read: Read<Stamped<unknown>> | undefined): EpochMs | undefined =>
  read?.known === true ? read.value.at : undefined;

interface VaultLook {
  readonly listed: Read<Stamped<readonly VaultVersion[]>>;
  readonly latest: Read<VaultSecret | undefined>;
  readonly deleted?: Read<boolean>;
}

/** A vault that cannot be listed is unknown altogether: asking it for more would only strain it. */
async function lookAtVault(deps: TokenDeps, errors: unknown[]): Promise<VaultLook> {
  const name = deps.policy.vaultSecret;
  const listed = await attempt(
    errors,
    ask(deps, ['keyVault', 'listing versions of a token'], () => deps.vault.listVersions(name)),
  );
  if (!listed.known) return { listed, latest: unknown(listed.error) };
  const latest = await attempt(errors, readLatest(deps));
  if (!latest.known || latest.value !== undefined) return { listed, latest };
  const asking = ask(deps, ['keyVault', 'looking for a deleted token'], () => deps.vault.isDeleted(name));
  return { listed, latest, deleted: await attempt(errors, asking) };
}

/** Looks once. Rejects never: what could not be read is unknown in the result. */
export async function observeToken(deps: TokenDeps, intent: TokenIntent): Promise<TokenLook> {
  const errors: unknown[] = [];
  const { policy, clock } = deps;
  const { listed, latest, deleted } = await lookAtVault(deps, errors);
  const secret = latest.known ? latest.value : undefined;
  const [proof, personal, copies] = await Promise.all([
    secret === undefined ? undefined : prove(deps, secret.value, errors),
    listPersonal(deps, errors),
    // Without a latest version to compare with, what a copy holds says nothing.
    secret === undefined ? [] : bounded(policy.copies, copyWidth, (copy) => readCopy(deps, copy, secret.value, errors)),
  ]);
  const at = timeOf(personal) ?? timeOf(listed) ?? clock.now();
  const version = secret === undefined ? undefined : withoutValue(secret);
  const versions = unstamped(listed);
  const observed: ObservedToken = {
    at,
    skewMs: clock.now() - at,
    latest: latest.known ? known(version) : latest,
    versions: versions.known ? known(ordered(versions.value, version)) : versions,
    proof,
    personal: personal === undefined ? undefined : unstamped(personal),
    copies,
    ...defined({ deleted }),
    ...nudgeOf(intent),
  };
  return { observed, errors };
}
