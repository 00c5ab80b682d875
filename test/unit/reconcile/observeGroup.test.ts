import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../../../infra/local/world/clock.ts';
import type { Agent } from '../../../shared/domain/agent.ts';
import { errorKind, UpstreamError, type UpstreamErrorKind } from '../../../shared/domain/errors.ts';
import type { JobRequest } from '../../../shared/domain/jobRequest.ts';
import type { Observed } from '../../../shared/plan/observed.ts';
import type { Cluster } from '../../../shared/ports.ts';
import type { LookDeps, ReconcileDeps } from '../../../shared/reconcile/deps.ts';
import { observeGroup, stakeOf } from '../../../shared/reconcile/observeGroup.ts';
import {
  aJobRequest,
  anAgent,
  anAgentJob,
  anObserved,
  type Given,
  minutesAgo,
  noon,
  placeholders,
} from '../../support/builders.ts';
import { Worlds } from '../../support/pass.ts';
import { aPoolPolicy } from '../../support/policyBuilders.ts';

const clock = (): VirtualClock => new VirtualClock(noon);

/** Another pool of the group; `fails` = its lists cannot be read. */
interface Member {
  readonly deps: LookDeps;
  readonly calls: string[];
  requests: readonly JobRequest[];
  fails: UpstreamErrorKind | undefined;
}

interface MemberOptions {
  readonly mode?: 'active' | 'shadow';
  /** Beside its placeholder. */
  readonly agents?: readonly Agent[];
}

function aMember(
  poolId: number,
  at: VirtualClock,
  requests: readonly JobRequest[] = [],
  maxAgents = 20,
  { mode = 'active', agents = [] }: MemberOptions = {},
): Member {
  const member = { calls: [] as string[], requests, fails: undefined as UpstreamErrorKind | undefined };
  const read = async <T>(verb: string, value: () => T): Promise<T> => {
    member.calls.push(verb);
    if (member.fails === undefined) return value();
    throw new UpstreamError({ upstream: 'azureDevOps', operation: verb, kind: member.fails });
  };
  const cluster: Pick<Cluster, 'name' | 'listAgentJobs' | 'getControl' | 'listQuotaRoom'> = {
    name: 'primary',
    listAgentJobs: async () => [],
    getControl: async () => undefined,
    listQuotaRoom: async () => [],
  };
  const deps: LookDeps = {
    policy: aPoolPolicy({ poolId, maxAgents, mode }),
    clock: at,
    memory: { quotas: new Map(), runs: new Map() },
    clusters: [cluster as Cluster],
    pools: {
      listAgents: () => read('listAgents', () => ({ value: [...placeholders, ...agents], at: noon })),
      listJobRequests: () => read('listJobRequests', () => ({ value: member.requests, at: noon })),
      isRunOver: () => read('isRunOver', () => undefined),
      getParallelJobs: () => read('getParallelJobs', () => ({ total: 0, used: 0 })),
    },
  };
  return Object.assign(member, { deps });
}

const waiting = (count: number, id = 1): readonly JobRequest[] =>
  Array.from({ length: count }, (_, index) => aJobRequest({ id: id + index, queuedAt: minutesAgo(5) + index }));
const wishes = (requests: readonly JobRequest[]) => requests.map(({ id, queuedAt }) => ({ requestId: id, queuedAt }));
const free = (total: number): Observed['parallelJobs'] => ({ value: { total, used: 0 } });

/** As a pass has it: the others are looked at where there may not be enough for all. */
async function groupOf(deps: ReconcileDeps, observed: Observed, errors: unknown[]) {
  const stake = stakeOf(deps, observed);
  return stake === undefined ? [] : observeGroup(deps, observed, stake, errors);
}

async function look(given: Given, members: readonly Member[], changed: Partial<LookDeps['policy']> = {}) {
  const errors: unknown[] = [];
  const { deps } = new Worlds({ policy: aPoolPolicy(changed) }).plane();
  const group = await groupOf({ ...deps, group: members.map((member) => member.deps) }, anObserved(given), errors);
  return { group, errors: errors.map(errorKind), calls: members.flatMap(({ calls }) => calls) };
}

const unasked = { group: [], errors: [], calls: [] };
const member8 = (needs: unknown) => ({ organisation: 'contoso', poolId: 8, needs });

