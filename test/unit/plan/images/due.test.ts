import { describe, expect, it } from 'vitest';
import type { BuildSchedule } from '../../../../shared/domain/imagePolicy.ts';
import type { BuildRecord, ImageState, Ingredients } from '../../../../shared/domain/imageState.ts';
import { hoursMs, minutesMs } from '../../../../shared/domain/instant.ts';
import { type Due, due, weekServed } from '../../../../shared/plan/images/due.ts';
import { lastScheduledWeek, weekOf } from '../../../../shared/plan/images/week.ts';
import { anImagePolicy, anImageState } from '../../../support/images.ts';

const sundayAt3: BuildSchedule = { weekday: 0, hour: 3, zone: 'Europe/Berlin' };
const at = (text: string): number => Date.parse(`${text}Z`);
const aBuild = (overrides: Partial<BuildRecord> = {}): BuildRecord => ({
  key: 'linux-2026-W10',
  state: 'done',
  try: 1,
  since: at('2026-03-08T02:00'),
  ...overrides,
});

describe('weeks', () => {
  it.each([
    { name: 'a Monday', given: ['2026-03-02T12:00', 'UTC'], want: '2026-W10' },
    { name: 'a Sunday', given: ['2026-03-08T12:00', 'UTC'], want: '2026-W10' },
    { name: 'a Sunday evening that is Monday elsewhere', given: ['2026-03-08T23:30', 'Asia/Tokyo'], want: '2026-W11' },
    {
      name: 'the first days of a year that belong to the last week',
      given: ['2027-01-02T12:00', 'UTC'],
      want: '2026-W53',
    },
    {
      name: 'the last days of a year that belong to the first week',
      given: ['2024-12-30T12:00', 'UTC'],
      want: '2025-W01',
    },
    { name: 'one of 52 that begins with a year', given: ['2018-01-01T00:00', 'UTC'], want: '2018-W01' },
  ] as const)('know $name', ({ given: [text, zone], want }) => {
    expect(weekOf(at(text), zone)).toBe(want);
  });

  it.each([
    { name: 'before the hour of this week', given: '2026-03-08T01:59', want: '2026-W09' },
    { name: 'at the hour', given: '2026-03-08T02:00', want: '2026-W10' },
    { name: 'on the days after it', given: '2026-03-11T12:00', want: '2026-W10' },
    { name: 'in the half hour before the week of Berlin ends', given: '2026-03-15T22:30', want: '2026-W11' },
    {
      name: 'right after midnight of the Monday after the clocks went forward',
      given: '2026-03-29T22:15',
      want: '2026-W13',
    },
  ] as const)('tell whose scheduled hour came last: $name', ({ given, want }) => {
    expect(lastScheduledWeek(sundayAt3, at(given))).toBe(want);
  });
});

interface Row {
  readonly name: string;
  readonly state?: Partial<ImageState>;
  readonly newest?: Ingredients;
  readonly now?: string;
  readonly schedule?: 'none';
  readonly want: Due;
}

const weekly = (week: string): Due => ({ due: true, reason: 'weekly', key: `linux-${week}` });
const not = (why: 'underWay' | 'built' | 'notScheduled'): Due => ({ due: false, why });
const made = { week: '2026-W10', agent: '5.278.0', base: 'sha256:1' };

const rows: readonly Row[] = [
  { name: 'an image that was never built', want: weekly('2026-W10') },
  {
    name: 'this week once its hour has come',
    state: { build: aBuild({ key: 'linux-2026-W09' }), seen: { week: '2026-W09' } },
    want: weekly('2026-W10'),
  },
  {
    name: 'nothing before that hour',
    now: '2026-03-08T01:59',
    state: { seen: { week: '2026-W09' } },
    want: not('built'),
  },
  {
    name: 'one build for several weeks that were missed',
    state: { seen: { week: '2026-W03' } },
    want: weekly('2026-W10'),
  },
  { name: 'nothing in a week that has its build', state: { build: aBuild() }, want: not('built') },
  {
    name: 'nothing more in a week whose build failed twice',
    state: { build: aBuild({ state: 'failed', try: 2 }), seen: made },
    want: not('built'),
  },
  {
    name: 'the week after a build on demand before its hour',
    state: { build: aBuild({ key: 'linux-2026-W10-d03080100' }), seen: { week: '2026-W09' } },
    want: weekly('2026-W10'),
  },
  {
    name: 'nothing after a build on demand that came later than the hour',
    state: { build: aBuild({ key: 'linux-2026-W10-d03080100' }), seen: made },
    want: not('built'),
  },
  {
    name: 'nothing while one is under way',
    state: { build: aBuild({ key: 'linux-2026-W02', state: 'running' }), requested: { kind: 'build' } },
    want: not('underWay'),
  },
  {
    name: 'nothing while its digest is not known',
    state: { build: aBuild({ key: 'linux-2026-W02', state: 'built' }) },
    want: not('underWay'),
  },
  {
    name: 'one that is asked for',
    state: { build: aBuild(), seen: made, requested: { kind: 'build' } },
    want: { due: true, reason: 'requested', key: 'linux-2026-W10-d03081200' },
  },
  {
    name: 'another one that is asked for in the same week',
    state: { build: aBuild({ key: 'linux-2026-W10-d03080100' }), seen: made, requested: { kind: 'build' } },
    want: { due: true, reason: 'requested', key: 'linux-2026-W10-d03081200' },
  },
  {
    name: 'none for another wish',
    state: { build: aBuild(), seen: made, requested: { kind: 'rollback' } },
    want: not('built'),
  },
  {
    name: 'one for a newer agent package',
    state: { build: aBuild(), seen: made },
    newest: { agent: '5.279.0', base: 'sha256:1' },
    want: { due: true, reason: 'agentPackage', key: expect.stringMatching(/^linux-2026-W10-[0-9a-z]{6}$/) },
  },
  {
    name: 'one for another base image',
    state: { build: aBuild(), seen: made },
    newest: { agent: '5.278.0', base: 'sha256:2' },
    want: { due: true, reason: 'baseImage', key: expect.stringMatching(/^linux-2026-W10-[0-9a-z]{6}$/) },
  },
  {
    name: 'the weekly one before one for a change',
    state: { seen: { ...made, week: '2026-W09' } },
    newest: { agent: '6.0.0' },
    want: weekly('2026-W10'),
  },
  { name: 'nothing for what is not known', state: { build: aBuild(), seen: made }, newest: {}, want: not('built') },
  {
    name: 'nothing for what the last build did not know',
    state: { build: aBuild(), seen: { week: '2026-W10' } },
    newest: { agent: '6.0.0' },
    want: not('built'),
  },
  { name: 'nothing without a schedule', schedule: 'none', want: not('notScheduled') },
  {
    name: 'a change without a schedule',
    schedule: 'none',
    state: { seen: made },
    newest: { base: 'sha256:2' },
    want: { due: true, reason: 'baseImage', key: expect.stringMatching(/^linux-2026-W10-/) },
  },
];

