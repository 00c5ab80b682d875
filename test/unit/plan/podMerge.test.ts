import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonObject, JsonValue } from '../../../shared/domain/json.ts';
import { generatedPodSpec } from '../../../shared/plan/manifest.ts';
import { mergePod } from '../../../shared/plan/podMerge.ts';
import { protectedPaths } from '../../../shared/plan/podProtection.ts';
import { aTemplate } from '../../support/policyBuilders.ts';

const base = generatedPodSpec(aTemplate(), 'mf-a');
const agent = (fields: JsonObject): JsonObject => ({ containers: [{ name: 'agent', ...fields }] });

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
      name: 'appends a container of another name',
      given: { containers: [{ name: 'sidecar', image: 's' }] },
      want: { containers: [...(small['containers'] as JsonObject[]), { name: 'sidecar', image: 's' }] },
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
      rule: 'is fixed: no pipeline step may hold a token for the API server',
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
