/** Thousands of waiting requests in one pool, on virtual time and once through the vendor's client over HTTP. */
import { describe, expect, it } from 'vitest';
import { azureDevOpsPools } from '../../shared/adapters/azureDevOps/pools.ts';
import { minutesMs, secondsMs } from '../../shared/domain/instant.ts';
import { Secret } from '../../shared/domain/secret.ts';
import type { PassReport } from '../../shared/reconcile/reconcilePool.ts';
import { startTestAzureDevOps } from '../support/azureDevOpsServer.ts';
import { aScalingWorld, exactly, scalingPolicy, tallyOf } from '../support/scaling.ts';

/** What a plan says of its waiting requests, where that is not exactly one thing of each. */
function unaccounted({ plan, observed }: PassReport): readonly string[] {
  if (!observed.requests.known) return ['the requests are unknown'];
  const waiting = observed.requests.value.filter(({ assignedAt }) => assignedAt === undefined).map(({ id }) => id);
  const made = plan.actions.flatMap((action) =>
    action.kind === 'create' && action.purpose.kind === 'request' ? [action.purpose.requestId] : [],
  );
  const count = plan.served.size + made.length + plan.skips.length;
  const told = new Set([...plan.served.keys(), ...made, ...plan.skips.map(({ requestId }) => requestId)]);
  const isExact = count === waiting.length && waiting.every((id) => told.has(id));
  return isExact ? [] : [`${plan.served.size} + ${made.length} + ${plan.skips.length} of ${waiting.length}`];
}

describe('more waiting requests than agents are allowed', { timeout: 180_000 }, () => {
  it.each([
    { requests: 2000, cap: 300, planes: 1 },
    { requests: 400, cap: 60, planes: 2 },
  ])('$requests under a cap of $cap with $planes control planes', async ({ requests, cap, planes }) => {
    const wrong: string[] = [];
    const world = await aScalingWorld({
      planes,
      sweepMs: secondsMs(5),
      policies: [scalingPolicy({ maxAgents: cap })],
      onReport: (report) => wrong.push(...unaccounted(report)),
    });
    world.queue(requests, { durationMs: (random) => random.between(minutesMs(1), minutesMs(3)) });
    expect(await tallyOf(world)).toEqual(exactly(requests));
    expect(wrong).toEqual([]);
    // Of two who look at once, one may have seen an agent end that the other still counts.
    expect(world.count.mostLive).toBeLessThanOrEqual(cap + planes - 1);
    expect(world.count.mostLive).toBeGreaterThanOrEqual(cap);
  });
});

describe('2,000 waiting requests over HTTP', () => {
  it('are all listed by one call, which has no page limit', async () => {
    const devOps = await startTestAzureDevOps();
    const { world, clock, server, pat } = devOps;
    try {
      world.addPool({ id: 7, name: 'large' });
      world.addAgent(7, { name: 'placeholder', version: '5.278.0', osDescription: 'Linux', systemCapabilities: {} });
      const queued = Array.from({ length: 2000 }, () => world.queueJob({ poolId: 7 }));
      const ids = queued.flatMap((job) => (job.kind === 'queued' ? job.requestId : []));
      const tokens = { getToken: async () => ({ token: new Secret(pat), expiresAt: Number.POSITIVE_INFINITY }) };
      const pools = azureDevOpsPools({
        organisationUrl: server.url,
        credential: { kind: 'personalAccessToken', tokens },
        clock,
        timeoutMs: 20_000,
      });
      const listed = (await pools.listJobRequests(7)).value.map(({ id }) => id);
      expect(listed.toSorted((a, b) => a - b)).toEqual(ids);
      expect(listed).toHaveLength(2000);
      const page = await devOps.call('GET', '_apis/distributedtask/pools/7/jobrequests?$top=2000');
      expect(await page.json()).toMatchObject({ count: 200 });
    } finally {
      await devOps.close();
    }
  });
});
