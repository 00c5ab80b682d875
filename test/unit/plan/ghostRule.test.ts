import { describe, expect, it } from 'vitest';
import type { Agent } from '../../../shared/domain/agent.ts';
import { type GhostFacts, type KeepReason, whyKept } from '../../../shared/plan/ghostRule.ts';
import { anAgent, minutesAgo, noon } from '../../support/builders.ts';

const graceMs = 10 * 60_000;
const facts: GhostFacts = {
  now: noon,
  graceMs,
  nameIs: () => 'worker',
  isReserved: () => false,
  hasAgentJob: () => false,
  everyClusterKnown: true,
};
const offline: Partial<Agent> = { online: false, createdAt: minutesAgo(60), statusChangedAt: minutesAgo(30) };
const { createdAt: _, statusChangedAt: __, ...ageless } = anAgent({ online: false });

interface Row {
  readonly name: string;
  readonly agent?: Partial<Agent>;
  readonly given?: Partial<GhostFacts>;
  readonly want: KeepReason | undefined;
}

const rows: readonly Row[] = [
  { name: 'nothing speaks for', want: undefined },
  { name: 'nobody asked to look at', given: { nameIs: () => 'other' }, want: 'notNamed' },
  { name: 'is a placeholder, for ever offline', given: { nameIs: () => 'placeholder' }, want: 'placeholder' },
  { name: 'listens', agent: { online: true }, want: 'online' },
  { name: 'says itself that it holds a request', agent: { assignedRequestId: 1001 }, want: 'busy' },
  { name: 'an unfinished request reserves', given: { isReserved: () => true }, want: 'busy' },
  { name: 'has an agent job', given: { hasAgentJob: () => true }, want: 'agentJobThere' },
  { name: 'went offline just now, however old it is', agent: { statusChangedAt: minutesAgo(1) }, want: 'withinGrace' },
  { name: 'was registered just now', agent: { createdAt: minutesAgo(1) }, want: 'withinGrace' },
  { name: 'has been offline for exactly the grace', agent: { statusChangedAt: noon - graceMs }, want: 'withinGrace' },
  { name: 'has been offline for a moment more', agent: { statusChangedAt: noon - graceMs - 1 }, want: undefined },
  { name: 'may run in a cluster that did not answer', given: { everyClusterKnown: false }, want: 'clustersUnknown' },
];

describe('whyKept', () => {
  it.each(rows)('of an agent that $name: $want', ({ agent, given, want }) => {
    expect(whyKept(anAgent({ ...offline, ...agent }), { ...facts, ...given })).toBe(want);
  });

  it('of an agent without times: nobody can tell its age', () => {
    expect(whyKept(ageless, facts)).toBe('ageUnknown');
  });

  it('goes by the later of the two times where only one is known', () => {
    expect(whyKept({ ...ageless, createdAt: minutesAgo(60) }, facts)).toBeUndefined();
    expect(whyKept({ ...ageless, statusChangedAt: minutesAgo(60) }, facts)).toBeUndefined();
  });
});
