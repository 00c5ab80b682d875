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
      name: 'gives a request the agent that only it may have, so that another gets the free one',
      requests: [aJobRequest({ id: 1 }), aJobRequest({ id: 2 })],
      agents: [usable('a', {}, { madeFor: 2, onlyFor: 2 }), usable('b')],
      want: [
        [1, 'b'],
        [2, 'a'],
      ],
    },
    {
      name: 'moves a chain of older requests so that the youngest is served too',
      requests: [
        aJobRequest({ id: 1 }),
        aJobRequest({ id: 2, demands: ['docker'] }),
        aJobRequest({ id: 3, demands: ['java', 'docker'] }),
      ],
      agents: [usable('a', { docker: '1', java: '1' }), usable('b', { docker: '1' }), usable('c')],
      want: [
        [1, 'c'],
        [2, 'b'],
        [3, 'a'],
      ],
    },
    {
      name: 'goes by each of equal demands in whatever order they come',
      requests: [aJobRequest({ id: 1, demands: ['a', 'b'] }), aJobRequest({ id: 2, demands: ['b', 'a'] })],
      agents: [usable('x', { a: '1', b: '1' }), usable('y', { a: '1', b: '1' })],
      want: [
        [1, 'x'],
        [2, 'y'],
      ],
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
    agents: fc.array(
      fc.record({ names: capability, madeFor: fc.option(fc.integer({ min: 1, max: 7 })), only: fc.boolean() }),
      { maxLength: 6 },
    ),
  });

  function largest(reach: readonly (readonly number[])[], from = 0, taken: ReadonlySet<number> = new Set()): number {
    if (from === reach.length) return 0;
    const without = largest(reach, from + 1, taken);
    const choices = (reach[from] ?? []).filter((agent) => !taken.has(agent));
    return Math.max(without, ...choices.map((agent) => 1 + largest(reach, from + 1, new Set([...taken, agent]))));
  }

  it('serves as many as brute force can, the oldest, each by an agent of its own that may and can serve it', () => {
    fc.assert(
      fc.property(small, ({ requests, agents }) => {
        const waiting = requests.map((demands, index) =>
          aJobRequest({ id: index + 1, queuedAt: noon + index, demands }),
        );
        const supply = agents.map(({ names, madeFor, only }, index) =>
          usable(`agent-${index}`, Object.fromEntries(names.map((name) => [name, '1'])), {
            ...(madeFor !== null && { madeFor, ...(only && { onlyFor: madeFor }) }),
          }),
        );
        const { served, unmatched, leftOver } = matchRequests(waiting, supply);
        const reach = requests.map((demands, request) =>
          agents.flatMap(({ names, madeFor, only }, index) => {
            const reserved = only && madeFor !== null && madeFor !== request + 1;
            return !reserved && demands.every((demand) => names.includes(demand)) ? [index] : [];
          }),
        );
        const indexes = [...served].map(([id, name]) => [id - 1, Number(name.slice('agent-'.length))] as const);
        expect(indexes.every(([request, agent]) => reach[request]?.includes(agent))).toBe(true);
        expect(served.size).toBe(largest(reach));
        expect(new Set(served.values()).size).toBe(served.size);
        const taken = new Set(served.values());
        expect(leftOver).toEqual(supply.filter(({ name }) => !taken.has(name)));
        // Whoever is left over adds nothing to what those before it can have: it is as young as possible.
        const younger = waiting.filter(
          (_, index) => largest(reach.slice(0, index + 1)) === largest(reach.slice(0, index)),
        );
        expect(unmatched).toEqual(younger);
      }),
      { numRuns: 500 },
    );
  });
});
