import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { offerOf } from '../../../shared/domain/demand.ts';
import { matchRequests } from '../../../shared/plan/matching.ts';
import type { Usable } from '../../../shared/plan/supply.ts';
import { aJobRequest, noon } from '../../support/builders.ts';

const usable = (name: string, capabilities: Record<string, string> = {}, rest: Partial<Usable> = {}): Usable => ({
  name,
  state: 'online',
  offer: offerOf(capabilities),
  ours: true,
  ...rest,
});

describe('matchRequests', () => {
  it.each([
    {
      name: 'gives a request its own agent when both would do',
      requests: [aJobRequest({ id: 1 })],
      agents: [usable('a', {}, { madeFor: 2 }), usable('b', {}, { madeFor: 1 })],
      want: [[1, 'b']],
    },
    {
      name: 'leaves the agent of another waiting request alone when a free one would do',
      requests: [aJobRequest({ id: 1 }), aJobRequest({ id: 2 })],
      agents: [usable('a', {}, { madeFor: 2 }), usable('b')],
      want: [
        [1, 'b'],
        [2, 'a'],
      ],
    },
    {
      name: 'moves an older request to another agent so that both are served',
      requests: [aJobRequest({ id: 1 }), aJobRequest({ id: 2, demands: ['docker'] })],
      agents: [usable('a', { docker: '1' }), usable('b')],
      want: [
        [1, 'b'],
        [2, 'a'],
      ],
    },
    {
      name: 'serves the older of two when there is one agent',
      requests: [aJobRequest({ id: 1 }), aJobRequest({ id: 2 })],
      agents: [usable('a', {}, { madeFor: 2 })],
      want: [[1, 'a']],
    },
    {
      name: 'gives an agent whose pod does not exist yet only to its own request',
      requests: [aJobRequest({ id: 1 })],
      agents: [usable('a', {}, { madeFor: 2, onlyFor: 2 })],
      want: [],
    },
    {
      name: 'gives nobody an agent that cannot serve it',
      requests: [aJobRequest({ demands: ['java'] })],
      agents: [usable('a')],
      want: [],
    },
  ])('$name', ({ requests, agents, want }) => {
    const matching = matchRequests(requests, agents);
    expect([...matching.served].toSorted(([a], [b]) => a - b)).toEqual(want);
  });

  const capability = fc.subarray(['a', 'b', 'c']);
  const small = fc.record({
    requests: fc.array(capability, { maxLength: 6 }),
    agents: fc.array(capability, { maxLength: 6 }),
  });

  function largest(reach: readonly (readonly number[])[], from = 0, taken: ReadonlySet<number> = new Set()): number {
    if (from === reach.length) return 0;
    const without = largest(reach, from + 1, taken);
    const choices = (reach[from] ?? []).filter((agent) => !taken.has(agent));
    return Math.max(without, ...choices.map((agent) => 1 + largest(reach, from + 1, new Set([...taken, agent]))));
  }

  it('serves as many as brute force can, each by an agent of its own that satisfies it', () => {
    fc.assert(
      fc.property(small, ({ requests, agents }) => {
        const waiting = requests.map((demands, index) =>
          aJobRequest({ id: index + 1, queuedAt: noon + index, demands }),
        );
        const supply = agents.map((names, index) =>
          usable(`agent-${index}`, Object.fromEntries(names.map((name) => [name, '1']))),
        );
        const { served, unmatched, leftOver } = matchRequests(waiting, supply);
        const reach = requests.map((demands) =>
          agents.flatMap((offered, index) => (demands.every((demand) => offered.includes(demand)) ? [index] : [])),
        );
        expect(served.size).toBe(largest(reach));
        expect(new Set(served.values()).size).toBe(served.size);
        expect(unmatched.length).toBe(waiting.length - served.size);
        expect(leftOver.length).toBe(supply.length - served.size);
      }),
    );
  });
});
