/**
 * The shapes of the objects that Mayfly writes, as the server's decoder knows them: field names, scalar types and the
 * Go struct that a complaint names (k8s.io/api batch/v1, core/v1, networking/v1). `any` is taken as it comes.
 */
export type Shape =
  | 'any'
  | 'string'
  | 'bool'
  | 'int32'
  | 'int64'
  | 'quantity'
  | 'base64'
  | { readonly map: Shape }
  | { readonly list: Shape }
  | { readonly struct: string; readonly fields: Readonly<Record<string, Shape>> };

const struct = (name: string, fields: Readonly<Record<string, Shape>>): Shape => ({ struct: name, fields });
const listOf = (item: Shape): Shape => ({ list: item });
const mapOf = (value: Shape): Shape => ({ map: value });
const strings = listOf('string');
const labels = mapOf('string');

/** Fields of one shape, named in one line. */
function all(shape: Shape, names: string): Record<string, Shape> {
  return Object.fromEntries(names.split(' ').map((name) => [name, shape]));
}

const ownerReference = struct('OwnerReference', {
  ...all('string', 'apiVersion kind name uid'),
  ...all('bool', 'controller blockOwnerDeletion'),
});

const metadata = struct('ObjectMeta', {
  ...all('string', 'name generateName namespace selfLink uid resourceVersion creationTimestamp deletionTimestamp'),
  ...all('int64', 'generation deletionGracePeriodSeconds'),
  ...all(labels, 'labels annotations'),
  ownerReferences: listOf(ownerReference),
  finalizers: strings,
  managedFields: 'any',
});

const quantities = mapOf('quantity');
const resources = struct('ResourceRequirements', { limits: quantities, requests: quantities, claims: 'any' });

const container = struct('Container', {
  ...all(
    'string',
    'name image workingDir terminationMessagePath terminationMessagePolicy imagePullPolicy restartPolicy',
  ),
  ...all(strings, 'command args'),
  ...all('bool', 'stdin stdinOnce tty'),
  ...all('any', 'ports envFrom resizePolicy restartPolicyRules volumeDevices livenessProbe readinessProbe'),
  ...all('any', 'startupProbe lifecycle securityContext'),
  env: listOf(struct('EnvVar', { name: 'string', value: 'string', valueFrom: 'any' })),
  volumeMounts: listOf(
    struct('VolumeMount', {
      ...all('string', 'name mountPath subPath subPathExpr mountPropagation recursiveReadOnly'),
      readOnly: 'bool',
    }),
  ),
  resources,
});

const secretVolume = struct('SecretVolumeSource', {
  secretName: 'string',
  items: 'any',
  defaultMode: 'int32',
  optional: 'bool',
});

const volume = struct('Volume', {
  name: 'string',
  secret: secretVolume,
  ...all('any', 'hostPath emptyDir gcePersistentDisk awsElasticBlockStore gitRepo nfs iscsi glusterfs rbd flexVolume'),
  ...all('any', 'persistentVolumeClaim cinder cephfs flocker downwardAPI fc azureFile configMap vsphereVolume quobyte'),
  ...all('any', 'azureDisk photonPersistentDisk projected portworxVolume scaleIO storageos csi ephemeral image'),
});

const podSpec = struct('PodSpec', {
  volumes: listOf(volume),
  ...all(listOf(container), 'initContainers containers'),
  ...all('string', 'restartPolicy dnsPolicy serviceAccountName serviceAccount nodeName hostname subdomain'),
  ...all('string', 'schedulerName priorityClassName runtimeClassName preemptionPolicy hostnameOverride'),
  ...all('int64', 'terminationGracePeriodSeconds activeDeadlineSeconds'),
  priority: 'int32',
  nodeSelector: labels,
  ...all('bool', 'automountServiceAccountToken hostNetwork hostPID hostIPC shareProcessNamespace setHostnameAsFQDN'),
  ...all('bool', 'enableServiceLinks hostUsers'),
  imagePullSecrets: listOf(struct('LocalObjectReference', { name: 'string' })),
  ...all(
    'any',
    'ephemeralContainers securityContext affinity tolerations hostAliases dnsConfig readinessGates overhead',
  ),
  ...all('any', 'topologySpreadConstraints os schedulingGates resourceClaims resources schedulingGroup'),
});

const jobSpec = struct('JobSpec', {
  ...all('int32', 'parallelism completions backoffLimit backoffLimitPerIndex maxFailedIndexes ttlSecondsAfterFinished'),
  activeDeadlineSeconds: 'int64',
  ...all('any', 'podFailurePolicy successPolicy selector'),
  ...all('bool', 'manualSelector suspend'),
  ...all('string', 'completionMode podReplacementPolicy managedBy'),
  template: struct('PodTemplateSpec', { metadata, spec: podSpec }),
});

const daemonSetSpec = struct('DaemonSetSpec', {
  ...all('int32', 'minReadySeconds revisionHistoryLimit'),
  ...all('any', 'selector updateStrategy'),
  template: struct('PodTemplateSpec', { metadata, spec: podSpec }),
});

const peer = struct('NetworkPolicyPeer', {
  ...all('any', 'podSelector namespaceSelector'),
  ipBlock: struct('IPBlock', { cidr: 'string', except: strings }),
});
const port = struct('NetworkPolicyPort', { protocol: 'string', port: 'any', endPort: 'int32' });

const networkPolicySpec = struct('NetworkPolicySpec', {
  podSelector: 'any',
  policyTypes: strings,
  egress: listOf(struct('NetworkPolicyEgressRule', { to: listOf(peer), ports: listOf(port) })),
  ingress: listOf(struct('NetworkPolicyIngressRule', { from: listOf(peer), ports: listOf(port) })),
});

const typed = { apiVersion: 'string', kind: 'string', metadata } as const;

/** By kind; a kind that is missing here is stored as it comes, metadata apart. */
export const shapes: Readonly<Record<string, Shape>> = {
  Job: struct('Job', { ...typed, spec: jobSpec, status: 'any' }),
  DaemonSet: struct('DaemonSet', { ...typed, spec: daemonSetSpec, status: 'any' }),
  Pod: struct('Pod', { ...typed, spec: podSpec, status: 'any' }),
  Secret: struct('Secret', {
    ...typed,
    type: 'string',
    data: mapOf('base64'),
    stringData: labels,
    immutable: 'bool',
  }),
  ConfigMap: struct('ConfigMap', { ...typed, data: labels, binaryData: mapOf('base64'), immutable: 'bool' }),
  NetworkPolicy: struct('NetworkPolicy', { ...typed, spec: networkPolicySpec, status: 'any' }),
  ResourceQuota: struct('ResourceQuota', {
    ...typed,
    spec: struct('ResourceQuotaSpec', { hard: quantities, scopes: strings, scopeSelector: 'any' }),
    status: 'any',
  }),
  Namespace: struct('Namespace', { ...typed, spec: 'any', status: 'any' }),
};

/** For kinds without a shape of their own. */
export const metadataShape: Shape = metadata;
