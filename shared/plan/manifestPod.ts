/** The pod of an agent job: what is generated, the template's own block over it, and what holds whatever that says. */
import { isJsonObject, type JsonObject } from '../domain/json.ts';
import type { Template } from '../domain/template.ts';
import {
  agentContainerSpec,
  containerSecurity,
  injectContainerSpec,
  type RegistrationPlace,
  registerContainerSpec,
} from './manifestContainers.ts';
import { ignoring, objects } from './manifestIgnored.ts';
import { networkNames, networkVolumes } from './manifestNetwork.ts';
import { mergePod } from './podMerge.ts';
import {
  agentContainer,
  agentFilesVolume,
  injectVolume,
  type Os,
  registerContainer,
  registrationVolume,
  runVolume,
} from './podPlaces.ts';

/** The user of the agent image. Any but 0 would do for the restricted profile; the files' group follows it. */
const agentUser = 10001;

/** Who registers the agent: the control plane before the pod starts, or an init container of the pod. */
export type AgentRegistration = 'jit' | ({ readonly kind: 'initConfig' } & RegistrationPlace);

/** The pod of a template. `name` is that of the Job, the agent and the Secret alike. */
export function buildAgentPodSpec(
  template: Template,
  name: string,
  registration: AgentRegistration = 'jit',
): JsonObject {
  const { pod } = mergePod(generatedPodSpec(template, name, registration), template.pod);
  return withIgnoredNames(withClosedCompanions(pod, template), template);
}

/** The pod before the template's own block; also what that block is checked against. */
export function generatedPodSpec(
  template: Template,
  name: string,
  registration: AgentRegistration = 'jit',
): JsonObject {
  const initContainers = [
    ...(template.inject === undefined ? [] : [injectContainerSpec(template, template.inject.image)]),
    ...(registration === 'jit' ? [] : [registerContainerSpec(template, name, registration)]),
  ];
  return {
    restartPolicy: 'Never',
    terminationGracePeriodSeconds: template.terminationGraceSeconds,
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    os: { name: template.os },
    nodeSelector: { 'kubernetes.io/os': template.os, 'kubernetes.io/arch': template.architecture },
    securityContext: podSecurity[template.os],
    ...(initContainers.length === 0 ? {} : { initContainers }),
    containers: [agentContainerSpec(template)],
    volumes: [
      ...credentialVolumes(template.os, name, registration),
      { name: runVolume, emptyDir: inMemory[template.os] },
      { name: 'work', emptyDir: {} },
      { name: 'diag', emptyDir: {} },
      ...(template.inject === undefined ? [] : [{ name: injectVolume, emptyDir: {} }]),
      ...networkVolumes(template),
    ],
  };
}

/** Readable by the agent's group: the files belong to root, and fsGroup gives them away to no other user. */
const ofSecret = (secretName: string): JsonObject => ({ secretName, defaultMode: 0o440 });

function credentialVolumes(os: Os, name: string, registration: AgentRegistration): readonly JsonObject[] {
  if (registration === 'jit') return [{ name: agentFilesVolume, secret: ofSecret(name) }];
  return [
    { name: agentFilesVolume, emptyDir: inMemory[os] },
    { name: registrationVolume, secret: ofSecret(name) },
  ];
}

/**
 * For the agent's private key, which thus never lies on the disk of a node. Windows has no volumes in memory
 * (kubernetes.io/docs/concepts/storage/windows-storage, 2026-11).
 */
const inMemory: Readonly<Record<Os, JsonObject>> = {
  linux: { medium: 'Memory', sizeLimit: '16Mi' },
  windows: {},
};

// Windows pods are refused with any of the Linux fields set, and the restricted profile excuses them from these.
const podSecurity: Readonly<Record<Os, JsonObject>> = {
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

/** What a template puts beside the agent may no more than the agent, unless the template says otherwise. */
function withClosedCompanions(pod: JsonObject, { os }: Template): JsonObject {
  const companions = objects(pod['initContainers']);
  if (companions.length === 0) return pod;
  return { ...pod, initContainers: companions.map((each) => ({ ...each, securityContext: closed(each, os) })) };
}

function closed(container: JsonObject, os: Os): JsonObject {
  const given = isJsonObject(container['securityContext']) ? container['securityContext'] : {};
  // The API server refuses it beside allowPrivilegeEscalation false.
  return given['privileged'] === true ? given : mergePod(containerSecurity[os], given).pod;
}

/** Both containers that report capabilities: the one that runs the agent and the one that registers it. */
function withIgnoredNames(pod: JsonObject, template: Template): JsonObject {
  const silent = networkNames(template);
  const lists = ['initContainers', 'containers'].filter((list) => pod[list] !== undefined);
  const ignored = lists.map((list) => [
    list,
    objects(pod[list]).map((each) => (reports(list, each) ? ignoring(each, silent) : each)),
  ]);
  return { ...pod, ...Object.fromEntries(ignored) };
}

const reports = (list: string, { name }: JsonObject): boolean =>
  name === (list === 'containers' ? agentContainer : registerContainer);
