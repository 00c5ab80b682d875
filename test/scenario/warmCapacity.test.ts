/** Warm agents by the clocks on the wall, over the night on which these change, and in front of a burst. */
import { describe, expect, it } from 'vitest';
import { minutesMs, secondsMs } from '../../shared/domain/instant.ts';
import type { WarmSchedule, Weekday } from '../../shared/domain/template.ts';
import { aTemplate } from '../support/policyBuilders.ts';
import { aScalingWorld, exactly, scalingPolicy, tallyOf } from '../support/scaling.ts';

const everyDay: readonly Weekday[] = [0, 1, 2, 3, 4, 5, 6];
const hour = (of: number): number => of * 60;

const schedule = (overrides: Partial<WarmSchedule>): WarmSchedule => ({
  template: 'linux',
  count: 3,
  weekdays: everyDay,
  from: hour(8),
  to: hour(18),
  zone: 'Europe/Berlin',
  ...overrides,
});

/** When it is to stand ready, in UTC: the clocks of Berlin went forward at 01:00 on 29 March 2026. */
interface Period {
  readonly from: number;
  readonly to: number;
  readonly count: number;
}

const periods: readonly Period[] = [
  { from: Date.UTC(2026, 2, 28, 7), to: Date.UTC(2026, 2, 28, 17), count: 3 },
  { from: Date.UTC(2026, 2, 28, 21), to: Date.UTC(2026, 2, 29, 4), count: 2 },
  { from: Date.UTC(2026, 2, 29, 6), to: Date.UTC(2026, 2, 29, 16), count: 3 },
];

/** For a sweep, the boot of an agent or its end. */
const tolerance = minutesMs(4);

/** How many agents there are to be; undefined = some are just coming or going. */
function wanted(at: number): number | undefined {
  const period = periods.find(({ from, to }) => at >= from && at < to + tolerance);
  if (period === undefined) return 0;
  return at < period.from + tolerance || at >= period.to ? undefined : period.count;
}

describe('warm agents', { timeout: 60_000 }, () => {
  it('stand by within their hours and at no other time, over the night of the change of clocks', async () => {
    const templates = ['linux', 'night'].map((name) => aTemplate({ name }));
    const night = schedule({ template: 'night', count: 2, weekdays: [6], from: hour(22), to: hour(6) });
    const world = await aScalingWorld({
      policies: [scalingPolicy({ warm: [schedule({}), night] }, templates)],
      startsAt: Date.UTC(2026, 2, 28, 6),
      sweepMs: minutesMs(1),
    });
    const wrong: string[] = [];
    while (world.clock.now() < Date.UTC(2026, 2, 29, 17)) {
      await world.advance(minutesMs(1));
      const [at, online] = [world.clock.now(), world.onlineAgents()];
      const want = wanted(at);
      if (want !== undefined && want !== online) wrong.push(`${new Date(at).toISOString()}: ${online} of ${want}`);
    }
    expect(wrong).toEqual([]);
    expect(await tallyOf(world)).toEqual({ ...exactly(0), jobs: 8 });
  });

  it.each([1, 2])(
    'take part of a burst, which makes the rest and their successors, with %i control planes',
    async (planes) => {
      const warm = [schedule({ zone: 'UTC', to: hour(9) })];
      const world = await aScalingWorld({ planes, policies: [scalingPolicy({ warm })] });
      await world.until(() => world.onlineAgents() === 3);
      expect(world.count.jobs).toHaveLength(3);
      world.queue(8);
      await world.advance(secondsMs(2));
      expect(world.count.busy).toBe(3);
      await world.until(() => world.count.ran.size === 8 && world.onlineAgents() === 3);
      const { jobs } = world.count;
      const forRequests = jobs.filter(({ requestId }) => requestId !== undefined).length;
      expect({ forRequests, warm: jobs.length - forRequests }).toEqual({ forRequests: 5, warm: 6 });
      expect(await tallyOf(world)).toEqual({ ...exactly(8), jobs: 11 });
    },
  );
});
