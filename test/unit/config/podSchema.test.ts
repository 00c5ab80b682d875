import { readFileSync } from 'node:fs';
import { Ajv } from 'ajv';
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { derivePodSchema } from '../../../infra/cli/podSchema.ts';
import { podSchemaProblems, podShapeProblems } from '../../../shared/config/podSchema.ts';
import type { JsonObject, JsonValue } from '../../../shared/domain/json.ts';
import { buildAgentPodSpec } from '../../../shared/plan/manifest.ts';
import { aTemplate } from '../../support/policyBuilders.ts';

const file = new URL('../../../shared/config/podSchema.generated.json', import.meta.url);
const written = JSON.parse(readFileSync(file, 'utf8')) as JsonObject;

const agent = (fields: JsonObject): JsonObject => ({ containers: [{ name: 'agent', image: 'i', ...fields }] });
const withVolume = (source: JsonObject): JsonObject => ({ ...agent({}), volumes: [{ name: 'v', ...source }] });

describe('podSchemaProblems', () => {
  it.each(['linux', 'windows'] as const)('finds nothing wrong with the generated pod on %s', (os) => {
    expect(podSchemaProblems(buildAgentPodSpec(aTemplate({ os }), 'mf-a'))).toEqual([]);
  });

  const shapes: readonly { name: string; given: JsonObject; want: readonly string[] }[] = [
    {
      name: 'a misspelt field, naming the one that was meant',
      given: { ...agent({}), toleration: [] },
      want: ['toleration: must be a field of PodSpec, did you mean "tolerations"?; a list of 0'],
    },
    {
      name: 'a misspelt field of a container, by its name',
      given: agent({ resource: {} }),
      want: ['containers[agent].resource: must be a field of Container, did you mean "resources"?; an empty object'],
    },
    {
      name: 'a text for a number',
      given: agent({ ports: [{ containerPort: 'http' }] }),
      want: ['containers[agent].ports[0].containerPort: must be a whole number; a text of 4 characters'],
    },
    {
      name: 'a number for a text, as unquoted labels are',
      given: { ...agent({}), nodeSelector: { generation: 5 } },
      want: ['nodeSelector.generation: must be a text; 5'],
    },
    {
      name: 'an object for a list',
      given: { ...agent({}), tolerations: { key: 'x' } },
      want: ['tolerations: must be a list; an object with key'],
    },
    {
      name: 'an unknown choice',
      given: { ...agent({}), tolerations: [{ key: 'x', effect: 'NoRun' }] },
      want: ['tolerations[0].effect: must be one of NoSchedule, PreferNoSchedule, NoExecute; a text of 5 characters'],
    },
    {
      name: 'what is no quantity',
      given: agent({ resources: { limits: { 'ephemeral-storage': '20 GB', cpu: 2 } } }),
      want: [
        'containers[agent].resources.limits.ephemeral-storage: must be a quantity such as 500m or 4Gi; a text of 5 characters',
      ],
    },
    {
      name: 'a field that is missing',
      given: { ...agent({}), topologySpreadConstraints: [{ maxSkew: 1, topologyKey: 'zone' }] },
      want: ['topologySpreadConstraints[0].whenUnsatisfiable: must be given; nothing'],
    },
    {
      name: 'all of it at once',
      given: { containers: [{ name: 'agent', image: 1 }], dnsConfg: {}, hostUsers: 'no' },
      want: [
        'containers[agent].image: must be a text; 1',
        'dnsConfg: must be a field of PodSpec, did you mean "dnsConfig"?; an empty object',
        'hostUsers: must be true or false; a text of 2 characters',
      ],
    },
    {
      name: 'a value of the wrong kind without showing it',
      given: agent({ env: [{ name: 'TOKEN', value: ['hunter2'] }] }),
      want: ['containers[agent].env[TOKEN].value: must be a text; a list of 1'],
    },
  ];
  it.each(shapes)('finds $name', ({ given, want }) => {
    expect(said(given)).toEqual(want);
  });

  const rules: readonly { name: string; given: JsonObject; want: string }[] = [
    {
      name: 'a sidecar without image',
      given: { ...agent({}), initContainers: [{ name: 's', restartPolicy: 'Always' }] },
      want: 'initContainers[s].image: must be an image',
    },
    {
      name: 'a name that no container can have',
      given: { ...agent({}), initContainers: [{ name: 'Init_1', image: 'i' }] },
      want: 'initContainers[Init_1].name: must be 1 to 63 of a-z, 0-9 and -',
    },
    {
      name: 'an init container of the same name as the agent',
      given: { ...agent({}), initContainers: [{ name: 'agent', image: 'i' }] },
      want: 'initContainers[agent]: must have a name that no other container and init container has',
    },
    {
      name: 'a mount of no volume',
      given: agent({ volumeMounts: [{ name: 'cache', mountPath: '/cache' }] }),
      want: 'containers[agent].volumeMounts[/cache].name: must be one of the volumes',
    },
    { name: 'a volume without source', given: withVolume({}), want: 'volumes[v]: must have exactly one source' },
    {
      name: 'a volume with two sources',
      given: withVolume({ emptyDir: {}, configMap: { name: 'c' } }),
      want: 'volumes[v]: must have exactly one source',
    },
    {
      name: 'a variable with two values',
      given: agent({ env: [{ name: 'A', value: 'x', valueFrom: { fieldRef: { fieldPath: 'spec.nodeName' } } }] }),
      want: 'containers[agent].env[A]: must have a value or a valueFrom',
    },
    {
      name: 'a variable from nowhere',
      given: agent({ env: [{ name: 'A', valueFrom: {} }] }),
      want: 'containers[agent].env[A].valueFrom: must have exactly one source',
    },
    {
      name: 'a limit below the request',
      given: agent({ resources: { requests: { cpu: '1' }, limits: { cpu: '500m' } } }),
      want: 'containers[agent].resources.limits.cpu: must not be below the request',
    },
    {
      name: 'a device without a limit',
      given: agent({ resources: { requests: { 'github.com/fuse': 1 } } }),
      want: 'containers[agent].resources.limits.github.com/fuse: must be given, and equal to the request if there is one',
    },
    {
      name: 'a resource that nobody knows',
      given: agent({ resources: { limits: { gpu: 1 } } }),
      want: 'containers[agent].resources: must name cpu, memory, ephemeral-storage, hugepages-* or a resource with a domain',
    },
    {
      name: 'an unmasked /proc of the node',
      given: agent({ securityContext: { procMount: 'Unmasked' } }),
      want: 'containers[agent].securityContext.procMount: must be Default unless hostUsers is false',
    },
    {
      name: 'a value that a toleration does not compare',
      given: { ...agent({}), tolerations: [{ key: 'a', operator: 'Exists', value: 'b' }] },
      want: 'tolerations[0].value: must not be given where the operator is Exists',
    },
    {
      name: 'a toleration of nothing',
      given: { ...agent({}), tolerations: [{ effect: 'NoSchedule' }] },
      want: 'tolerations[0].operator: must be Exists where there is no key',
    },
    {
      name: 'a time limit on what is not evicted',
      given: { ...agent({}), tolerations: [{ key: 'a', effect: 'NoSchedule', tolerationSeconds: 5 }] },
      want: 'tolerations[0].effect: must be NoExecute where tolerationSeconds is given',
    },
    {
      name: 'no name server',
      given: { ...agent({}), dnsPolicy: 'None', dnsConfig: { nameservers: [] } },
      want: 'dnsConfig.nameservers: must be given where dnsPolicy is None',
    },
  ];
  it.each(rules)('finds $name', ({ given, want }) => {
    expect(podSchemaProblems(given).map(({ path, rule }) => `${path}: ${rule}`)).toEqual([want]);
  });

  it('agrees with ajv about every pod, right or wrong', () => {
    const validate = new Ajv({ allErrors: true, allowUnionTypes: true }).compile(written);
    fc.assert(
      fc.property(aPod, (pod) => {
        expect({ pod, valid: podShapeProblems(pod).length === 0 }).toEqual({ pod, valid: validate(pod) });
      }),
      { numRuns: 500, seed: 20_261_121 },
    );
  });
});

