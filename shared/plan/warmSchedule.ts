/** How many idle agents of each template are wanted at an instant, by the wall clocks of the schedules' own zones. */
import type { EpochMs } from '../domain/instant.ts';
import type { WarmSchedule } from '../domain/template.ts';

const dayMinutes = 24 * 60;
const weekdays = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat'];

interface WallClock {
  /** 0 = Sunday. */
  readonly weekday: number;
  /** Since midnight, as the clock on the wall shows it. */
  readonly minute: number;
}

/** Reading the wall, not adding offsets: an hour that is skipped or repeated is skipped or repeated there too. */
function wallClock(now: EpochMs, zone: string): WallClock {
  const format = new Intl.DateTimeFormat('en-GB', {
    timeZone: zone,
    weekday: 'short',
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });
  const parts = new Map(format.formatToParts(now).map(({ type, value }) => [type, value]));
  const minute = Number(parts.get('hour')) * 60 + Number(parts.get('minute'));
  return { weekday: weekdays.indexOf(parts.get('weekday') ?? ''), minute };
}

/** True while a period of the schedule lasts; one that passes midnight belongs to the day on which it began. */
export function isWithin(schedule: WarmSchedule, now: EpochMs): boolean {
  const { weekday, minute } = wallClock(now, schedule.zone);
  const { from, to } = schedule;
  const begins = (day: number): boolean => schedule.weekdays.some((each) => each === (day + 7) % 7);
  if (from < to) return begins(weekday) && minute >= from && minute < to;
  if (minute >= from) return begins(weekday);
  return minute < to % dayMinutes && begins(weekday - 1);
}

/** By template; where periods overlap the larger number counts. */
export function warmTargets(schedules: readonly WarmSchedule[], now: EpochMs): ReadonlyMap<string, number> {
  const targets = new Map<string, number>();
  for (const schedule of schedules) {
    if (!isWithin(schedule, now)) continue;
    targets.set(schedule.template, Math.max(schedule.count, targets.get(schedule.template) ?? 0));
  }
  return targets;
}
