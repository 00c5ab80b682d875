import { wireKubernetesApi } from '../../../shared/adapters/kubernetes/wireApi.ts';
import { Secret } from '../../../shared/domain/secret.ts';
import { clusterContract } from '../../contract/cluster.contract.ts';
import type { ClusterDoor } from '../../contract/clusterDoor.ts';
import { clusterToldContract } from '../../contract/clusterTold.contract.ts';
import { clusterTroubleContract } from '../../contract/clusterTrouble.contract.ts';
import { agentNamespace, controlPlaneToken, startTestKubernetes } from '../../support/kubernetesServer.ts';

async function overHttp(): Promise<ClusterDoor> {
  const kubernetes = await startTestKubernetes();
  const { world, clock, faults, journal } = kubernetes;
  const api = wireKubernetesApi(
    { kind: 'server', server: kubernetes.url, token: new Secret(controlPlaneToken) },
    { timeoutMs: 2000, retry: { pauseMs: 1 } },
  );
  return { world, clock, api, namespace: agentNamespace, faults, journal, close: () => kubernetes.close() };
}

clusterContract('over HTTP with the deployed rights', overHttp);
clusterToldContract('over HTTP with the deployed rights', overHttp);
clusterTroubleContract('over HTTP with the deployed rights', overHttp);
