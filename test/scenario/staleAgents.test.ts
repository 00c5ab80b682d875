/**
 * 800 stale agents in a pool whose organisation allows 200 calls in five minutes, on virtual time. They go, and whoever
 * waits for an agent does not notice.
 */
import { describe, expect, it } from 'vitest';
import { type EpochMs, minutesMs, secondsMs } from '../../shared/domain/instant.ts';
import { agentJobName } from '../../shared/domain/names.ts';
import { scopeOf } from '../../shared/plan/view.ts';
import type { PassReport } from '../../shared/reconcile/reconcilePool.ts';
import { median, quantile, round } from '../bench/figures.ts';
import { aScalingWorld, poolId, type ScalingWorld, scalingPolicy } from '../support/scaling.ts';

const stale = 800;
const windowMs = minutesMs(5);
const rateLimit = { budget: 200, windowMs };
const policy = scalingPolicy();

/** A job every three minutes: with the looks that come of it, some 75 calls in five minutes. */
const everyMs = minutesMs(3);

function agentNames(installation: string, from: number, count: number): readonly string[] {
  const scope = { ...scopeOf(policy), installation };
  const purpose = (index: number) => ({ kind: 'request', requestId: from + index, attempt: 1 }) as const;
  return Array.from({ length: count }, (_, index) => agentJobName(scope, purpose(index), 'linux'));
}

function register({ ado }: ScalingWorld, names: readonly string[]): ReadonlySet<number> {
  return new Set(names.map((name) => ado.addAgent(poolId, { name, version: '5.278.0' }).id));
}

interface Watching {
  /** From queued to received, by the time of the queueing. */
  readonly waits: { readonly queuedAt: EpochMs; readonly ms: number }[];
  readonly deletedAt: Map<number, EpochMs>;
  readonly passes: PassReport[];
}

function watch(world: ScalingWorld): Watching {
  const watching: Watching = { waits: [], deletedAt: new Map(), passes: [] };
  world.ado.onEvent((event) => {
    if (event.kind === 'agentDeleted') watching.deletedAt.set(event.agentId, event.at);
    if (event.kind !== 'received') return;
    const { queuedAt } = world.ado.getJobRequest(poolId, event.requestId);
    watching.waits.push({ queuedAt, ms: event.at - queuedAt });
  });
  return watching;
}

/** Queues on until it holds; the ids of the requests. */
async function work(world: ScalingWorld, holds: () => boolean, limitMs: number): Promise<readonly number[]> {
  const ids: number[] = [];
  for (const end = world.clock.now() + limitMs; !holds() && world.clock.now() < end; ) {
    ids.push(...world.queue(1, { durationMs: (random) => random.between(secondsMs(20), secondsMs(60)) }));
    await world.advance(everyMs);
  }
  return ids;
}

/** The most of these instants in any window. */
function mostIn(instants: readonly EpochMs[]): number {
  return Math.max(...instants.map((from) => instants.filter((at) => at >= from && at < from + windowMs).length));
}

describe('800 stale agents under a limit of 200 calls in five minutes', { timeout: 120_000 }, () => {
  it('go at last, and nobody waits longer for an agent', async () => {
    const passes: PassReport[] = [];
    const world = await aScalingWorld({
      policies: [policy],
      sweepMs: minutesMs(1),
      rateLimit,
      onReport: (report) => passes.push(report),
    });
    const { waits, deletedAt } = watch(world);
    const before = await work(world, () => false, minutesMs(60));

    const staleIds = register(world, agentNames(policy.installation, 1, stale));
    const others = register(world, [...agentNames('zzzz', 1, 5), 'build-box', 'keda-agent-1']);
    const staleFrom = world.clock.now();
    const left = (): number => [...staleIds].filter((id) => !deletedAt.has(id)).length;
    const during = await work(world, () => left() === 0, minutesMs(60 * 12));
    const tookMs = world.clock.now() - staleFrom;
    // Our own are gone, others' stay as they were.
    const kept = world.ado.listAgents(poolId).filter(({ id }) => others.has(id));
    for (const { id } of kept) world.ado.deleteAgent(poolId, id);
    const violations = await world.settle();

    const ghosts = passes.map(({ plan }) => plan.actions.filter(({ kind }) => kind === 'deleteGhost').length);
    const throttled = passes.filter(({ retryAfterMs }) => retryAfterMs !== undefined).length;
    const waited = (from: number, to: number): readonly number[] =>
      waits.flatMap(({ queuedAt, ms }) => (queuedAt >= from && queuedAt < to ? [ms] : []));
    const [calm, busy] = [waited(0, staleFrom), waited(staleFrom, Number.POSITIVE_INFINITY)];
    const figures = {
      goneAfterMinutes: round(tookMs / 60_000),
      beforeMedianMs: round(median(calm)),
      beforeP95Ms: round(quantile(calm, 0.95)),
      duringMedianMs: round(median(busy)),
      duringP95Ms: round(quantile(busy, 0.95)),
      ratio: round(median(busy) / median(calm)),
      mostGhostsInAPass: Math.max(...ghosts),
      passesRefused: throttled,
    };
    console.log(JSON.stringify(figures));

    expect({ left: left(), kept: kept.length, violations }).toEqual({ left: 0, kept: others.size, violations: [] });
    expect(new Set(waits.length ? world.count.ran.keys() : [])).toEqual(new Set([...before, ...during]));
    expect(figures.mostGhostsInAPass).toBeLessThanOrEqual(policy.maxGhostsPerPass);
    expect(mostIn([...staleIds].map((id) => deletedAt.get(id) ?? 0))).toBeLessThanOrEqual(rateLimit.budget / 4);
    // Nothing but ghosts may ever meet the limit.
    expect(figures.passesRefused).toBe(0);
    expect(figures.ratio).toBeLessThan(1.1);
    expect(figures.duringP95Ms).toBeLessThan(1.2 * figures.beforeP95Ms);
  });
});
