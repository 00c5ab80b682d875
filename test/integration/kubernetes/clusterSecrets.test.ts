import { inProcessKubernetesApi } from '../../../infra/local/kubernetes/inProcess.ts';
import { Faults, Journal } from '../../../infra/local/world/faults.ts';
import { seededRandom } from '../../../infra/local/world/random.ts';
import { wireKubernetesApi } from '../../../shared/adapters/kubernetes/wireApi.ts';
import { Secret } from '../../../shared/domain/secret.ts';
import { clusterSecretsContract } from '../../contract/clusterSecrets.contract.ts';
import { agentNamespace, controlPlaneToken, startTestKubernetes } from '../../support/kubernetesServer.ts';

clusterSecretsContract('over HTTP with the deployed rights', async () => {
  const kubernetes = await startTestKubernetes();
  const { world, clock, faults, journal } = kubernetes;
  const api = wireKubernetesApi(
    { kind: 'server', server: kubernetes.url, token: new Secret(controlPlaneToken) },
    { timeoutMs: 2000, retry: { pauseMs: 1 } },
  );
  const door = { door: 'kubernetes:test', clock, random: seededRandom(1) };
  const admin = inProcessKubernetesApi(world, {
    ...door,
    caller: 'admin',
    journal: new Journal(),
    faults: new Faults(),
  });
  return { world, api, admin, namespace: agentNamespace, faults, journal, close: () => kubernetes.close() };
});
