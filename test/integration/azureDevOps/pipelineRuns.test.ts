/** The contract of PipelineRuns at the other door: our adapter and the vendor's client against the server. */
import { describe, expect, it } from 'vitest';
import { administrator } from '../../../infra/local/azureDevOps/wire/tokens.ts';
import { azureDevOpsRuns } from '../../../shared/adapters/azureDevOps/runs.ts';
import { Secret } from '../../../shared/domain/secret.ts';
import type { PipelineRuns } from '../../../shared/ports/runs.ts';
import type { Clock } from '../../../shared/ports.ts';
import { pipelineRunsContract } from '../../contract/pipelineRuns.contract.ts';
import { startTestAzureDevOps } from '../../support/azureDevOpsServer.ts';

/** The pauses between repetitions take no time here. */
function runsAt(url: string, token: string): PipelineRuns {
  const impatient: Clock = { now: () => Date.now(), sleep: () => Promise.resolve() };
  const tokens = { getToken: async () => ({ token: new Secret(token), expiresAt: Number.POSITIVE_INFINITY }) };
  const credential = { kind: 'personalAccessToken', tokens } as const;
  return azureDevOpsRuns({ organisationUrl: url, credential, clock: impatient, timeoutMs: 2_000 });
}

pipelineRunsContract('over HTTP', async () => {
  const { world, clock, server, faults, journal, pat } = await startTestAzureDevOps();
  const runs = runsAt(server.url, pat);
  return { world, runs, faults, journal, advance: (ms) => clock.advance(ms), close: () => server.close() };
});

describe('an identity that may only read builds', () => {
  it('reads tags and stages and changes nothing', async () => {
    const azureDevOps = await startTestAzureDevOps();
    const { world, server } = azureDevOps;
    world.addPool({ id: 7, name: 'linux' });
    world.addAgent(7, { name: 'placeholder', version: '99.999.9' });
    const { runId } = world.queueJob({ poolId: 7 });
    const projectId = world.getRun(runId)?.project.id ?? '';
    const runs = runsAt(server.url, azureDevOps.addPat('reader', { ...administrator, changeBuilds: false }));
    expect(await runs.getTags(projectId, runId)).toEqual([]);
    expect(await runs.listStages(projectId, runId)).toHaveLength(1);
    expect(await runs.cancelRun(projectId, runId)).toBe('refused');
    expect(await runs.retryStage(projectId, runId, '__default')).toBe('refused');
    await expect(runs.addTag(projectId, runId, 'x')).rejects.toMatchObject({
      kind: 'forbidden',
      detail: expect.stringContaining('needs Update build information permissions'),
    });
    expect(world.getRun(runId)?.finishedAt).toBeUndefined();
    await server.close();
  });
});
