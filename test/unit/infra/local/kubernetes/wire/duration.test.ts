import { describe, expect, it } from 'vitest';
import { humanDuration } from '../../../../../../infra/local/kubernetes/wire/duration.ts';

const minute = 60;
const hour = 60 * minute;
const day = 24 * hour;

describe('humanDuration', () => {
  // The rows of k8s.io/apimachinery/pkg/util/duration.
  const rows = [
    { given: -2, want: '<invalid>' },
    { given: -1, want: '0s' },
    { given: 0, want: '0s' },
    { given: 119, want: '119s' },
    { given: 2 * minute, want: '2m' },
    { given: 2 * minute + 5, want: '2m5s' },
    { given: 10 * minute + 5, want: '10m' },
    { given: 3 * hour - 1, want: '179m' },
    { given: 3 * hour, want: '3h' },
    { given: 3 * hour + 20 * minute, want: '3h20m' },
    { given: 8 * hour + 20 * minute, want: '8h' },
    { given: 2 * day - 1, want: '47h' },
    { given: 2 * day + hour, want: '2d1h' },
    { given: 8 * day + hour, want: '8d' },
    { given: 2 * 365 * day - 1, want: '729d' },
    { given: 2 * 365 * day + day, want: '2y1d' },
    { given: 8 * 365 * day + day, want: '8y' },
  ];
  it.each(rows)('prints $given seconds as $want', ({ given, want }) => {
    expect(humanDuration(given * 1000)).toBe(want);
  });
});
