import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../../../infra/local/world/clock.ts';
import { ThrottleMemory } from '../../../shared/adapters/azureDevOps/throttle.ts';
import { minutesMs, secondsMs } from '../../../shared/domain/instant.ts';
import type { ReconcileMemory } from '../../../shared/reconcile/deps.ts';
import { beginGhost, ghostBudget } from '../../../shared/reconcile/ghostBudget.ts';
import { aPoolPolicy } from '../../support/policyBuilders.ts';

function aBudget(maxGhostsPerPass = 100) {
  const clock = new VirtualClock();
  const throttle = new ThrottleMemory(clock);
  const memory: ReconcileMemory = {};
  const deps = { clock, throttle, memory, policy: aPoolPolicy({ maxGhostsPerPass }) };
  /** Takes all that it is given, every ten seconds for so many minutes; how many that were. */
  const take = async (minutes: number): Promise<number> => {
    let taken = 0;
    for (let pass = 0; pass < minutes * 6; pass++) {
      const budget = ghostBudget(deps);
      for (let ghost = 0; ghost < budget; ghost++) taken += Number(beginGhost(deps));
      await clock.advance(secondsMs(10));
    }
    return taken;
  };
  return { clock, throttle, deps, take };
}

describe('the budget of ghosts', () => {
  it('comes in even parts', async () => {
    const { deps, take } = aBudget();
    expect(ghostBudget(deps)).toBe(2);
    expect([await take(1), await take(1), await take(3)]).toEqual([2, 2, 6]);
  });

  it('is never more than a pass may', () => {
    expect(ghostBudget(aBudget(1).deps)).toBe(1);
  });

  it('grows while all of it is used and no answer asks for patience, up to a hundred in five minutes', async () => {
    const { take } = aBudget();
    const windows: number[] = [];
    for (let window = 0; window < 12; window++) windows.push(await take(5));
    expect(windows[0]).toBe(10);
    expect(windows.every((count, index) => count >= (windows[index - 1] ?? 0))).toBe(true);
    expect(windows.at(-1)).toBe(100);
  });

  it('does not grow while nobody uses it', async () => {
    const { clock, deps } = aBudget();
    for (let pass = 0; pass < 60; pass++) {
      expect(ghostBudget(deps)).toBe(2);
      await clock.advance(minutesMs(1));
    }
  });

  it('is none from a sign of a limit until five minutes after its end, and half of what it was then', async () => {
    const { throttle, take, deps, clock } = aBudget();
    await take(20);
    throttle.heard(secondsMs(30));
    expect([ghostBudget(deps), beginGhost(deps)]).toEqual([0, false]);
    await clock.advance(secondsMs(30) + minutesMs(5));
    expect(ghostBudget(deps)).toBe(0);
    await clock.advance(1);
    const before = deps.memory.ghosts?.perWindow ?? 0;
    expect(before).toBe(17);
    // In even parts, each rounded up.
    expect(await take(1)).toBe(4);
  });

  it('is found out in small steps after a sign', async () => {
    const { throttle, take, deps, clock } = aBudget();
    await take(20);
    throttle.heard(0);
    ghostBudget(deps);
    await clock.advance(minutesMs(5) + 1);
    const found: (number | undefined)[] = [];
    for (let window = 0; window < 3; window++) {
      found.push(deps.memory.ghosts?.perWindow);
      await take(5);
    }
    expect(found).toEqual([17, 18, 19]);
  });

  it('is not made smaller by a sign that no ghost can have caused', async () => {
    const { throttle, deps, clock } = aBudget();
    ghostBudget(deps);
    await clock.advance(minutesMs(60));
    throttle.heard(secondsMs(30));
    ghostBudget(deps);
    await clock.advance(minutesMs(6));
    expect(ghostBudget(deps)).toBe(2);
  });

  it('needs nobody to listen for signs', () => {
    const { deps } = aBudget();
    const { throttle: _, ...deaf } = deps;
    expect([ghostBudget(deaf), beginGhost(deaf)]).toEqual([2, true]);
  });
});
