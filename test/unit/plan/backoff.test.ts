import { describe, expect, it } from 'vitest';
import { type AgentJob, createByPassed } from '../../../shared/domain/agentJob.ts';
import { retireReasons } from '../../../shared/domain/reasons.ts';
import { breakerOf, isFailure, retryAt } from '../../../shared/plan/backoff.ts';
import {
  aJobRequest,
  anAgent,
  anAgentJob,
  anObserved,
  minutesAgo,
  nameFor,
  noon,
  policy,
  runningOn,
  secondsAgo,
} from '../../support/builders.ts';
import { anUnreadable, aTombstone, plan, told } from '../../support/plans.ts';

const refused = (attempt = 1, rest: Partial<AgentJob> = {}): AgentJob =>
  aTombstone(attempt, { phase: 'rolledBack', reason: 'registering: throttled', phaseAt: secondsAgo(1), ...rest });
const failed = (attempt = 1, rest: Partial<AgentJob> = {}): AgentJob =>
  aTombstone(attempt, { reason: 'neverStarted', phaseAt: secondsAgo(1), ...rest });
const retiring = (reason: string, rest: Partial<AgentJob> = {}): AgentJob =>
  anAgentJob({ phase: 'retiring', reason, phaseAt: secondsAgo(1), ...rest });

describe('isFailure', () => {
  const failures = retireReasons.filter((reason) => isFailure(retiring(reason)));

  it('counts an agent job that never came up from the moment it is being retired', () => {
    expect(failures).toEqual(['neverStarted', 'wentOffline', 'updatePending', 'fellBack', 'notAssignedByServer']);
  });

  it('counts a tombstone of any reason but those that end sound agents', () => {
    const blameless = retireReasons.filter((reason) => !isFailure(failed(1, { reason })));
    expect(blameless).toEqual(['surplus', 'drained', 'replaced', 'raced']);
  });

  it.each([
    { name: 'one that served, being retired', given: retiring('wentOffline', { served: 1002 }) },
    { name: 'one that served, as a tombstone', given: failed(1, { served: 1002 }) },
    { name: 'one that was rolled back', given: refused() },
    { name: 'one that is unreadable', given: anUnreadable({ reason: 'neverStarted' }) },
    { name: 'one that runs', given: anAgentJob({ reason: 'neverStarted' }) },
  ])('does not count $name', ({ given }) => {
    expect(isFailure(given)).toBe(false);
  });
});

describe('retryAt', () => {
  it.each([
    { name: 'no attempt', given: [], want: undefined },
    { name: 'a failure', given: [failed()], want: 29 },
    { name: 'one that never came up and is being retired', given: [retiring('neverStarted')], want: 29 },
    { name: 'one that is surplus and being retired', given: [retiring('surplus')], want: undefined },
    { name: 'a refused creation', given: [refused()], want: 29 },
    {
      name: 'one that was rolled back and does not say why',
      given: [aTombstone(1, { phase: 'rolledBack', phaseAt: secondsAgo(1) })],
      want: 29,
    },
    { name: 'one whose creator died', given: [refused(1, { reason: createByPassed })], want: undefined },
    { name: 'an unreadable one', given: [anUnreadable()], want: undefined },
    { name: 'two refused creations', given: [refused(1, { phaseAt: minutesAgo(9) }), refused(2)], want: 59 },
    { name: 'three', given: [refused(1), refused(2), refused(3)], want: 119 },
    { name: 'a refused creation and a failure', given: [failed(1, { phaseAt: minutesAgo(9) }), refused(2)], want: 59 },
    {
      name: 'a refused creation after one whose creator died',
      given: [refused(1, { reason: createByPassed }), refused(2)],
      want: 29,
    },
    {
      name: 'many refused creations',
      given: Array.from({ length: 40 }, (_, index) => refused(index + 1)),
      want: 15 * 60 - 1,
    },
  ])('is $want s from now after $name', ({ given, want }) => {
    expect(retryAt(given, policy)).toBe(want === undefined ? undefined : noon + want * 1000);
  });

  it.each([
    { name: 'a refused creation', given: refused() },
    { name: 'one that never came up and is being retired', given: retiring('neverStarted') },
  ])('holds back the next number after $name', ({ given }) => {
    const observed = anObserved({ requests: [aJobRequest()], agentJobs: [given] });
    const decided = (ms: number): unknown => {
      const { actions, skips } = plan({ ...observed, at: noon + ms });
      return [actions.filter(({ kind }) => kind === 'create').map(told), skips];
    };
    const again = new Date(noon + 29_000).toISOString();
    expect([decided(28_999), decided(29_000)]).toEqual([
      [[], [{ requestId: 1001, reason: 'backingOff', detail: again }]],
      [[`create ${nameFor(1001, 2)}`], []],
    ]);
  });
});

