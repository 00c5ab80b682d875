import { describe, expect, it } from 'vitest';
import type { JobRequest } from '../../../shared/domain/jobRequest.ts';
import { known, unknown } from '../../../shared/domain/read.ts';
import type { PoolPolicy } from '../../../shared/domain/template.ts';
import {
  afterGrant,
  entitledFirst,
  freeParallelJobs,
  isKnownFree,
  licenceShare,
} from '../../../shared/plan/licence.ts';
import type { LicenceNeeds, Observed } from '../../../shared/plan/observed.ts';
import { licenceNeeds } from '../../../shared/plan/provision.ts';
import { viewOf } from '../../../shared/plan/view.ts';
import {
  aBootingAgent,
  aJobRequest,
  anAgentJob,
  anObserved,
  type Given,
  minutesAgo,
  nameFor,
  noon,
  policy,
  runningOn,
  template,
} from '../../support/builders.ts';
import { plan, told } from '../../support/plans.ts';

type Usage = Observed['parallelJobs'];
const read = (used: number, total = 10): Usage => ({ value: { total, used } });
const remembered = (used: number, total = 10): Usage => ({ value: { total, used }, error: 'timeout' });
const unread: Usage = { value: undefined, error: 'timeout' };
const assigned = (id: number, rest: Partial<JobRequest> = {}): JobRequest =>
  runningOn({ id, name: `build-server-${id}` }, { id, ...rest });

const licensed = (parallelJobs: PoolPolicy['parallelJobs'], usage: Usage, requests: readonly JobRequest[] = []) => ({
  policy: { ...policy, parallelJobs },
  observed: anObserved({ parallelJobs: usage }),
  requests,
});

describe('freeParallelJobs', () => {
  const without = Number.POSITIVE_INFINITY;
  const three = [assigned(1), assigned(2), assigned(3, { parallelism: 'public' })];
  it.each([
    { name: 'auto: the total less what is in use', given: licensed('auto', read(3)), want: 7 },
    { name: 'auto: none when all are', given: licensed('auto', read(10)), want: 0 },
    { name: 'auto: none when more are', given: licensed('auto', read(12)), want: 0 },
    { name: 'auto: by memory', given: licensed('auto', remembered(3)), want: 7 },
    { name: 'auto: no limit where nothing is known', given: licensed('auto', unread, three), want: without },
    { name: 'a number: less what is in use', given: licensed(5, read(3)), want: 2 },
    { name: 'a number: more than the server allows', given: licensed(50, read(3)), want: 47 },
    { name: 'a number: by memory', given: licensed(5, remembered(5)), want: 0 },
    { name: 'a number: less what this pool uses where nothing is known', given: licensed(5, unread, three), want: 3 },
    { name: 'zero: none, ever', given: licensed(0, unread), want: 0 },
    { name: 'no limit of ours', given: licensed('unlimited', read(10)), want: without },
  ])('is for $name', ({ given, want }) => {
    expect(freeParallelJobs(given)).toBe(want);
  });
});

describe('isKnownFree', () => {
  it.each([
    { name: 'one is', given: read(9), want: true },
    { name: 'none is', given: read(10), want: false },
    { name: 'one was when it was read last', given: remembered(0), want: false },
    { name: 'nobody knows', given: unread, want: false },
  ])('is $want when $name', ({ given, want }) => {
    expect(isKnownFree(licensed('auto', given))).toBe(want);
  });
});

describe('entitledFirst', () => {
  const publicOne = (id: number): JobRequest => aJobRequest({ id, parallelism: 'public' });
  const all = [aJobRequest({ id: 1 }), publicOne(2), aJobRequest({ id: 3 }), aJobRequest({ id: 4 }), publicOne(5)];
  const unlimited = Number.POSITIVE_INFINITY;
  it.each([
    { name: 'all where there is no limit', free: unlimited, want: [[1, 2, 3, 4, 5], []] },
    { name: 'all where there are enough', free: 3, want: [[1, 2, 3, 4, 5], []] },
    {
      name: 'the oldest private ones, and every public one',
      free: 1,
      want: [
        [1, 2, 5],
        [3, 4],
      ],
    },
    {
      name: 'public ones alone where none is free',
      free: 0,
      want: [
        [2, 5],
        [1, 3, 4],
      ],
    },
  ])('are $name', ({ free, want }) => {
    const { entitled, held } = entitledFirst(all, free);
    expect([entitled, held].map((part) => part.map(({ id }) => id))).toEqual(want);
  });
});

