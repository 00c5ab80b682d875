/** Carries out what a plan says about one token. Before a PAT ends or a copy is written the vault is read once more. */

import { errorKind, hasErrorKind } from '../../domain/errors.ts';
import type { EpochMs } from '../../domain/instant.ts';
import { formatInstant } from '../../domain/names.ts';
import { type TokenCopy, tokenTags, writeWithinMs } from '../../domain/token.ts';
import type { TokenAction, TokenNotice } from '../../plan/tokens/observedToken.ts';
import { vaultReason } from '../../plan/tokens/tokenAlarms.ts';
import type { PersonalTokens, VaultSecret } from '../../ports/tokens.ts';
import { bounded } from '../bounded.ts';
import { createToken } from './createToken.ts';
import { ask, clusterOf, readLatest, type TokenDeps } from './tokenDeps.ts';
import { failed, type TokenOutcome } from './tokenOutcome.ts';

type ActionOf<K extends TokenAction['kind']> = Extract<TokenAction, { readonly kind: K }>;

/** Copies written at once. */
const copyWidth = 4;

export interface TokenPass {
  readonly deps: TokenDeps;
  /** The server's time of the look. */
  readonly at: EpochMs;
  /** Called for what people are told once. */
  readonly tell: (version: string, notice: TokenNotice) => void;
}

/** The vault's latest version if it is still the one that was looked at and proven. */
async function reread(deps: TokenDeps, version: string): Promise<VaultSecret | undefined> {
  const latest = await readLatest(deps);
  return latest?.version === version ? latest : undefined;
}

/** The record on the old version is for people: the server's list is what counts. */
async function noteRevoked({ deps, at }: TokenPass, { version }: ActionOf<'revoke'>): Promise<void> {
  if (version === undefined) return;
  const tags = { ...version.tags, [tokenTags.retired]: formatInstant(at) };
  const { vault, policy } = deps;
  await ask(deps, ['keyVault', 'tagging a token'], () => vault.tag(policy.vaultSecret, version.version, tags)).catch(
    () => undefined,
  );
}

/** A person may have put the old token back since the look: only what is not the vault's latest version may end. */
async function revoke(pass: TokenPass, action: ActionOf<'revoke'>, personal: PersonalTokens): Promise<TokenOutcome> {
  const { deps } = pass;
  const subject = action.displayName;
  try {
    if ((await reread(deps, action.latest)) === undefined) return { action: 'revoke', subject, kind: 'raced' };
    const { authorizationId } = action;
    const detail = await ask(deps, ['azureDevOps', 'revoking a personal access token'], () =>
      personal.revoke(authorizationId),
    );
    await noteRevoked(pass, action);
    return { action: 'revoke', subject, kind: 'done', detail };
  } catch (error) {
    return failed('revoke', subject, { error, alarm: { reason: 'revocationFailed', subject } });
  }
}

/** People are told once the tag says so, or when it cannot be set: twice is better than never. */
async function note({ deps, tell }: TokenPass, { version, tags, notice }: ActionOf<'note'>): Promise<TokenOutcome> {
  const { vault, policy } = deps;
  try {
    await ask(deps, ['keyVault', 'tagging a token'], () => vault.tag(policy.vaultSecret, version, tags));
    return { action: 'note', subject: version, kind: 'done' };
  } catch (error) {
    // A version takes 15 tags, a person's own among them (Key Vault REST reference, 2026-11): the vault then answers 400.
    const reason = hasErrorKind(error, 'invalid') ? 'tagsRefused' : vaultReason(errorKind(error));
    return failed('note', version, { error, alarm: { reason, subject: policy.vaultSecret } });
  } finally {
    if (notice !== undefined) tell(version, notice);
  }
}

/**
 * What is written is the vault's latest version, read just before: a rotation that was overtaken would else put its own
 * token, soon to be revoked, over the newer one. The write follows at once, or not at all.
 */
async function writeCopy(deps: TokenDeps, version: string, copy: TokenCopy): Promise<TokenOutcome> {
  const subject = `${copy.cluster}/${copy.secret}/${copy.key}`;
  const { clock } = deps;
  try {
    const askedAt = clock.now();
    const latest = await reread(deps, version);
    if (latest === undefined) return { action: 'spread', subject, kind: 'raced' };
    if (clock.now() - askedAt > writeWithinMs) return { action: 'spread', subject, kind: 'raced' };
    const cluster = clusterOf(deps, copy.cluster);
    await ask(deps, ['kubernetes', 'writing a copy of a token'], () =>
      cluster.writeValue(copy.secret, copy.key, latest.value),
    );
    return { action: 'spread', subject, kind: 'done' };
  } catch (error) {
    const isRefused = hasErrorKind(error, 'forbidden', 'unauthorized', 'invalid', 'conflict');
    return failed('spread', subject, {
      error,
      alarm: { reason: isRefused ? 'copyRefused' : 'clusterUnreachable', subject },
    });
  }
}

/** A cluster that fails holds up no other. */
function spread({ deps }: TokenPass, { version, copies }: ActionOf<'spread'>): Promise<readonly TokenOutcome[]> {
  return bounded(copies, copyWidth, (copy) => writeCopy(deps, version, copy));
}

/** Rejects never. */
export async function applyTokenAction(pass: TokenPass, action: TokenAction): Promise<readonly TokenOutcome[]> {
  const { personalTokens } = pass.deps;
  switch (action.kind) {
    case 'note':
      return [await note(pass, action)];
    case 'spread':
      return spread(pass, action);
    case 'create':
      return personalTokens === undefined ? [] : [await createToken(pass.deps, action, personalTokens)];
    case 'revoke':
      return personalTokens === undefined ? [] : [await revoke(pass, action, personalTokens)];
    default:
      return action satisfies never;
  }
}
