/** What the server fills in. Order and values as recorded from kube-apiserver v1.36.2. */
import type { JsonObject, JsonValue } from '../../../shared/domain/json.ts';
import type { Random } from '../world/random.ts';
import { randomSuffix } from './names.ts';
import { at, list, nameOf, record, scalar, text, uidOf, withKeys } from './object.ts';

const containerDefaults = (container: JsonValue): JsonObject => {
  const given = record(container);
  const image = text(given, 'image') ?? '';
  const digest = image.includes('@') || /:(?!latest$)[^/]+$/.test(image);
  return {
    resources: {},
    terminationMessagePath: '/dev/termination-log',
    terminationMessagePolicy: 'File',
    imagePullPolicy: digest ? 'IfNotPresent' : 'Always',
    ...given,
  };
};

/** Defaults of a pod spec, in a template or a pod. */
export function podSpecDefaults(spec: JsonObject): JsonObject {
  const initContainers = list(spec, 'initContainers');
  return {
    ...spec,
    ...(initContainers.length === 0 ? {} : { initContainers: initContainers.map(containerDefaults) }),
    containers: list(spec, 'containers').map(containerDefaults),
    restartPolicy: spec['restartPolicy'] ?? 'Always',
    terminationGracePeriodSeconds: spec['terminationGracePeriodSeconds'] ?? 30,
    dnsPolicy: spec['dnsPolicy'] ?? 'ClusterFirst',
    securityContext: spec['securityContext'] ?? {},
    schedulerName: spec['schedulerName'] ?? 'default-scheduler',
    ...(spec['serviceAccountName'] === undefined ? {} : { serviceAccount: spec['serviceAccountName'] }),
  };
}

/** The labels by which a Job knows its pods; the unprefixed ones are the old names, kept by the server. */
function jobLabels(job: JsonObject): JsonObject {
  const uid = uidOf(job);
  const name = nameOf(job);
  return {
    'batch.kubernetes.io/controller-uid': uid,
    'batch.kubernetes.io/job-name': name,
    'controller-uid': uid,
    'job-name': name,
  };
}

const replacementPolicyOf = (spec: JsonObject): JsonValue =>
  spec['podReplacementPolicy'] ?? (spec['podFailurePolicy'] === undefined ? 'TerminatingOrFailed' : 'Failed');

/** A Job without labels takes those of its template (SetDefaults_Job). */
function labelled(metadata: JsonObject, templateLabels: JsonObject): JsonObject {
  const isBare = Object.keys(record(metadata, 'labels')).length === 0;
  return isBare && Object.keys(templateLabels).length > 0 ? { ...metadata, labels: templateLabels } : metadata;
}

export function jobDefaults(job: JsonObject): JsonObject {
  const spec = record(job, 'spec');
  const template = record(spec, 'template');
  const metadata = record(template, 'metadata');
  const manual = spec['manualSelector'] === true;
  const generated = manual ? {} : jobLabels(job);
  return {
    ...job,
    metadata: labelled(record(job, 'metadata'), record(metadata, 'labels')),
    spec: withKeys(spec, {
      parallelism: spec['parallelism'] ?? 1,
      // Parallel workers without a number of completions have none.
      completions: spec['completions'] ?? (spec['parallelism'] === undefined ? 1 : undefined),
      backoffLimit: spec['backoffLimit'] ?? 6,
      selector: manual ? spec['selector'] : { matchLabels: { 'batch.kubernetes.io/controller-uid': uidOf(job) } },
      manualSelector: manual,
      template: {
        ...template,
        metadata: { ...metadata, labels: { ...record(metadata, 'labels'), ...generated } },
        spec: podSpecDefaults(record(template, 'spec')),
      },
      completionMode: spec['completionMode'] ?? 'NonIndexed',
      suspend: spec['suspend'] ?? false,
      podReplacementPolicy: replacementPolicyOf(spec),
    }),
    status: {},
  };
}

const toleration = (key: string): JsonObject => ({
  key: `node.kubernetes.io/${key}`,
  operator: 'Exists',
  effect: 'NoExecute',
  tolerationSeconds: 300,
});

/** What the service account admission mounts, unless the pod opted out. */
function withToken(spec: JsonObject, random: Random): JsonObject {
  if (spec['automountServiceAccountToken'] === false) return spec;
  const name = `kube-api-access-${randomSuffix(random)}`;
  const mount = { name, readOnly: true, mountPath: '/var/run/secrets/kubernetes.io/serviceaccount' };
  const sources = [
    { serviceAccountToken: { expirationSeconds: 3607, path: 'token' } },
    { configMap: { name: 'kube-root-ca.crt', items: [{ key: 'ca.crt', path: 'ca.crt' }] } },
    {
      downwardAPI: { items: [{ path: 'namespace', fieldRef: { apiVersion: 'v1', fieldPath: 'metadata.namespace' } }] },
    },
  ];
  const mounted = (container: JsonValue): JsonObject => ({
    ...record(container),
    volumeMounts: [...list(container, 'volumeMounts'), mount],
  });
  const init = list(spec, 'initContainers');
  return {
    ...spec,
    volumes: [...list(spec, 'volumes'), { name, projected: { sources, defaultMode: 420 } }],
    ...(init.length === 0 ? {} : { initContainers: init.map(mounted) }),
    containers: list(spec, 'containers').map(mounted),
  };
}