describe('due', () => {
  it.each(rows)('has $name', ({ state, newest = {}, now = '2026-03-08T12:00', schedule, want }) => {
    const { schedule: _, ...plain } = anImagePolicy();
    const policy = schedule === 'none' ? plain : anImagePolicy();
    expect(due(policy, anImageState(state), newest, at(now))).toEqual(want);
  });

  /** Somebody asks again and again, and what is due is built at once. */
  function buildsBetween(schedule: BuildSchedule, from: string, to: string, step = minutesMs(15)): readonly string[] {
    const policy = anImagePolicy({ schedule });
    let state = anImageState({ seen: { week: weekServed(policy, at(from)) ?? '' } });
    const built: string[] = [];
    for (let now = at(from); now <= at(to); now += step) {
      const answer = due(policy, state, {}, now);
      if (!answer.due) continue;
      built.push(`${new Date(now).toISOString().slice(0, 16)} ${answer.key}`);
      state = anImageState({
        build: aBuild({ key: answer.key, since: now }),
        seen: { week: weekServed(policy, now) ?? '' },
      });
    }
    return built;
  }

  it.each([
    {
      name: 'skip',
      given: [{ ...sundayAt3, hour: 2 }, '2026-03-22T12:00', '2026-04-06T12:00'],
      want: ['2026-03-29T01:00 linux-2026-W13', '2026-04-05T00:00 linux-2026-W14'],
    },
    {
      name: 'show twice',
      given: [{ ...sundayAt3, hour: 2 }, '2026-10-18T12:00', '2026-11-02T12:00'],
      want: ['2026-10-25T00:00 linux-2026-W43', '2026-11-01T01:00 linux-2026-W44'],
    },
    {
      name: 'show twice at midnight, where the second one is of the day before',
      given: [{ weekday: 0, hour: 0, zone: 'America/Havana' }, '2026-10-26T12:00', '2026-11-09T12:00'],
      want: ['2026-11-01T04:00 linux-2026-W44', '2026-11-08T05:00 linux-2026-W45'],
    },
  ] as const)('has one build a week at an hour that clocks $name', ({ given: [schedule, from, to], want }) => {
    expect(buildsBetween(schedule, from, to)).toEqual(want);
  });

  it('has one build a week, each of its own name, in any zone and through a whole year', () => {
    for (const zone of ['UTC', 'Australia/Lord_Howe', 'America/New_York', 'Pacific/Apia']) {
      const built = buildsBetween({ weekday: 1, hour: 0, zone }, '2026-01-01T00:00', '2026-12-31T00:00', hoursMs(1));
      expect(built).toHaveLength(52);
      expect(new Set(built.map((each) => each.split(' ')[1])).size).toBe(52);
    }
  });

  it('makes up for a missed hour once', () => {
    const policy = anImagePolicy({ schedule: sundayAt3 });
    const back = at('2026-03-09T09:00');
    const late = due(policy, anImageState({ seen: { week: '2026-W09' } }), {}, back);
    expect(late).toEqual(weekly('2026-W10'));
    const state = anImageState({ build: aBuild(), seen: { week: weekServed(policy, back) ?? '' } });
    expect(due(policy, state, {}, back + hoursMs(24))).toEqual(not('built'));
    expect(due(policy, state, {}, at('2026-03-15T02:00'))).toEqual(weekly('2026-W11'));
  });
});
