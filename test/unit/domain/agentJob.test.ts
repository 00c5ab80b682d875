import { describe, expect, it } from 'vitest';
import {
  type AgentJob,
  isOver,
  isTombstone,
  lostRace,
  mayBeNamedAgain,
  standsBehind,
} from '../../../shared/domain/agentJob.ts';
import { anAgentJob, aPod, nameFor, withoutAgentId, withoutPod } from '../../support/builders.ts';

const name = nameFor(1001);
const unnoted = withoutAgentId(anAgentJob());
const raced = (rest: Partial<AgentJob> = {}): AgentJob => ({
  ...unnoted,
  pod: aPod({ phase: 'Failed', initExitCode: 30 }),
  ...rest,
});

describe('lostRace', () => {
  it.each([
    { name: 'an init container that found the name taken', given: raced(), want: true },
    {
      name: 'one whose pod still runs',
      given: raced({ pod: aPod({ phase: 'Running', initExitCode: 30 }) }),
      want: true,
    },
    { name: 'one that registered', given: raced({ pod: aPod({ initExitCode: 0 }) }), want: false },
    { name: 'one that was refused', given: raced({ pod: aPod({ phase: 'Failed', initExitCode: 31 }) }), want: false },
    {
      name: 'one that reached nobody',
      given: raced({ pod: aPod({ phase: 'Failed', initExitCode: 32 }) }),
      want: false,
    },
    {
      name: 'a main container that ended with the same code',
      given: raced({ pod: aPod({ phase: 'Failed', exitCode: 30 }) }),
      want: false,
    },
    { name: 'a Job that tells its agent', given: raced({ agentId: 501 }), want: false },
    { name: 'a pod that does not exist', given: withoutPod(unnoted), want: false },
  ])('is $want of $name', ({ given, want }) => {
    expect(lostRace(given)).toBe(want);
  });
});

describe('standsBehind', () => {
  const agent = { id: 501, name };
  it.each([
    { name: 'a Job of its name and id', given: anAgentJob(), want: true },
    { name: 'a Job of its name that tells no agent', given: unnoted, want: true },
    { name: 'a Job of its name that tells another agent', given: anAgentJob({ agentId: 502 }), want: false },
    { name: 'a Job of another name with its id', given: anAgentJob({ name: nameFor(1002) }), want: false },
    { name: 'a Job of its name that lost the race for it', given: raced(), want: false },
    {
      name: 'a Job of its name and id whatever its init container says',
      given: raced({ agentId: 501 }),
      want: true,
    },
  ])('is $want of $name', ({ given, want }) => {
    expect(standsBehind(given, agent)).toBe(want);
  });
});

describe('isOver', () => {
  it.each([
    { name: 'a pod that runs', given: anAgentJob(), want: false },
    { name: 'a pod that waits', given: anAgentJob({ pod: aPod({ phase: 'Pending' }) }), want: false },
    { name: 'a pod that nobody can tell of', given: anAgentJob({ pod: aPod({ phase: 'Unknown' }) }), want: false },
    { name: 'a pod that succeeded', given: anAgentJob({ pod: aPod({ phase: 'Succeeded' }) }), want: true },
    { name: 'a pod that failed', given: anAgentJob({ pod: aPod({ phase: 'Failed' }) }), want: true },
    { name: 'a pod that runs, whatever its Job says', given: anAgentJob({ condition: 'Failed' }), want: false },
    { name: 'a pod that runs in a suspended Job', given: anAgentJob({ suspended: true }), want: false },
    { name: 'no pod yet', given: withoutPod(anAgentJob()), want: false },
    { name: 'no pod in a suspended Job', given: withoutPod(anAgentJob({ suspended: true })), want: true },
    { name: 'no pod in a Job that is complete', given: withoutPod(anAgentJob({ condition: 'Complete' })), want: true },
    { name: 'no pod in a Job that failed', given: withoutPod(anAgentJob({ condition: 'Failed' })), want: true },
  ])('is $want of $name', ({ given, want }) => {
    expect(isOver(given)).toBe(want);
  });
});

describe('isTombstone', () => {
  it('is what stays as memory alone', () => {
    const phases = ['creating', 'started', 'retiring', 'rolledBack', 'tombstone', 'unreadable'] as const;
    expect(phases.filter((phase) => isTombstone(anAgentJob({ phase })))).toEqual(['rolledBack', 'tombstone']);
  });
});

describe('mayBeNamedAgain', () => {
  const purpose = { kind: 'warm', slot: 0, minute: 1000 } as const;
  it.each([
    { name: 'in the minute it is named after', ms: 0, want: true },
    { name: 'while a pass may carry out a plan of the minute before', ms: 3 * 60_000 - 1, want: true },
    { name: 'not after that', ms: 3 * 60_000, want: false },
  ])('is $want of a warm one: $name', ({ ms, want }) => {
    expect(mayBeNamedAgain({ purpose }, 1000 * 60_000 + ms)).toBe(want);
  });

  it('is false of one that was made for a request: its numbers only rise', () => {
    expect(mayBeNamedAgain(anAgentJob(), 0)).toBe(false);
  });
});
