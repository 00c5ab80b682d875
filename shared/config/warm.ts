/** When idle agents are kept ahead of demand: days, hours and the zone whose wall clocks they are read from. */
import { z } from 'zod';
import type { Weekday } from '../domain/template.ts';
import { count, label } from './fields.ts';

export const weekdayNames = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const;
export const weekdayNumbers: Readonly<Record<(typeof weekdayNames)[number], Weekday>> = {
  sun: 0,
  mon: 1,
  tue: 2,
  wed: 3,
  thu: 4,
  fri: 5,
  sat: 6,
};

const weekdays = z
  .array(z.enum(weekdayNames))
  .min(1)
  .refine((names) => new Set(names).size === names.length, 'must name each day once')
  .transform((names) => names.map((name) => weekdayNumbers[name]))
  .prefault([...weekdayNames])
  .describe('The days on which the hours begin.');

const minutesOf = (time: string): number => Number(time.slice(0, 2)) * 60 + Number(time.slice(3, 5));

const hours = z
  .string()
  .regex(
    /^([01]\d|2[0-3]):[0-5]\d-(([01]\d|2[0-3]):[0-5]\d|24:00)$/,
    'must be hours such as 08:00-18:00, between 00:00 and 24:00',
  )
  .transform((text) => ({ from: minutesOf(text.slice(0, 5)), to: minutesOf(text.slice(6)) }))
  .prefault('00:00-24:00')
  .describe('08:00-18:00. An end at or before the beginning is on the next day.');

/** Offsets such as +02:00, which Intl knows as well, would be wrong for half of the year. */
function isZone(name: string): boolean {
  if (!/^[A-Za-z]/.test(name)) return false;
  try {
    return new Intl.DateTimeFormat('en', { timeZone: name }).resolvedOptions().timeZone !== '';
  } catch {
    return false;
  }
}

export const zone = z
  .string()
  .refine(isZone, 'must be the IANA name of a time zone, such as Europe/Berlin')
  .default('UTC');

export const warmSchema = z.strictObject({
  template: label.describe("One of the pool's templates."),
  count: count(1, 100).describe('Where entries of one template overlap, the highest count holds.'),
  weekdays,
  hours,
  zone: zone.describe('Whose wall clocks the hours are, as an IANA name.'),
});
