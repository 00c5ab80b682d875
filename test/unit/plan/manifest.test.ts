import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../../shared/domain/json.ts';
import { annotations, formatInstant, parseInstant } from '../../../shared/domain/names.ts';
import { Secret } from '../../../shared/domain/secret.ts';
import {
  type AgentJobSpec,
  buildAgentJobManifest,
  buildAgentPodSpec,
  buildAgentSecretManifest,
} from '../../../shared/plan/manifest.ts';
import { aPoolPolicy, aTemplate } from '../../support/policyBuilders.ts';

const ignored =
  'agent.disableupdate,AGENT_DIAGLOGPATH,WORKER_DIAGLOGPATH,VSO_AGENT_IGNORE,KUBERNETES_PORT,KUBERNETES_PORT_443_TCP,' +
  'KUBERNETES_PORT_443_TCP_ADDR,KUBERNETES_PORT_443_TCP_PORT,KUBERNETES_PORT_443_TCP_PROTO,KUBERNETES_SERVICE_HOST,' +
  'KUBERNETES_SERVICE_PORT,KUBERNETES_SERVICE_PORT_HTTPS';

const spec = (overrides: Partial<AgentJobSpec> = {}): AgentJobSpec => ({
  policy: aPoolPolicy(),
  template: aTemplate(),
  name: 'mf-test-abcd-7-1001-1',
  purpose: { kind: 'request', requestId: 1001, attempt: 1 },
  creator: 'nonce-1',
  createdAt: 1_772_452_680_000,
  createBy: 1_772_452_800_000,
  namespace: 'mayfly-agents',
  ...overrides,
});

const marks = {
  'app.kubernetes.io/managed-by': 'mayfly',
  'mayfly.dev/schema': '1',
  'mayfly.dev/installation': 'test',
  'mayfly.dev/organisation': aPoolPolicy().organisation.short,
  'mayfly.dev/pool-id': '7',
  'mayfly.dev/template': 'linux',
  'mayfly.dev/purpose': 'request',
  'mayfly.dev/request-id': '1001',
  'mayfly.dev/attempt': '1',
};

