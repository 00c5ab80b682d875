/** What plans take away: nothing that is counted on, at work, kept warm, out of sight or not ours. */
import { describe, expect, it, vi } from 'vitest';
import type { Agent } from '../../../shared/domain/agent.ts';
import type { AgentJob } from '../../../shared/domain/agentJob.ts';
import type { Action } from '../../../shared/plan/plan.ts';
import { leftTemplate, type PoolCase } from '../../support/planArbitraries.ts';
import {
  agentJobsOf,
  agentsOf,
  isBehind,
  isOurs,
  isPlaceholder,
  reservedIds,
  someClusterUnknown,
  takersIn,
} from '../../support/planOracle.ts';
import { everyPool, propertyTimeoutMs } from '../../support/planProperties.ts';

vi.setConfig({ testTimeout: propertyTimeoutMs });

/** Names of what an action works on. */
const subject = (action: Action): string => ('agentJob' in action ? action.agentJob.name : action.name);

type Retire = Extract<Action, { readonly kind: 'retire' }>;
const isRetire = (action: Action): action is Retire => action.kind === 'retire';

const ofPlaceholders: ReadonlySet<string> = new Set(['createPlaceholder', 'repairPlaceholder', 'deletePlaceholder']);

/** Idle agents without a special wish, as the warm schedule counts them. */
function isStock(pool: PoolCase, { template, parameters }: AgentJob, name: string): boolean {
  return (pool.wanted.get(name) ?? 0) > 0 && template === name && Object.keys(parameters ?? {}).length === 0;
}

function isStale(pool: PoolCase, { createdAt, image }: AgentJob, templateImage: string): boolean {
  return pool.observed.at - createdAt > pool.policy.warmMaxAgeMs || image !== templateImage;
}

