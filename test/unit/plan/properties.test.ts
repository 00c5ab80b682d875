/** What holds of every plan, on random pools. MAYFLY_PROPERTY_RUNS raises their number, MAYFLY_TEST_SEED changes them. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { type Random, seededRandom } from '../../../infra/local/world/random.ts';
import type { JobRequest } from '../../../shared/domain/jobRequest.ts';
import { known, type Read, unknown } from '../../../shared/domain/read.ts';
import type { SkipReason } from '../../../shared/domain/reasons.ts';
import type { Template } from '../../../shared/domain/template.ts';
import type { Action, Plan, Skip } from '../../../shared/plan/plan.ts';
import { planPool } from '../../../shared/plan/planPool.ts';
import { type PoolCase, poolArbitrary, quietPoolArbitrary } from '../../support/planArbitraries.ts';
import { afterCreations, applied, creationsOf, fiveSecondsLater } from '../../support/planEffects.ts';
import {
  agentJobsOf,
  agentsOf,
  canTake,
  fits,
  fittingTemplates,
  isBehind,
  isOurs,
  isPlaceholder,
  type Room,
  requestsOf,
  reservedIds,
  roomAfter,
  someClusterUnknown,
  takersIn,
  versioned,
  waitingIn,
} from '../../support/planOracle.ts';
import { toldPool } from '../../support/toldPool.ts';

const runs = Number(process.env['MAYFLY_PROPERTY_RUNS'] ?? 200);
const seed = Number(process.env['MAYFLY_TEST_SEED'] ?? 20_260_302);

const planOf = ({ policy, observed }: PoolCase): Plan => planPool(policy, observed);

/** Holds `check` against as many pools as are wanted. */
function everyPool(check: (pool: PoolCase, plan: Plan) => void, pools = poolArbitrary): void {
  const readable = pools.map((pool) => ({ pool, [fc.toStringMethod]: () => toldPool(pool) }));
  const property = fc.property(readable, ({ pool }) => check(pool, planOf(pool)));
  fc.assert(property, { numRuns: runs, seed });
}

const byId = (requests: readonly { readonly id: number }[]): readonly number[] => requests.map(({ id }) => id);
const numeric = (a: number, b: number): number => a - b;

/** What a plan says, without the order in which it says it. */
function toldBy({ actions, skips, served, alarms, nextLookAt }: Plan) {
  const sorted = (values: readonly unknown[]): readonly string[] =>
    values.map((value) => JSON.stringify(value)).toSorted();
  return {
    actions: sorted(actions),
    skips: sorted(skips),
    served: sorted([...served]),
    alarms: sorted(alarms),
    nextLookAt,
  };
}

function shuffledRead<T>(read: Read<readonly T[]>, random: Random): Read<readonly T[]> {
  return read.known ? known(random.shuffled(read.value)) : read;
}

function shuffled({ policy, observed }: PoolCase, random: Random): PoolCase {
  const clusters = observed.clusters.map(({ name, agentJobs }) => ({
    name,
    agentJobs: shuffledRead(agentJobs, random),
  }));
  return {
    policy: { ...policy, clusters: random.shuffled(policy.clusters) },
    observed: {
      ...observed,
      requests: shuffledRead(observed.requests, random),
      agents: shuffledRead(observed.agents, random),
      clusters: random.shuffled(clusters),
    },
  };
}

