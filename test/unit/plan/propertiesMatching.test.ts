/** Who is served by what there is: as many as can be, the oldest first, found by trying everything. */
import { describe, expect, it, vi } from 'vitest';
import type { JobRequest } from '../../../shared/domain/jobRequest.ts';
import { canTake, inLine, mark, servableIn, startable, type Taker, trustedTakers } from '../../support/planOracle.ts';
import { everyPool, numeric, propertyTimeoutMs } from '../../support/planProperties.ts';

vi.setConfig({ testTimeout: propertyTimeoutMs });

/** Whether all of these can have an agent at once: one after the other tries each that is left. */
function canAllHave(requests: readonly JobRequest[], takers: readonly Taker[]): boolean {
  const [request, ...others] = requests;
  if (request === undefined) return true;
  return takers.some(
    (taker) =>
      canTake(taker, request) &&
      canAllHave(
        others,
        takers.filter((each) => each !== taker),
      ),
  );
}

/** In turn, whoever can be served together with all that are served before. */
function bestServed(line: readonly JobRequest[], takers: readonly Taker[]): readonly JobRequest[] {
  const served: JobRequest[] = [];
  for (const request of line) {
    if (canAllHave([request, ...served], takers)) served.push(request);
  }
  return served;
}

describe('the requests that usable agents serve', () => {
  it('are the oldest that could start now and, of the others, the oldest that could have what is left', () => {
    everyPool((pool, plan) => {
      const takers = trustedTakers(pool, plan);
      const now = startable(pool);
      // That one is truly left before several idle agents is held by the properties of skips.
      const blamed = new Set(
        plan.skips.flatMap((skip) => (skip.detail === 'several idle agents' ? skip.requestId : [])),
      );
      const line = inLine(servableIn(pool)).filter(({ id }) => !blamed.has(id));
      const inTurn = [...line.filter(({ id }) => now.has(id)), ...line.filter(({ id }) => !now.has(id))];
      const best = bestServed(inTurn, takers).map(({ id }) => id);
      expect([...plan.served.keys()].toSorted(numeric)).toEqual(best.toSorted(numeric));
    });
  });

  it('have the agents that were made for them, as long as nobody else has to have these', () => {
    everyPool((pool, plan) => {
      const takers = trustedTakers(pool, plan);
      const taken = new Set(plan.served.values());
      const swapped = servableIn(pool).filter((request) => {
        const isOwn = ({ name }: Taker): boolean => name.startsWith(`${mark(pool)}${request.id}-`);
        const own = takers.filter((taker) => isOwn(taker) && canTake(taker, request)).map(({ name }) => name);
        const name = plan.served.get(request.id);
        return name !== undefined && !own.includes(name) && own.some((each) => !taken.has(each));
      });
      expect(swapped).toEqual([]);
    });
  });
});