function qosClassOf(spec: JsonObject): string {
  const containers = list(spec, 'containers');
  const given = containers.some((container) => {
    const resources = record(container, 'resources');
    return Object.keys(record(resources, 'requests')).length + Object.keys(record(resources, 'limits')).length > 0;
  });
  if (!given) return 'BestEffort';
  const guaranteed = containers.every((container) => {
    const limits = record(container, 'resources', 'limits');
    const requests = record(container, 'resources', 'requests');
    return ['cpu', 'memory'].every(
      (name) => limits[name] !== undefined && (requests[name] ?? limits[name]) === limits[name],
    );
  });
  return guaranteed ? 'Guaranteed' : 'Burstable';
}

export function podDefaults(pod: JsonObject, random: Random): JsonObject {
  const spec = withToken(podSpecDefaults(record(pod, 'spec')), random);
  const account = spec['serviceAccountName'] ?? 'default';
  return {
    ...pod,
    spec: {
      ...spec,
      serviceAccountName: account,
      serviceAccount: account,
      tolerations: [...list(spec, 'tolerations'), toleration('not-ready'), toleration('unreachable')],
      priority: spec['priority'] ?? 0,
      enableServiceLinks: spec['enableServiceLinks'] ?? true,
      preemptionPolicy: spec['preemptionPolicy'] ?? 'PreemptLowerPriority',
    },
    status: { phase: 'Pending', qosClass: qosClassOf(spec) },
  };
}

/** stringData becomes data and is never shown again. */
export function secretDefaults(secret: JsonObject): JsonObject {
  const given = record(secret, 'stringData');
  const encoded = Object.entries(given).map(([key, value]) => [key, Buffer.from(scalar(value)).toString('base64')]);
  const data = { ...record(secret, 'data'), ...Object.fromEntries(encoded) };
  return withKeys(secret, {
    stringData: undefined,
    data: Object.keys(data).length === 0 ? undefined : data,
    type: secret['type'] ?? 'Opaque',
  });
}

/** A policy without types is about ingress, and about egress where it has egress rules. */
export function networkPolicyDefaults(policy: JsonObject): JsonObject {
  const spec = record(policy, 'spec');
  const types = at(spec, 'egress') === undefined ? ['Ingress'] : ['Ingress', 'Egress'];
  const withProtocol = (rule: JsonValue): JsonObject => {
    const ports = list(rule, 'ports');
    if (ports.length === 0) return record(rule);
    return { ...record(rule), ports: ports.map((port) => ({ protocol: 'TCP', ...record(port) })) };
  };
  const rules = (key: string): JsonObject =>
    spec[key] === undefined ? {} : { [key]: list(spec, key).map(withProtocol) };
  return {
    ...policy,
    spec: { ...spec, ...rules('egress'), ...rules('ingress'), policyTypes: spec['policyTypes'] ?? types },
  };
}

/** metav1.Time has whole seconds: fractions that a client sends are lost. */
const wholeSeconds = (time: JsonValue | undefined): JsonValue | undefined =>
  typeof time === 'string' ? time.replace(/\.\d+Z$/, 'Z') : time;

export function eventDefaults(event: JsonObject): JsonObject {
  const complete = { eventTime: null, reportingComponent: '', reportingInstance: '', ...event };
  return withKeys(complete, {
    firstTimestamp: wholeSeconds(event['firstTimestamp']),
    lastTimestamp: wholeSeconds(event['lastTimestamp']),
  });
}

export function namespaceDefaults(namespace: JsonObject): JsonObject {
  const metadata = record(namespace, 'metadata');
  const labels = { ...record(metadata, 'labels'), 'kubernetes.io/metadata.name': nameOf(namespace) };
  return {
    ...namespace,
    metadata: { ...metadata, labels },
    spec: { finalizers: ['kubernetes'] },
    status: { phase: 'Active' },
  };
}

/** apps/v1 SetDefaults_DaemonSet (kubernetes pkg/apis/apps/v1/defaults.go). */
export function daemonSetDefaults(daemonSet: JsonObject): JsonObject {
  const spec = record(daemonSet, 'spec');
  const template = record(spec, 'template');
  const rollingUpdate = { maxUnavailable: 1, maxSurge: 0, ...record(spec, 'updateStrategy', 'rollingUpdate') };
  return {
    ...daemonSet,
    spec: {
      revisionHistoryLimit: 10,
      ...spec,
      updateStrategy: { type: 'RollingUpdate', rollingUpdate },
      template: { ...template, spec: podSpecDefaults(record(template, 'spec')) },
    },
    status: { currentNumberScheduled: 0, numberMisscheduled: 0, desiredNumberScheduled: 0, numberReady: 0 },
  };
}
