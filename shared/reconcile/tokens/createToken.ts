/**
 * Makes a PAT, proves it and stores it. Its value lives in this function only. From the moment it is stored the vault's
 * latest version counts and not what is in hand here: two rotations may have stored one each.
 *
 * Nothing is undone that may have been seen. A PAT whose reply was lost, or whose store may have been done, is left to the
 * next looks: they make another one, and this one is revoked when it is an hour old. Only where the vault refused to store
 * it is it sure that nobody will ever hold it.
 */
import { hasErrorKind } from '../../domain/errors.ts';
import type { EpochMs } from '../../domain/instant.ts';
import { formatInstant } from '../../domain/names.ts';
import type { Secret } from '../../domain/secret.ts';
import {
  freshProofWaitsMs,
  storeWithinMs,
  type Tags,
  type TokenReason,
  tokenDisplayName,
  tokenTags,
} from '../../domain/token.ts';
import type { Proof, TokenAction } from '../../plan/tokens/observedToken.ts';
import type { CreatedPersonalToken, PersonalTokens } from '../../ports/tokens.ts';
import { throttledWaitMs } from './throttledWait.ts';
import { ask, type TokenDeps } from './tokenDeps.ts';
import { failed, type TokenOutcome } from './tokenOutcome.ts';

type CreateAction = Extract<TokenAction, { readonly kind: 'create' }>;

const rotationIdLength = 8;
/** A lifespan shorter than asked for by more than this was cut by a policy, not by rounding. */
const clampedByMs = 3_600_000;

const rotationId = (nonce: string): string =>
  nonce
    .replaceAll(/[^0-9a-f]/g, '')
    .slice(0, rotationIdLength)
    .padStart(rotationIdLength, '0');

/** What the version says of its PAT: the lifespan that the server gave. */
function tagsFor(created: CreatedPersonalToken, rotation: string, askedId: string | undefined): Tags {
  return {
    [tokenTags.rotation]: rotation,
    [tokenTags.authorization]: created.authorizationId,
    [tokenTags.begins]: formatInstant(created.validFrom),
    [tokenTags.expires]: formatInstant(created.validTo),
    ...(askedId === undefined ? {} : { [tokenTags.asked]: askedId }),
  };
}

/** A refusal is the server's last word until somebody changes a policy or a right; anything else may pass. */
function creationReason(error: unknown): TokenReason {
  if (hasErrorKind(error, 'unauthorized')) return 'signInBroken';
  return hasErrorKind(error, 'forbidden', 'invalid') ? 'creationRefused' : 'creationFailed';
}

async function proveFresh(deps: TokenDeps, token: Secret): Promise<Proof> {
  const prove = (): Promise<Proof> => ask(deps, ['azureDevOps', 'proving a token'], () => deps.proof.prove(token));
  for (const waitMs of freshProofWaitsMs) {
    if ((await prove()) === 'accepted') return 'accepted';
    await deps.clock.sleep(waitMs);
  }
  return prove();
}

/**
 * A PAT that a busy vault does not take would be lost, and the next look would make another: with many tokens due at once
 * all would end as leftovers. A throttled store had no effect and is repeated when the vault says so, in its time.
 */
async function storeUnthrottled(deps: TokenDeps, begunAt: EpochMs, store: () => Promise<unknown>): Promise<void> {
  const { clock, policy } = deps;
  for (;;) {
    try {
      await ask(deps, ['keyVault', 'storing a token'], store);
      return;
    } catch (error) {
      if (!hasErrorKind(error, 'throttled')) throw error;
      const waitMs = throttledWaitMs(error, policy.name);
      if (clock.now() + waitMs - begunAt > storeWithinMs) throw error;
      await clock.sleep(waitMs);
    }
  }
}

/** It is in no vault and in no cluster. What cannot be revoked now is left to the next looks. */
async function discard(
  { personalTokens, ...deps }: TokenDeps,
  { authorizationId }: CreatedPersonalToken,
): Promise<void> {
  if (personalTokens === undefined) return;
  await ask(deps, ['azureDevOps', 'revoking a personal access token'], () =>
    personalTokens.revoke(authorizationId),
  ).catch(() => undefined);
}

async function proveAndStore(
  deps: TokenDeps,
  created: CreatedPersonalToken,
  about: { readonly tags: Tags; readonly begunAt: EpochMs },
): Promise<TokenOutcome> {
  const subject = created.displayName;
  try {
    const proof = await proveFresh(deps, created.token);
    if (proof === 'rejected')
      return { action: 'create', subject, kind: 'failed', alarm: { reason: 'newTokenRejected', subject } };
  } catch (error) {
    return failed('create', subject, { error, alarm: { reason: 'tokenUnproven', subject } });
  }
  // This process may have stood still in between. Others take a PAT that is an hour old and in no version for a leftover.
  if (deps.clock.now() - about.begunAt > storeWithinMs)
    return { action: 'create', subject, kind: 'failed', detail: 'too old to be stored' };
  try {
    const { tags } = about;
    await storeUnthrottled(deps, about.begunAt, () =>
      deps.vault.store(deps.policy.vaultSecret, created.token, { expiresAt: created.validTo, tags }),
    );
  } catch (error) {
    // A deleted secret can be recovered, and until it is or is purged its name is taken.
    const reason = hasErrorKind(error, 'conflict') ? 'secretDeleted' : 'storeFailed';
    if (hasErrorKind(error, 'forbidden', 'unauthorized', 'conflict', 'invalid')) await discard(deps, created);
    return failed('create', subject, { error, alarm: { reason, subject } });
  }
  return { action: 'create', subject, kind: 'done' };
}

function clamped(action: CreateAction, created: CreatedPersonalToken): Pick<TokenOutcome, 'alarm'> {
  if (action.validTo - created.validTo <= clampedByMs) return {};
  const detail = `given until ${new Date(created.validTo).toISOString()}`;
  return { alarm: { reason: 'lifespanClamped', subject: created.displayName, detail } };
}

export async function createToken(
  deps: TokenDeps,
  action: CreateAction,
  personalTokens: PersonalTokens,
): Promise<TokenOutcome> {
  const { policy, clock, nonces } = deps;
  const rotation = rotationId(nonces.next());
  const displayName = tokenDisplayName(policy.installation, policy.name, rotation);
  const begunAt = clock.now();
  try {
    const { scope } = policy;
    const created = await ask(deps, ['azureDevOps', 'creating a personal access token'], () =>
      personalTokens.create({ displayName, scope, validTo: action.validTo }),
    );
    const tags = tagsFor(created, rotation, action.askedId);
    const outcome = await proveAndStore(deps, created, { tags, begunAt });
    return outcome.kind === 'done' ? { ...outcome, detail: action.cause, ...clamped(action, created) } : outcome;
  } catch (error) {
    return failed('create', displayName, { error, alarm: { reason: creationReason(error), subject: displayName } });
  }
}
