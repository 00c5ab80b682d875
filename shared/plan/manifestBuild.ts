/**
 * The only author of the Job that builds an image in a cluster. Its name stands for the order: whoever creates it second
 * is refused, so the name is the lock. It is kept for longer than the week of the order, or the lock would open.
 *
 * What the Dockerfile runs is code of others: the identity's token is mounted in the init container alone, which logs in
 * and fetches the context, and what it leaves is a login of an hour or three to one registry, in memory.
 */
import type { ClusterBuild, OrderedImage } from '../domain/clusterBuild.ts';
import { buildContainer, buildJobName, prepareContainer } from '../domain/clusterBuild.ts';
import type { JsonObject } from '../domain/json.ts';
import { annotations, domainPrefix, labels, managedBy } from '../domain/names.ts';
import { engineContainer, enginePod } from './buildEngines.ts';
import { buildPlaces } from './buildPlaces.ts';
import { prepareScript } from './buildScripts.ts';

/** Longer than a week and a day: a key is asked for until the week after has begun in every zone. */
const keptSeconds = 9 * 86_400;
/** After TERM nothing is saved that a build could not do again. */
const graceSeconds = 10;

const buildAnnotations = { image: `${domainPrefix}/image-name`, key: `${domainPrefix}/build-key` } as const;

export function buildImageJobManifest(build: ClusterBuild, order: OrderedImage): JsonObject {
  const marks = { [labels.managedBy]: managedBy, [labels.purpose]: 'image' };
  const noted = {
    [buildAnnotations.image]: order.image,
    [buildAnnotations.key]: order.key,
    [annotations.reason]: order.reason,
  };
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: { name: buildJobName(order), namespace: build.namespace, labels: marks, annotations: noted },
    spec: {
      completions: 1,
      parallelism: 1,
      // A build that failed is tried again under another order, with its own name and log.
      backoffLimit: 0,
      podReplacementPolicy: 'Failed',
      activeDeadlineSeconds: build.deadlineSeconds,
      ttlSecondsAfterFinished: keptSeconds,
      template: {
        metadata: { labels: marks, annotations: { 'cluster-autoscaler.kubernetes.io/safe-to-evict': 'false' } },
        spec: podSpec(build, order),
      },
    },
  };
}

function podSpec(build: ClusterBuild, order: OrderedImage): JsonObject {
  return {
    restartPolicy: 'Never',
    terminationGracePeriodSeconds: graceSeconds,
    serviceAccountName: build.serviceAccount,
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    os: { name: 'linux' },
    nodeSelector: { 'kubernetes.io/os': 'linux', ...build.nodeSelector },
    ...(build.tolerations === undefined ? {} : { tolerations: build.tolerations }),
    ...enginePod(build.engine),
    initContainers: [prepare(build)],
    containers: [
      {
        name: buildContainer,
        image: build.image,
        // Without words of its own the end of the log becomes the message, which outlives neither more nor less.
        terminationMessagePolicy: 'FallbackToLogsOnError',
        resources: build.resources ?? defaultResources,
        ...engineContainer(build, order),
      },
    ],
    volumes: volumes(build),
  };
}

const defaultResources: JsonObject = {
  requests: { cpu: '1', memory: '2Gi' },
  limits: { memory: '4Gi' },
};

function prepare(build: ClusterBuild): JsonObject {
  const { identity } = build;
  return {
    name: prepareContainer,
    image: build.toolsImage,
    terminationMessagePolicy: 'FallbackToLogsOnError',
    command: ['/bin/sh', '-euc', prepareScript(build)],
    env: [
      { name: 'HOME', value: buildPlaces.scratch },
      ...(identity === undefined
        ? []
        : [
            { name: 'AZURE_TENANT_ID', value: identity.tenantId },
            { name: 'AZURE_CLIENT_ID', value: identity.clientId },
          ]),
    ],
    resources: { requests: { cpu: '100m', memory: '128Mi' }, limits: { memory: '512Mi' } },
    securityContext: {
      allowPrivilegeEscalation: false,
      capabilities: { drop: ['ALL'] },
      runAsNonRoot: true,
      runAsUser: buildPlaces.user,
      runAsGroup: buildPlaces.user,
      seccompProfile: { type: 'RuntimeDefault' },
    },
    volumeMounts: [
      { name: 'work', mountPath: buildPlaces.work },
      { name: 'login', mountPath: buildPlaces.login },
      { name: 'scratch', mountPath: buildPlaces.scratch },
      ...(identity === undefined ? [] : [{ name: 'identity', mountPath: buildPlaces.identity, readOnly: true }]),
      ...(build.dockerConfig === undefined
        ? []
        : [{ name: 'docker-config', mountPath: buildPlaces.dockerConfig, readOnly: true }]),
    ],
  };
}

function volumes({ identity, dockerConfig, engine }: ClusterBuild): readonly JsonObject[] {
  const inMemory = { medium: 'Memory', sizeLimit: '16Mi' };
  const audience = 'api://AzureADTokenExchange';
  return [
    { name: 'work', emptyDir: {} },
    { name: 'login', emptyDir: inMemory },
    { name: 'scratch', emptyDir: inMemory },
    ...(engine === 'kaniko' ? [] : [{ name: 'layers', emptyDir: {} }]),
    ...(identity === undefined
      ? []
      : [
          {
            name: 'identity',
            projected: {
              sources: [{ serviceAccountToken: { path: 'token', audience, expirationSeconds: 3600 } }],
            },
          },
        ]),
    ...(dockerConfig === undefined ? [] : [{ name: 'docker-config', configMap: { name: dockerConfig } }]),
  ];
}