/** The whole of it, as the reference for readers: there is no YAML twin. */
const reference = {
  apiVersion: 'batch/v1',
  kind: 'Job',
  metadata: {
    name: 'mf-test-abcd-7-1001-1',
    namespace: 'mayfly-agents',
    labels: marks,
    annotations: {
      'mayfly.dev/phase': 'creating',
      'mayfly.dev/creator': 'nonce-1',
      'mayfly.dev/image': `registry.contoso.example/agent@sha256:${'a'.repeat(64)}`,
      'mayfly.dev/created-at': '1772452680000',
      'mayfly.dev/create-by': '1772452800000',
    },
  },
  spec: {
    suspend: true,
    completions: 1,
    parallelism: 1,
    backoffLimit: 0,
    podReplacementPolicy: 'Failed',
    ttlSecondsAfterFinished: 86_400,
    template: {
      metadata: {
        labels: marks,
        annotations: {
          'cluster-autoscaler.kubernetes.io/safe-to-evict': 'false',
          'karpenter.sh/do-not-disrupt': 'true',
        },
      },
      spec: {
        restartPolicy: 'Never',
        terminationGracePeriodSeconds: 3600,
        automountServiceAccountToken: false,
        enableServiceLinks: false,
        os: { name: 'linux' },
        nodeSelector: { 'kubernetes.io/os': 'linux', 'kubernetes.io/arch': 'amd64' },
        securityContext: {
          runAsNonRoot: true,
          runAsUser: 10001,
          runAsGroup: 10001,
          fsGroup: 10001,
          fsGroupChangePolicy: 'OnRootMismatch',
          seccompProfile: { type: 'RuntimeDefault' },
        },
        containers: [
          {
            name: 'agent',
            image: `registry.contoso.example/agent@sha256:${'a'.repeat(64)}`,
            imagePullPolicy: 'IfNotPresent',
            env: [
              { name: 'VSO_AGENT_IGNORE', value: ignored },
              { name: 'agent.disableupdate', value: '1' },
              { name: 'AGENT_DISABLE_NODE6_TASKS', value: 'true' },
              { name: 'AGENT_DIAGLOGPATH', value: '/mayfly/diag' },
              { name: 'WORKER_DIAGLOGPATH', value: '/mayfly/diag' },
              { name: 'MAYFLY_GRACE_SECONDS', value: '3600' },
              { name: 'MAYFLY_POD', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
              { name: 'MAYFLY_NAMESPACE', valueFrom: { fieldRef: { fieldPath: 'metadata.namespace' } } },
              { name: 'MAYFLY_NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
              { name: 'MAYFLY_IMAGE', value: `registry.contoso.example/agent@sha256:${'a'.repeat(64)}` },
            ],
            resources: { requests: { cpu: '1', memory: '2Gi' }, limits: { memory: '2Gi' } },
            securityContext: { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } },
            volumeMounts: [
              { name: 'agent-files', mountPath: '/mayfly/agent', readOnly: true },
              { name: 'run', mountPath: '/mayfly/run' },
              { name: 'work', mountPath: '/mayfly/work' },
              { name: 'diag', mountPath: '/mayfly/diag' },
            ],
          },
        ],
        volumes: [
          { name: 'agent-files', secret: { secretName: 'mf-test-abcd-7-1001-1', defaultMode: 288 } },
          { name: 'run', emptyDir: { medium: 'Memory', sizeLimit: '16Mi' } },
          { name: 'work', emptyDir: {} },
          { name: 'diag', emptyDir: {} },
        ],
      },
    },
  },
};

describe('buildAgentJobManifest', () => {
  it('builds a suspended Job whose single pod runs one agent once', () => {
    expect(buildAgentJobManifest(spec())).toEqual(reference);
  });

  it('labels a warm agent job by slot and minute', () => {
    const manifest = buildAgentJobManifest(spec({ purpose: { kind: 'warm', slot: 2, minute: 29_540_880 } }));
    const { 'mayfly.dev/request-id': _, 'mayfly.dev/attempt': __, ...rest } = marks;
    expect(manifest).toMatchObject({ metadata: { labels: {} } });
    expect((manifest['metadata'] as { labels: unknown }).labels).toEqual({
      ...rest,
      'mayfly.dev/purpose': 'warm',
      'mayfly.dev/slot': '2',
      'mayfly.dev/minute': '29540880',
    });
  });

  it('writes the create-by time so that it reads back', () => {
    const text = formatInstant(1_772_452_800_000);
    expect([text, parseInstant(text), parseInstant(undefined), parseInstant('2026-03-02T12:00:00Z')]).toEqual([
      '1772452800000',
      1_772_452_800_000,
      undefined,
      undefined,
    ]);
    expect(buildAgentJobManifest(spec())).toMatchObject({
      metadata: { annotations: { [annotations.createBy]: text } },
    });
  });
});

describe('buildAgentPodSpec', () => {
  it('lays the pod block over the generated pod and keeps names from Secrets out of the capabilities', () => {
    const pod = {
      tolerations: [{ key: 'ci', operator: 'Exists' }],
      containers: [
        {
          name: 'agent',
          env: [
            { name: 'NPM_TOKEN', valueFrom: { secretKeyRef: { name: 'npm', key: 'token' } } },
            { name: 'VSO_AGENT_IGNORE', value: 'TZ, LC_ALL' },
          ],
        },
      ],
    };
    const built = buildAgentPodSpec(aTemplate({ pod }), 'n');
    const [container] = built['containers'] as [{ env: readonly { name: string; value?: string }[] }];
    expect(built['tolerations']).toEqual(pod.tolerations);
    expect(container.env.find(({ name }) => name === 'VSO_AGENT_IGNORE')?.value).toBe(`${ignored},NPM_TOKEN,TZ,LC_ALL`);
    expect(container.env.map(({ name }) => name)).toContain('NPM_TOKEN');
  });

  it('keeps a variable with a password in its address out of the capabilities', () => {
    const env = [
      { name: 'HTTPS_PROXY', value: 'http://ci:hunter2@proxy.contoso.example:3128' },
      { name: 'NO_PROXY', value: '.contoso.example' },
    ];
    const built = buildAgentPodSpec(aTemplate({ pod: { containers: [{ name: 'agent', env }] } }), 'n');
    const [container] = built['containers'] as [{ env: readonly { name: string; value?: string }[] }];
    expect(container.env.find(({ name }) => name === 'VSO_AGENT_IGNORE')?.value).toBe(`${ignored},HTTPS_PROXY`);
  });

  it('closes what a template puts beside the agent, unless told otherwise', () => {
    const companion = (name: string, securityContext?: JsonObject): JsonObject => ({
      name,
      image: 'i',
      ...(securityContext === undefined ? {} : { securityContext }),
    });
    const initContainers = [
      companion('plain'),
      companion('told', { allowPrivilegeEscalation: true, runAsUser: 1000 }),
      companion('privileged', { privileged: true }),
    ];
    const built = (os: 'linux' | 'windows') =>
      buildAgentPodSpec(aTemplate({ os, pod: { hostUsers: false, initContainers } }), 'n')['initContainers'];
    const capabilities = { drop: ['ALL'] };
    expect(built('linux')).toEqual([
      companion('plain', { allowPrivilegeEscalation: false, capabilities }),
      companion('told', { allowPrivilegeEscalation: true, capabilities, runAsUser: 1000 }),
      companion('privileged', { privileged: true }),
    ]);
    expect(built('windows')).toEqual([companion('plain', {}), ...initContainers.slice(1)]);
  });

  it('never applies a protected part, even where the configuration was not checked', () => {
    const pod = { restartPolicy: 'OnFailure', hostNetwork: true, containers: [{ name: 'agent', command: ['sh'] }] };
    expect(buildAgentPodSpec(aTemplate({ pod }), 'n')).toEqual(buildAgentPodSpec(aTemplate(), 'n'));
  });

  it('sets none of the Linux fields on Windows, where the API server refuses them', () => {
    const built = buildAgentPodSpec(aTemplate({ os: 'windows' }), 'n');
    expect(built).toMatchObject({
      os: { name: 'windows' },
      nodeSelector: { 'kubernetes.io/os': 'windows' },
      securityContext: { runAsNonRoot: true, windowsOptions: { runAsUserName: 'ContainerUser' } },
      containers: [{ securityContext: {} }],
    });
    expect(JSON.stringify(built)).not.toMatch(/runAsUser"|seccomp|fsGroup|allowPrivilegeEscalation/);
  });
});

describe('buildAgentSecretManifest', () => {
  const files = {
    '.agent': '{"name":"é"}',
    '.credentials': 'c',
    '.credentials_rsaparams': new Secret('private'),
    '.capabilities': '',
  };

  it('builds an immutable Secret that the Job of this UID owns', () => {
    const owner = { name: 'mf-a', uid: 'uid-1' };
    expect(
      buildAgentSecretManifest({
        name: 'mf-a',
        namespace: 'agents',
        owner,
        files,
        labels: { 'mayfly.dev/pool-id': '7' },
      }),
    ).toEqual({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: {
        name: 'mf-a',
        namespace: 'agents',
        labels: { 'app.kubernetes.io/managed-by': 'mayfly', 'mayfly.dev/schema': '1', 'mayfly.dev/pool-id': '7' },
        ownerReferences: [
          {
            apiVersion: 'batch/v1',
            kind: 'Job',
            name: 'mf-a',
            uid: 'uid-1',
            controller: false,
            blockOwnerDeletion: false,
          },
        ],
      },
      type: 'Opaque',
      immutable: true,
      data: {
        '.agent': Buffer.from('{"name":"é"}').toString('base64'),
        '.credentials': 'Yw==',
        '.credentials_rsaparams': Buffer.from('private').toString('base64'),
        '.capabilities': '',
      },
    });
  });
});
