import { describe, expect, it } from 'vitest';
import { waitingRequests } from '../../../shared/plan/waiting.ts';
import { aJobRequest, anAgent, minutesAgo, noon, runningOn, secondsAgo } from '../../support/builders.ts';

const agent = anAgent();

describe('waitingRequests', () => {
  it.each([
    { name: 'a queued request waits', given: aJobRequest(), want: [1001] },
    { name: 'a request that an agent has received does not', given: runningOn(agent), want: [] },
    { name: 'a request with a result does not', given: aJobRequest({ result: 'succeeded' }), want: [] },
    { name: 'a request with a finish time does not', given: aJobRequest({ finishedAt: secondsAgo(1) }), want: [] },
    {
      name: 'a request given to an agent a moment ago is taken',
      given: aJobRequest({ assignedAt: secondsAgo(179), reservedAgent: agent }),
      want: [],
    },
  ])('$name', ({ given, want }) => {
    const waiting = waitingRequests([given], 180_000, noon);
    expect(waiting.requests.map((request) => request.id)).toEqual(want);
    expect(waiting.skips).toEqual([]);
  });

  it('lets a request wait again, with an alarm, when its agent has not received it within the grace', () => {
    const request = aJobRequest({ assignedAt: secondsAgo(181), reservedAgent: { id: 9, name: 'gone' } });
    expect(waitingRequests([request], 180_000, noon)).toEqual({
      requests: [request],
      skips: [],
      alarms: [{ reason: 'assignmentExpired', subject: 'request 1001', detail: 'gone' }],
    });
  });

  it('skips a request that its author delays, with the reason', () => {
    const waiting = waitingRequests([aJobRequest({ userDelayed: true })], 180_000, noon);
    expect(waiting).toEqual({ requests: [], skips: [{ requestId: 1001, reason: 'userDelayed' }], alarms: [] });
  });

  it('orders by age, then by id, whatever the order of the list', () => {
    const requests = [
      aJobRequest({ id: 3, queuedAt: minutesAgo(1) }),
      aJobRequest({ id: 1, queuedAt: minutesAgo(1) }),
      aJobRequest({ id: 2, queuedAt: minutesAgo(5) }),
    ];
    expect(waitingRequests(requests, 0, noon).requests.map((request) => request.id)).toEqual([2, 1, 3]);
  });
});
