import { describe, expect, it } from 'vitest';
import { UpstreamError } from '../../../shared/domain/errors.ts';
import type { JobRequest } from '../../../shared/domain/jobRequest.ts';
import type { ReconcileDeps } from '../../../shared/reconcile/deps.ts';
import { explainRequest } from '../../../shared/reconcile/explainRequest.ts';
import { aJobRequest } from '../../support/builders.ts';
import { Worlds } from '../../support/pass.ts';

/** Over worlds in which nothing waits; what the server says of a request that its list lacks. */
function depsOver(worlds: Worlds, getJobRequest: () => Promise<JobRequest | undefined>): ReconcileDeps {
  const { deps } = worlds.plane();
  return { ...deps, pools: { ...deps.pools, getJobRequest } };
}

const unasked = (): Promise<never> => Promise.reject(new Error('asked for a request that is in the list'));

describe('explainRequest', () => {
  it('explains one that the list shows without asking further, and writes nothing', async () => {
    const worlds = new Worlds();
    const requestId = worlds.queueJob(60_000);
    const before = worlds.existing();
    const { fate } = await worlds.until(explainRequest(depsOver(worlds, unasked), requestId));
    expect(fate).toMatchObject({ kind: 'created' });
    expect(worlds.existing()).toEqual(before);
  });

  it('tells one that is over from one that never was', async () => {
    const worlds = new Worlds();
    const over = aJobRequest({ result: 'succeeded', finishedAt: 5 });
    const finished = await worlds.until(
      explainRequest(
        depsOver(worlds, async () => over),
        1001,
      ),
    );
    expect(finished.fate).toEqual({ kind: 'finished', result: 'succeeded', at: 5 });
    const unknown = await worlds.until(
      explainRequest(
        depsOver(worlds, async () => undefined),
        1001,
      ),
    );
    expect(unknown.fate).toEqual({ kind: 'notInPool' });
  });

  it('explains one that was queued since the list was read', async () => {
    const worlds = new Worlds();
    const deps = depsOver(worlds, async () => aJobRequest());
    expect((await worlds.until(explainRequest(deps, 1001))).fate).toMatchObject({ kind: 'created' });
  });

  it('rejects when the server cannot say whether there is such a request', async () => {
    const worlds = new Worlds();
    const error = new UpstreamError({ upstream: 'azureDevOps', operation: 'getting a job request', kind: 'timeout' });
    const deps = depsOver(worlds, () => Promise.reject(error));
    await expect(worlds.until(explainRequest(deps, 1001))).rejects.toThrow(error);
  });

  it('asks nobody for a request of a pool that cannot be read', async () => {
    const worlds = new Worlds();
    const deps = depsOver(worlds, unasked);
    const listJobRequests = (): Promise<never> =>
      Promise.reject(new UpstreamError({ upstream: 'azureDevOps', operation: 'listing', kind: 'throttled' }));
    const { fate } = await worlds.until(explainRequest({ ...deps, pools: { ...deps.pools, listJobRequests } }, 1001));
    expect(fate).toEqual({ kind: 'poolUnknown', unread: 'requests', error: 'throttled' });
  });
});
