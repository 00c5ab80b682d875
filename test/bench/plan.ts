/**
 * What one plan of a large pool costs, next to writing the same observation to JSON and reading it back in the same
 * run. Medians in ms of code that has run before, turns taken with the baseline so that a busy machine weighs on both,
 * and the first run of each case; memory in MiB after a collection, with the plan still held. The last line is the result as JSON.
 * Usage: node test/bench/plan.ts [--runs 25]
 */
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Plan } from '../../shared/plan/plan.ts';
import { planPool } from '../../shared/plan/planPool.ts';
import { aLargePool, type LargePool, type PoolSize } from '../support/largePool.ts';
import { median, round, table } from './figures.ts';

const { values } = parseArgs({ options: { runs: { type: 'string', default: '25' } } });
const runs = Number(values.runs);

const cases = {
  at1k: { requests: 1000, agents: 200, demandLists: 60 },
  at10k: { requests: 10_000, agents: 2000, demandLists: 60 },
  tombstones: { requests: 10_000, agents: 2000, demandLists: 60, tombstones: 2000 },
  manyDemands: { requests: 10_000, agents: 2000, demandLists: 10_000 },
  /** Parallel jobs for most of those with an agent, and for some more, and for nobody else: a plan decides twice. */
  limited: { requests: 10_000, agents: 2000, demandLists: 60, freeLicences: 2020 },
  /** The same beside pools that want their share of it. */
  group: { requests: 10_000, agents: 2000, demandLists: 60, freeLicences: 2600, otherPools: 10 },
} satisfies Record<string, PoolSize>;

setFlagsFromString('--expose-gc');
const collect: unknown = runInNewContext('gc');

function heapMiB(): number {
  if (typeof collect === 'function') collect();
  return process.memoryUsage().heapUsed / 1024 / 1024;
}

function timed(work: () => unknown): number {
  const from = performance.now();
  work();
  return performance.now() - from;
}

interface Measured {
  /** In code that nothing has run yet, or only the cases before. */
  readonly firstMs: number;
  readonly medianMs: number;
  readonly bareMs: number;
  /** Largest growth of the heap while a plan is made, garbage included, and what stays while it is held. */
  readonly peakMiB: number;
  readonly heldMiB: number;
  readonly plan: Plan;
}

function measure({ policy, observed }: LargePool): Measured {
  const bare = (): unknown => JSON.parse(JSON.stringify(observed));
  const firstMs = timed(() => planPool(policy, observed));
  for (let warm = 0; warm < 10; warm++) {
    planPool(policy, observed);
    bare();
  }
  const own: number[] = [];
  const other: number[] = [];
  // No collection is forced in between: a full one throws away shapes that compiled code depends on, and every run
  // after it is a first one. Collections of its own garbage fall into a plan's own time.
  for (let run = 0; run < runs; run++) {
    own.push(timed(() => planPool(policy, observed)));
    other.push(timed(bare));
  }
  const before = heapMiB();
  const plan = planPool(policy, observed);
  const peakMiB = process.memoryUsage().heapUsed / 1024 / 1024 - before;
  return { firstMs, medianMs: median(own), bareMs: median(other), peakMiB, heldMiB: heapMiB() - before, plan };
}

const measured = Object.fromEntries(
  Object.entries(cases).map(([name, size]) => [name, measure(aLargePool(size))]),
) as Record<keyof typeof cases, Measured>;

const rows = Object.entries(measured).map(([name, { plan, ...figures }]) => [
  name,
  figures.firstMs,
  figures.medianMs,
  figures.bareMs,
  figures.peakMiB,
  figures.heldMiB,
  String(plan.served.size),
  String(plan.actions.filter((action) => action.kind === 'create').length),
  String(plan.skips.length),
]);
console.log(
  table([['case', 'first ms', 'plan ms', 'bare ms', 'peak MiB', 'held MiB', 'served', 'created', 'skipped'], ...rows]),
);

const { at1k, at10k, tombstones, manyDemands, limited, group } = measured;
console.log(
  JSON.stringify({
    medianMsAt10k: round(at10k.medianMs),
    firstMsAt10k: round(at10k.firstMs),
    bareMsAt10k: round(at10k.bareMs),
    ratio: round(at10k.medianMs / at10k.bareMs),
    growth1kTo10k: round(at10k.medianMs / at1k.medianMs),
    peakMiBAt10k: round(at10k.peakMiB),
    heldMiBAt10k: round(at10k.heldMiB),
    medianMsWithTombstones: round(tombstones.medianMs),
    medianMsManyDemands: round(manyDemands.medianMs),
    medianMsLimited: round(limited.medianMs),
    medianMsGroup: round(group.medianMs),
  }),
);
