import { describe, expect, it } from 'vitest';
import type { WarmSchedule, Weekday } from '../../../shared/domain/template.ts';
import { isWithin, warmTargets } from '../../../shared/plan/warmSchedule.ts';

const [sunday, monday, tuesday, wednesday, thursday, friday, saturday] = [0, 1, 2, 3, 4, 5, 6] as const;
const workdays: readonly Weekday[] = [monday, tuesday, wednesday, thursday, friday];
const everyDay: readonly Weekday[] = [...workdays, saturday, sunday];
const clock = (text: string): number => Number(text.slice(0, 2)) * 60 + Number(text.slice(3));

/** "08:00-18:00" of these days. */
function aSchedule(times: string, overrides: Partial<WarmSchedule> = {}): WarmSchedule {
  const [from = '', to = ''] = times.split('-');
  const count = { template: 'linux', count: 2, weekdays: everyDay, zone: 'UTC' } as const;
  return { ...count, from: clock(from), to: clock(to), ...overrides };
}

const at = (iso: string): number => Date.parse(iso);

describe('isWithin', () => {
  // 2026-03-02 is a Monday.
  const rows: readonly [string, WarmSchedule, string, boolean][] = [
    ['begins with its first minute', aSchedule('08:00-18:00'), '2026-03-02T08:00:00Z', true],
    ['has not begun a moment before', aSchedule('08:00-18:00'), '2026-03-02T07:59:59.999Z', false],
    ['lasts to the end of its last minute', aSchedule('08:00-18:00'), '2026-03-02T17:59:59.999Z', true],
    ['is over with the minute of its end', aSchedule('08:00-18:00'), '2026-03-02T18:00:00Z', false],
    ['lasts on a day that is named', aSchedule('08:00-18:00', { weekdays: [monday] }), '2026-03-02T12:00:00Z', true],
    ['rests on others', aSchedule('08:00-18:00', { weekdays: [tuesday] }), '2026-03-02T12:00:00Z', false],
    ['rests where no day is named', aSchedule('08:00-18:00', { weekdays: [] }), '2026-03-02T12:00:00Z', false],
    ['counts Sunday as 0', aSchedule('08:00-18:00', { weekdays: [sunday] }), '2026-03-01T12:00:00Z', true],
    ['counts Saturday as 6', aSchedule('08:00-18:00', { weekdays: [saturday] }), '2026-02-28T12:00:00Z', true],
    ['lasts to midnight where that is its end', aSchedule('18:00-24:00'), '2026-03-02T23:59:00Z', true],
    ['ends at midnight', aSchedule('18:00-24:00', { weekdays: [monday] }), '2026-03-03T00:00:00Z', false],
    ['ends at midnight written as its beginning, too', aSchedule('18:00-00:00'), '2026-03-02T00:00:00Z', false],
    ['lasts all day', aSchedule('00:00-24:00', { weekdays: [monday] }), '2026-03-02T00:00:00Z', true],
    [
      'lasts all day to the last minute',
      aSchedule('00:00-24:00', { weekdays: [monday] }),
      '2026-03-02T23:59:00Z',
      true,
    ],
    ['lasts all day of no other', aSchedule('00:00-24:00', { weekdays: [monday] }), '2026-03-03T00:00:00Z', false],
    ['has begun in the evening', aSchedule('22:00-06:00', { weekdays: [monday] }), '2026-03-02T22:00:00Z', true],
    ['goes on after midnight', aSchedule('22:00-06:00', { weekdays: [monday] }), '2026-03-03T05:59:00Z', true],
    ['is over in the morning', aSchedule('22:00-06:00', { weekdays: [monday] }), '2026-03-03T06:00:00Z', false],
    [
      'belongs to the day on which it began, not to the one on which it ends',
      aSchedule('22:00-06:00', { weekdays: [tuesday] }),
      '2026-03-03T05:00:00Z',
      false,
    ],
    [
      'goes on from Saturday to Sunday',
      aSchedule('22:00-06:00', { weekdays: [saturday] }),
      '2026-03-01T03:00:00Z',
      true,
    ],
    ['goes on from Sunday to Monday', aSchedule('22:00-06:00', { weekdays: [sunday] }), '2026-03-02T03:00:00Z', true],
    [
      'lasts for a whole day from its hour',
      aSchedule('06:00-06:00', { weekdays: [monday] }),
      '2026-03-03T05:59:00Z',
      true,
    ],
    ['and no longer', aSchedule('06:00-06:00', { weekdays: [monday] }), '2026-03-03T06:00:00Z', false],
    ['goes by its zone', aSchedule('08:00-18:00', { zone: 'Asia/Tokyo' }), '2026-03-01T23:00:00Z', true],
    ['rests by its zone', aSchedule('08:00-18:00', { zone: 'Asia/Tokyo' }), '2026-03-02T09:00:00Z', false],
    [
      'takes the day of its zone',
      aSchedule('08:00-18:00', { zone: 'Asia/Tokyo', weekdays: [monday] }),
      '2026-03-01T23:30:00Z',
      true,
    ],
    ['knows zones of half an hour', aSchedule('08:00-18:00', { zone: 'Asia/Kolkata' }), '2026-03-02T02:30:00Z', true],
  ];
  it.each(rows)('%s', (_, schedule, instant, want) => {
    expect(isWithin(schedule, at(instant))).toBe(want);
  });
});

