/**
 * The DaemonSet that pulls an image onto nodes ahead of the agents that need it. Its pods do nothing: that they have
 * started is all, and while they live the kubelet does not collect the image.
 */
import { shortHash } from '../domain/hash.ts';
import type { JsonObject } from '../domain/json.ts';
import { isJsonObject } from '../domain/json.ts';
import { labels, managedBy } from '../domain/names.ts';
import { prePullFingerprint, prePullLabel, prePullName } from '../domain/prePull.ts';
import type { Template } from '../domain/template.ts';

export interface PrePull {
  readonly installation: string;
  readonly namespace: string;
  /** The name of the image in the configuration. */
  readonly image: string;
  /** registry/repository@sha256:... */
  readonly reference: string;
  /** Those of the cluster that run the image: where their pods may go, the image goes. */
  readonly templates: readonly Template[];
}

/** As user and group of the agent image, so that the restricted profile takes it. */
const user = 10001;

export function buildPrePullManifest(prePull: PrePull): JsonObject {
  const { installation, namespace, image } = prePull;
  const name = prePullName(installation, image);
  const marks = { [labels.managedBy]: managedBy, [prePullLabel]: name };
  const template = { metadata: { labels: marks }, spec: podSpec(prePull) };
  return {
    apiVersion: 'apps/v1',
    kind: 'DaemonSet',
    metadata: {
      name,
      namespace,
      labels: marks,
      annotations: { [prePullFingerprint]: shortHash(JSON.stringify(template), 12) },
    },
    spec: {
      selector: { matchLabels: { [prePullLabel]: name } },
      // Not all nodes at once: a registry throttles, and agents that start meanwhile pull as well.
      updateStrategy: { type: 'RollingUpdate', rollingUpdate: { maxUnavailable: '25%' } },
      template,
    },
  };
}

function podSpec({ reference, templates }: PrePull): JsonObject {
  const tolerations = tolerationsOf(templates);
  const pullSecrets = pullSecretsOf(templates);
  return {
    restartPolicy: 'Always',
    terminationGracePeriodSeconds: 1,
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    os: { name: 'linux' },
    nodeSelector: { 'kubernetes.io/os': 'linux', ...commonSelector(templates) },
    ...(tolerations.length === 0 ? {} : { tolerations }),
    ...(pullSecrets.length === 0 ? {} : { imagePullSecrets: pullSecrets }),
    securityContext: {
      runAsNonRoot: true,
      runAsUser: user,
      runAsGroup: user,
      seccompProfile: { type: 'RuntimeDefault' },
    },
    containers: [
      {
        name: 'hold',
        image: reference,
        command: ['sleep', 'infinity'],
        resources: { requests: { cpu: '1m', memory: '8Mi' }, limits: { memory: '32Mi' } },
        securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
      },
    ],
  };
}

function listIn({ pod }: Template, key: string): readonly JsonObject[] {
  const value = pod[key];
  return Array.isArray(value) ? value.filter(isJsonObject) : [];
}

const unique = (objects: readonly JsonObject[]): readonly JsonObject[] => [
  ...new Map(objects.map((each) => [JSON.stringify(each), each])).values(),
];

/** A taint that any of them tolerates does not keep the image away. */
const tolerationsOf = (templates: readonly Template[]): readonly JsonObject[] =>
  unique(templates.flatMap((template) => listIn(template, 'tolerations')));

const pullSecretsOf = (templates: readonly Template[]): readonly JsonObject[] =>
  unique(templates.flatMap((template) => listIn(template, 'imagePullSecrets')));

/** What all of them select by: a node that one of them excludes may still be another's. */
function commonSelector(templates: readonly Template[]): JsonObject {
  const [first, ...others] = templates.map(({ pod }) => (isJsonObject(pod['nodeSelector']) ? pod['nodeSelector'] : {}));
  const entries = Object.entries(first ?? {}).filter(([key, value]) => others.every((each) => each[key] === value));
  return Object.fromEntries(entries);
}
