import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { describe, expect, it } from 'vitest';
import { list, record, scalar, text } from '../../../infra/local/kubernetes/object.ts';
import { KubernetesWorld } from '../../../infra/local/kubernetes/world.ts';
import { VirtualClock } from '../../../infra/local/world/clock.ts';
import { seededRandom } from '../../../infra/local/world/random.ts';
import { podShapeProblems } from '../../../shared/config/podSchema.ts';
import type { ClusterBuild } from '../../../shared/domain/clusterBuild.ts';
import { buildEngines, buildJobName } from '../../../shared/domain/clusterBuild.ts';
import type { JsonObject } from '../../../shared/domain/json.ts';
import { isJsonObject } from '../../../shared/domain/json.ts';
import { buildImageJobManifest } from '../../../shared/plan/manifestBuild.ts';
import { anOrder } from '../../contract/imageBuilder.contract.ts';
import { aClusterBuild } from '../../support/clusterBuilds.ts';
import { isBaseline } from '../../support/podSecurity.ts';

const order = anOrder();
const jobOf = (fields: Partial<ClusterBuild> = {}): JsonObject => buildImageJobManifest(aClusterBuild(fields), order);
const podOf = (fields: Partial<ClusterBuild> = {}): JsonObject => record(jobOf(fields), 'spec', 'template', 'spec');

function containersOf(pod: JsonObject): readonly JsonObject[] {
  return [...list(pod, 'initContainers'), ...list(pod, 'containers')].filter(isJsonObject);
}

const engineOf = (pod: JsonObject): JsonObject => record(list(pod, 'containers')[0]);
const prepareOf = (pod: JsonObject): JsonObject => record(list(pod, 'initContainers')[0]);
const scriptOf = (container: JsonObject): string => scalar(list(container, 'command')[2] ?? '');

const everyBuild: readonly Partial<ClusterBuild>[] = [
  ...buildEngines.map((engine) => ({ engine })),
  { context: { kind: 'archive', url: 'https://contoso.blob.core.windows.net/contexts/agents.tar.gz' } },
  { context: { kind: 'archive', url: 'https://files.example/agents.tar.gz' }, folder: 'linux' },
];

