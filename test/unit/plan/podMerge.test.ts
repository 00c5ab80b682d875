import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonObject, JsonValue } from '../../../shared/domain/json.ts';
import { generatedPodSpec } from '../../../shared/plan/manifest.ts';
import { mergePod } from '../../../shared/plan/podMerge.ts';
import { protectedPaths } from '../../../shared/plan/podProtection.ts';
import { aTemplate } from '../../support/policyBuilders.ts';

/** With every part that a template or a registration may add. */
const base = generatedPodSpec(
  aTemplate({ inject: { image: 'registry.contoso.example/inject' }, caBundle: { configMap: 'ca', key: 'ca.pem' } }),
  'mf-a',
  { kind: 'initConfig', url: 'https://dev.azure.com/contoso', poolName: 'linux' },
);
const agent = (fields: JsonObject): JsonObject => ({ containers: [{ name: 'agent', ...fields }] });

const tokenRule =
  'must have an audience outside of the cluster (api://AzureADTokenExchange, sts.amazonaws.com, //iam.googleapis.com/, ' +
  'vault, sigstore)';

interface Refused {
  readonly name: string;
  readonly given: JsonObject;
  readonly path: string;
  readonly rule: string;
}

describe('mergePod', () => {
  const small: JsonObject = {
    nodeSelector: { a: '1' },
    containers: [
      { name: 'agent', image: 'i', env: [{ name: 'A', value: '1' }], volumeMounts: [{ name: 'w', mountPath: '/w' }] },
    ],
    volumes: [{ name: 'work', emptyDir: {} }],
    tolerations: [{ key: 'x' }],
    dnsConfig: { searches: ['a'] },
  };
  const merged: readonly { name: string; given: JsonObject; want: JsonObject }[] = [
    { name: 'changes nothing for an empty block', given: {}, want: {} },
    { name: 'merges objects', given: { nodeSelector: { b: '2' } }, want: { nodeSelector: { a: '1', b: '2' } } },
    { name: 'replaces scalars', given: { nodeSelector: { a: '9' } }, want: { nodeSelector: { a: '9' } } },
    { name: 'adds fields', given: { priorityClassName: 'ci' }, want: { priorityClassName: 'ci' } },
    {
      name: 'replaces other lists',
      given: { dnsConfig: { searches: ['b'] } },
      want: { dnsConfig: { searches: ['b'] } },
    },
    {
      name: 'appends tolerations',
      given: { tolerations: [{ key: 'y' }] },
      want: { tolerations: [{ key: 'x' }, { key: 'y' }] },
    },
    {
      name: 'adds a sidecar',
      given: { initContainers: [{ name: 'sidecar', image: 's', restartPolicy: 'Always' }] },
      want: { initContainers: [{ name: 'sidecar', image: 's', restartPolicy: 'Always' }] },
    },
    {
      name: 'takes what is as good as refused values',
      given: agent({
        ports: [{ containerPort: 80, hostPort: 0 }],
        securityContext: { windowsOptions: { hostProcess: false } },
      }),
      want: {
        containers: [
          {
            ...(small['containers'] as JsonObject[])[0],
            ports: [{ containerPort: 80, hostPort: 0 }],
            securityContext: { windowsOptions: { hostProcess: false } },
          },
        ],
      },
    },
    {
      name: 'takes a privileged sidecar and its capabilities in a user namespace of the pod',
      given: {
        hostUsers: false,
        initContainers: [{ name: 's', securityContext: { privileged: true, capabilities: { add: ['SYS_ADMIN'] } } }],
      },
      want: {
        hostUsers: false,
        initContainers: [{ name: 's', securityContext: { privileged: true, capabilities: { add: ['SYS_ADMIN'] } } }],
      },
    },
    {
      name: 'takes capabilities of the baseline profile',
      given: { initContainers: [{ name: 's', securityContext: { capabilities: { add: ['SETUID', 'SETGID'] } } }] },
      want: { initContainers: [{ name: 's', securityContext: { capabilities: { add: ['SETUID', 'SETGID'] } } }] },
    },
    {
      name: 'takes a mount beside the files of the agent',
      given: agent({ volumeMounts: [{ name: 'w', mountPath: '/mayfly/agent/../cache' }] }),
      want: {
        containers: [
          {
            ...(small['containers'] as JsonObject[])[0],
            volumeMounts: [
              { name: 'w', mountPath: '/w' },
              { name: 'w', mountPath: '/mayfly/agent/../cache' },
            ],
          },
        ],
      },
    },
    {
      name: 'merges a container by name, its env by name and its mounts by path',
      given: agent({
        env: [
          { name: 'A', value: '2' },
          { name: 'B', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
        ],
        volumeMounts: [{ name: 'cache', mountPath: '/c' }],
      }),
      want: agent({
        image: 'i',
        env: [
          { name: 'A', value: '2' },
          { name: 'B', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } },
        ],
        volumeMounts: [
          { name: 'w', mountPath: '/w' },
          { name: 'cache', mountPath: '/c' },
        ],
      }),
    },
    {
      name: 'replaces a volume of the same name, because two sources are invalid',
      given: { volumes: [{ name: 'work', ephemeral: { volumeClaimTemplate: {} } }] },
      want: { volumes: [{ name: 'work', ephemeral: { volumeClaimTemplate: {} } }] },
    },
    {
      name: 'merges pull secrets by name',
      given: { imagePullSecrets: [{ name: 'acr' }] },
      want: { imagePullSecrets: [{ name: 'acr' }] },
    },
  ];
  it.each(merged)('$name', ({ given, want }) => {
    expect(mergePod(small, given)).toEqual({ pod: { ...small, ...want }, problems: [] });
  });

  it.each([...protectedPaths])('refuses $path', ({ path, rule }) => {
    const result = mergePod(base, overrideAt(path, 'other'));
    expect(result).toEqual({ pod: base, problems: [{ path, rule, found: expect.any(String) }] });
  });

  const refused: readonly { name: string; given: JsonObject; path: string; rule: string }[] = [
    {
      name: 'a folder of the node',
      given: { volumes: [{ name: 'd', hostPath: { path: '/var/run/docker.sock' } }] },
      path: 'volumes[d].hostPath',
      rule: 'is refused: it hands files or sockets of the node to every step',
    },
    {
      name: 'a projected token of the service account',
      given: { volumes: [{ name: 't', projected: { sources: [{ serviceAccountToken: { path: 'token' } }] } }] },
      path: 'volumes[t].projected.sources[0].serviceAccountToken',
      rule: tokenRule,
    },
    ...['https://kubernetes.default.svc', 'k3s', 'https://oidc.prod-aks.azure.com/x/', ''].map((audience) => ({
      name: `a projected token for ${audience === '' ? 'an empty audience' : audience}`,
      given: tokenFor(audience),
      path: 'volumes[t].projected.sources[0].serviceAccountToken',
      rule: tokenRule,
    })),
    {
      name: 'a certificate that the API server takes for the pod',
      given: {
        volumes: [
          {
            name: 'c',
            projected: {
              sources: [
                { podCertificate: { signerName: 'kubernetes.io/kube-apiserver-client-pod', keyType: 'ED25519' } },
              ],
            },
          },
        ],
      },
      path: 'volumes[c].projected.sources[0].podCertificate.signerName',
      rule: 'is refused: the API server takes such a certificate for the pod',
    },
    ...mounts(
      '/mayfly/work/../agent',
      'mayfly/agent',
      '/',
      'C:\\Mayfly\\Agent\\x',
      '/mayfly/run',
      '/mayfly/run/.agent',
    ),
    ...readsOurs({
      'volumes[s].projected.sources[0].secret': { projected: { sources: [{ secret: { name: 'mf-a' } }] } },
      'volumes[s].csi.nodePublishSecretRef': { csi: { driver: 'd', nodePublishSecretRef: { name: 'mf-a' } } },
      'volumes[s].csi.volumeAttributes': {
        csi: { driver: 'file.csi.azure.com', volumeAttributes: { secretName: 'mf-a' } },
      },
      'volumes[s].azureFile.secretName': { azureFile: { secretName: 'mf-a', shareName: 's' } },
      'volumes[s].iscsi.secretRef': { iscsi: { secretRef: { name: 'mf-a' } } },
    }),
    {
      name: 'the Secret of an agent as pull secret',
      given: { imagePullSecrets: [{ name: 'mf-a' }] },
      path: 'imagePullSecrets[mf-a]',
      rule: 'is refused: Secrets that begin with mf- hold the credentials of agents',
    },
    {
      name: 'the Secret of an agent as variables of a sidecar',
      given: { initContainers: [{ name: 's', envFrom: [{ secretRef: { name: 'mf-a' } }] }] },
      path: 'initContainers[s].envFrom[0].secretRef',
      rule: 'is refused: Secrets that begin with mf- hold the credentials of agents',
    },
    {
      name: 'a second main container',
      given: { containers: [{ name: 'sidecar', image: 's' }] },
      path: 'containers[sidecar]',
      rule: 'must stand in initContainers, with restartPolicy Always to run beside the agent: such end with it',
    },
    {
      name: 'a privileged sidecar',
      given: { initContainers: [{ name: 's', securityContext: { privileged: true } }] },
      path: 'initContainers[s].securityContext.privileged',
      rule: 'is refused unless hostUsers is false: steps would own the node',
    },
    {
      name: 'a capability over the node',
      given: agent({ securityContext: { capabilities: { add: ['SYS_ADMIN'] } } }),
      path: 'containers[agent].securityContext.capabilities.add',
      rule: expect.stringMatching(/^must be among AUDIT_WRITE, .* unless hostUsers is false$/) as string,
    },
    {
      name: 'a port of the node',
      given: agent({ ports: [{ containerPort: 80, hostPort: 80 }] }),
      path: 'containers[agent].ports[0].hostPort',
      rule: 'is refused: it opens a port of the node',
    },
    {
      name: 'a checkout by the node',
      given: { volumes: [{ name: 'g', gitRepo: { repository: 'r' } }] },
      path: 'volumes[g].gitRepo',
      rule: 'is refused: the node runs git, and with it hooks of the repository, as root',
    },
    {
      name: 'a restart of the whole pod',
      given: { initContainers: [{ name: 's', restartPolicyRules: [{ action: 'RestartAllContainers' }] }] },
      path: 'initContainers[s].restartPolicyRules',
      rule: 'is refused: a rule may restart the agent, which finds its session taken',
    },
    {
      name: 'the priority of the system',
      given: { priorityClassName: 'system-node-critical' },
      path: 'priorityClassName',
      rule: 'is refused: agents would evict what the node needs to run',
    },
    {
      name: 'the Secret of an agent as a volume',
      given: { volumes: [{ name: 's', secret: { secretName: 'mf-test-abcd-7-1-1' } }] },
      path: 'volumes[s].secret',
      rule: 'is refused: Secrets that begin with mf- hold the credentials of agents',
    },
    {
      name: 'the Secret of an agent as a variable',
      given: agent({ env: [{ name: 'X', valueFrom: { secretKeyRef: { name: 'mf-a', key: '.credentials' } } }] }),
      path: 'containers[agent].env[X].valueFrom.secretKeyRef',
      rule: 'is refused: Secrets that begin with mf- hold the credentials of agents',
    },
    {
      name: "the agent's files in a sidecar",
      given: { initContainers: [{ name: 's', volumeMounts: [{ name: 'agent-files', mountPath: '/x]y' }] }] },
      path: 'initContainers[s].volumeMounts[/x]y]',
      rule: "is refused: only the agent reads the agent's credentials",
    },
    {
      name: "a mount above the agent's files",
      given: agent({ volumeMounts: [{ name: 'other', mountPath: '/mayfly/' }] }),
      path: 'containers[agent].volumeMounts[/mayfly/]',
      rule: "is refused: it hides the agent's credentials",
    },
    {
      name: "a mount over one of the agent's files",
      given: agent({ volumeMounts: [{ name: 'other', mountPath: '/mayfly//agent/.credentials' }] }),
      path: 'containers[agent].volumeMounts[/mayfly//agent/.credentials]',
      rule: "is refused: it hides the agent's credentials",
    },
    {
      name: 'a Windows process of the host',
      given: { securityContext: { windowsOptions: { hostProcess: true } } },
      path: 'securityContext.windowsOptions.hostProcess',
      rule: 'is refused: steps would own the node',
    },
    { name: 'null', given: { nodeSelector: null }, path: 'nodeSelector', rule: 'must not be null' },
    {
      name: 'a text for an object',
      given: { securityContext: 'none' },
      path: 'securityContext',
      rule: 'must be an object',
    },
    { name: 'an object for a named list', given: { containers: {} }, path: 'containers', rule: 'must be a list' },
    { name: 'a text for tolerations', given: { tolerations: 'all' }, path: 'tolerations', rule: 'must be a list' },
    {
      name: 'a container without name',
      given: { containers: [{ image: 'x' }] },
      path: 'containers[0]',
      rule: 'must be an object with a name',
    },
    {
      name: 'the same name twice',
      given: {
        volumes: [
          { name: 'work', emptyDir: {} },
          { name: 'work', emptyDir: {} },
        ],
      },
      path: 'volumes[work]',
      rule: 'must have a name of its own',
    },
  ];
  const taken = ['api://AzureADTokenExchange', 'sts.amazonaws.com', '//iam.googleapis.com/projects/1/x', 'vault'];
  it.each(taken)('takes a projected token for %s', (audience) => {
    expect(mergePod(base, tokenFor(audience)).problems).toEqual([]);
  });

  it.each(refused)('refuses $name', ({ given, path, rule }) => {
    expect(mergePod(base, given).problems).toEqual([{ path, rule, found: expect.any(String) }]);
  });

  it('keeps every protected value, whatever the override holds', () => {
    const key = fc.constantFrom(
      'containers',
      'volumes',
      'name',
      'agent',
      'resources',
      'requests',
      'restartPolicy',
      'secret',
      '__proto__',
    );
    const { value } = fc.letrec<{ value: JsonValue }>((tie) => ({
      value: fc.oneof(
        { depthSize: 'small', withCrossShrink: true },
        fc.constantFrom<JsonValue>('agent', 'mf-x', 1, true, null),
        fc.array(tie('value'), { maxLength: 3 }),
        fc.dictionary(key, tie('value'), { maxKeys: 4 }) as fc.Arbitrary<JsonObject>,
      ),
    }));
    fc.assert(
      fc.property(fc.dictionary(key, value, { maxKeys: 4 }), (override) => {
        const { pod } = mergePod(base, override);
        expect(pod['restartPolicy']).toBe('Never');
        const containers = pod['containers'] as readonly JsonObject[];
        const [first] = base['containers'] as readonly JsonObject[];
        expect(containers[0]).toMatchObject({ image: first?.['image'], resources: first?.['resources'] });
        expect((pod['volumes'] as readonly JsonObject[])[0]).toEqual((base['volumes'] as readonly JsonObject[])[0]);
      }),
      { numRuns: 300, seed: 20_261_121 },
    );
  });
});

