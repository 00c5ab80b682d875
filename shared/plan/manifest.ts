/**
 * The only author of the Kubernetes objects that an agent job consists of. The Job is born suspended: it has no pod
 * until its creator has registered the agent, stored its files and moved the phase. Nothing in it can restart a
 * container, end one early or give a step more than this one agent's own credentials.
 */
import type { AgentJobPurpose } from '../domain/agentJob.ts';
import type { EpochMs } from '../domain/instant.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../domain/json.ts';
import { annotations, formatInstant, labelSchema, labels, managedBy } from '../domain/names.ts';
import { Secret } from '../domain/secret.ts';
import type { ChosenParameters, PoolPolicy, Template } from '../domain/template.ts';
import type { AgentFiles } from './agentFiles.ts';
import { agentWorkFolder } from './agentFiles.ts';
import { mergePod } from './podMerge.ts';
import { agentContainer, agentFilesFolder, agentFilesVolume } from './podProtection.ts';

export { agentContainer, agentFilesFolder, agentFilesVolume };

const diagnosticsFolder = '/mayfly/diag';
/** The user of the agent image. Any but 0 would do for the restricted profile; the files' group follows it. */
const agentUser = 10001;
/** Collects Jobs that no control plane lives to delete; all others are deleted or kept as tombstones by us. */
const ttlSeconds = 86_400;

export interface AgentJobSpec {
  readonly policy: PoolPolicy;
  readonly template: Template;
  readonly name: string;
  readonly purpose: AgentJobPurpose;
  readonly parameters?: ChosenParameters;
  /** The creator's random nonce. */
  readonly creator: string;
  /** Both are Azure DevOps' time. */
  readonly createdAt: EpochMs;
  readonly createBy: EpochMs;
  readonly namespace: string;
}

/** The Job of step 1: suspended, phase `creating`. Protected parts of the template's pod block are not applied. */
export function buildAgentJobManifest(spec: AgentJobSpec): JsonObject {
  const marks = agentJobLabels(spec);
  return {
    apiVersion: 'batch/v1',
    kind: 'Job',
    metadata: {
      name: spec.name,
      namespace: spec.namespace,
      labels: marks,
      annotations: {
        [annotations.phase]: 'creating',
        [annotations.creator]: spec.creator,
        [annotations.createdAt]: formatInstant(spec.createdAt),
        [annotations.createBy]: formatInstant(spec.createBy),
        ...chosenAnnotation(spec.parameters ?? {}),
      },
    },
    spec: {
      suspend: true,
      completions: 1,
      parallelism: 1,
      backoffLimit: 0,
      // The default starts a second pod while the first is still being deleted: two agents under one name.
      podReplacementPolicy: 'Failed',
      ttlSecondsAfterFinished: ttlSeconds,
      template: {
        metadata: {
          labels: marks,
          annotations: {
            'cluster-autoscaler.kubernetes.io/safe-to-evict': 'false',
            'karpenter.sh/do-not-disrupt': 'true',
          },
        },
        spec: buildAgentPodSpec(spec.template, spec.name),
      },
    },
  };
}

function chosenAnnotation({ cpu, memory, image }: ChosenParameters): Readonly<Record<string, string>> {
  const chosen = { cpu, memory, image };
  const isNothing = Object.values(chosen).every((value) => value === undefined);
  return isNothing ? {} : { [annotations.parameters]: JSON.stringify(chosen) };
}

/** The labels of an agent job, its pod and its Secret: the parts of the name, for selectors and people. */
export function agentJobLabels(spec: Pick<AgentJobSpec, 'policy' | 'template' | 'purpose'>): Record<string, string> {
  const { policy, template, purpose } = spec;
  const parts =
    purpose.kind === 'request'
      ? { [labels.requestId]: String(purpose.requestId), [labels.attempt]: String(purpose.attempt) }
      : { [labels.slot]: String(purpose.slot), [labels.minute]: String(purpose.minute) };
  return {
    [labels.managedBy]: managedBy,
    [labels.schema]: labelSchema,
    [labels.installation]: policy.installation,
    [labels.organisation]: policy.organisation.short,
    [labels.poolId]: String(policy.poolId),
    [labels.template]: template.name,
    [labels.purpose]: purpose.kind,
    ...parts,
  };
}

/** The pod of a template whose files are in the Secret `secretName`. */
export function buildAgentPodSpec(template: Template, secretName: string): JsonObject {
  const { pod } = mergePod(generatedPodSpec(template, secretName), template.pod);
  return withIgnoredNames(withClosedCompanions(pod, template));
}

/** The pod before the template's own block; also what that block is checked against. */
export function generatedPodSpec(template: Template, secretName: string): JsonObject {
  return {
    restartPolicy: 'Never',
    terminationGracePeriodSeconds: template.terminationGraceSeconds,
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    os: { name: template.os },
    nodeSelector: { 'kubernetes.io/os': template.os, 'kubernetes.io/arch': template.architecture },
    securityContext: podSecurity[template.os],
    containers: [agentContainerSpec(template)],
    volumes: [
      // Readable by the agent's group: the files belong to root, and fsGroup gives them away to no other user.
      { name: agentFilesVolume, secret: { secretName, defaultMode: 0o440 } },
      { name: 'work', emptyDir: {} },
      { name: 'diag', emptyDir: {} },
    ],
  };
}

// Windows pods are refused with any of the Linux fields set, and the restricted profile excuses them from these.
const podSecurity: Readonly<Record<Template['os'], JsonObject>> = {
  linux: {
    runAsNonRoot: true,
    runAsUser: agentUser,
    runAsGroup: agentUser,
    fsGroup: agentUser,
    fsGroupChangePolicy: 'OnRootMismatch',
    seccompProfile: { type: 'RuntimeDefault' },
  },
  windows: { runAsNonRoot: true, windowsOptions: { runAsUserName: 'ContainerUser' } },
};

