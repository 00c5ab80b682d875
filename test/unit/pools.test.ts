import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../../infra/local/world/clock.ts';
import { ConfigError, UpstreamError } from '../../shared/domain/errors.ts';
import type { Intent } from '../../shared/domain/intent.ts';
import { Secret } from '../../shared/domain/secret.ts';
import { type PoolParts, poolsOver } from '../../shared/pools.ts';
import type { PipelineRuns } from '../../shared/ports/runs.ts';
import type { AgentPools, Cluster } from '../../shared/ports.ts';
import { aJobRequest, minutesAgo, noon, placeholders } from '../support/builders.ts';
import { aPoolPolicy } from '../support/policyBuilders.ts';

const policy = aPoolPolicy();
const organisation = policy.organisation.short;
const anIntent = (overrides: Partial<Intent> = {}): Intent => ({
  organisation,
  poolId: policy.poolId,
  cause: 'hook',
  correlationId: 'c-1',
  ...overrides,
});

const throttled = (): Promise<never> =>
  Promise.reject(
    new UpstreamError({ upstream: 'azureDevOps', operation: 'listing', kind: 'throttled', retryAfterMs: 20_000 }),
  );

/** Everything that is asked of it is throttled. */
const throttledPools: AgentPools = {
  listJobRequests: throttled,
  getJobRequest: throttled,
  listAgents: throttled,
  getAgent: throttled,
  findAgent: throttled,
  addAgent: throttled,
  updateAgent: throttled,
  deleteAgent: throttled,
  isRunOver: throttled,
  getParallelJobs: throttled,
};

const throttledCluster = (name: string): Cluster => ({
  name,
  listAgentJobs: throttled,
  getAgentJob: throttled,
  createAgentJob: throttled,
  patchAgentJob: throttled,
  deleteAgentJob: throttled,
  createSecret: throttled,
  getSecretOwners: throttled,
  deleteSecret: throttled,
  getControl: throttled,
  patchControl: throttled,
  testAndPatchControl: throttled,
  listQuotaRoom: throttled,
  recordEvent: throttled,
  listLeftovers: throttled,
  deleteLeftover: throttled,
  endPod: throttled,
  endPodsOf: throttled,
  readPodLog: throttled,
});

const parts = (overrides: Partial<PoolParts> = {}): PoolParts => ({
  policies: [policy],
  session: (one) => one.organisation.short,
  agentPools: async () => throttledPools,
  registrationToken: () => undefined,
  cluster: throttledCluster,
  keys: async () => ({ generate: throttled }),
  namespaces: new Map(),
  nonces: { next: () => 'nonce' },
  clock: new VirtualClock(),
  ...overrides,
});