describe('a plan', () => {
  it('is the same for the same pool', () => {
    everyPool((pool, plan) => {
      expect(planOf(structuredClone(pool))).toEqual(plan);
    });
  });

  it('does not depend on the order in which anything was read', () => {
    everyPool((pool, plan) => {
      for (const each of [1, 2, 3]) {
        const again = planOf(shuffled(pool, seededRandom(each)));
        expect(toldBy(again)).toEqual(toldBy(plan));
      }
    });
  });

  it('ends each waiting request in one way and speaks of no other', () => {
    everyPool((pool, plan) => {
      const ends = [
        ...plan.served.keys(),
        ...creationsOf(plan).map(({ requestId }) => requestId),
        ...plan.skips.map(({ requestId }) => requestId),
      ];
      expect(ends.toSorted(numeric)).toEqual(byId(waitingIn(pool)).toSorted(numeric));
    });
  });

  it('serves requests by agents of their own that can take them, and wastes none', () => {
    everyPool((pool, plan) => {
      const requests = new Map(requestsOf(pool).map((request) => [request.id, request]));
      const takers = takersIn(pool);
      for (const [id, name] of plan.served) {
        const request = requests.get(id);
        expect(takers.some((taker) => taker.name === name && request !== undefined && canTake(taker, request))).toBe(
          true,
        );
      }
      const taken = new Set(plan.served.values());
      expect(taken.size).toBe(plan.served.size);
      const unserved = waitingIn(pool).filter(({ id, userDelayed }) => !userDelayed && !plan.served.has(id));
      const free = takers.filter(({ name }) => !taken.has(name));
      const wasted = free.filter((taker) => unserved.some((request) => canTake(taker, request)));
      expect(wasted).toEqual([]);
    });
  });

  it('creates under unused names, in clusters that answered, of templates that fit', () => {
    everyPool((pool, plan) => {
      const creations = creationsOf(plan);
      const used = new Set([...agentJobsOf(pool), ...agentsOf(pool)].map(({ name }) => name));
      const readable = pool.observed.clusters.flatMap(({ name, agentJobs }) => (agentJobs.known ? [name] : []));
      expect(new Set(creations.map(({ name }) => name)).size).toBe(creations.length);
      for (const { name, cluster, template, requestId } of creations) {
        const request = requestsOf(pool).find(({ id }) => id === requestId);
        expect(used).not.toContain(name);
        expect(readable).toContain(cluster);
        expect(request !== undefined && fits(versioned(template), request)).toBe(true);
      }
    });
  });

  it('exceeds no limit', () => {
    everyPool((pool, plan) => {
      const before = roomAfter(pool, []);
      const after = roomAfter(pool, creationsOf(plan));
      const beyond = (left: number, had: number): boolean => left < Math.min(0, had);
      expect(beyond(after.pass, before.pass) || beyond(after.pool, before.pool)).toBe(false);
      expect(beyond(after.parallel, before.parallel)).toBe(false);
      for (const [name, left] of after.templates) expect(beyond(left, before.templates.get(name) ?? 0)).toBe(false);
    });
  });
});

describe('a skip', () => {
  const ended = new Set(['retiring', 'tombstone', 'rolledBack']);
  /** Whether the breaker of a template may be open: enough of its agent jobs have ended. */
  const mayBreak = (pool: PoolCase, template: string): boolean =>
    agentJobsOf(pool).filter((each) => each.template === template && ended.has(each.phase)).length >=
    pool.policy.backoff.breakerFailures;

  interface Said {
    readonly pool: PoolCase;
    readonly request: JobRequest;
    readonly fitting: readonly Template[];
    /** Phases of the attempts at the request. */
    readonly attempts: readonly string[];
    /** What the creations of the plan leave. */
    readonly room: Room;
  }

  const isFull = ({ pool, request, fitting, room }: Said): boolean => {
    if (room.pool <= 0 || room.pass <= 0) return true;
    if (request.parallelism === 'private' && room.parallel <= 0) return true;
    return fitting.every(({ name }) => (room.templates.get(name) ?? 0) <= 0 || mayBreak(pool, name));
  };

  const truths: Readonly<Record<SkipReason, (said: Said) => boolean>> = {
    userDelayed: ({ request }) => request.userDelayed,
    unparsableDemand: ({ request }) => request.demands.some((demand) => demand.includes('-like')),
    noTemplate: ({ fitting }) => fitting.length === 0,
    paused: ({ pool }) => pool.observed.paused.value === true,
    retiringFirst: ({ attempts }) => attempts.some((phase) => !ended.has(phase)),
    backingOff: ({ attempts }) => attempts.some((phase) => ended.has(phase)),
    noClusterReadable: ({ pool }) => pool.observed.clusters.every(({ agentJobs }) => !agentJobs.known),
    breakerOpen: ({ pool, fitting }) => fitting.some(({ name }) => mayBreak(pool, name)),
    atTemplateLimit: isFull,
    atPoolLimit: isFull,
    atParallelJobLimit: isFull,
    atPassLimit: isFull,
  };

  const isTrue = (pool: PoolCase, plan: Plan, { requestId, reason }: Skip): boolean => {
    const request = requestsOf(pool).find(({ id }) => id === requestId);
    if (request === undefined) return false;
    const attempts = agentJobsOf(pool).filter(
      ({ purpose }) => purpose.kind === 'request' && purpose.requestId === requestId,
    );
    return truths[reason]({
      pool,
      request,
      fitting: fittingTemplates(pool, request),
      attempts: attempts.map(({ phase }) => phase),
      room: roomAfter(pool, creationsOf(plan)),
    });
  };

  it('tells the truth: with a fitting template, room and nothing in its way a request gets an agent', () => {
    everyPool((pool, plan) => {
      expect(plan.skips.filter((skip) => !isTrue(pool, plan, skip))).toEqual([]);
    });
  });

  it('for want of room never lets a younger request have the room', () => {
    everyPool((pool, plan) => {
      const requests = new Map(requestsOf(pool).map((request) => [request.id, request]));
      const passedOver = plan.skips.filter(({ requestId, reason }) => {
        const older = requests.get(requestId);
        if (older === undefined || !reason.startsWith('at')) return false;
        return creationsOf(plan).some((creation) => {
          const other = requests.get(creation.requestId);
          const isYounger = other !== undefined && (other.queuedAt - older.queuedAt || other.id - older.id) > 0;
          const sameRoom = older.parallelism === 'public' || other?.parallelism === 'private';
          return isYounger && sameRoom && fits(versioned(creation.template), older);
        });
      });
      expect(passedOver).toEqual([]);
    });
  });
});