const containerSecurity: Readonly<Record<Template['os'], JsonObject>> = {
  linux: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
  windows: {},
};

/** What a template puts beside the agent may no more than the agent, unless the template says otherwise. */
function withClosedCompanions(pod: JsonObject, { os }: Template): JsonObject {
  const companions = entries(pod['initContainers']);
  if (companions.length === 0) return pod;
  return { ...pod, initContainers: companions.map((each) => ({ ...each, securityContext: closed(each, os) })) };
}

function closed(container: JsonObject, os: Template['os']): JsonObject {
  const given = isJsonObject(container['securityContext']) ? container['securityContext'] : {};
  // The API server refuses it beside allowPrivilegeEscalation false.
  return given['privileged'] === true ? given : mergePod(containerSecurity[os], given).pod;
}

function agentContainerSpec(template: Template): JsonObject {
  return {
    name: agentContainer,
    image: template.image,
    // A digest never changes, so a node's own copy is as good as the registry's and needs no registry to be up.
    imagePullPolicy: 'IfNotPresent',
    env: [
      // Each variable becomes a capability that all users of the pool can read, so none of these says anything.
      { name: ignoreVariable, value: '' },
      { name: 'agent.disableupdate', value: '1' },
      { name: 'AGENT_DISABLE_NODE6_TASKS', value: 'true' },
      { name: 'AGENT_DIAGLOGPATH', value: diagnosticsFolder },
      { name: 'WORKER_DIAGLOGPATH', value: diagnosticsFolder },
    ],
    resources: {
      requests: { cpu: template.cpu, memory: template.memory },
      limits: { memory: template.memory },
    },
    securityContext: containerSecurity[template.os],
    volumeMounts: [
      { name: agentFilesVolume, mountPath: agentFilesFolder, readOnly: true },
      { name: 'work', mountPath: agentWorkFolder },
      { name: 'diag', mountPath: diagnosticsFolder },
    ],
  };
}

const ignoreVariable = 'VSO_AGENT_IGNORE';

/** Injected into every container whatever enableServiceLinks says, and nobody's business. */
const injectedByKubernetes = [
  'KUBERNETES_PORT',
  'KUBERNETES_PORT_443_TCP',
  'KUBERNETES_PORT_443_TCP_ADDR',
  'KUBERNETES_PORT_443_TCP_PORT',
  'KUBERNETES_PORT_443_TCP_PROTO',
  'KUBERNETES_SERVICE_HOST',
  'KUBERNETES_SERVICE_PORT',
  'KUBERNETES_SERVICE_PORT_HTTPS',
];

/** Keeps what is no offer to pipelines from becoming a capability: above all whatever comes out of a Secret. */
function withIgnoredNames(pod: JsonObject): JsonObject {
  return { ...pod, containers: entries(pod['containers']).map((each) => (isAgent(each) ? ignoring(each) : each)) };
}

const isAgent = (container: JsonObject): boolean => container['name'] === agentContainer;

function ignoring(container: JsonObject): JsonObject {
  const env = entries(container['env']);
  const asked = env.find((entry) => entry['name'] === ignoreVariable)?.['value'];
  const references = env
    .filter((entry) => entry['valueFrom'] !== undefined || isAddressWithPassword(entry['value']))
    .flatMap(({ name }) => (typeof name === 'string' ? [name] : []));
  const own = ['agent.disableupdate', 'AGENT_DIAGLOGPATH', 'WORKER_DIAGLOGPATH', ignoreVariable];
  const chosen = typeof asked === 'string' ? asked.split(',').map((name) => name.trim()) : [];
  const names = new Set<string>([...own, ...injectedByKubernetes, ...references, ...chosen]);
  names.delete('');
  const ignore = { name: ignoreVariable, value: [...names].join(',') };
  return { ...container, env: env.map((entry) => (entry['name'] === ignoreVariable ? ignore : entry)) };
}

/** A proxy's user and password stand in its address: `http://user:password@proxy:3128`. */
function isAddressWithPassword(value: JsonValue | undefined): boolean {
  return typeof value === 'string' && /:\/\/[^/?#\s]*@/.test(value);
}

function entries(value: JsonValue | undefined): readonly JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : [];
}

export interface AgentSecretSpec {
  /** Also the name of the Job. */
  readonly name: string;
  readonly namespace: string;
  readonly owner: { readonly name: string; readonly uid: string };
  readonly files: AgentFiles;
  readonly labels?: Readonly<Record<string, string>>;
}

/**
 * The Secret of step 3, in full: it holds the private key in the clear (base64), so it goes to the API server and
 * nowhere else. Immutable, and collected with the Job of exactly this UID.
 */
export function buildAgentSecretManifest(spec: AgentSecretSpec): JsonObject {
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: {
      name: spec.name,
      namespace: spec.namespace,
      labels: { [labels.managedBy]: managedBy, [labels.schema]: labelSchema, ...spec.labels },
      ownerReferences: [
        { apiVersion: 'batch/v1', kind: 'Job', ...spec.owner, controller: false, blockOwnerDeletion: false },
      ],
    },
    type: 'Opaque',
    immutable: true,
    data: Object.fromEntries(
      Object.entries(spec.files).map(([name, content]) => [
        name,
        base64(content instanceof Secret ? content.reveal() : content),
      ]),
    ),
  };
}

function base64(text: string): string {
  return btoa(String.fromCodePoint(...new TextEncoder().encode(text)));
}