/** Wishes by the seconds since noon at which they were queued; ids are by age. */
const needs = (claims: number, ...queued: readonly number[]): LicenceNeeds => ({
  claims,
  wishes: queued.map((seconds) => ({ requestId: seconds, queuedAt: noon + seconds * 1000 })),
});

describe('licenceShare', () => {
  it.each([
    { name: 'all of a pool that is alone', own: needs(0, 1, 2), others: [], free: 5, want: 2 },
    { name: 'no more than are free', own: needs(0, 1, 2, 3), others: [], free: 2, want: 2 },
    { name: 'what its own claims leave', own: needs(2, 1, 2, 3), others: [], free: 3, want: 1 },
    { name: 'what the claims of others leave', own: needs(0, 1, 2, 3), others: [needs(1), needs(1)], free: 3, want: 1 },
    { name: 'nothing where claims take all', own: needs(2, 1), others: [needs(2)], free: 3, want: 0 },
    { name: 'nothing where nothing is free', own: needs(0, 1), others: [], free: 0, want: 0 },
    { name: 'one in each round, the oldest first', own: needs(0, 1, 2, 3, 4), others: [needs(0, 9)], free: 3, want: 2 },
    { name: 'nothing of a short round for the younger', own: needs(0, 9, 10), others: [needs(0, 1)], free: 1, want: 0 },
    { name: 'the odd one for the older', own: needs(0, 1, 2, 3), others: [needs(0, 4, 5, 6)], free: 3, want: 2 },
    { name: 'not the odd one for the younger', own: needs(0, 4, 5, 6), others: [needs(0, 1, 2, 3)], free: 3, want: 1 },
    {
      name: 'an order of its own in each round',
      own: needs(0, 5, 6),
      others: [needs(0, 1, 99)],
      free: 3,
      want: 2,
    },
    {
      name: 'what others do not want',
      own: needs(0, 5, 6, 7, 8),
      others: [needs(0, 1), needs(0, 2), needs(0)],
      free: 6,
      want: 4,
    },
    {
      name: 'nothing of what another is halfway through taking',
      own: needs(3, 4, 5),
      others: [needs(1, 8, 9)],
      free: 6,
      want: 0,
    },
    {
      name: 'the rest of what it is halfway through taking itself',
      own: needs(1, 8, 9),
      others: [needs(3, 4, 5)],
      free: 6,
      want: 2,
    },
  ])('is $name', ({ own, others, free, want }) => {
    expect(licenceShare(own, others, free)).toBe(want);
    expect(licenceShare(own, others.toReversed(), free)).toBe(want);
  });

  it.each([
    { name: 'after those that come before it', place: 1, want: 0 },
    { name: 'before those that come after it', place: 0, want: 1 },
  ])('takes equal wishes $name', ({ place, want }) => {
    expect(licenceShare(needs(0, 1), [needs(0, 1)], 1, place)).toBe(want);
  });

  it('goes by the number of the request where both wait equally long, so that all pools see one deal', () => {
    const aged = (requestId: number): LicenceNeeds => ({ claims: 0, wishes: [{ requestId, queuedAt: noon }] });
    const pools = [aged(3), aged(1), aged(2)];
    const shares = pools.map((own) =>
      licenceShare(
        own,
        pools.filter((other) => other !== own),
        2,
      ),
    );
    expect(shares).toEqual([0, 1, 1]);
  });

  it('is the same whatever of theirs the others have taken already', () => {
    const all = [needs(1, 1, 4, 7, 10), needs(0, 2, 5), needs(2), needs(0, 3, 6, 9, 12, 15)];
    for (let free = 3; free < 18; free++) {
      const share = (pools: readonly LicenceNeeds[], at: number): number =>
        licenceShare(pools[at] ?? needs(0), pools.toSpliced(at, 1), free, at);
      const shares = all.map((_, at) => share(all, at));
      for (let taken = 0; taken < 6; taken++) {
        const underway = all.map((pool, at) => afterGrant(pool, Math.min(taken + at, shares[at] ?? 0)));
        const left = underway.map((pool, at) => share(underway, at) + pool.claims - (all[at]?.claims ?? 0));
        expect([free, taken, left]).toEqual([free, taken, shares]);
      }
    }
  });

  it('deals out all that is free and wished for, and no more, whoever looks', () => {
    const pools = [needs(1, 1, 4, 7, 10), needs(0, 2, 5), needs(2), needs(0, 3, 6, 9, 12, 15)];
    for (let free = 0; free < 18; free++) {
      const shares = pools.map((own) =>
        licenceShare(
          own,
          pools.filter((other) => other !== own),
          free,
        ),
      );
      const total = shares.reduce((sum, share) => sum + share, 0);
      expect([free, total]).toEqual([free, Math.min(11, Math.max(0, free - 3))]);
    }
  });
});

