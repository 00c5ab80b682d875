/** What holds of every explanation: it says what the plan does, and its figures bear out the reason. */
import { describe, expect, it, vi } from 'vitest';
import { type Explanation, explain } from '../../../shared/plan/explain.ts';
import type { Cap } from '../../../shared/plan/explainCaps.ts';
import { explainText } from '../../../shared/plan/explainText.ts';
import type { Plan } from '../../../shared/plan/plan.ts';
import type { PoolCase } from '../../support/planArbitraries.ts';
import { requestsOf, waitingIn } from '../../support/planOracle.ts';
import { everyPool, propertyTimeoutMs } from '../../support/planProperties.ts';

vi.setConfig({ testTimeout: propertyTimeoutMs });

const explanationsIn = ({ policy, observed }: PoolCase): readonly Explanation[] =>
  observed.agents.known && observed.requests.known
    ? observed.requests.value.map(({ id }) => explain(policy, observed, id))
    : [];

/** Who serves it, what is created for it or why it is skipped, by the plan alone. */
function saidOf(plan: Plan, id: number): string | undefined {
  const skip = plan.skips.find(({ requestId }) => requestId === id);
  const creation = plan.actions.find(
    (action) => action.kind === 'create' && action.purpose.kind === 'request' && action.purpose.requestId === id,
  );
  return skip?.reason ?? (creation?.kind === 'create' ? creation.name : undefined) ?? plan.served.get(id);
}

function told({ fate }: Explanation): string | undefined {
  if (fate.kind === 'skipped') return fate.reason;
  if (fate.kind === 'created') return fate.name;
  return fate.kind === 'served' ? fate.agent : undefined;
}

/** True when the figures leave no room for one more. */
function isReached(cap: Cap): boolean {
  switch (cap.kind) {
    case 'pool':
    case 'template':
      return cap.used >= 0 && cap.used + cap.planned >= cap.maximum;
    case 'pass':
      return cap.planned >= cap.maximum;
    case 'parallelJobs':
      return cap.share < cap.wishes;
    case 'quota':
      return cap.clusters.every(({ lacks }) => lacks.length > 0);
    case 'clusters':
      return cap.unread.length > 0;
  }
}

describe('every explanation', () => {
  it('says of each request what the plan does with it, and nothing of those that do not wait', () => {
    everyPool((pool, plan) => {
      const waiting = new Set(waitingIn(pool).map(({ id }) => id));
      for (const explanation of explanationsIn(pool)) {
        const { requestId } = explanation;
        expect([requestId, told(explanation)]).toEqual([
          requestId,
          waiting.has(requestId) ? saidOf(plan, requestId) : undefined,
        ]);
      }
    });
  });

  it('names only limits that are reached', () => {
    everyPool((pool) => {
      const caps = explanationsIn(pool).flatMap(({ trail, requestId }) =>
        (trail?.caps ?? []).map((cap) => ({ requestId, cap })),
      );
      expect(caps.filter(({ cap }) => !isReached(cap))).toEqual([]);
    });
  });

  it('gives a figure for each limit that it names', () => {
    const limits = /^(at|noCluster)/;
    everyPool((pool) => {
      const bare = explanationsIn(pool).filter(
        ({ fate, trail }) => fate.kind === 'skipped' && limits.test(fate.reason) && trail?.caps.length === 0,
      );
      expect(bare).toEqual([]);
    });
  });

  it('finds a template that fits exactly where one is chosen or refused it', () => {
    everyPool((pool) => {
      const odd = explanationsIn(pool).filter(({ fate, trail }) => {
        const verdicts = new Set(trail?.templates.map(({ verdict }) => verdict));
        if (fate.kind === 'created') return !verdicts.has('chosen');
        return fate.kind === 'skipped' && verdicts.has('refused') !== fate.refusals.length > 0;
      });
      expect(odd).toEqual([]);
    });
  });

  it('can be read: lines without undefined', () => {
    everyPool((pool) => {
      const odd = explanationsIn(pool)
        .map(explainText)
        .filter((text) => /undefined|NaN|Infinity|\[object/.test(text));
      expect(odd).toEqual([]);
    });
  });

  it('is there for requests of every pool that can be read', () => {
    let count = 0;
    everyPool((pool) => {
      count += explanationsIn(pool).length;
      expect(explanationsIn(pool)).toHaveLength(pool.observed.agents.known ? requestsOf(pool).length : 0);
    });
    expect(count).toBeGreaterThan(100);
  });
});
