/** The upkeep of images as the functions call it: the timer's nudge, the looks, wishes on demand, and how things stand. */

import { type ImageNudge, imageNudgeMessage } from './domain/imageNudge.ts';
import type { EpochMs } from './domain/instant.ts';
import { secondsMs } from './domain/instant.ts';
import type { IntentMessage } from './domain/intent.ts';
import type { Asked, ImageStatus, Images } from './images.ts';
import { errorFields } from './intents.ts';
import type { Clock, Log } from './ports.ts';
import { within } from './reconcile/within.ts';

export interface ImageUpkeepParts {
  /** Rejects when the configuration is broken. */
  readonly images: () => Promise<Images>;
  readonly send: (messages: readonly IntentMessage[]) => Promise<void>;
  readonly clock: Clock;
}

export type ImageNudgeOutcome = 'looked' | 'failed';

export interface ImageUpkeep {
  /** Nudges, where any image is configured. Rejects when the nudge could not be sent. */
  tick(correlationId: string): Promise<void>;
  /** One look at all images; sends the next nudge while something is under way. Never rejects. */
  work(nudge: ImageNudge, log: Log): Promise<ImageNudgeOutcome>;
  /** Writes the wish down and nudges. Rejects when it could not be written. */
  ask(image: string, kind: 'build' | 'rollback', correlationId: string): Promise<Asked>;
  states(): Promise<readonly ImageStatus[]>;
}

/** Whoever asks how images stand waits no longer for clusters out of reach. */
const statesMs = secondsMs(8);

export function imageUpkeep({ images, send, clock }: ImageUpkeepParts): ImageUpkeep {
  const nudge = (cause: ImageNudge['cause'], correlationId: string, dueAt?: EpochMs): Promise<void> =>
    send([imageNudgeMessage({ cause, correlationId }, clock.now(), dueAt)]);
  return {
    async tick(correlationId) {
      if ((await images()).names.length > 0) await nudge('timer', correlationId);
    },
    async work({ correlationId }, log) {
      try {
        const nextLookAt = await (await images()).look(log);
        if (nextLookAt !== undefined) await nudge('nextLook', correlationId, nextLookAt);
        return 'looked';
      } catch (error) {
        // The hourly timer looks again, whatever was lost here.
        log.write('error', 'images.failed', errorFields(error));
        return 'failed';
      }
    },
    async ask(image, kind, correlationId) {
      const asked = await (await images()).ask(image, kind);
      // The wish stands on the control map: without the nudge it is fulfilled within the hour.
      if (asked === 'asked') await nudge('asked', correlationId).catch(() => undefined);
      return asked;
    },
    states: async () => {
      const upstream = { upstream: 'kubernetes', operation: 'reading how images stand' } as const;
      return within(clock, statesMs, upstream, (await images()).states());
    },
  };
}
