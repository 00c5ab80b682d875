import { describe, expect, it } from 'vitest';
import { timerPeriodMs } from '../../shared/schedule.ts';

describe('timerPeriodMs', () => {
  const rows = [
    { name: 'reads every minute', given: '0 * * * * *', want: 60_000 },
    { name: 'reads every half minute', given: '*/30 * * * * *', want: 30_000 },
    { name: 'reads every five minutes', given: '0 */5 * * * *', want: 300_000 },
    { name: 'reads a time span', given: '00:02:30', want: 150_000 },
    { name: 'reads a time span with days', given: '1.00:00:00', want: 86_400_000 },
    { name: 'takes a minute for what is no schedule', given: 'soon', want: 60_000 },
    { name: 'takes a minute for no time at all', given: '00:00:00', want: 60_000 },
  ];
  it.each(rows)('$name', async ({ given, want }) => {
    expect(await timerPeriodMs(given)).toBe(want);
  });
});
