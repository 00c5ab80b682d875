/** The sign-in of the delegated user as something that is kept alive: used before it ends idle, and told of when it does. */
import type { DelegatedUserTokens } from './adapters/azure/delegatedUserTokens.ts';
import { azureDevOpsScope } from './adapters/azureDevOps/scope.ts';
import { type SignIn, type SignInReason, signInOf, signInWarning } from './domain/delegatedUser.ts';
import { errorKind, UpstreamError } from './domain/errors.ts';
import type { TokenReason } from './domain/token.ts';
import { signInTarget } from './domain/tokenNudge.ts';
import { errorFields } from './intents.ts';
import { vaultReason } from './plan/tokens/tokenAlarms.ts';
import type { TokenVault } from './ports/tokens.ts';
import type { Clock, Log } from './ports.ts';
import type { TokenFinding, TokenTarget } from './tokens.ts';

export interface SignInParts {
  /** Of the refresh token in the vault. */
  readonly vaultSecret: string;
  readonly user: () => Promise<DelegatedUserTokens>;
  readonly vault: () => Promise<Pick<TokenVault, 'readLatest'>>;
  readonly clock: Clock;
}

/** A vault or an Entra that cannot be asked says nothing of the sign-in: nobody has to sign in anew for that. */
function reasonOf(error: unknown): SignInReason | TokenReason {
  const kind = errorKind(error);
  const { upstream, detail } = error instanceof UpstreamError ? error : { upstream: undefined, detail: undefined };
  if (upstream === 'keyVault') return detail === 'SecretDisabled' ? 'secretDisabled' : vaultReason(kind);
  return kind === 'unauthorized' ? 'signInBroken' : 'signInUnknown';
}

export function signInTargetOf({ vaultSecret, user, vault, clock }: SignInParts): TokenTarget {
  const find = async (read: () => Promise<SignIn | undefined>, log: Log): Promise<TokenFinding> => {
    const alarm = (reason: SignInReason | TokenReason, detail?: string) => ({
      alarms: [{ reason, subject: vaultSecret, ...(detail !== undefined && { detail }) }],
    });
    try {
      const signIn = await read();
      if (signIn === undefined) return alarm('signInMissing');
      const days = signInWarning(signIn, clock.now());
      const { endsAt: expiresAt } = signIn;
      return days === undefined ? { alarms: [], expiresAt } : { ...alarm('signInEnds', `in ${days} days`), expiresAt };
    } catch (error) {
      log.write('warn', 'token.signIn.failed', errorFields(error));
      return alarm(reasonOf(error), error instanceof Error ? error.message : 'no error');
    }
  };
  return {
    name: signInTarget,
    vaultSecret,
    pass: (_nudge, _deadlineAt, log) => find(async () => (await user()).keepAlive(azureDevOpsScope), log),
    look: (log) =>
      find(async () => {
        const latest = await (await vault()).readLatest(vaultSecret);
        return latest && signInOf(latest);
      }, log),
  };
}