function needsOf(given: Given, changed: Partial<PoolPolicy> = {}): LicenceNeeds {
  const observed = anObserved(given);
  const { requests, agents } = observed;
  if (!requests.known || !agents.known) throw new Error('both are known');
  return licenceNeeds(viewOf({ ...policy, ...changed }, observed, requests.value, agents.value));
}

describe('licenceNeeds', () => {
  const wish = ({ id, queuedAt }: JobRequest) => ({ requestId: id, queuedAt });
  const [one, two, three] = [1001, 1002, 1003].map((id) => aJobRequest({ id, queuedAt: minutesAgo(9) + id })) as [
    JobRequest,
    JobRequest,
    JobRequest,
  ];
  it.each<{ name: string; given: Given; changed?: Partial<PoolPolicy>; want: LicenceNeeds }>([
    { name: 'nothing of an idle pool', given: {}, want: { claims: 0, wishes: [] } },
    {
      name: 'all that would be created, oldest first, however few parallel jobs are free',
      given: { requests: [three, one, two], parallelJobs: read(10) },
      want: { claims: 0, wishes: [wish(one), wish(two), wish(three)] },
    },
    {
      name: 'a claim for what an agent will serve',
      given: { requests: [one, two], agents: [aBootingAgent()], agentJobs: [anAgentJob()] },
      want: { claims: 1, wishes: [wish(two)] },
    },
    {
      name: 'nothing of public requests',
      given: { requests: [{ ...one, parallelism: 'public' }, two] },
      want: { claims: 0, wishes: [wish(two)] },
    },
    {
      name: 'nothing that another limit refuses',
      given: { requests: [one, two, three] },
      changed: { maxAgents: 2 },
      want: { claims: 0, wishes: [wish(one), wish(two)] },
    },
    {
      name: 'nothing that is skipped, or runs',
      given: { requests: [{ ...one, userDelayed: true }, { ...two, demands: ['mainframe'] }, assigned(1003)] },
      want: { claims: 0, wishes: [] },
    },
  ])('are $name', ({ given, changed, want }) => {
    expect(needsOf(given, changed)).toEqual(want);
  });
});

