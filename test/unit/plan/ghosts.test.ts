import { describe, expect, it } from 'vitest';
import type { Agent } from '../../../shared/domain/agent.ts';
import { anAgent, anObserved, minutesAgo, nameFor, noon } from '../../support/builders.ts';
import { plan } from '../../support/plans.ts';

const aGhost = (id: number): Agent =>
  anAgent({
    id,
    name: nameFor(id),
    online: false,
    createdAt: minutesAgo(60),
    statusChangedAt: minutesAgo(59),
  });

/** The ids that one plan would delete, at so many minutes past noon. */
function deleted(agents: readonly Agent[], minute: number, maxGhostsPerPass: number): readonly number[] {
  const observed = anObserved({ agents, at: noon + minute * 60_000 });
  const { actions } = plan(observed, { maxGhostsPerPass });
  return actions.flatMap((action) => (action.kind === 'deleteGhost' ? [action.agentId] : []));
}

describe('planGhosts', () => {
  const ids = [601, 602, 603, 604, 605];
  const ghosts = [605, 601, 604, 602, 603].map(aGhost);
  const ascending = (found: readonly number[]): readonly number[] => found.toSorted((a, b) => a - b);
  const hour = Array.from({ length: 60 }, (_, minute) => minute);

  it('deletes all where there are no more than a pass may', () => {
    for (const minute of hour) expect(ascending(deleted(ghosts, minute, 5))).toEqual(ids);
  });

  it('comes to each of them as often as to any other, so that a few refused ones do not block the rest', () => {
    const seen = hour.flatMap((minute) => deleted(ghosts, minute, 2));
    expect(ascending(seen)).toEqual(ids.flatMap((id) => Array.from({ length: 24 }, () => id)));
  });

  it('has another first one with every minute, and the same within it', () => {
    const firsts = hour.map((minute) => deleted(ghosts, minute, 1)[0]);
    expect(new Set(firsts.slice(0, 5)).size).toBe(5);
    expect(firsts.slice(5, 10)).toEqual(firsts.slice(0, 5));
    expect(deleted(ghosts, 0.9, 2)).toEqual(deleted(ghosts, 0, 2));
  });

  it('goes by id, in whatever order the server lists them', () => {
    expect(deleted(ghosts.toReversed(), 0, 2)).toEqual(deleted(ghosts, 0, 2));
  });

  it('deletes none where there is none', () => {
    expect(deleted([], 0, 2)).toEqual([]);
  });
});