function tokenFor(audience: string): JsonObject {
  return { volumes: [{ name: 't', projected: { sources: [{ serviceAccountToken: { path: 'token', audience } }] } }] };
}

/** Other spellings of the folder in which the agent's files are. */
function mounts(...paths: readonly string[]): readonly Refused[] {
  return paths.map((mountPath) => ({
    name: `a mount at ${mountPath}`,
    given: agent({ volumeMounts: [{ name: 'work', mountPath }] }),
    path: `containers[agent].volumeMounts[${mountPath}]`,
    rule: "is refused: it hides the agent's credentials",
  }));
}

function readsOurs(sources: Readonly<Record<string, JsonObject>>): readonly Refused[] {
  return Object.entries(sources).map(([path, source]) => ({
    name: `the Secret of an agent at ${path}`,
    given: { volumes: [{ name: 's', ...source }] },
    path,
    rule: 'is refused: Secrets that begin with mf- hold the credentials of agents',
  }));
}

/** The smallest override that says something at `path`. */
function overrideAt(path: string, value: JsonValue): JsonObject {
  const [, list, name, rest] = /^(\w+)\[([^\]]+)\](?:\.(.*))?$/.exec(path) ?? [];
  if (list !== undefined && name !== undefined) {
    return { [list]: [{ name, ...(rest === undefined ? { emptyDir: {} } : overrideAt(rest, value)) }] };
  }
  const label = /^nodeSelector\.(.*)$/.exec(path)?.[1];
  if (label !== undefined) return { nodeSelector: { [label]: value } };
  const [head = '', ...tail] = path.split('.');
  return { [head]: tail.length === 0 ? value : overrideAt(tail.join('.'), value) };
}