describe('isWithin: when clocks are changed', () => {
  const berlin = (times: string): WarmSchedule => aSchedule(times, { zone: 'Europe/Berlin' });
  const newYork = (times: string): WarmSchedule => aSchedule(times, { zone: 'America/New_York' });
  const rows: readonly [string, WarmSchedule, readonly [string, boolean][]][] = [
    [
      'in Berlin the same wall clock is another instant in summer',
      berlin('08:00-18:00'),
      [
        ['2026-03-27T06:59:00Z', false],
        ['2026-03-27T07:00:00Z', true],
        ['2026-03-30T05:59:00Z', false],
        ['2026-03-30T06:00:00Z', true],
        ['2026-03-30T16:00:00Z', false],
        ['2026-10-26T06:59:00Z', false],
        ['2026-10-26T07:00:00Z', true],
      ],
    ],
    [
      'in New York the same wall clock is another instant in summer',
      newYork('08:00-18:00'),
      [
        ['2026-03-06T12:59:00Z', false],
        ['2026-03-06T13:00:00Z', true],
        ['2026-03-09T11:59:00Z', false],
        ['2026-03-09T12:00:00Z', true],
        ['2026-11-02T12:59:00Z', false],
        ['2026-11-02T13:00:00Z', true],
      ],
    ],
    [
      // On 2026-03-29 the clocks of Berlin go from 02:00 to 03:00.
      'in Berlin a period within the hour that is skipped does not come to pass',
      berlin('02:00-03:00'),
      [
        ['2026-03-29T00:59:59Z', false],
        ['2026-03-29T01:00:00Z', false],
        ['2026-03-30T00:30:00Z', true],
      ],
    ],
    [
      'in Berlin a period that begins in the skipped hour begins after it',
      berlin('02:30-05:00'),
      [
        ['2026-03-29T00:59:59Z', false],
        ['2026-03-29T01:00:00Z', true],
        ['2026-03-29T03:00:00Z', false],
      ],
    ],
    [
      // On 2026-10-25 they go from 03:00 back to 02:00.
      'in Berlin a period within the hour that is repeated comes twice',
      berlin('02:00-02:30'),
      [
        ['2026-10-25T00:00:00Z', true],
        ['2026-10-25T00:30:00Z', false],
        ['2026-10-25T01:00:00Z', true],
        ['2026-10-25T01:30:00Z', false],
      ],
    ],
    [
      // On 2026-03-08 those of New York go from 02:00 to 03:00, on 2026-11-01 from 02:00 back to 01:00.
      'in New York a night shift lasts from wall clock to wall clock',
      newYork('22:00-06:00'),
      [
        ['2026-03-08T03:00:00Z', true],
        ['2026-03-08T09:59:00Z', true],
        ['2026-03-08T10:00:00Z', false],
        ['2026-11-01T02:00:00Z', true],
        ['2026-11-01T10:59:00Z', true],
        ['2026-11-01T11:00:00Z', false],
      ],
    ],
    [
      'in New York a period that ends in the repeated hour ends twice',
      newYork('00:00-01:30'),
      [
        ['2026-11-01T05:29:00Z', true],
        ['2026-11-01T05:30:00Z', false],
        ['2026-11-01T06:00:00Z', true],
        ['2026-11-01T06:30:00Z', false],
      ],
    ],
  ];
  it.each(rows)('%s', (_, schedule, instants) => {
    expect(instants.map(([instant]) => [instant, isWithin(schedule, at(instant))])).toEqual(instants);
  });

  it.each([
    { zone: 'Europe/Berlin', day: '2026-03-29', hours: 23 },
    { zone: 'Europe/Berlin', day: '2026-10-25', hours: 25 },
    { zone: 'America/New_York', day: '2026-03-08', hours: 23 },
    { zone: 'America/New_York', day: '2026-11-01', hours: 25 },
    { zone: 'UTC', day: '2026-03-29', hours: 24 },
  ])('a whole Sunday in $zone on $day lasts $hours hours', ({ zone, day, hours }) => {
    const schedule = aSchedule('00:00-24:00', { zone, weekdays: [sunday] });
    const start = at(`${day}T00:00:00Z`) - 24 * 3_600_000;
    const minutes = Array.from({ length: 72 * 60 }, (_, minute) => start + minute * 60_000);
    expect(minutes.filter((minute) => isWithin(schedule, minute)).length).toBe(hours * 60);
  });
});

describe('warmTargets', () => {
  const noon = at('2026-03-02T12:00:00Z');
  it.each([
    { name: 'none where nothing is scheduled', given: [], want: [] },
    { name: 'none outside of all periods', given: [aSchedule('13:00-14:00')], want: [] },
    { name: 'the number of a period that lasts', given: [aSchedule('08:00-18:00')], want: [['linux', 2]] },
    {
      name: 'the larger number where periods overlap, whichever is named first',
      given: [
        aSchedule('11:00-13:00', { count: 5 }),
        aSchedule('08:00-18:00', { count: 1 }),
        aSchedule('13:00-14:00', { count: 9 }),
      ],
      want: [['linux', 5]],
    },
    {
      name: 'a number of each template',
      given: [aSchedule('08:00-18:00'), aSchedule('08:00-18:00', { template: 'gpu', count: 1 })],
      want: [
        ['linux', 2],
        ['gpu', 1],
      ],
    },
  ])('are $name', ({ given, want }) => {
    expect([...warmTargets(given, noon)]).toEqual(want);
    expect(new Map(warmTargets(given.toReversed(), noon))).toEqual(new Map(warmTargets(given, noon)));
  });
});
