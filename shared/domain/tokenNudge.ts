/**
 * "Look at this token, because ...": what the queue carries for the upkeep of tokens, of the hook secret and of the
 * sign-in. Like an intent it is a nudge: names and ids only, and losing one costs time until the next timer. Everything
 * about one of them is one session, so that passes over it come one after the other.
 */
import type { EpochMs } from './instant.ts';
import type { IntentMessage } from './intent.ts';
import { isJsonObject } from './json.ts';

export const tokenNudgeCauses = ['timer', 'nextLook', 'nearExpiry', 'newVersion', 'asked'] as const;
export type TokenNudgeCause = (typeof tokenNudgeCauses)[number];

/** Names that no token may have: they stand for what is kept alive beside tokens. */
export const hookSecretTarget = 'hooks';
export const signInTarget = 'sign-in';
export const reservedTokenNames: readonly string[] = [hookSecretTarget, signInTarget];

export interface TokenNudge {
  /** The name of a token, or one of the reserved ones. */
  readonly token: string;
  readonly cause: TokenNudgeCause;
  /** Of an event: the version of the secret that it is about. */
  readonly version?: string;
  /** Of a request on demand: the same in each of its deliveries. */
  readonly askedId?: string;
  readonly correlationId: string;
}

/** Of the message body: raised when its fields change their meaning. */
const schema = 1;
const slotMs = 60_000;

/** What tells messages of one token apart; those that are alike are folded by the queue's duplicate detection. */
function markOf({ cause, version, askedId }: TokenNudge, now: EpochMs, dueAt: EpochMs | undefined): string {
  const at = dueAt ?? now;
  if (cause === 'asked') return dueAt === undefined ? (askedId ?? '') : `${askedId ?? ''}|${Math.ceil(at / slotMs)}`;
  if (version !== undefined) return version;
  return String(Math.ceil(at / slotMs));
}

/** `dueAt`: not delivered before; absent = now. */
export function nudgeMessage(nudge: TokenNudge, now: EpochMs, dueAt?: EpochMs): IntentMessage {
  const sessionId = `token|${nudge.token}`;
  const base = {
    sessionId,
    messageId: `${sessionId}|${nudge.cause}|${markOf(nudge, now, dueAt)}`,
    body: { schema, ...nudge },
  };
  return dueAt === undefined ? base : { ...base, dueAt };
}

const textIn = (body: object, key: string): string | undefined => {
  const value: unknown = Reflect.get(body, key);
  return typeof value === 'string' && value !== '' && value.length <= 200 ? value : undefined;
};

/** undefined = the message is about something else. */
export function readNudge(body: unknown): TokenNudge | undefined {
  if (!isJsonObject(body) || body['schema'] !== schema) return undefined;
  const [token, correlationId] = [textIn(body, 'token'), textIn(body, 'correlationId')];
  const cause = tokenNudgeCauses.find((each) => each === body['cause']);
  if (token === undefined || correlationId === undefined || cause === undefined) return undefined;
  const [version, askedId] = [textIn(body, 'version'), textIn(body, 'askedId')];
  return {
    token,
    cause,
    correlationId,
    ...(version !== undefined && { version }),
    ...(askedId !== undefined && { askedId }),
  };
}