describe('the Job of an image build', () => {
  it.each(everyBuild)('is taken by an API server that validates: %j', (fields) => {
    const world = new KubernetesWorld({
      clock: new VirtualClock(),
      random: seededRandom(1),
      namespaces: ['mayfly-image-builds'],
    });
    const options = { fieldValidation: 'Strict' } as const;
    const { body } = world.create('jobs', 'mayfly-image-builds', jobOf(fields), options);
    expect(text(body, 'metadata', 'name')).toBe(buildJobName(order));
  });

  it.each(everyBuild)('has no member that the Kubernetes SDK does not know: %j', (fields) => {
    expect(podShapeProblems(podOf(fields))).toEqual([]);
  });

  it('is named after the order, never tries twice, and outlives the week', () => {
    const job = jobOf();
    expect(text(job, 'metadata', 'name')).toMatch(/^mf-build-linux-2026-w47-[0-9a-z]{8}$/);
    expect(record(job, 'spec')).toMatchObject({
      backoffLimit: 0,
      activeDeadlineSeconds: 3600,
      ttlSecondsAfterFinished: 777_600,
    });
  });

  it.each(buildEngines)('asks for no more than %s needs', (engine) => {
    expect({ engine, baseline: isBaseline(podOf({ engine })) }).toEqual({
      engine,
      baseline: engine === 'buildah' || engine === 'kaniko',
    });
  });

  it('is privileged in a user namespace of its own, or not at all', () => {
    for (const engine of buildEngines) {
      const pod = podOf({ engine });
      const privileged = containersOf(pod).some((each) => record(each, 'securityContext')['privileged'] === true);
      expect(privileged).toBe(pod['hostUsers'] === false);
    }
  });

  it.each(buildEngines)(
    'gives what a Dockerfile of %s runs neither an account of the cluster nor the identity',
    (engine) => {
      const pod = podOf({ engine });
      expect(pod).toMatchObject({ automountServiceAccountToken: false, serviceAccountName: 'image-builder' });
      const mounts = list(engineOf(pod), 'volumeMounts').map((mount) => text(mount, 'name'));
      expect(mounts).not.toContain('identity');
      expect(mounts).not.toContain('scratch');
      expect(JSON.stringify(list(engineOf(pod), 'env'))).not.toMatch(/AZURE|SECRET|TOKEN|PASSWORD/);
      expect(JSON.stringify(jobOf({ engine }))).not.toContain('secretKeyRef');
    },
  );

  it.each(buildEngines)('tells %s the arguments, the cache and where to push', (engine) => {
    const container = engineOf(podOf({ engine, folder: 'linux' }));
    const words = [...list(container, 'command'), ...list(container, 'args')].map(scalar).join(' ');
    expect(words).toContain('AGENT_VERSION=4.260.0');
    expect(words).toContain('contoso.azurecr.io/cache/agents');
    expect(words).toContain('contoso.azurecr.io/agents/linux:stable');
    expect(words).toContain('/work/context/linux');
    expect(words).toContain('/dev/termination-log');
  });

  it('keeps no layers where no cache is named', () => {
    for (const engine of buildEngines) {
      const { cache: _, ...without } = aClusterBuild({ engine });
      expect(JSON.stringify(buildImageJobManifest(without, order))).not.toMatch(/cache/);
    }
  });

  it('takes helpers of a ConfigMap where there is one, and no token without an identity', () => {
    const { identity: _, ...rest } = aClusterBuild({ dockerConfig: 'docker-config' });
    const pod = record(buildImageJobManifest(rest, order), 'spec', 'template', 'spec');
    expect(scriptOf(prepareOf(pod))).toContain('cp /docker-config/config.json /login/config.json');
    expect(scriptOf(prepareOf(pod))).not.toContain('oauth2');
    expect(JSON.stringify(pod)).not.toContain('serviceAccountToken');
  });
});

describe('the scripts of a build', () => {
  it.each(everyBuild)('are words of a shell: %j', async (fields) => {
    const scripts = containersOf(podOf(fields)).map(scriptOf);
    for (const script of scripts.filter((each) => each !== '')) {
      await expect(promisify(execFile)('sh', ['-n', '-c', script])).resolves.toMatchObject({ stderr: '' });
    }
  });

  it('keep words that look like commands words', () => {
    const context = { kind: 'git', url: "https://x/'; touch /tmp/owned; '", ref: '$(id)' } as const;
    const prepared = scriptOf(prepareOf(podOf({ context })));
    expect(prepared).toContain(String.raw`'https://x/'\''; touch /tmp/owned; '\''' '$(id)'`);
    const odd = { parameters: { tag: "a'b$(id)" } };
    const built = buildImageJobManifest(aClusterBuild({ engine: 'buildkit' }), anOrder(odd));
    expect(scriptOf(engineOf(record(built, 'spec', 'template', 'spec')))).toContain(
      String.raw`'--opt=build-arg:TAG=a'\''b$(id)'`,
    );
  });

  it('sign in to Azure Repos and to blobs, and to nobody else', () => {
    const script = (url: string, kind: 'git' | 'archive'): string =>
      scriptOf(prepareOf(podOf({ context: kind === 'git' ? { kind, url, ref: 'main' } : { kind, url } })));
    expect(script('https://dev.azure.com/contoso/p/_git/r', 'git')).toContain('http.extraHeader');
    expect(script('https://github.com/contoso/r', 'git')).not.toContain('http.extraHeader');
    expect(script('https://contoso.blob.core.windows.net/c/a.tgz', 'archive')).toContain('https://storage.azure.com');
    expect(script('https://evil.example/?.blob.core.windows.net/', 'archive')).not.toContain('storage.azure.com');
  });
});
