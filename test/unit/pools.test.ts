import { describe, expect, it } from 'vitest';
import { VirtualClock } from '../../infra/local/world/clock.ts';
import { ConfigError, UpstreamError } from '../../shared/domain/errors.ts';
import type { Intent } from '../../shared/domain/intent.ts';
import { type PoolParts, poolsOver } from '../../shared/pools.ts';
import type { AgentPools, Cluster } from '../../shared/ports.ts';
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
  listQuotaRoom: throttled,
});

const parts = (overrides: Partial<PoolParts> = {}): PoolParts => ({
  policies: [policy],
  session: (one) => one.organisation.short,
  agentPools: async () => throttledPools,
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
});
