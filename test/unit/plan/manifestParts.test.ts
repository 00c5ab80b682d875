/** What registrations and the further keys of a template add to the pod of manifest.test.ts, as whole values. */
import { describe, expect, it } from 'vitest';
import { text } from '../../../infra/local/kubernetes/object.ts';
import { podSchemaProblems } from '../../../shared/config/podSchema.ts';
import type { JsonObject } from '../../../shared/domain/json.ts';
import { Secret } from '../../../shared/domain/secret.ts';
import type { Template } from '../../../shared/domain/template.ts';
import { proxyFiles } from '../../../shared/plan/agentFiles.ts';
import {
  type AgentRegistration,
  buildAgentJobManifest,
  buildAgentPodSpec,
  buildRegistrationSecretManifest,
} from '../../../shared/plan/manifest.ts';
import { isRestricted } from '../../support/podSecurity.ts';
import { aPoolPolicy, aTemplate } from '../../support/policyBuilders.ts';

const name = 'mf-test-abcd-7-1001-1';
const inPod: AgentRegistration = { kind: 'initConfig', url: 'https://dev.azure.com/contoso', poolName: 'my linux' };
const image = `registry.contoso.example/agent@sha256:${'a'.repeat(64)}`;
const ignored =
  'agent.disableupdate,AGENT_DIAGLOGPATH,WORKER_DIAGLOGPATH,VSO_AGENT_IGNORE,KUBERNETES_PORT,KUBERNETES_PORT_443_TCP,' +
  'KUBERNETES_PORT_443_TCP_ADDR,KUBERNETES_PORT_443_TCP_PORT,KUBERNETES_PORT_443_TCP_PROTO,KUBERNETES_SERVICE_HOST,' +
  'KUBERNETES_SERVICE_PORT,KUBERNETES_SERVICE_PORT_HTTPS';

const resources = { requests: { cpu: '1', memory: '2Gi' }, limits: { memory: '2Gi' } };
const restricted = { allowPrivilegeEscalation: false, capabilities: { drop: ['ALL'] } };
const inMemory = { medium: 'Memory', sizeLimit: '16Mi' };

const env = (more: readonly string[] = []): readonly JsonObject[] => [
  { name: 'VSO_AGENT_IGNORE', value: [ignored, ...more].join(',') },
  { name: 'agent.disableupdate', value: '1' },
];

const agentEnv = (network: readonly JsonObject[] = [], ignoredToo: readonly string[] = []): readonly JsonObject[] => [
  ...env(ignoredToo),
  { name: 'AGENT_DISABLE_NODE6_TASKS', value: 'true' },
  { name: 'AGENT_DIAGLOGPATH', value: '/mayfly/diag' },
  { name: 'WORKER_DIAGLOGPATH', value: '/mayfly/diag' },
  { name: 'MAYFLY_GRACE_SECONDS', value: '3600' },
  { name: 'MAYFLY_POD', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } },
  { name: 'MAYFLY_NAMESPACE', valueFrom: { fieldRef: { fieldPath: 'metadata.namespace' } } },
  { name: 'MAYFLY_NODE', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
  { name: 'MAYFLY_IMAGE', value: image },
  ...network,
];

const agentMounts = [
  { name: 'agent-files', mountPath: '/mayfly/agent', readOnly: true },
  { name: 'run', mountPath: '/mayfly/run' },
  { name: 'work', mountPath: '/mayfly/work' },
  { name: 'diag', mountPath: '/mayfly/diag' },
];

const registerMounts = [
  { name: 'registration', mountPath: '/mayfly/registration', readOnly: true },
  { name: 'agent-files', mountPath: '/mayfly/agent' },
];

const registerArgs = ['configure', '--url', 'https://dev.azure.com/contoso', '--pool', 'my linux', '--agent', name];

const common = {
  restartPolicy: 'Never',
  terminationGracePeriodSeconds: 3600,
  automountServiceAccountToken: false,
  enableServiceLinks: false,
};

const linux = {
  ...common,
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
};

const windows = {
  ...common,
  os: { name: 'windows' },
  nodeSelector: { 'kubernetes.io/os': 'windows', 'kubernetes.io/arch': 'amd64' },
  securityContext: { runAsNonRoot: true, windowsOptions: { runAsUserName: 'ContainerUser' } },
};

const agent = { name: 'agent', image, imagePullPolicy: 'IfNotPresent', resources };
const register = { name: 'register', image, imagePullPolicy: 'IfNotPresent', resources, args: registerArgs };
const secretFiles = { name: 'agent-files', secret: { secretName: name, defaultMode: 0o440 } };
const registration = { name: 'registration', secret: { secretName: name, defaultMode: 0o440 } };
const folders = [
  { name: 'work', emptyDir: {} },
  { name: 'diag', emptyDir: {} },
];