describe('planPool: the parallel jobs of a licence group', () => {
  const requests = [1, 2, 3, 4].map((id) => aJobRequest({ id, queuedAt: minutesAgo(9) + id }));
  const member = (value: LicenceNeeds) => ({ organisation: 'contoso', poolId: 8, needs: known(value) });
  const older = { requestId: 900, queuedAt: minutesAgo(60) };
  it.each<{ name: string; given: Given; want: readonly number[] }>([
    { name: 'are its own where it is alone', given: { parallelJobs: read(7) }, want: [1, 2, 3] },
    {
      name: 'are shared in turn with those who wait longer',
      given: { parallelJobs: read(7), group: [member({ claims: 0, wishes: [older, older] })] },
      want: [1],
    },
    {
      name: 'are those that the agents of others leave',
      given: { parallelJobs: read(7), group: [member({ claims: 2, wishes: [] })] },
      want: [1],
    },
    {
      name: 'are its own while another pool cannot be read',
      given: { parallelJobs: read(7), group: [{ organisation: 'contoso', poolId: 8, needs: unknown('timeout') }] },
      want: [1, 2, 3],
    },
  ])('$name', ({ given, want }) => {
    const { actions, skips } = plan(anObserved({ requests, ...given }), { parallelJobs: 'auto' });
    expect(actions.map(told)).toEqual(want.map((id) => `create ${nameFor(id)}`));
    expect(skips).toEqual(
      requests
        .filter(({ id }) => !want.includes(id))
        .map(({ id }) => ({ requestId: id, reason: 'atParallelJobLimit', detail: template.name })),
    );
  });

  it('are dealt alike by every pool that looks, also where requests of two organisations are equal', () => {
    const equal = { requestId: 1, queuedAt: minutesAgo(9) };
    const at = (poolId: number, organisation: string, others: readonly (readonly [number, string])[]) => {
      const group = others.map(([id, name]) => ({
        organisation: name,
        poolId: id,
        needs: known({ claims: 0, wishes: [equal] }),
      }));
      const changed = {
        parallelJobs: 'auto',
        poolId,
        organisation: { ...policy.organisation, name: organisation },
      } as const;
      const request = aJobRequest({ id: 1, queuedAt: equal.queuedAt });
      const { actions } = plan(anObserved({ requests: [request], parallelJobs: read(8), group }), changed);
      return actions.filter(({ kind }) => kind === 'create').length;
    };
    const pools = [
      [8, 'birch'],
      [7, 'birch'],
      [7, 'contoso'],
      [9, 'alder'],
    ] as const;
    const shares = pools.map(([id, name]) =>
      at(
        id,
        name,
        pools.filter((pool) => pool[0] !== id || pool[1] !== name),
      ),
    );
    expect(shares).toEqual([0, 1, 0, 1]);
  });

  it('never give the agent of a public request to a private one that may not start', () => {
    const privateOne = aJobRequest({ queuedAt: minutesAgo(9) });
    const publicOne = aJobRequest({ id: 1002, queuedAt: minutesAgo(1), parallelism: 'public' });
    const purpose = { kind: 'request', requestId: 1002, attempt: 1 } as const;
    const observed = anObserved({
      requests: [privateOne, publicOne],
      agents: [aBootingAgent({ name: nameFor(1002) })],
      agentJobs: [anAgentJob({ purpose })],
      parallelJobs: read(10),
    });
    const { actions, skips, served } = plan(observed, { parallelJobs: 'auto' });
    expect({ actions, skips, served: [...served] }).toEqual({
      actions: [],
      skips: [{ requestId: 1001, reason: 'atParallelJobLimit', detail: template.name }],
      served: [[1002, nameFor(1002)]],
    });
  });

  it('do not let a public request make agent after agent beside private ones that may not start', () => {
    const publicOne = aJobRequest({ id: 1002, queuedAt: minutesAgo(1), parallelism: 'public' });
    let agentJobs = [] as ReturnType<typeof anAgentJob>[];
    const created: string[] = [];
    for (let pass = 0; pass < 5; pass++) {
      const observed = anObserved({
        requests: [...requests, publicOne],
        agents: agentJobs.map(({ name }, index) => aBootingAgent({ id: 600 + index, name })),
        agentJobs,
        parallelJobs: read(10),
        at: noon + pass * 5000,
      });
      for (const action of plan(observed, { parallelJobs: 'auto' }).actions) {
        if (action.kind !== 'create') continue;
        created.push(action.name);
        const { name, purpose } = action;
        agentJobs = [...agentJobs, anAgentJob({ name, purpose, agentId: 600 + agentJobs.length })];
      }
    }
    expect(created).toEqual([nameFor(1002)]);
  });
});