describe('breakerOf', () => {
  const five = [1, 2, 3, 4, 5];
  const ofRequest = (requestId: number, attempt = 1) => ({ purpose: { kind: 'request', requestId, attempt } }) as const;
  const warmOf = (slot: number): Partial<AgentJob> => ({
    purpose: { kind: 'warm', slot, minute: 1 },
    name: `warm-${slot}`,
  });
  const closed = { open: false, probe: false, failures: 0 };
  const open = { open: true, probe: false, failures: 5, lastReason: 'neverStarted' };
  it.each([
    { name: 'stays closed after refused creations', given: five.map((attempt) => refused(attempt)), want: closed },
    {
      name: 'opens on agent jobs that never came up and are being retired',
      given: five.map((id) => retiring('neverStarted', ofRequest(1000 + id))),
      want: open,
    },
    {
      name: 'opens on failures of so many requests',
      given: [1, 2, 3].map((id) => failed(1, ofRequest(1000 + id))),
      want: { ...open, failures: 3 },
    },
    {
      name: 'stays closed on as many failures of fewer requests',
      given: [1, 2].flatMap((id) => five.map((attempt) => failed(1, ofRequest(1000 + id, attempt)))),
      want: { ...closed, failures: 2 },
    },
    {
      name: 'stays closed however often one request fails: that says nothing of its template',
      given: five.map((attempt) => failed(attempt)),
      want: { ...closed, failures: 1 },
    },
    {
      name: 'stays closed on idle agents whose pods were ended: the template has brought them online',
      given: five.map((id) => failed(1, { ...ofRequest(1000 + id), reason: 'endedIdle' })),
      want: closed,
    },
    {
      name: 'counts one name in two clusters once',
      given: [1001, 1001, 1002].map((id, index) => failed(1, { ...ofRequest(id), cluster: `cluster-${index}` })),
      want: { ...closed, failures: 2 },
    },
    {
      name: 'counts each warm one',
      given: [0, 1, 2].map((slot) => failed(1, warmOf(slot))),
      want: { ...open, failures: 3 },
    },
    {
      name: 'counts warm ones beside requests',
      given: [failed(1), failed(2), failed(1, warmOf(0)), failed(1, warmOf(1))],
      want: { ...open, failures: 3 },
    },
  ])('$name', ({ given, want }) => {
    expect(breakerOf(given, { policy, busy: new Set(), now: noon })).toEqual(want);
  });

  // Started long before the failures.
  const atWork = anAgentJob({ ...ofRequest(900), createdAt: minutesAgo(50), phaseAt: minutesAgo(49), agentId: 700 });
  const failures = [1, 2, 3].map((id) => failed(1, { ...ofRequest(1000 + id), phaseAt: secondsAgo(60) }));
  const agent = { id: 700, name: atWork.name };
  it.each([
    { name: 'after the last failure closes it', given: { receivedAt: secondsAgo(59) }, want: [] },
    { name: 'with the last failure leaves it open', given: { receivedAt: secondsAgo(60) }, want: ['breakerOpen'] },
    { name: 'before the last failure leaves it open', given: { receivedAt: minutesAgo(5) }, want: ['breakerOpen'] },
  ])('an agent at work that received its request $name', ({ given, want }) => {
    const requests = [runningOn(agent, { id: 900, assignedAt: minutesAgo(6), ...given })];
    const agents = [anAgent({ ...agent, enabled: false, assignedRequestId: 900 })];
    const { alarms } = plan(anObserved({ requests, agents, agentJobs: [...failures, atWork] }));
    expect(alarms.map(({ reason }) => reason)).toEqual(want);
  });
});
