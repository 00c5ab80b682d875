/** No plan exceeds a limit, of its own or of its licence group, and none leaves a request where there is room. */
import fc from 'fast-check';
import { describe, expect, it, vi } from 'vitest';
import { known } from '../../../shared/domain/read.ts';
import type { Plan } from '../../../shared/plan/plan.ts';
import { planPool } from '../../../shared/plan/planPool.ts';
import { licenceNeeds } from '../../../shared/plan/provision.ts';
import { viewOf } from '../../../shared/plan/view.ts';
import { type PoolCase, poolArbitrary } from '../../support/planArbitraries.ts';
import { agentsOf, freeLicences, requestsOf, takersIn } from '../../support/planOracle.ts';
import { everyGroup, everyPool, planOf, propertyTimeoutMs } from '../../support/planProperties.ts';
import {
  answersIn,
  creationsOf,
  isBroken,
  isProbed,
  isStopped,
  privateAnswers,
  requestOf,
  roomAfter,
} from '../../support/planRoom.ts';

vi.setConfig({ testTimeout: propertyTimeoutMs });

const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);

/** What is left is less than nothing, and less than there was. */
const isBeyond = (left: number, had: number): boolean => left < Math.min(0, had);

/** Private requests that an agent is on its way for. */
const claimsOf = (pool: PoolCase, plan: Plan): number =>
  requestsOf(pool).filter(({ id, parallelism }) => parallelism === 'private' && plan.served.has(id)).length;

describe('the creations of a plan', () => {
  it('stay within the limits of the pass, the pool and each template', () => {
    everyPool((pool, plan) => {
      const before = roomAfter(pool, plan, []);
      const after = roomAfter(pool, plan, creationsOf(plan));
      expect(isBeyond(after.pass, before.pass) || isBeyond(after.pool, before.pool)).toBe(false);
      for (const [name, left] of after.templates) expect(isBeyond(left, before.templates.get(name) ?? 0)).toBe(false);
    });
  });

  it('stay within every quota of the cluster that each goes to', () => {
    everyPool((pool, plan) => {
      const before = roomAfter(pool, plan, []).quotas;
      for (const [cluster, quotas] of roomAfter(pool, plan, creationsOf(plan)).quotas) {
        for (const [place, room] of quotas.entries()) {
          const had = new Map(Object.entries(before.get(cluster)?.[place] ?? {}));
          const beyond = Object.entries(room).filter(([resource, left]) => isBeyond(left, had.get(resource) ?? 0));
          expect(beyond).toEqual([]);
        }
      }
    });
  });

  it('stay within the parallel jobs of the licence group, less what its requests with an agent will take', () => {
    everyPool((pool, plan) => {
      const before = roomAfter(pool, plan, []);
      const after = roomAfter(pool, plan, creationsOf(plan));
      expect(isBeyond(after.parallel, before.parallel)).toBe(false);
    });
  });

  it('are at least the fair share of the parallel jobs that the group leaves, where requests wait for them', () => {
    everyPool((pool, plan) => {
      const isShort = plan.skips.some(({ reason }) => reason === 'atParallelJobLimit');
      const wishing = pool.observed.group.filter(({ needs }) => needs.known && needs.value.wishes.length > 0).length;
      const room = Math.max(0, roomAfter(pool, plan, []).parallel);
      const fairShare = isShort ? Math.floor(room / (1 + wishing)) : 0;
      expect(claimsOf(pool, plan) + privateAnswers(pool, plan).length).toBeGreaterThanOrEqual(fairShare);
    });
  });

  it('are none where the pool or the template is paused or drained', () => {
    everyPool((pool, plan) => {
      expect(creationsOf(plan).filter(({ template }) => isStopped(pool, template.name))).toEqual([]);
    });
  });

  it('are one at most of a template that keeps failing, and none while one of it is being tried', () => {
    everyPool((pool, plan) => {
      for (const { name } of pool.policy.templates) {
        const ofTemplate = creationsOf(plan).filter(({ template }) => template.name === name);
        if (!isBroken(pool, name)) continue;
        expect(ofTemplate.length).toBeLessThanOrEqual(isProbed(pool, name, []) ? 0 : 1);
      }
    });
  });
});

