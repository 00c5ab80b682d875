/** Holds properties against many random pools. MAYFLY_PROPERTY_RUNS sets their number, MAYFLY_TEST_SEED changes them. */
import fc from 'fast-check';
import type { Plan } from '../../shared/plan/plan.ts';
import { planPool } from '../../shared/plan/planPool.ts';
import { type PoolCase, poolArbitrary } from './planArbitraries.ts';
import { toldPool } from './toldPool.ts';

const runs = Number(process.env['MAYFLY_PROPERTY_RUNS'] ?? 200);
const seed = Number(process.env['MAYFLY_TEST_SEED'] ?? 20_260_302);

export const planOf = ({ policy, observed }: PoolCase): Plan => planPool(policy, observed);

/** A few ms for each pool: what thousands of them take is no reason to stop. */
export const propertyTimeoutMs = 20_000 + runs * 100;

export function everyPool(check: (pool: PoolCase, plan: Plan) => void, pools = poolArbitrary): void {
  const readable = pools.map((pool) => ({ pool, [fc.toStringMethod]: () => toldPool(pool) }));
  const property = fc.property(readable, ({ pool }) => check(pool, planOf(pool)));
  fc.assert(property, { numRuns: runs, seed });
}

/** The same for several pools at once. */
export function everyGroup(
  check: (pools: readonly PoolCase[]) => void,
  groups: fc.Arbitrary<readonly PoolCase[]>,
): void {
  const readable = groups.map((pools) => ({ pools, [fc.toStringMethod]: () => pools.map(toldPool).join('\n') }));
  fc.assert(
    fc.property(readable, ({ pools }) => check(pools)),
    { numRuns: runs, seed },
  );
}

export const numeric = (a: number, b: number): number => a - b;
export const idsOf = (all: readonly { readonly id: number }[]): readonly number[] =>
  all.map(({ id }) => id).toSorted(numeric);
