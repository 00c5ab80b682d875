/** DaemonSets that pull images ahead, over HTTP through the SDK, under the Role that is shipped. */
import { fileURLToPath } from 'node:url';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { list, text } from '../../infra/local/kubernetes/object.ts';
import { loadManifests } from '../../infra/local/kubernetes/wire/manifests.ts';
import type { VirtualClock } from '../../infra/local/world/clock.ts';
import { prePullsOver } from '../../shared/adapters/kubernetes/prePulls.ts';
import { wireKubernetesApi } from '../../shared/adapters/kubernetes/wireApi.ts';
import { podShapeProblems } from '../../shared/config/podSchema.ts';
import type { JsonObject } from '../../shared/domain/json.ts';
import { prePullFingerprint, prePullName } from '../../shared/domain/prePull.ts';
import { Secret } from '../../shared/domain/secret.ts';
import { buildPrePullManifest } from '../../shared/plan/manifestPrePull.ts';
import type { PrePulls } from '../../shared/ports/images.ts';
import type { Log } from '../../shared/ports.ts';
import { prePullImages, type WantedPrePull } from '../../shared/reconcile/images/prePull.ts';
import { agentNamespace, startTestKubernetes, type TestKubernetes } from '../support/kubernetesServer.ts';
import { isRestricted } from '../support/podSecurity.ts';
import { aTemplate } from '../support/policyBuilders.ts';

const reference = (digit: string): string => `contoso.azurecr.io/agents/linux@sha256:${digit.repeat(64)}`;

function manifestOf(digit: string, image = 'linux', installation = 'test'): JsonObject {
  const templates = [
    aTemplate({
      pod: { nodeSelector: { pool: 'agents', arch: 'a' }, tolerations: [{ key: 'spot', operator: 'Exists' }] },
    }),
    aTemplate({ pod: { nodeSelector: { pool: 'agents' }, imagePullSecrets: [{ name: 'pull' }] } }),
  ];
  return buildPrePullManifest({
    installation,
    namespace: agentNamespace,
    image,
    reference: reference(digit),
    templates,
  });
}

function wanted(digit: string, image = 'linux'): WantedPrePull {
  const manifest = manifestOf(digit, image);
  const fingerprint = text(manifest, 'metadata', 'annotations', prePullFingerprint) ?? '';
  return { name: prePullName('test', image), fingerprint, manifest };
}

let cluster: TestKubernetes<VirtualClock>;
let prePulls: PrePulls;
let said: (readonly [string, unknown])[];
const log: Log = { write: (_level, event, fields) => said.push([event, fields]) };

const role = fileURLToPath(new URL('../../infra/kubernetes/components/pre-pull', import.meta.url));

beforeEach(async () => {
  said = [];
  const tokens = new Map([['t', { user: 'mayfly', groups: ['mayfly-control-plane'] }]]);
  cluster = await startTestKubernetes({ rbac: loadManifests(role), tokens });
  const api = wireKubernetesApi({ kind: 'server', server: cluster.url, token: new Secret('t') });
  prePulls = prePullsOver(api, { cluster: 'primary', namespace: agentNamespace, installation: 'test' });
});

afterEach(() => cluster.close());

const images = (): readonly (string | undefined)[] =>
  list(cluster.world.list('daemonsets', agentNamespace).body, 'items').map((each) =>
    text(list(each, 'spec', 'template', 'spec', 'containers')[0], 'image'),
  );
const work = (all: readonly WantedPrePull[], kept: readonly string[] = []) =>
  prePullImages({ cluster: prePulls, wanted: all, kept: new Set(kept) }, log);

describe('pulling images ahead', () => {
  it('follows the image in force, and touches nothing while it is the same', async () => {
    await work([wanted('1')]);
    expect(images()).toEqual([reference('1')]);
    const calls = cluster.journal.calls.length;
    await work([wanted('1')]);
    expect(cluster.journal.calls.slice(calls).map(({ verb }) => verb)).toEqual(['list daemonsets']);
    await work([wanted('2')]);
    expect(images()).toEqual([reference('2')]);
  });

  it('removes what nobody wants, but not what nobody could tell, nor what is of another installation', async () => {
    await work([wanted('1'), wanted('1', 'other')]);
    await prePulls.create(manifestOf('3', 'linux', 'else'));
    await work([], [prePullName('test', 'other')]);
    expect(images()).toHaveLength(2);
    await work([]);
    expect(images()).toEqual([reference('3')]);
  });

  it('leaves a race to the other control plane', async () => {
    await work([wanted('1')]);
    const [old] = await prePulls.list();
    await work([]);
    await work([wanted('1')]);
    await expect(prePulls.replace({ name: old?.name ?? '', uid: 'gone' }, manifestOf('2'))).rejects.toMatchObject({
      kind: 'invalid',
    });
    await expect(prePulls.create(manifestOf('1'))).rejects.toMatchObject({ kind: 'conflict' });
  });

  it('fails without a word to the caller where the Role is missing, and says so in the log', async () => {
    const stranger = wireKubernetesApi({ kind: 'server', server: cluster.url, token: new Secret('x') });
    const options = { cluster: 'primary', namespace: agentNamespace, installation: 'test' };
    await prePullImages({ cluster: prePullsOver(stranger, options), wanted: [wanted('1')], kept: new Set() }, log);
    expect(said).toEqual([['image.prePullFailed', { cluster: 'primary', kind: 'unauthorized' }]]);
  });
});

describe('the DaemonSet', () => {
  const pod = ((manifestOf('1')['spec'] as JsonObject)['template'] as JsonObject)['spec'] as JsonObject;

  it('is taken by namespaces that enforce the restricted profile', () => expect(isRestricted(pod)).toBe(true));

  it('has no member that the Kubernetes SDK does not know', () => expect(podShapeProblems(pod)).toEqual([]));

  it('goes where the pods of any template may go', () => {
    expect(pod).toMatchObject({
      nodeSelector: { 'kubernetes.io/os': 'linux', pool: 'agents' },
      tolerations: [{ key: 'spot', operator: 'Exists' }],
      imagePullSecrets: [{ name: 'pull' }],
      automountServiceAccountToken: false,
    });
    expect(pod['nodeSelector']).not.toHaveProperty('arch');
  });

  it('bears no label by which agent jobs are found', () => {
    const labels = JSON.stringify(manifestOf('1')).match(/mayfly\.dev\/[a-z-]+/g) ?? [];
    expect(new Set(labels)).toEqual(new Set(['mayfly.dev/pre-pull', 'mayfly.dev/fingerprint']));
  });
});