describe('an action', () => {
  /** Names of what an action works on. */
  const subject = (action: Action): string => ('agentJob' in action ? action.agentJob.name : action.name);

  it('touches only what bears our mark, and of placeholders nothing but their repair', () => {
    everyPool((pool, plan) => {
      const strange = plan.actions.filter((action) =>
        action.kind === 'createPlaceholder' || action.kind === 'repairPlaceholder'
          ? !isPlaceholder(pool, action.name)
          : !isOurs(pool, subject(action)),
      );
      expect(strange).toEqual([]);
    });
  });

  it('only disables an agent that an unfinished request reserves', () => {
    everyPool((pool, plan) => {
      const reserved = agentsOf(pool).filter(({ id }) => reservedIds(pool).has(id));
      const hits = (action: Action): boolean =>
        action.kind === 'retire'
          ? reserved.some((agent) => isBehind(action.agentJob, agent))
          : 'agentId' in action && reserved.some(({ id }) => id === action.agentId);
      expect(plan.actions.filter((action) => action.kind !== 'disable' && hits(action))).toEqual([]);
    });
  });

  it('never takes away an agent that the plan counts on', () => {
    everyPool((_, plan) => {
      const counted = new Set(plan.served.values());
      const taken = plan.actions.filter(
        (action) => (action.kind === 'retire' || action.kind === 'deleteGhost') && counted.has(subject(action)),
      );
      expect(taken).toEqual([]);
    });
  });

  it('retires and buries only what a cluster that answered holds', () => {
    everyPool((pool, plan) => {
      const held = new Set(agentJobsOf(pool));
      const steps = plan.actions.flatMap((action) => ('agentJob' in action ? [action.agentJob] : []));
      expect(steps.filter((agentJob) => !held.has(agentJob) || agentJob.phase === 'unreadable')).toEqual([]);
      const ghosts = plan.actions.filter(({ kind }) => kind === 'deleteGhost');
      expect(ghosts.length > 0 && someClusterUnknown(pool)).toBe(false);
    });
  });

  it('takes no agent for a ghost that is online, reserved or has a living agent job', () => {
    everyPool((pool, plan) => {
      const living = agentJobsOf(pool).filter(({ phase }) => phase !== 'tombstone' && phase !== 'rolledBack');
      const wrong = plan.actions.filter((action) => {
        const agent = agentsOf(pool).find(({ id }) => action.kind === 'deleteGhost' && id === action.agentId);
        return agent !== undefined && (agent.online || living.some((agentJob) => isBehind(agentJob, agent)));
      });
      expect(wrong).toEqual([]);
    });
  });

  it('is none at all where the requests or the agents are unknown', () => {
    everyPool((pool) => {
      const { policy, observed } = pool;
      for (const part of ['requests', 'agents'] as const) {
        const { actions, skips, served } = planPool(policy, { ...observed, [part]: unknown('timeout') });
        expect({ actions, skips, served: served.size }).toEqual({ actions: [], skips: [], served: 0 });
      }
    });
  });
});

describe('planning on', () => {
  it('creates again for a request only where an older one that was skipped will take its agent', () => {
    everyPool((pool, plan) => {
      const again = planOf(afterCreations(pool, plan));
      const created = new Set(creationsOf(plan).map(({ requestId }) => requestId));
      const twice = creationsOf(again).filter(({ requestId }) => created.has(requestId));
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
      expect(byId(served).toSorted(numeric)).toEqual(byId(fitting).toSorted(numeric));
    }, quietPoolArbitrary);
  });
});