describe('poolsOver', () => {
  it('routes every pool to the session that the configuration gives it', () => {
    const other = aPoolPolicy({ poolId: 99 });
    const pools = poolsOver(parts({ policies: [policy, other], session: () => 'licence-1' }));
    expect(pools.routes).toEqual(
      [policy.poolId, 99].map((poolId) => ({
        session: 'licence-1',
        organisation,
        organisationUrl: policy.organisation.url,
        poolId,
      })),
    );
  });

  it('knows the pool of an intent by organisation and id', async () => {
    const pools = poolsOver(parts());
    expect((await pools.target(anIntent()))?.route).toEqual(pools.routes[0]);
    expect(await pools.target(anIntent({ poolId: 99 }))).toBeUndefined();
    expect(await pools.target(anIntent({ organisation: 'none' }))).toBeUndefined();
  });

  it('refuses two policies for one pool', () => {
    expect(() => poolsOver(parts({ policies: [policy, policy] }))).toThrow(ConfigError);
  });

  it('hands on how long an upstream wants to be left alone', async () => {
    const target = await poolsOver(parts()).target(anIntent());
    const pass = { cause: 'hook', correlationId: 'c-1', deadlineAt: Date.UTC(2026, 0, 5, 9) } as const;
    expect(await target?.reconcile(pass, { write: () => {} })).toMatchObject({ retryAfterMs: 20_000 });
  });

  it.each([
    { name: 'registers with what its organisation has for that', known: true, want: ['asked', 'create jobs'] },
    { name: 'creates nothing where its organisation has nothing for that', known: false, want: [] },
  ])('a pool whose pods register their agents $name', async ({ known, want }) => {
    const url = policy.organisation.url;
    const inPod = aPoolPolicy({ registration: 'initConfig', hasRegistrationCredential: true });
    const seen: string[] = [];
    const agentPools: AgentPools = {
      ...throttledPools,
      listAgents: async () => ({ value: placeholders, at: noon }),
      listJobRequests: async () => ({ value: [aJobRequest()], at: noon }),
      getParallelJobs: async () => ({ total: 3, used: 0 }),
    };
    const cluster = (name: string): Cluster => ({
      ...throttledCluster(name),
      listAgentJobs: async () => [],
      getControl: async () => ({}),
      listQuotaRoom: async () => [],
      createAgentJob: () => {
        seen.push('create jobs');
        return throttled();
      },
    });
    const token = async (): Promise<Secret> => {
      seen.push('asked');
      return new Secret('token');
    };
    const tokens = new Map(known ? [[url, token]] : [['https://dev.azure.com/birch', token]]);
    const made = parts({
      policies: [inPod],
      agentPools: async () => agentPools,
      cluster,
      namespaces: new Map([['primary', 'agents']]),
      registrationToken: (organisationUrl) => tokens.get(organisationUrl),
    });
    const target = await poolsOver(made).target(anIntent());
    const deadlineAt = Date.UTC(2026, 0, 5, 9);
    await target?.reconcile({ cause: 'sweep', correlationId: 'c-1', deadlineAt }, { write: () => {} });
    expect(seen).toEqual(want);
  });

  it('tells the run of a request that nobody can serve, through its own organisation', async () => {
    const seen: string[] = [];
    const unserved = aJobRequest({
      demands: ['nobody.offers.this'],
      queuedAt: minutesAgo(600),
      run: { id: 501, name: 'r' },
      projectId: 'p',
      planType: 'Build',
    });
    const agentPools: AgentPools = {
      ...throttledPools,
      listAgents: async () => ({ value: placeholders, at: noon }),
      listJobRequests: async () => ({ value: [unserved], at: noon }),
      getJobRequest: async () => unserved,
      isRunOver: async () => false,
      getParallelJobs: async () => ({ total: 3, used: 0 }),
    };
    const runs = async (url: string): Promise<PipelineRuns> => ({
      getTags: async () => [],
      addTag: async (projectId, runId) => void seen.push(`${url} ${projectId} ${runId}`),
      cancelRun: throttled,
      listStages: throttled,
      retryStage: throttled,
    });
    const cluster = (name: string): Cluster => ({
      ...throttledCluster(name),
      listAgentJobs: async () => [],
      getControl: async () => ({}),
      listQuotaRoom: async () => [],
    });
    const target = await poolsOver(parts({ agentPools: async () => agentPools, runs, cluster })).target(anIntent());
    const deadlineAt = Date.UTC(2026, 0, 5, 9);
    await target?.reconcile({ cause: 'sweep', correlationId: 'c-1', deadlineAt }, { write: () => {} });
    expect(seen).toEqual([`${policy.organisation.url} p 501`]);
  });

  it('finds a pool by the name of its organisation and its number', async () => {
    const pools = poolsOver(parts());
    const found = await Promise.all([
      pools.find('contoso', policy.poolId),
      pools.find('contoso', 99),
      pools.find('birch', policy.poolId),
    ]);
    expect(found.map((target) => target?.route)).toEqual([pools.routes[0], undefined, undefined]);
  });

  describe('pools that share parallel jobs', () => {
    const request = (id: number, poolId: number) => aJobRequest({ id, poolId, queuedAt: minutesAgo(9) + id });
    /** Pool 7 is looked at without a creation; `shadowed` = the others that are in shadow mode as well. */
    const inGroup = (poolId: number, licenceGroup: string, shadowed: readonly number[]) =>
      aPoolPolicy({ poolId, licenceGroup, mode: [7, ...shadowed].includes(poolId) ? 'shadow' : 'active' });

    /** Which pools a pass over pool 7 reads, and how many of its four requests get an agent; one parallel job is free. */
    async function pass(groups: Readonly<Record<number, string>>, shadowed: readonly number[]) {
      const asked = new Set<number>();
      const pools: AgentPools = {
        ...throttledPools,
        listAgents: async (poolId) => {
          asked.add(poolId);
          return { value: placeholders, at: noon };
        },
        listJobRequests: async (poolId) => ({
          value: [1, 2, 3, 4].map((id) => request(poolId * 10 + id, poolId)),
          at: noon,
        }),
        getParallelJobs: async () => ({ total: 3, used: 0 }),
      };
      const cluster = (name: string): Cluster => ({
        ...throttledCluster(name),
        listAgentJobs: async () => [],
        getControl: async () => ({}),
        listQuotaRoom: async () => [],
      });
      const policies = Object.entries(groups).map(([poolId, group]) => inGroup(Number(poolId), group, shadowed));
      const target = await poolsOver(parts({ policies, agentPools: async () => pools, cluster })).target(anIntent());
      const created: string[] = [];
      const deadlineAt = Date.UTC(2026, 0, 5, 9);
      await target?.reconcile(
        { cause: 'sweep', correlationId: 'c-1', deadlineAt },
        {
          write: (_, event, fields) =>
            created.push(...(event === 'create.shadowed' ? [String(fields?.['subject'])] : [])),
        },
      );
      return { asked: [...asked].toSorted((a, b) => a - b), created: created.length };
    }

    it.each([
      { name: 'alone has all of them', groups: { 7: 'one' }, want: { asked: [7], created: 3 } },
      {
        name: 'in a group of its own looks at no other',
        groups: { 7: 'one', 8: 'two' },
        want: { asked: [7], created: 3 },
      },
      {
        name: 'in a group looks at the others of it, and takes its share',
        groups: { 7: 'one', 8: 'one', 9: 'two' },
        want: { asked: [7, 8], created: 2 },
      },
      {
        name: 'in a larger group takes a smaller share',
        groups: { 7: 'one', 8: 'one', 9: 'one' },
        want: { asked: [7, 8, 9], created: 1 },
      },
      {
        name: 'leaves no share to one in shadow mode, which would not use it',
        groups: { 7: 'one', 8: 'one', 9: 'one' },
        shadowed: [8],
        want: { asked: [7, 8, 9], created: 2 },
      },
      {
        name: 'has all of them where all others are in shadow mode',
        groups: { 7: 'one', 8: 'one' },
        shadowed: [8],
        want: { asked: [7, 8], created: 3 },
      },
    ])('a pool $name', async ({ groups, shadowed = [], want }) => {
      expect(await pass(groups, shadowed)).toEqual(want);
    });
  });
});
