/** Weeks as the calendar on the wall tells them: ISO 8601, in the zone of a schedule. */
import type { BuildSchedule } from '../../domain/imagePolicy.ts';
import type { EpochMs } from '../../domain/instant.ts';
import { remembered } from '../remembered.ts';

const dayMs = 86_400_000;

interface WallTime {
  /** Midnight of the date as if it were one of UTC: dates are counted with it, never hours. */
  readonly date: EpochMs;
  readonly hour: number;
}

const wallOf = remembered(
  (zone: string) => zone,
  (zone) =>
    new Intl.DateTimeFormat('en-GB', {
      timeZone: zone,
      year: 'numeric',
      month: '2-digit',
      day: '2-digit',
      hour: '2-digit',
      hourCycle: 'h23',
    }),
);

function wallTime(now: EpochMs, zone: string): WallTime {
  const parts = new Map(
    wallOf(zone)
      .formatToParts(now)
      .map(({ type, value }) => [type, Number(value)]),
  );
  const part = (type: Intl.DateTimeFormatPartTypes): number => parts.get(type) ?? 0;
  return { date: Date.UTC(part('year'), part('month') - 1, part('day')), hour: part('hour') };
}

/** 1 = Monday to 7 = Sunday. */
const isoDay = (date: EpochMs): number => new Date(date).getUTCDay() || 7;

/** As in 2026-W05. A week belongs to the year in which its Thursday lies. */
function isoWeek(date: EpochMs): string {
  const thursday = date + (4 - isoDay(date)) * dayMs;
  const year = new Date(thursday).getUTCFullYear();
  const week = 1 + Math.floor((thursday - Date.UTC(year, 0, 1)) / (7 * dayMs));
  return `${year}-W${String(week).padStart(2, '0')}`;
}

/** The week that `now` lies in. */
export const weekOf = (now: EpochMs, zone: string): string => isoWeek(wallTime(now, zone).date);

/**
 * The week whose scheduled hour came last. The wall is read, not offsets added: an hour that is skipped has come as soon
 * as the wall shows a later one, and one that is shown twice belongs to one week both times.
 */
export function lastScheduledWeek({ weekday, hour, zone }: BuildSchedule, now: EpochMs): string {
  const wall = wallTime(now, zone);
  const [today, day] = [isoDay(wall.date), weekday || 7];
  const hasCome = today > day || (today === day && wall.hour >= hour);
  return isoWeek(hasCome ? wall.date : wall.date - 7 * dayMs);
}