describe('warm capacity', () => {
  it('takes nothing from the requests: they end as they would without it', () => {
    everyPool((pool, plan) => {
      const bare = planPool({ ...pool.policy, warm: [] }, pool.observed);
      expect({ served: plan.served, skips: plan.skips, answers: answersIn(plan) }).toEqual({
        served: bare.served,
        skips: bare.skips,
        answers: answersIn(bare),
      });
    });
  });

  it('is created up to what the schedule wants now, and not where the template is stopped', () => {
    everyPool((pool, plan) => {
      const taken = new Set(plan.served.values());
      const free = new Set(takersIn(pool).flatMap(({ name, ours }) => (ours && !taken.has(name) ? [name] : [])));
      for (const { template, target, ready, booting, creating } of plan.warm) {
        expect(target).toBe(pool.wanted.get(template));
        expect(creating).toBeLessThanOrEqual(Math.max(0, target - ready - booting));
        expect(ready + booting).toBeLessThanOrEqual(free.size);
      }
      const told = new Map(plan.warm.map(({ template, creating }) => [template, creating]));
      for (const { name } of pool.policy.templates) {
        const warm = creationsOf(plan).filter((each) => each.template.name === name && requestOf(each) === undefined);
        expect(warm.length).toBe(told.get(name) ?? 0);
      }
    });
  });
});

/** Pools of one group that are looked at in one moment: what each needs, the others are told. */
const groupArbitrary: fc.Arbitrary<readonly PoolCase[]> = fc
  .record({
    pools: fc.array(poolArbitrary, { minLength: 2, maxLength: 3 }),
    parallelJobs: fc.record({ total: fc.integer({ min: 0, max: 12 }), used: fc.integer({ min: 0, max: 3 }) }),
  })
  .map(({ pools, parallelJobs }) => {
    const alone = pools.map(
      (pool, place): PoolCase => ({
        ...pool,
        policy: {
          ...pool.policy,
          parallelJobs: 'auto',
          organisation: { ...pool.policy.organisation, name: `organisation-${place}` },
        },
        observed: { ...pool.observed, parallelJobs: { value: parallelJobs } },
      }),
    );
    const members = alone.map((pool) => {
      const { policy, observed } = pool;
      const view = viewOf(policy, observed, requestsOf(pool), agentsOf(pool));
      return { organisation: policy.organisation.name, poolId: policy.poolId, needs: known(licenceNeeds(view)) };
    });
    return alone.map((pool) => {
      const group = members.filter(({ organisation }) => organisation !== pool.policy.organisation.name);
      return { ...pool, observed: { ...pool.observed, group } };
    });
  });

describe('pools of one licence group that plan at once', () => {
  it('together never exceed what is free, and use all of it while any of them wishes for more', () => {
    everyGroup((pools) => {
      const plans = pools.map((pool) => ({ pool, plan: planOf(pool) }));
      const [first] = pools;
      const free = first === undefined ? 0 : freeLicences(first);
      const claims = sum(plans.map(({ pool, plan }) => claimsOf(pool, plan)));
      const created = sum(plans.map(({ pool, plan }) => privateAnswers(pool, plan).length));
      const room = Math.max(0, free - claims);
      expect(created).toBeLessThanOrEqual(room);
      const isShort = plans.some(({ plan }) => plan.skips.some(({ reason }) => reason === 'atParallelJobLimit'));
      expect(created).toBeGreaterThanOrEqual(isShort ? room : 0);
    }, groupArbitrary);
  });

  // What a pool has claimed is what it was given in turns before: a deal goes on where the last one ended.
  it('are given parallel jobs in turn, so that none ends with two more than another that wishes for one', () => {
    everyGroup((pools) => {
      const plans = pools.map((pool) => ({ pool, plan: planOf(pool) }));
      const counts = plans.map(({ pool, plan }) => {
        const given = privateAnswers(pool, plan).length;
        return { given, has: claimsOf(pool, plan) + given };
      });
      const most = Math.max(0, ...counts.filter(({ given }) => given > 0).map(({ has }) => has));
      for (const [place, { plan }] of plans.entries()) {
        const isShort = plan.skips.some(({ reason }) => reason === 'atParallelJobLimit');
        expect(counts[place]?.has ?? 0).toBeGreaterThanOrEqual(isShort ? most - 1 : 0);
      }
    }, groupArbitrary);
  });
});
