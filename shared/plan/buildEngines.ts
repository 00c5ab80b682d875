/**
 * The four ways to build in a pod, each with as little privilege as it works with. Sources: moby/buildkit
 * examples/kubernetes and docs/rootless.md (2026), containers/buildah docs, osscontainertools/kaniko README.
 */
import { buildArguments } from '../domain/buildArguments.ts';
import type { BuildEngine, ClusterBuild, OrderedImage } from '../domain/clusterBuild.ts';
import type { JsonObject } from '../domain/json.ts';
import { buildPlaces } from './buildPlaces.ts';
import { quoted } from './buildScripts.ts';

const { work, login } = buildPlaces;
const result = '/dev/termination-log';

/** What builders that are root of their container unpack images with; all of it is in the baseline profile. */
const unpacking = ['CHOWN', 'DAC_OVERRIDE', 'FOWNER', 'FSETID', 'SETFCAP', 'SETGID', 'SETPCAP', 'SETUID', 'SYS_CHROOT'];

const baseline: JsonObject = {
  runAsUser: 0,
  allowPrivilegeEscalation: false,
  capabilities: { drop: ['ALL'], add: unpacking },
  seccompProfile: { type: 'RuntimeDefault' },
};

const security: Readonly<Record<BuildEngine, JsonObject>> = {
  // newuidmap is set-uid, so escalation stays allowed; unshare and mount are what the default profiles forbid.
  buildkit: {
    runAsUser: buildPlaces.user,
    runAsGroup: buildPlaces.user,
    seccompProfile: { type: 'Unconfined' },
    appArmorProfile: { type: 'Unconfined' },
  },
  // Privileged inside the pod's own user namespace: nobody on the node.
  buildkitUserns: { privileged: true },
  buildah: baseline,
  kaniko: baseline,
};

/** Of the pod, beyond what all of them have. */
export function enginePod(engine: BuildEngine): JsonObject {
  const shared = { fsGroup: buildPlaces.user, fsGroupChangePolicy: 'OnRootMismatch' };
  return engine === 'buildkitUserns' ? { hostUsers: false, securityContext: shared } : { securityContext: shared };
}

const contextOf = ({ folder }: ClusterBuild): string => `${work}/context${folder === undefined ? '' : `/${folder}`}`;

function buildctl(build: ClusterBuild, order: OrderedImage): readonly string[] {
  const { cache, target } = build;
  const layers = cache === undefined ? [] : [`--import-cache=type=registry,ref=${cache}`];
  const kept = cache === undefined ? [] : [`--export-cache=type=registry,ref=${cache},mode=max`];
  return [
    'build',
    '--frontend=dockerfile.v0',
    `--local=context=${contextOf(build)}`,
    `--local=dockerfile=${contextOf(build)}`,
    `--opt=filename=${build.dockerfile}`,
    ...buildArguments(order.parameters).map(([name, value]) => `--opt=build-arg:${name}=${value}`),
    ...layers,
    ...kept,
    `--output=type=image,name=${target},push=true`,
    `--metadata-file=${work}/metadata.json`,
  ];
}

/** It writes its metadata by renaming a file, which cannot be done to the mounted file that the kubelet reads. */
const buildkitScript = (build: ClusterBuild, order: OrderedImage): string =>
  [
    `buildctl-daemonless.sh ${buildctl(build, order).map(quoted).join(' ')}`,
    `sed -n 's/.*"containerimage.digest": *"\\([^"]*\\)".*/\\1/p' ${work}/metadata.json >${result}`,
  ].join('\n');

function buildahScript(build: ClusterBuild, order: OrderedImage): string {
  const { cache, target } = build;
  const layers = cache === undefined ? [] : [`--cache-from=${cache}`, `--cache-to=${cache}`];
  const words = [
    'build',
    '--layers',
    ...layers,
    ...buildArguments(order.parameters).map(([name, value]) => `--build-arg=${name}=${value}`),
    `--file=${contextOf(build)}/${build.dockerfile}`,
    `--tag=${target}`,
    contextOf(build),
  ];
  const digest = `${work}/digest`;
  return [
    `buildah ${words.map(quoted).join(' ')}`,
    `buildah push --digestfile=${digest} ${quoted(target)}`,
    `cat ${digest} >${result}`,
  ].join('\n');
}

function kanikoArguments(build: ClusterBuild, order: OrderedImage): readonly string[] {
  const { cache, target } = build;
  return [
    `--context=dir://${contextOf(build)}`,
    `--dockerfile=${build.dockerfile}`,
    `--destination=${target}`,
    ...buildArguments(order.parameters).map(([name, value]) => `--build-arg=${name}=${value}`),
    ...(cache === undefined ? [] : ['--cache=true', `--cache-repo=${cache}`]),
    `--digest-file=${result}`,
  ];
}

const mounts = (layers: string | undefined): readonly JsonObject[] => [
  { name: 'work', mountPath: work },
  { name: 'login', mountPath: login, readOnly: true },
  ...(layers === undefined ? [] : [{ name: 'layers', mountPath: layers }]),
];

const shell = (script: string): JsonObject => ({ command: ['/bin/sh', '-euc', script] });
const variables = (values: Readonly<Record<string, string>>): readonly JsonObject[] =>
  Object.entries(values).map(([name, value]) => ({ name, value }));

const withEnv = (env: Readonly<Record<string, string>>, layers?: string): JsonObject => ({
  env: variables(env),
  volumeMounts: mounts(layers),
});

function commandOf(build: ClusterBuild, order: OrderedImage): JsonObject {
  switch (build.engine) {
    case 'buildkit':
      return {
        ...shell(buildkitScript(build, order)),
        // Its sandbox of processes needs a /proc that an ordinary container has not.
        ...withEnv(
          { DOCKER_CONFIG: login, BUILDKITD_FLAGS: '--oci-worker-no-process-sandbox' },
          '/home/user/.local/share/buildkit',
        ),
      };
    case 'buildkitUserns':
      return { ...shell(buildkitScript(build, order)), ...withEnv({ DOCKER_CONFIG: login }, '/var/lib/buildkit') };
    case 'buildah':
      return {
        ...shell(buildahScript(build, order)),
        // vfs mounts nothing and chroot makes no namespaces: slower, and within the baseline.
        ...withEnv(
          { REGISTRY_AUTH_FILE: `${login}/config.json`, BUILDAH_ISOLATION: 'chroot', STORAGE_DRIVER: 'vfs' },
          '/var/lib/containers',
        ),
      };
    case 'kaniko':
      return { args: kanikoArguments(build, order), ...withEnv({ DOCKER_CONFIG: login }) };
  }
}

/** Command, environment, mounts and rights of the container that builds. */
export function engineContainer(build: ClusterBuild, order: OrderedImage): JsonObject {
  return { ...commandOf(build, order), securityContext: security[build.engine] };
}
