/** Builds in a cluster, valid by default. */
import type { ClusterBuild } from '../../shared/domain/clusterBuild.ts';

const digest = (digit: string): string => `sha256:${digit.repeat(64)}`;

export const aClusterBuild = (fields: Partial<ClusterBuild> = {}): ClusterBuild => ({
  namespace: 'mayfly-image-builds',
  engine: 'buildah',
  image: `registry.contoso.example/buildah@${digest('5')}`,
  toolsImage: `contoso.azurecr.io/mayfly-agent@${digest('6')}`,
  context: { kind: 'git', url: 'https://dev.azure.com/contoso/Fabrikam/_git/agents', ref: 'main' },
  dockerfile: 'infra/agent/Dockerfile',
  target: 'contoso.azurecr.io/agents/linux:stable',
  cache: 'contoso.azurecr.io/cache/agents',
  identity: { tenantId: '11111111-1111-1111-1111-111111111111', clientId: '22222222-2222-2222-2222-222222222222' },
  serviceAccount: 'image-builder',
  deadlineSeconds: 3600,
  ...fields,
});
