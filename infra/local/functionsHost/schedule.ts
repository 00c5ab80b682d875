/** When a timer trigger is due: six-field NCRONTAB, or a TimeSpan between runs. UTC only, as on Linux plans. */
import { Cron } from 'croner';
import type { EpochMs } from '../../../shared/domain/instant.ts';
import { timeSpanMs } from './settings.ts';

export interface Schedule {
  /** Strictly after `at`. */
  next(at: EpochMs): EpochMs;
  readonly text: string;
}

/** NCRONTAB knows no L, W, #, ? or +, which croner would take. Source: github.com/atifaziz/NCrontab. */
const field = /^(?:\*|[0-9]+|[A-Za-z]{3,9})(?:-(?:[0-9]+|[A-Za-z]{3,9}))?(?:\/[0-9]+)?$/;

export function scheduleOf(text: string): Schedule {
  const span = timeSpanMs(text);
  if (span !== undefined && span > 0) return { text, next: (at) => at + span };
  const fields = text.trim().split(/\s+/);
  const sound = fields.every((list) => list.split(',').every((item) => field.test(item)));
  // The extension also takes five fields and then means minutes first.
  if ((fields.length !== 6 && fields.length !== 5) || !sound)
    throw new Error(`The schedule expression '${text}' was not recognized.`);
  // Day of month AND day of week must both fit; croner's own default is OR.
  const cron = new Cron(fields.join(' '), { paused: true, timezone: 'UTC', domAndDow: true });
  return {
    text,
    next: (at) => cron.nextRun(new Date(at))?.getTime() ?? Number.POSITIVE_INFINITY,
  };
}

/** True when two runs can be less than a minute apart: then the host keeps no status. */
export function isFrequent(schedule: Schedule, now: EpochMs): boolean {
  const first = schedule.next(now);
  return schedule.next(first) - first < 60_000;
}
