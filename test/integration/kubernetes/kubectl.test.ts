/** The kubectl of the machine against the stand-in: what a developer will type first. */
import { execFile, execFileSync } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import type { VirtualClock } from '../../../infra/local/world/clock.ts';
import { agentNamespace, aJob, startTestKubernetes, type TestKubernetes } from '../../support/kubernetesServer.ts';

function isInstalled(): boolean {
  try {
    execFileSync('kubectl', ['version', '--client'], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const installed = isInstalled();

describe.skipIf(!installed)(`kubectl${installed ? '' : ' (skipped: not on the PATH)'}`, () => {
  let cluster: TestKubernetes<VirtualClock>;

  beforeAll(async () => {
    cluster = await startTestKubernetes({ anonymousAdmin: true });
    cluster.world.create('jobs', agentNamespace, aJob('mf-one'));
    const secret = { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'mf-one' }, stringData: { a: 'b' } };
    cluster.world.create('secrets', agentNamespace, secret);
    await cluster.clock.advance(10_000);
  });
  afterAll(() => cluster.close());

  /** Rejects unless it exits with 0. Without a kubeconfig and without its discovery cache. */
  async function kubectl(...words: readonly string[]): Promise<string> {
    const server = `--server=${cluster.url}`;
    const env = { ...process.env, KUBECONFIG: '/dev/null', KUBECACHEDIR: '/dev/null' };
    return (await promisify(execFile)('kubectl', [server, ...words], { env })).stdout;
  }

  it('prints Jobs and pods of all namespaces', async () => {
    const printed = await kubectl('get', 'jobs,pods', '-A');
    expect(printed).toMatch(/mayfly-agents +job\.batch\/mf-one +Running +0\/1/);
    expect(printed).toMatch(/mayfly-agents +pod\/mf-one-\w{5} +1\/1 +Running/);
  });

  it('prints everything else of ours', async () => {
    const printed = await kubectl('get', 'secrets,configmaps,events,ns,resourcequotas,networkpolicies', '-A');
    expect(printed).toMatch(/secret\/mf-one +Opaque +1/);
    expect(printed).toMatch(/Normal +SuccessfulCreate +job\/mf-one +Created pod: mf-one-/);
    expect(printed).toMatch(/namespace\/mayfly-agents +Active/);
  });

  it('prints one Job as JSON and deletes it with its pods', async () => {
    expect(JSON.parse(await kubectl('get', 'job', 'mf-one', '-n', agentNamespace, '-o', 'json'))).toMatchObject({
      kind: 'Job',
      metadata: { name: 'mf-one' },
    });
    await kubectl('delete', 'job', 'mf-one', '-n', agentNamespace, '--wait=false');
    await cluster.clock.advance(60_000);
    expect(cluster.world.podsOf(agentNamespace, 'mf-one')).toEqual([]);
  });

  it('is told what is not there', async () => {
    await expect(kubectl('get', 'deployments', '-A')).rejects.toThrow(/the server doesn't have a resource type/);
  });
});
