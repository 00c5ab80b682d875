/**
 * "Look at the images": what the queue carries for their rebuild. Like an intent it is a nudge and holds no state; all
 * looks are of one session, so that they come one after the other.
 */
import type { EpochMs } from './instant.ts';
import type { IntentMessage } from './intent.ts';
import { isPlainId } from './intent.ts';
import { isJsonObject } from './json.ts';

export const imageNudgeCauses = ['timer', 'nextLook', 'asked'] as const;
export type ImageNudgeCause = (typeof imageNudgeCauses)[number];

export interface ImageNudge {
  readonly cause: ImageNudgeCause;
  readonly correlationId: string;
}

/** Of the message body: raised when its fields change their meaning. */
const schema = 1;
const about = 'images';
/** Nudges that fall due in one of these are one. */
const slotMs = 20_000;

/** `dueAt`: not delivered before; absent = now. What was asked for is folded with nothing. */
export function imageNudgeMessage(nudge: ImageNudge, now: EpochMs, dueAt?: EpochMs): IntentMessage {
  const slot = Math.ceil((dueAt ?? now) / slotMs);
  const mark = nudge.cause === 'asked' ? nudge.correlationId : `${nudge.cause}|${slot}`;
  const base = { sessionId: about, messageId: `${about}|${mark}`, body: { schema, about, ...nudge } };
  return dueAt === undefined ? base : { ...base, dueAt };
}

/** undefined = the message is about something else. */
export function readImageNudge(body: unknown): ImageNudge | undefined {
  if (!isJsonObject(body) || body['schema'] !== schema || body['about'] !== about) return undefined;
  const cause = imageNudgeCauses.find((each) => each === body['cause']);
  const { correlationId } = body;
  return cause === undefined || !isPlainId(correlationId) ? undefined : { cause, correlationId };
}