describe('buildAgentPodSpec', () => {
  it('lets an init container register the agent, and no other see the credential', () => {
    expect(buildAgentPodSpec(aTemplate(), name, inPod)).toEqual({
      ...linux,
      initContainers: [{ ...register, env: env(), securityContext: restricted, volumeMounts: registerMounts }],
      containers: [{ ...agent, env: agentEnv(), securityContext: restricted, volumeMounts: agentMounts }],
      volumes: [
        { name: 'agent-files', emptyDir: inMemory },
        registration,
        { name: 'run', emptyDir: inMemory },
        ...folders,
      ],
    });
  });

  it('does the same on Windows, which has no volumes in memory', () => {
    expect(buildAgentPodSpec(aTemplate({ os: 'windows' }), name, inPod)).toEqual({
      ...windows,
      initContainers: [{ ...register, env: env(), securityContext: {}, volumeMounts: registerMounts }],
      containers: [{ ...agent, env: agentEnv(), securityContext: {}, volumeMounts: agentMounts }],
      volumes: [{ name: 'agent-files', emptyDir: {} }, registration, { name: 'run', emptyDir: {} }, ...folders],
    });
  });

  it('mounts the files of a registered agent on Windows', () => {
    expect(buildAgentPodSpec(aTemplate({ os: 'windows' }), name)).toEqual({
      ...windows,
      containers: [{ ...agent, env: agentEnv(), securityContext: {}, volumeMounts: agentMounts }],
      volumes: [secretFiles, { name: 'run', emptyDir: {} }, ...folders],
    });
  });

  it("brings the agent into a user's own image, where it also registers", () => {
    const injected = { image: `registry.contoso.example/inject@sha256:${'c'.repeat(64)}` };
    const command = ['/opt/mayfly/tini', '--', '/opt/mayfly/entrypoint.sh'];
    const fromVolume = { name: 'inject', mountPath: '/opt/mayfly', readOnly: true };
    expect(buildAgentPodSpec(aTemplate({ inject: injected }), name, inPod)).toEqual({
      ...linux,
      initContainers: [
        {
          name: 'inject',
          image: injected.image,
          imagePullPolicy: 'IfNotPresent',
          resources,
          securityContext: restricted,
          volumeMounts: [{ name: 'inject', mountPath: '/mayfly/inject' }],
        },
        {
          ...register,
          command,
          env: env(),
          securityContext: restricted,
          volumeMounts: [...registerMounts, fromVolume],
        },
      ],
      containers: [
        {
          ...agent,
          command,
          env: agentEnv(),
          securityContext: restricted,
          volumeMounts: [...agentMounts, fromVolume],
        },
      ],
      volumes: [
        { name: 'agent-files', emptyDir: inMemory },
        registration,
        { name: 'run', emptyDir: inMemory },
        ...folders,
        { name: 'inject', emptyDir: {} },
      ],
    });
  });

  it('tells the agent and what registers it of a proxy and of certificates, and the pool of neither', () => {
    const network = {
      proxy: { url: 'http://proxy.contoso.example:3128', bypass: ['.contoso.example', '10.0.0.0/8'] },
      caBundle: { configMap: 'roots', key: 'all.pem' },
    };
    const variables = [
      ...['VSTS_HTTP_PROXY', 'http_proxy', 'HTTP_PROXY', 'https_proxy', 'HTTPS_PROXY'].map((variable) => ({
        name: variable,
        value: 'http://proxy.contoso.example:3128',
      })),
      ...['no_proxy', 'NO_PROXY'].map((variable) => ({ name: variable, value: '.contoso.example,10.0.0.0/8' })),
      ...[
        'SSL_CERT_FILE',
        'NODE_EXTRA_CA_CERTS',
        'REQUESTS_CA_BUNDLE',
        'PIP_CERT',
        'GIT_SSL_CAINFO',
        'AWS_CA_BUNDLE',
      ].map((variable) => ({ name: variable, value: '/mayfly/ca/ca.pem' })),
    ];
    const names = variables.map((variable) => variable.name);
    const ca = { name: 'mayfly-ca', mountPath: '/mayfly/ca', readOnly: true };
    expect(buildAgentPodSpec(aTemplate(network), name, inPod)).toEqual({
      ...linux,
      initContainers: [
        {
          ...register,
          env: [...env(names), ...variables],
          securityContext: restricted,
          volumeMounts: [...registerMounts, ca],
        },
      ],
      containers: [
        {
          ...agent,
          env: agentEnv(variables, names),
          securityContext: restricted,
          volumeMounts: [...agentMounts, ca],
        },
      ],
      volumes: [
        { name: 'agent-files', emptyDir: inMemory },
        registration,
        { name: 'run', emptyDir: inMemory },
        ...folders,
        { name: 'mayfly-ca', configMap: { name: 'roots', items: [{ key: 'all.pem', path: 'ca.pem' }] } },
      ],
    });
  });

  it("takes a proxy's user and password from its Secret, and says nothing where there is nothing to go around", () => {
    const proxy = { url: 'http://proxy.contoso.example:3128', bypass: [], secret: 'proxy' };
    const of = (variable: string, key: string): JsonObject => ({
      name: variable,
      valueFrom: { secretKeyRef: { name: 'proxy', key } },
    });
    const variables: readonly JsonObject[] = [
      { name: 'VSTS_HTTP_PROXY', value: proxy.url },
      of('VSTS_HTTP_PROXY_USERNAME', 'PROXY_USER'),
      of('VSTS_HTTP_PROXY_PASSWORD', 'PROXY_PW'),
      of('http_proxy', 'HTTP_PROXY'),
      of('HTTP_PROXY', 'HTTP_PROXY'),
      of('https_proxy', 'HTTPS_PROXY'),
      of('HTTPS_PROXY', 'HTTPS_PROXY'),
    ];
    const [container] = buildAgentPodSpec(aTemplate({ proxy }), name)['containers'] as [JsonObject];
    expect(container['env']).toEqual(
      agentEnv(
        variables,
        variables.map((variable) => variable['name'] as string),
      ),
    );
  });

  const parts: readonly Partial<Template>[] = [
    {},
    { inject: { image: 'inject' } },
    { proxy: { url: 'http://p:1', bypass: ['a'], secret: 's' }, caBundle: { configMap: 'c', key: 'k' } },
    { inject: { image: 'inject' }, pod: { initContainers: [{ name: 'own', image: 'i' }] } },
  ];
  const every = parts.flatMap((part) =>
    (['linux', 'windows'] as const).flatMap((os) =>
      (['jit', inPod] as const).map((by) => ({ pod: buildAgentPodSpec(aTemplate({ ...part, os }), name, by) })),
    ),
  );
  it.each(every)('makes pods that Kubernetes takes, and the restricted profile too', ({ pod }) => {
    expect([podSchemaProblems(pod), isRestricted(pod)]).toEqual([[], true]);
  });
});

