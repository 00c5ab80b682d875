import { execFile } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { promisify } from 'node:util';
import { describe } from 'vitest';
import { inProcessKubernetesApi } from '../../infra/local/kubernetes/inProcess.ts';
import { KubernetesWorld } from '../../infra/local/kubernetes/world.ts';
import { VirtualClock } from '../../infra/local/world/clock.ts';
import { Faults, Journal } from '../../infra/local/world/faults.ts';
import { seededRandom } from '../../infra/local/world/random.ts';
import { wireKubernetesApi } from '../../shared/adapters/kubernetes/wireApi.ts';
import { Secret } from '../../shared/domain/secret.ts';
import { adminToken, agentNamespace, startTestKubernetes } from '../support/kubernetesServer.ts';
import { type KubernetesDoor, kubernetesApiContract } from './kubernetesApi.contract.ts';

/** On virtual time a few minutes are enough for every controller. */
function onVirtualTime(clock: VirtualClock): Pick<KubernetesDoor, 'eventually' | 'pause'> {
  return {
    eventually: async (check) => {
      for (let round = 0; round < 120; round++) {
        if (await check()) return;
        await clock.advance(1000);
      }
      throw new Error('not within two minutes');
    },
    pause: () => clock.advance(60_000),
  };
}

kubernetesApiContract(
  'in process',
  () => {
    const clock = new VirtualClock();
    const world = new KubernetesWorld({ clock, random: seededRandom(1), namespaces: [agentNamespace] });
    const faults = new Faults();
    const journal = new Journal();
    const api = inProcessKubernetesApi(world, {
      caller: 'control-plane',
      door: 'kubernetes:test',
      journal,
      faults,
      clock,
      random: seededRandom(2),
    });
    return {
      api,
      namespace: agentNamespace,
      ...onVirtualTime(clock),
      endPod: async (pod, exitCode) => world.killPodProcess(agentNamespace, pod, exitCode),
      scripted: { faults, impatient: api, passDeadline: () => clock.advance(60_000) },
    };
  },
  { scripted: true },
);

kubernetesApiContract(
  'over HTTP through the SDK',
  async () => {
    const cluster = await startTestKubernetes();
    const { world, clock, faults, url } = cluster;
    const access = { kind: 'server', server: url, token: new Secret(adminToken) } as const;
    return {
      // Pages of two, so that every list of the suite with more objects takes several requests.
      api: wireKubernetesApi(access, { pageSize: 2, retry: { maxRetries: 1, pauseMs: 1 } }),
      namespace: agentNamespace,
      ...onVirtualTime(clock),
      endPod: async (pod, exitCode) => world.killPodProcess(agentNamespace, pod, exitCode),
      scripted: {
        faults,
        impatient: wireKubernetesApi(access, { timeoutMs: 100 }),
        passDeadline: async () => undefined,
      },
      close: () => cluster.close(),
    };
  },
  { scripted: true },
);

const kubeconfig = process.env['MAYFLY_TEST_KUBECONFIG'] ?? '';
const chosen = kubeconfig === '' ? 'skipped: MAYFLY_TEST_KUBECONFIG names no kubeconfig' : kubeconfig;
if (kubeconfig === '') {
  process.stdout.write('skipped: the contract of a real cluster; MAYFLY_TEST_KUBECONFIG=FILE runs it\n');
}
describe.skipIf(kubeconfig === '')(`a real cluster (${chosen})`, () => {
  kubernetesApiContract('of a real cluster', () => realDoor(kubeconfig), { scripted: false });
});

const sleep = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms));

/** The suite plays kubelet with kubectl, so that an API server with controllers and without nodes is enough. */
async function realDoor(path: string): Promise<KubernetesDoor> {
  const namespace = `mayfly-contract-${randomBytes(4).toString('hex')}`;
  const kubectl = async (...words: readonly string[]): Promise<string> =>
    (await promisify(execFile)('kubectl', ['--kubeconfig', path, ...words])).stdout;
  await kubectl('create', 'namespace', namespace);
  const removeTerminated = async (): Promise<void> => {
    const template = '{{range .items}}{{if .metadata.deletionTimestamp}}{{.metadata.name}} {{end}}{{end}}';
    const names = await kubectl('-n', namespace, 'get', 'pods', '-o', `go-template=${template}`);
    for (const name of names.split(' ').filter((each) => each !== '')) {
      await kubectl('-n', namespace, 'delete', 'pod', name, '--grace-period=0', '--force', '--ignore-not-found');
    }
  };
  return {
    api: wireKubernetesApi({ kind: 'kubeconfigFile', path }, { pageSize: 2 }),
    namespace,
    eventually: async (check) => {
      for (let round = 0; round < 60; round++) {
        if (await check()) return;
        await removeTerminated();
        await sleep(250);
      }
      throw new Error('not within fifteen seconds');
    },
    pause: () => sleep(2000),
    endPod: async (pod, exitCode) => {
      const terminated = { exitCode, startedAt: new Date().toISOString(), finishedAt: new Date().toISOString() };
      const container = { name: 'agent', image: '', imageID: '', ready: false, restartCount: 0, state: { terminated } };
      const status = { phase: exitCode === 0 ? 'Succeeded' : 'Failed', containerStatuses: [container] };
      const patch = JSON.stringify({ status });
      await kubectl('-n', namespace, 'patch', 'pod', pod, '--subresource=status', '--type=merge', '-p', patch);
    },
    close: async () => {
      await kubectl('delete', 'namespace', namespace, '--wait=false');
    },
  };
}
