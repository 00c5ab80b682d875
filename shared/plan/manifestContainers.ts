/** The containers that are Mayfly's own: the agent, what registers it, and what brings it into another image. */
import type { JsonObject } from '../domain/json.ts';
import type { Template } from '../domain/template.ts';
import { agentWorkFolder } from './agentFiles.ts';
import { ignoreVariable } from './manifestIgnored.ts';
import { networkEnv, networkMounts } from './manifestNetwork.ts';
import {
  agentContainer,
  agentFilesFolder,
  agentFilesVolume,
  agentImageFolder,
  injectContainer,
  injectVolume,
  type Os,
  registerContainer,
  registrationFolder,
  registrationVolume,
  runFolder,
  runVolume,
} from './podPlaces.ts';

const diagnosticsFolder = '/mayfly/diag';
/** Where the init container of Dockerfile.inject expects the volume. */
const injectFolder = '/mayfly/inject';

export const containerSecurity: Readonly<Record<Os, JsonObject>> = {
  linux: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
  windows: {},
};

/** Where an agent is to be registered by its own pod. */
export interface RegistrationPlace {
  readonly url: string;
  readonly poolName: string;
}

export function agentContainerSpec(template: Template): JsonObject {
  return {
    name: agentContainer,
    ...ofTheImage(template),
    env: [
      // Each variable becomes a capability that all users of the pool can read, so none of these says anything.
      ...silentEnv,
      { name: 'AGENT_DISABLE_NODE6_TASKS', value: 'true' },
      { name: 'AGENT_DIAGLOGPATH', value: diagnosticsFolder },
      { name: 'WORKER_DIAGLOGPATH', value: diagnosticsFolder },
      ...entrypointEnv(template),
      ...networkEnv(template),
    ],
    volumeMounts: [
      { name: agentFilesVolume, mountPath: agentFilesFolder, readOnly: true },
      { name: runVolume, mountPath: runFolder },
      { name: 'work', mountPath: agentWorkFolder },
      { name: 'diag', mountPath: diagnosticsFolder },
      ...injectedMounts(template),
      ...networkMounts(template),
    ],
  };
}

const silentEnv: readonly JsonObject[] = [
  { name: ignoreVariable, value: '' },
  { name: 'agent.disableupdate', value: '1' },
];

/** For the entrypoint alone, which removes them: where the pod runs, for the head of the pipeline job's log. */
function entrypointEnv({ image, terminationGraceSeconds }: Template): readonly JsonObject[] {
  const field = (name: string, fieldPath: string): JsonObject => ({ name, valueFrom: { fieldRef: { fieldPath } } });
  return [
    { name: 'MAYFLY_GRACE_SECONDS', value: String(terminationGraceSeconds) },
    field('MAYFLY_POD', 'metadata.name'),
    field('MAYFLY_NAMESPACE', 'metadata.namespace'),
    field('MAYFLY_NODE', 'spec.nodeName'),
    { name: 'MAYFLY_IMAGE', value: image },
  ];
}

/**
 * The only container that sees the pool's credential. Of the template's pod block nothing reaches it: a variable or a
 * mount could take the credential where steps can read it.
 */
export function registerContainerSpec(template: Template, agentName: string, place: RegistrationPlace): JsonObject {
  const { url, poolName } = place;
  return {
    name: registerContainer,
    ...ofTheImage(template),
    args: ['configure', '--url', url, '--pool', poolName, '--agent', agentName],
    env: [...silentEnv, ...networkEnv(template)],
    volumeMounts: [
      { name: registrationVolume, mountPath: registrationFolder, readOnly: true },
      { name: agentFilesVolume, mountPath: agentFilesFolder },
      ...injectedMounts(template),
      ...networkMounts(template),
    ],
  };
}

/** Copies the agent into a volume; its entrypoint and arguments are those of its image. */
export function injectContainerSpec(template: Template, image: string): JsonObject {
  return {
    name: injectContainer,
    ...always(template, image),
    volumeMounts: [{ name: injectVolume, mountPath: injectFolder }],
  };
}

const always = (template: Template, image: string): JsonObject => ({
  image,
  // A digest never changes, so a node's own copy is as good as the registry's and needs no registry to be up.
  imagePullPolicy: 'IfNotPresent',
  // Init containers ask for as much as the agent: they run before it, so the pod needs no more for it.
  resources: {
    requests: { cpu: template.cpu, memory: template.memory },
    limits: { memory: template.memory },
  },
  securityContext: containerSecurity[template.os],
});

/** Our own image starts the entrypoint by itself. */
const ofTheImage = (template: Template): JsonObject => ({
  ...always(template, template.image),
  ...(template.inject === undefined
    ? {}
    : { command: [`${agentImageFolder}/tini`, '--', `${agentImageFolder}/entrypoint.sh`] }),
});

const injectedMounts = ({ inject }: Template): readonly JsonObject[] =>
  inject === undefined ? [] : [{ name: injectVolume, mountPath: agentImageFolder, readOnly: true }];