describe('buildAgentJobManifest', () => {
  it("labels and annotates the pod as the template says, beside Mayfly's own marks", () => {
    const template = aTemplate({
      podLabels: { team: 'web', 'mayfly.dev/pool-id': '9' },
      podAnnotations: { 'contoso.example/cost': '12', 'karpenter.sh/do-not-disrupt': 'false' },
    });
    const manifest = buildAgentJobManifest({
      policy: aPoolPolicy(),
      template,
      name,
      purpose: { kind: 'request', requestId: 1001, attempt: 1 },
      creator: 'nonce-1',
      createdAt: 0,
      createBy: 1,
      namespace: 'agents',
      registration: inPod,
    }) as unknown as {
      readonly metadata: { readonly labels: JsonObject };
      readonly spec: { readonly template: { readonly metadata: JsonObject; readonly spec: JsonObject } };
    };
    expect(manifest.metadata.labels).not.toHaveProperty('team');
    expect(manifest.spec.template).toEqual({
      metadata: {
        labels: { team: 'web', ...manifest.metadata.labels },
        annotations: {
          'contoso.example/cost': '12',
          'cluster-autoscaler.kubernetes.io/safe-to-evict': 'false',
          'karpenter.sh/do-not-disrupt': 'true',
        },
      },
      spec: buildAgentPodSpec(template, name, inPod),
    });
  });
});

describe('buildRegistrationSecretManifest', () => {
  const owner = { name, uid: 'uid-1' };
  const given = { name, namespace: 'agents', owner, token: new Secret('planted-token') };

  it('builds an immutable Secret of the token and the capabilities, owned by the Job of this UID', () => {
    const labels = { 'mayfly.dev/pool-id': '7' };
    expect(buildRegistrationSecretManifest({ ...given, labels, capabilities: { node: '22', docker: '' } })).toEqual({
      apiVersion: 'v1',
      kind: 'Secret',
      metadata: {
        name,
        namespace: 'agents',
        labels: { 'app.kubernetes.io/managed-by': 'mayfly', 'mayfly.dev/schema': '1', ...labels },
        ownerReferences: [
          { apiVersion: 'batch/v1', kind: 'Job', ...owner, controller: false, blockOwnerDeletion: false },
        ],
      },
      type: 'Opaque',
      immutable: true,
      data: {
        token: Buffer.from('planted-token').toString('base64'),
        '.capabilities': Buffer.from('docker=\nnode=22\n').toString('base64'),
      },
    });
  });

  it('adds the files of the proxy that is on the way', () => {
    const proxy = { url: 'http://proxy.contoso.example:3128', bypass: ['.contoso.example'] };
    const { data } = buildRegistrationSecretManifest({ ...given, capabilities: {}, proxy });
    const read = (name: string): string => Buffer.from(text(data, name) ?? '', 'base64').toString();
    expect(['.proxy', '.proxybypass'].map(read)).toEqual(Object.values(proxyFiles(proxy)));
  });

  it('refuses a capability that no line can carry', () => {
    expect(() => buildRegistrationSecretManifest({ ...given, capabilities: { 'a b': '' } })).toThrow(RangeError);
  });
});