describe('observeGroup', () => {
  const others = waiting(2, 500);

  it.each<{ name: string; given: Given; changed?: Partial<LookDeps['policy']> }>([
    { name: 'nothing waits', given: { parallelJobs: free(1) } },
    {
      name: 'there are enough for all that all pools may ever have',
      given: { requests: waiting(3), parallelJobs: free(23) },
    },
    { name: 'none is free', given: { requests: waiting(3), parallelJobs: free(0) } },
    {
      name: 'its own agents will take all that are free',
      given: {
        requests: waiting(2),
        agentJobs: [anAgentJob({ purpose: { kind: 'request', requestId: 1, attempt: 1 } })],
        parallelJobs: free(1),
      },
    },
    {
      name: 'all that wait are public',
      given: { requests: waiting(3).map((each) => ({ ...each, parallelism: 'public' })), parallelJobs: free(1) },
    },
    { name: 'there is no limit', given: { requests: waiting(3) }, changed: { parallelJobs: 'unlimited' } },
    {
      name: 'nothing is known of parallel jobs',
      given: { requests: waiting(3), parallelJobs: { value: undefined, error: 'timeout' } },
    },
    {
      name: 'another limit holds all that wait',
      given: { requests: waiting(3), parallelJobs: free(1) },
      changed: { maxAgents: 0 },
    },
  ])('does not look at the others when $name', async ({ given, changed }) => {
    expect(await look(given, [aMember(8, clock(), others)], changed)).toEqual(unasked);
  });

  it('does not look at others that are not there', async () => {
    expect(await look({ requests: waiting(3), parallelJobs: free(1) }, [])).toEqual(unasked);
  });

  it('does not look at others when its own pool cannot be read', async () => {
    const observed = { ...anObserved({ requests: waiting(3), parallelJobs: free(1) }) };
    const { deps } = new Worlds().plane();
    const member = aMember(8, clock(), others);
    for (const part of ['requests', 'agents'] as const) {
      const unread = { ...observed, [part]: { known: false, error: 'timeout' } };
      expect(await groupOf({ ...deps, group: [member.deps] }, unread, [])).toEqual([]);
    }
    expect(member.calls).toEqual([]);
  });

  it('asks each for what it needs when there may not be enough, and none of them for parallel jobs', async () => {
    const at = clock();
    const members = [aMember(8, at, others), aMember(9, at)];
    const { group, errors, calls } = await look({ requests: waiting(3), parallelJobs: free(42) }, members);
    expect({ group, errors, calls: calls.toSorted() }).toEqual({
      group: [
        member8({ known: true, value: { claims: 0, wishes: wishes(others) } }),
        { organisation: 'contoso', poolId: 9, needs: { known: true, value: { claims: 0, wishes: [] } } },
      ],
      errors: [],
      calls: ['listAgents', 'listAgents', 'listJobRequests', 'listJobRequests'],
    });
  });

  describe('a second look', () => {
    const given: Given = { requests: waiting(3), parallelJobs: free(1) };
    const then = wishes(others);

    it.each([
      { name: 'goes by the first while it is fresh', ms: 9999, want: then, calls: 2 },
      { name: 'is a new one after ten seconds', ms: 10_000, want: [], calls: 4 },
    ])('$name', async ({ ms, want, calls }) => {
      const at = clock();
      const member = aMember(8, at, others);
      await look(given, [member]);
      member.requests = [];
      await at.advance(ms);
      const { group } = await look(given, [member]);
      expect([group, member.calls.length]).toEqual([
        [member8({ known: true, value: { claims: 0, wishes: want } })],
        calls,
      ]);
    });

    it('takes for granted what the first left to the pool: it may have its agents since', async () => {
      const at = clock();
      const member = aMember(8, at, others);
      const two = { ...given, parallelJobs: free(2) };
      expect((await look(two, [member])).group).toEqual([member8({ known: true, value: { claims: 0, wishes: then } })]);
      await at.advance(1000);
      const onceMore = member8({ known: true, value: { claims: 1, wishes: then.slice(1) } });
      expect((await look(two, [member])).group).toEqual([onceMore]);
      expect((await look(two, [member])).group).toEqual([onceMore]);
    });

    it('goes by the first when the pool cannot be read any more, and tells the error', async () => {
      const at = clock();
      const member = aMember(8, at, others);
      await look(given, [member]);
      member.fails = 'throttled';
      await at.advance(600_000);
      expect(await look(given, [member])).toMatchObject({
        group: [member8({ known: true, value: { claims: 0, wishes: then } })],
        errors: ['throttled'],
      });
    });
  });

  it('takes a pool in shadow mode for one that wishes nothing, but has what it has', async () => {
    const at = clock();
    const running = aJobRequest({ id: 600, assignedAt: minutesAgo(1), reservedAgent: { id: 9, name: 'x' } });
    const idle = anAgent({ name: 'build-server' });
    const needsOf = async (mode: 'active' | 'shadow') => {
      const member = aMember(8, at, [...others, running], 20, { mode, agents: [idle] });
      const { group } = await look({ requests: waiting(3), parallelJobs: free(3) }, [member]);
      return group.map(({ needs }) => needs);
    };
    expect([await needsOf('active'), await needsOf('shadow')]).toEqual([
      [{ known: true, value: { claims: 1, wishes: wishes(others.slice(1)) } }],
      [{ known: true, value: { claims: 1, wishes: [] } }],
    ]);
  });

  it('does not know a pool that never could be read, and says why', async () => {
    const at = clock();
    const broken = aMember(8, at, others);
    broken.fails = 'forbidden';
    const { group, errors } = await look({ requests: waiting(3), parallelJobs: free(1) }, [broken, aMember(9, at)]);
    expect({ group, errors }).toEqual({
      group: [
        member8({ known: false, error: 'forbidden' }),
        { organisation: 'contoso', poolId: 9, needs: { known: true, value: { claims: 0, wishes: [] } } },
      ],
      errors: ['forbidden'],
    });
  });
});
