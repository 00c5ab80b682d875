import { describe, expect, it } from 'vitest';
import { secondsMs } from '../../../shared/domain/instant.ts';
import type { ParallelJobs } from '../../../shared/ports.ts';
import type { Pass } from '../../../shared/reconcile/deps.ts';
import { observePool } from '../../../shared/reconcile/observe.ts';
import { lookAtAll } from '../../../shared/reconcile/reconcilePool.ts';
import { Worlds } from '../../support/pass.ts';

const free: ParallelJobs = { total: 2, used: 1 };
const full: ParallelJobs = { total: 2, used: 2 };
const more: ParallelJobs = { total: 2, used: 3 };

/** A control plane whose looks see these parallel jobs in turn; "unknown" = they cannot be read. */
function aPlane(worlds: Worlds, answers: readonly (ParallelJobs | 'unknown')[]): Pass {
  const { deps } = worlds.plane();
  const left = [...answers];
  const getParallelJobs: Pass['pools']['getParallelJobs'] = async (...given) => {
    const next = left.shift();
    if (next !== 'unknown' && next !== undefined) return next;
    worlds.fail('getParallelJobs', { kind: 'status', status: 403 });
    return deps.pools.getParallelJobs(...given);
  };
  return { ...deps, pools: { ...deps.pools, getParallelJobs } };
}

/** Seconds since a parallel job is free, in looks that are ten seconds apart. */
async function looks(answers: readonly (ParallelJobs | 'unknown')[]): Promise<readonly unknown[]> {
  const worlds = new Worlds();
  const deps = aPlane(worlds, answers);
  const seen: unknown[] = [];
  for (const _ of answers) {
    const { observed } = await worlds.until(observePool(deps));
    const { freeSince } = observed;
    seen.push(freeSince === undefined ? 'unknown' : (observed.at - freeSince) / 1000);
    expect(deps.memory.freeSince).toBe(freeSince);
    await worlds.clock.advance(secondsMs(10));
  }
  return seen;
}

describe('observePool: since when a parallel job is free', () => {
  it.each<{ name: string; given: readonly (ParallelJobs | 'unknown')[]; want: readonly unknown[] }>([
    { name: 'is the first look that sees it', given: [free, free, free], want: [0, 10, 20] },
    { name: 'is not told while none is', given: [full, more], want: ['unknown', 'unknown'] },
    { name: 'begins anew when all were in use between', given: [free, full, free, free], want: [0, 'unknown', 0, 10] },
    {
      name: 'begins anew when nobody could tell between',
      given: [free, 'unknown', free, free],
      want: [0, 'unknown', 0, 10],
    },
    { name: 'is not told of what is only remembered', given: ['unknown', 'unknown'], want: ['unknown', 'unknown'] },
  ])('$name', async ({ given, want }) => {
    expect(await looks(given)).toEqual(want);
  });

  it('begins anew when the second reading of a look saw all in use', async () => {
    const worlds = new Worlds();
    worlds.queueJob();
    worlds.queueJob();
    // Twice in each look: before the other pools of the group are looked at, and after.
    const deps: Pass = { ...aPlane(worlds, [free, full, free, free]), group: [worlds.plane().deps] };
    const first = await worlds.until(lookAtAll(deps));
    expect([first.observed.parallelJobs.value, deps.memory.freeSince]).toEqual([full, undefined]);
    await worlds.clock.advance(secondsMs(10));
    const { observed } = await worlds.until(lookAtAll(deps));
    expect(observed.freeSince).toBe(observed.at);
  });
});
