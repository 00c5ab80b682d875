import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { VirtualClock } from '../../../infra/local/world/clock.ts';
import type { KubernetesApi } from '../../../shared/adapters/kubernetes/api.ts';
import { clusterOver } from '../../../shared/adapters/kubernetes/cluster.ts';
import { wireKubernetesApi } from '../../../shared/adapters/kubernetes/wireApi.ts';
import { labels } from '../../../shared/domain/names.ts';
import { Secret } from '../../../shared/domain/secret.ts';
import {
  adminToken,
  agentNamespace,
  controlPlaneToken,
  startTestKubernetes,
  type TestKubernetes,
} from '../../support/kubernetesServer.ts';

const scope = { installation: 'in01', organisation: 'or01', poolId: 7 };
const marks = { [labels.managedBy]: 'mayfly', [labels.installation]: 'in01', [labels.organisation]: 'or01' };

describe('Secrets beside Jobs and pods', () => {
  let kubernetes: TestKubernetes<VirtualClock>;
  beforeEach(async () => {
    kubernetes = await startTestKubernetes();
    kubernetes.world.create('secrets', agentNamespace, {
      metadata: { name: 'orphan', labels: { ...marks, [labels.poolId]: '7' } },
      data: { key: 'c2VjcmV0' },
    });
  });
  afterEach(() => kubernetes.close());

  const apiOf = (token: string): KubernetesApi =>
    wireKubernetesApi({ kind: 'server', server: kubernetes.url, token: new Secret(token) });
  const leftovers = (token: string) =>
    clusterOver(apiOf(token), { name: 'east', namespace: agentNamespace }).listLeftovers(scope);

  it('are told to who may list them, and to the deployed Role as if there were none', async () => {
    expect(await leftovers(adminToken)).toMatchObject([{ kind: 'Secret', name: 'orphan', owners: [] }]);
    expect(await leftovers(controlPlaneToken)).toEqual([]);
  });

  it('cross the wire without their data', async () => {
    const listed = await apiOf(adminToken).list('secrets', agentNamespace, { metadataOnly: true });
    expect(listed.map((object) => Object.keys(object))).toEqual([['metadata']]);
  });

  it.each([
    { name: 'a list', path: 'secrets', given: 'PartialObjectMetadataList', want: 'PartialObjectMetadataList' },
    { name: 'one object', path: 'secrets/orphan', given: 'PartialObjectMetadata', want: 'PartialObjectMetadata' },
  ])('are sent as metadata where $name is asked for so', async ({ path, given, want }) => {
    const accept = `application/json;as=${given};g=meta.k8s.io;v=v1`;
    const answer = await kubernetes.call('GET', `/api/v1/namespaces/${agentNamespace}/${path}`, undefined, {
      headers: { accept },
    });
    const body = await answer.text();
    expect(JSON.parse(body)).toMatchObject({ kind: want, apiVersion: 'meta.k8s.io/v1' });
    expect(body).not.toContain('c2VjcmV0');
  });
});
