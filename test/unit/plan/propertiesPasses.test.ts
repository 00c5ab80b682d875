/** What becomes of pools over many passes. */
import { describe, expect, it, vi } from 'vitest';
import { quietPoolArbitrary } from '../../support/planArbitraries.ts';
import { afterCreations, applied, fiveSecondsLater } from '../../support/planEffects.ts';
import { fittingTemplates, requestsOf, waitingIn } from '../../support/planOracle.ts';
import { everyPool, idsOf, planOf, propertyTimeoutMs } from '../../support/planProperties.ts';
import { answersIn, creationsOf, requestOf } from '../../support/planRoom.ts';

vi.setConfig({ testTimeout: 3 * propertyTimeoutMs });

describe('planning again', () => {
  it('creates nothing once the creations of a plan are there, unless it left somebody without room', () => {
    everyPool((given) => {
      const pool = { ...given, policy: { ...given.policy, maxCreationsPerPass: 50 } };
      const first = planOf(pool);
      const leftSomebody = first.skips.some(({ reason }) => reason.startsWith('at'));
      const again = leftSomebody ? [] : creationsOf(planOf(afterCreations(pool, first)));
      expect(again).toEqual([]);
    }, quietPoolArbitrary);
  });

  it('creates again for a request of a busy pool only where an older one that was skipped takes its agent', () => {
    everyPool((pool, plan) => {
      const again = planOf(afterCreations(pool, plan));
      const created = new Set(answersIn(plan).map(requestOf));
      const twice = answersIn(again).filter((creation) => created.has(requestOf(creation)));
      const taking = plan.skips.filter(({ requestId }) => again.served.has(requestId));
      expect(twice.length).toBeLessThanOrEqual(taking.length);
    });
  });

  it('serves every request that fits, one agent each, within a bounded number of passes', () => {
    everyPool((quiet) => {
      const fitting = waitingIn(quiet).filter((request) => fittingTemplates(quiet, request).length > 0);
      let pool = quiet;
      // With room for one agent only they go one after the other, each within eight passes.
      for (let pass = 0; pass < 8 * fitting.length + 2; pass++) pool = fiveSecondsLater(applied(pool, planOf(pool)));
      const served = requestsOf(pool).filter(({ result }) => result === 'succeeded');
      expect(idsOf(served)).toEqual(idsOf(fitting));
    }, quietPoolArbitrary);
  });
});