describe('the schema of a pod', () => {
  it('is the one of the Kubernetes SDK in use; infra/cli/writePodSchema.ts writes it', async () => {
    expect(written).toEqual(await derivePodSchema());
  });
});

function said(pod: JsonObject): readonly string[] {
  return podSchemaProblems(pod).map(({ path, rule, found }) => `${path}: ${rule}; ${found}`);
}

const scalar = fc.constantFrom<JsonValue>('x', '1', '2Gi', 'Exists', 1, 1.5, true, [], {});
const fields = (...names: readonly string[]): fc.Arbitrary<JsonObject> =>
  fc.dictionary(fc.constantFrom(...names), scalar, { maxKeys: 2 });
const aContainer: fc.Arbitrary<JsonObject> = fc
  .tuple(fields('name', 'image', 'command', 'workingDir', 'tty', 'nme'), fields('limits', 'requests', 'limit'))
  .map(([container, resources]) => ({ name: 'agent', ...container, resources }));
const aPod: fc.Arbitrary<JsonObject> = fc
  .tuple(
    fields('hostUsers', 'dnsPolicy', 'nodeSelector', 'overhead', 'priority', 'os', 'tolerations', 'volumes', 'volume'),
    fc.array(aContainer, { maxLength: 2 }),
    fc.array(fields('key', 'operator', 'tolerationSeconds', 'efect'), { maxLength: 2 }),
  )
  .map(([pod, containers, tolerations]) => ({ tolerations, ...pod, containers }));
