/**
 * One message of the intent queue, from its body to the message that follows the pass. A message is always completed,
 * whatever comes of it: redelivery is for a process that died. What was throttled is asked again by a message of our
 * own at its proper time, and everything else is found by the next sweep.
 */
import { errorKind, UpstreamError } from './domain/errors.ts';
import type { EpochMs } from './domain/instant.ts';
import {
  followUp,
  type Intent,
  type IntentMessage,
  type PassFollowUp,
  type PoolRoute,
  readIntent,
} from './domain/intent.ts';
import { hintOf } from './domain/refusalText.ts';
import type { Log, LogFields } from './ports.ts';

export interface Pass {
  readonly cause: Intent['cause'];
  readonly correlationId: string;
  /** No creation and no retirement begins after this. */
  readonly deadlineAt: EpochMs;
}

/** A pool that a pass can be made for. */
export interface PassTarget {
  readonly route: PoolRoute;
  reconcile(pass: Pass, log: Log): Promise<PassFollowUp>;
}

export interface IntentParts {
  /** undefined = not, or no longer, configured; rejects when the configuration is broken. */
  readonly target: (intent: Intent) => Promise<PassTarget | undefined>;
  readonly send: (messages: readonly IntentMessage[]) => Promise<void>;
  readonly now: () => EpochMs;
  /** From 0 to 1, for jitter. */
  readonly random: () => number;
}

export type IntentOutcome = 'badMessage' | 'configurationBroken' | 'unknownPool' | 'passed' | 'failed';

/** How long a pass may begin new work. */
export const passMs = 60_000;

/** How long we stay away from an upstream that throttles without naming a time. */
const defaultRetryAfterMs = 30_000;

/** The fields under which an error is logged: its kind, its own words and, for a refusal, what to do about it. */
export function errorFields(error: unknown): LogFields {
  const hint = hintOf(error);
  return {
    kind: errorKind(error),
    error: error instanceof Error ? error.message : String(error),
    ...(hint !== undefined && { hint }),
  };
}

async function attempt(target: PassTarget, pass: Pass, log: Log): Promise<PassFollowUp | undefined> {
  try {
    return await target.reconcile(pass, log);
  } catch (error) {
    log.write('error', 'pass.failed', errorFields(error));
    const throttled = error instanceof UpstreamError && error.kind === 'throttled';
    return throttled ? { retryAfterMs: error.retryAfterMs ?? defaultRetryAfterMs } : undefined;
  }
}

async function findTarget(parts: IntentParts, intent: Intent, log: Log): Promise<PassTarget | IntentOutcome> {
  try {
    const target = await parts.target(intent);
    if (target !== undefined) return target;
    log.write('warn', 'intent.unknownPool', { organisation: intent.organisation });
    return 'unknownPool';
  } catch (error) {
    log.write('error', 'intent.configurationBroken', errorFields(error));
    return 'configurationBroken';
  }
}

async function sendFollowUp(parts: IntentParts, message: IntentMessage | undefined, log: Log): Promise<void> {
  if (message === undefined) return;
  try {
    await parts.send([message]);
    log.write('debug', 'intent.followUp', { messageId: message.messageId, dueAt: message.dueAt });
  } catch (error) {
    log.write('warn', 'intent.followUpNotSent', errorFields(error));
  }
}

/** Works on one message. `releasedAt` is when the queue let it go, if it says so. Never rejects. */
export async function workOnIntent(
  parts: IntentParts,
  body: unknown,
  releasedAt: EpochMs | undefined,
  log: Log,
): Promise<IntentOutcome> {
  const intent = readIntent(body);
  if (intent === undefined) {
    log.write('warn', 'intent.badMessage');
    return 'badMessage';
  }
  const { cause, correlationId, poolId } = intent;
  const bound: Log = {
    write: (level, event, fields) => log.write(level, event, { correlationId, poolId, ...fields }),
  };
  const target = await findTarget(parts, intent, bound);
  if (typeof target === 'string') return target;
  const result = await attempt(target, { cause, correlationId, deadlineAt: parts.now() + passMs }, bound);
  if (result !== undefined) {
    // Our clock may lag behind the queue's: by it, the slot of the message in hand might still lie ahead, and a new
    // message for that slot would be folded into the one that is just being completed. The chain would break.
    const now = Math.max(parts.now(), releasedAt ?? 0);
    const message = followUp(result, { pool: target.route, now, correlationId }, parts.random());
    await sendFollowUp(parts, message, bound);
  }
  return result === undefined ? 'failed' : 'passed';
}
