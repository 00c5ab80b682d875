/** The in-process door to personal access tokens and to their proof, with the journal and faults of Azure DevOps. */
import { hasErrorKind } from '../../../shared/domain/errors.ts';
import type { EpochMs } from '../../../shared/domain/instant.ts';
import { secondsMs } from '../../../shared/domain/instant.ts';
import { personalTokenRefusal } from '../../../shared/domain/personalTokenErrors.ts';
import { Secret } from '../../../shared/domain/secret.ts';
import type { PersonalToken, PersonalTokens, TokenProof } from '../../../shared/ports/tokens.ts';
import type { InProcessOptions } from './inProcessCall.ts';
import { InProcessCalls, RefusedCall } from './inProcessCall.ts';
import type { PersonalTokenRecord, PersonalTokenWorld } from './personalTokenWorld.ts';
import { coversPath, type TokenRegistry, type UserIdentity } from './wire/tokens.ts';

export interface InProcessTokenOptions extends InProcessOptions {
  /** Who has signed in; undefined = nobody has, and every call is refused. */
  readonly user: () => UserIdentity | undefined;
}

/** Verbs in journal and faults are those of the HTTP door. */
export function inProcessPersonalTokens(world: PersonalTokenWorld, options: InProcessTokenOptions): PersonalTokens {
  const calls = new InProcessCalls(options);
  const owner = (): UserIdentity => {
    const user = options.user();
    if (user === undefined) throw new RefusedCall({ status: 401, detail: 'the answer is not JSON' });
    return user;
  };
  return {
    list: () => {
      const call = { verb: 'listPersonalTokens', operation: 'listing personal access tokens', target: 'tokens/pats' };
      return calls.call(call, (keep) => ({
        value: keep(world.list(owner())).map(shown),
        at: wholeSecond(world.now()),
      }));
    },
    create: (token) => {
      const operation = 'creating a personal access token';
      return calls.call({ verb: 'createPersonalToken', operation, target: 'tokens/pats' }, () => {
        const outcome = world.create(owner(), { ...token, allOrgs: false });
        if (outcome.kind === 'created') return { ...shown(outcome.record), token: new Secret(outcome.record.token) };
        const { kind, text } = personalTokenRefusal(outcome.error);
        throw new RefusedCall({ status: 200, kind, detail: `${outcome.error}: ${text}` });
      });
    },
    revoke: (authorizationId) => {
      const call = {
        verb: 'revokePersonalToken',
        operation: 'revoking a personal access token',
        target: 'tokens/pats',
      };
      return calls.call(call, () => (world.revoke(owner(), authorizationId) ? 'revoked' : 'absent'));
    },
  };
}

export function inProcessTokenProof(tokens: TokenRegistry, options: InProcessOptions): TokenProof {
  const calls = new InProcessCalls(options);
  const call = { verb: 'GET distributedtask/pools', operation: 'proving a token', target: 'distributedtask/pools' };
  return {
    prove: async (token) => {
      const header = `Basic ${Buffer.from(`:${token.reveal()}`).toString('base64')}`;
      try {
        return await calls.call(call, () => {
          const entry = tokens.entryOf(header, options.clock.now());
          return entry !== undefined && coversPath(entry, '/_apis/distributedtask/pools') ? 'accepted' : 'rejected';
        });
      } catch (error) {
        if (hasErrorKind(error, 'unauthorized')) return 'rejected';
        throw error;
      }
    },
  };
}

const shown = ({ authorizationId, displayName, validFrom, validTo, scope }: PersonalTokenRecord): PersonalToken => ({
  authorizationId,
  displayName,
  validFrom,
  validTo,
  scope,
});

/** As a Date header tells it. */
const wholeSecond = (at: EpochMs): EpochMs => secondsMs(Math.trunc(at / 1000));