describe('an action', () => {
  it('touches only what bears our mark, and placeholders only as such', () => {
    everyPool((pool, plan) => {
      const strange = plan.actions.filter((action) => {
        if (action.kind === 'noteControl') return action.name !== `mayfly-pool-${pool.policy.poolId}`;
        return ofPlaceholders.has(action.kind) ? !isPlaceholder(pool, subject(action)) : !isOurs(pool, subject(action));
      });
      expect(strange).toEqual([]);
    });
  });

  /** Without an id on the Job, a live twin that has passed its registration, or bears the id, has the agent. */
  const isATwins = (pool: PoolCase, { agentId, name, cluster, pod }: AgentJob, agent: Agent): boolean =>
    agentId === undefined &&
    pod?.mainStartedAt === undefined &&
    agentJobsOf(pool).some(
      (twin) =>
        twin.name === name &&
        twin.cluster !== cluster &&
        !['tombstone', 'rolledBack'].includes(twin.phase) &&
        (twin.pod?.mainStartedAt !== undefined || twin.agentId === agent.id),
    );

  it('only disables or notes an agent that an unfinished request reserves', () => {
    everyPool((pool, plan) => {
      const reserved = agentsOf(pool).filter(({ id }) => reservedIds(pool).has(id));
      const hits = (action: Action): boolean =>
        action.kind === 'retire'
          ? reserved.some((agent) => isBehind(action.agentJob, agent) && !isATwins(pool, action.agentJob, agent))
          : 'agentId' in action && reserved.some(({ id }) => id === action.agentId);
      const harmless = new Set(['disable', 'noteAgent']);
      expect(plan.actions.filter((action) => !harmless.has(action.kind) && hits(action))).toEqual([]);
    });
  });

  it('never takes away an agent that the plan counts on', () => {
    everyPool((pool, plan) => {
      const counted = new Set(plan.served.values());
      // Of several Jobs of one name one may end while another is counted on.
      const isAlone = (name: string): boolean => agentJobsOf(pool).filter((each) => each.name === name).length < 2;
      const isItsOwn = (agentJob: AgentJob): boolean =>
        agentsOf(pool).every((agent) => agent.name !== agentJob.name || isBehind(agentJob, agent));
      const taken = plan.actions.filter((action) => {
        if (action.kind !== 'deleteGhost' && !isRetire(action)) return false;
        const name = subject(action);
        return counted.has(name) && isAlone(name) && (!isRetire(action) || isItsOwn(action.agentJob));
      });
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

  it('takes no agent for a ghost that has been online for less than an hour, is reserved or has a living agent job', () => {
    everyPool((pool, plan) => {
      const living = agentJobsOf(pool).filter(({ phase }) => phase !== 'tombstone' && phase !== 'rolledBack');
      const wrong = plan.actions.filter((action) => {
        const agent = agentsOf(pool).find(({ id }) => action.kind === 'deleteGhost' && id === action.agentId);
        if (agent === undefined) return false;
        const since = Math.max(agent.createdAt ?? 0, agent.statusChangedAt ?? 0);
        const isNew = agent.online && pool.observed.at - since < 6 * pool.policy.ghostGraceMs;
        return isNew || reservedIds(pool).has(agent.id) || living.some((agentJob) => isBehind(agentJob, agent));
      });
      expect(wrong).toEqual([]);
    });
  });

  it('removes a placeholder only when its template has long left, nothing of it lives and nobody knows better', () => {
    everyPool((pool, plan) => {
      const { control } = pool.observed;
      const removed = plan.actions.filter(({ kind }) => kind === 'deletePlaceholder');
      if (removed.length === 0) return;
      const dead = new Set(['tombstone', 'rolledBack']);
      const lives = agentJobsOf(pool).some(({ template, phase }) => template === leftTemplate && !dead.has(phase));
      const since = [...(control.value?.absentSince.values() ?? [])];
      const isOlder = (pool.policy.generation ?? 0) < (control.value?.generation ?? 0);
      expect({ lives, isOlder, isBlind: someClusterUnknown(pool), count: removed.length }).toEqual({
        lives: false,
        isOlder: false,
        isBlind: false,
        count: 1,
      });
      expect(since.every((at) => pool.observed.at - at > 900_000)).toBe(true);
    });
  });

  it('retires what the server does not use one at a time for each template', () => {
    everyPool((_, plan) => {
      const unused = plan.actions.filter((action) => isRetire(action) && action.reason === 'notAssignedByServer');
      const fresh = unused.filter((action) => isRetire(action) && action.agentJob.phase === 'started');
      const templates = fresh.flatMap((action) => ('agentJob' in action ? [action.agentJob.template] : []));
      const twins = new Set(fresh.map(subject)).size < fresh.length;
      expect(twins || new Set(templates).size === templates.length).toBe(true);
    });
  });
});

describe('warm capacity', () => {
  /** Usable, of ours, and needed by nobody: with the Job that each runs in. */
  function spare(pool: PoolCase, served: ReadonlyMap<number, string>): readonly AgentJob[] {
    const taken = new Set(served.values());
    const names = new Set(takersIn(pool).flatMap(({ name, ours }) => (ours && !taken.has(name) ? [name] : [])));
    const jobs = agentJobsOf(pool).filter(({ name }) => names.has(name));
    return jobs.filter(({ name }) => jobs.filter((other) => other.name === name).length === 1);
  }

  it('is never retired below what the schedule wants, unless the server does not use it', () => {
    everyPool((pool, plan) => {
      const retired = plan.actions.filter(isRetire);
      const unused = new Set(plan.alarms.map(({ subject: name }) => name));
      for (const { name, image } of pool.policy.templates) {
        const stock = spare(pool, plan.served).filter((each) => isStock(pool, each, name) && !unused.has(each.name));
        const online = new Set(takersIn(pool).flatMap((taker) => (taker.isOnline ? [taker.name] : [])));
        const fresh = stock.filter((each) => !online.has(each.name) || !isStale(pool, each, image));
        const gone = retired.filter(({ agentJob }) => fresh.includes(agentJob));
        const wanted = Math.min(fresh.length, pool.wanted.get(name) ?? 0);
        expect(fresh.length - gone.length).toBeGreaterThanOrEqual(wanted);
      }
    });
  });

  it('is replaced only where it is too old or of another image', () => {
    everyPool((pool, plan) => {
      const images = new Map(pool.policy.templates.map(({ name, image }) => [name, image]));
      const rash = plan.actions.filter(
        (action) =>
          isRetire(action) &&
          action.reason === 'replaced' &&
          !isStale(pool, action.agentJob, images.get(action.agentJob.template) ?? ''),
      );
      expect(rash).toEqual([]);
    });
  });
});
