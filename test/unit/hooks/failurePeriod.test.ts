import { describe, expect, it } from 'vitest';
import { type FailurePeriod, failed, failureStatus } from '../../../shared/hooks/failurePeriod.ts';

/** The statuses of failures at these seconds. */
function statuses(seconds: readonly number[]): number[] {
  let period: FailurePeriod | undefined;
  return seconds.map((second) => {
    period = failed(period, second * 1000);
    return failureStatus(period);
  });
}

describe('failed', () => {
  const rows = [
    { name: 'asks for a resend at first', given: [1000], want: [503] },
    { name: 'goes on asking for a minute', given: [1000, 1030, 1059], want: [503, 503, 503] },
    { name: 'gives in after a minute', given: [1000, 1030, 1060, 1300], want: [503, 503, 202, 202] },
    // The sender's own times: 1, 2, 4, 8, 16, 32 s after one another, then 60 and 60.
    {
      name: 'gives in before the sender does',
      given: [0, 1, 3, 7, 15, 31, 63, 123],
      want: [503, 503, 503, 503, 503, 503, 202, 202],
    },
    { name: 'begins anew after five quiet minutes', given: [1000, 1060, 1360], want: [503, 202, 503] },
    { name: 'begins anew when the clock is set back', given: [1000, 1060, 400, 459], want: [503, 202, 503, 503] },
  ];
  it.each(rows)('$name', ({ given, want }) => {
    expect(statuses(given)).toEqual(want);
  });
});
