/**
 * The three doors to the upkeep of tokens: the timer, events of the vault and people on demand. Each only puts nudges
 * into the queue; what comes out of it is worked on here, and what has to be looked at again sends the next.
 */
import type { EpochMs } from './domain/instant.ts';
import { hoursMs } from './domain/instant.ts';
import type { IntentMessage } from './domain/intent.ts';
import { isJsonObject } from './domain/json.ts';
import { nudgeMessage, reservedTokenNames, type TokenNudge, type TokenNudgeCause } from './domain/tokenNudge.ts';
import { errorFields } from './intents.ts';
import type { Log } from './ports.ts';
import type { TokenState, Tokens } from './tokens.ts';

export type NudgeOutcome = 'passed' | 'unknownToken' | 'configurationBroken';

export interface TokenUpkeep {
  /** One nudge for each. Rejects when they could not be enqueued. */
  tick(correlationId: string, log: Log): Promise<void>;
  /** `askedId` is the same in every delivery of one request. Rejects when it could not be enqueued. */
  ask(token: string, askedId: string, log: Log): Promise<'enqueued' | 'unknownToken'>;
  /** What the vault says through Event Grid; what is about nothing of ours is ignored. Rejects like `tick`. */
  vaultEvent(event: unknown, correlationId: string, log: Log): Promise<void>;
  /** Never rejects: the message is completed whatever comes of it. */
  work(nudge: TokenNudge, log: Log): Promise<NudgeOutcome>;
  /** Rejects when the configuration is broken. */
  states(): Promise<readonly TokenState[]>;
}

export interface TokenUpkeepParts {
  /** Rejects when the configuration is broken. */
  readonly tokens: () => Promise<Tokens>;
  readonly send: (messages: readonly IntentMessage[]) => Promise<void>;
  readonly now: () => EpochMs;
}

/** The timer comes each hour: what is due later is left to it. */
const soonMs = hoursMs(1);

/** Of the events of Key Vault those that say something of a secret's life (Event Grid documentation, 2025). */
const causes: Readonly<Record<string, TokenNudgeCause>> = {
  'Microsoft.KeyVault.SecretNewVersionCreated': 'newVersion',
  'Microsoft.KeyVault.SecretNearExpiry': 'nearExpiry',
  'Microsoft.KeyVault.SecretExpired': 'nearExpiry',
};

interface VaultNews {
  readonly cause: TokenNudgeCause;
  readonly secret: string;
  readonly version: string | undefined;
}

/** Names only: an event is a doorbell, and what it says of the secret is looked up again. */
function newsOf(event: unknown): VaultNews | undefined {
  if (!isJsonObject(event)) return undefined;
  const { eventType, data } = event;
  const cause = typeof eventType === 'string' ? causes[eventType] : undefined;
  if (cause === undefined || !isJsonObject(data)) return undefined;
  const { ObjectName: secret, Version: version } = data;
  if (typeof secret !== 'string') return undefined;
  return { cause, secret, version: typeof version === 'string' ? version : undefined };
}

/**
 * A rotation that was asked for and cut short is still asked for: a version that answers the request makes it void. The
 * hook secret has no such record, and would be renewed again.
 */
function causeOfNext({ token, cause, askedId }: TokenNudge): Pick<TokenNudge, 'cause' | 'askedId'> {
  const isKept = cause === 'asked' && askedId !== undefined && !reservedTokenNames.includes(token);
  return isKept ? { cause, askedId } : { cause: 'nextLook' };
}

export function tokenUpkeep({ tokens, send, now }: TokenUpkeepParts): TokenUpkeep {
  const enqueue = async (nudges: readonly TokenNudge[], log: Log): Promise<void> => {
    if (nudges.length === 0) return;
    await send(nudges.map((nudge) => nudgeMessage(nudge, now())));
    log.write('info', 'token.enqueued', { tokens: nudges.length, cause: nudges[0]?.cause });
  };

  const followUp = async (nudge: TokenNudge, waitMs: number | undefined, log: Log): Promise<void> => {
    if (waitMs === undefined || waitMs > soonMs) return;
    const { token, correlationId } = nudge;
    const at = now();
    try {
      await send([nudgeMessage({ token, correlationId, ...causeOfNext(nudge) }, at, at + waitMs)]);
    } catch (error) {
      log.write('warn', 'token.followUpNotSent', { token, ...errorFields(error) });
    }
  };

  return {
    tick: async (correlationId, log) => {
      const { names } = await tokens();
      const nudges = names.map((token): TokenNudge => ({ token, cause: 'timer', correlationId }));
      await enqueue(nudges, log);
    },
    ask: async (token, askedId, log) => {
      if (!(await tokens()).names.includes(token)) return 'unknownToken';
      await enqueue([{ token, cause: 'asked', askedId, correlationId: askedId }], log);
      return 'enqueued';
    },
    vaultEvent: async (event, correlationId, log) => {
      const news = newsOf(event);
      if (news === undefined) return log.write('info', 'token.eventIgnored');
      const { cause, secret, version } = news;
      const about = version === undefined ? {} : { version };
      const names = (await tokens()).namesOf(secret);
      const nudges = names.map((token): TokenNudge => ({ token, cause, correlationId, ...about }));
      await enqueue(nudges, log);
    },
    work: async (nudge, log) => {
      try {
        const finding = await (await tokens()).work(nudge, log);
        if (finding === undefined) {
          log.write('warn', 'token.unknown', { token: nudge.token });
          return 'unknownToken';
        }
        await followUp(nudge, finding.lookAgainInMs, log);
        return 'passed';
      } catch (error) {
        log.write('error', 'token.configurationBroken', { token: nudge.token, ...errorFields(error) });
        return 'configurationBroken';
      }
    },
    states: async () => (await tokens()).states(),
  };
}
