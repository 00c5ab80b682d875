import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isJsonObject, type JsonObject, type JsonValue } from '../../../shared/domain/json.ts';
import type { Template } from '../../../shared/domain/template.ts';
import { buildAgentPodSpec } from '../../../shared/plan/manifest.ts';
import { overlaps } from '../../../shared/plan/podRefusals.ts';
import { aTemplate } from '../../support/policyBuilders.ts';

/** Whatever a step must not get at, found without knowing where it may stand. */
function dangers(value: JsonValue, ownUsers: boolean): readonly string[] {
  if (Array.isArray(value)) return value.flatMap((each: JsonValue) => dangers(each, ownUsers));
  if (!isJsonObject(value)) return [];
  return Object.entries(value).flatMap(([key, field]) => [
    ...(isDangerous(key, field, ownUsers) ? [key] : []),
    ...dangers(field, ownUsers),
  ]);
}

function isDangerous(key: string, field: JsonValue, ownUsers: boolean): boolean {
  const always = ['hostPath', 'gitRepo', 'restartPolicyRules', 'hostNetwork', 'hostPID', 'serviceAccountToken'];
  if (always.includes(key)) return true;
  if (key === 'privileged') return field === true && !ownUsers;
  return key === 'secretName' && field === 'mf-other';
}

const leaf = fc.constantFrom<JsonValue>(true, false, 1, 'x', 'mf-other', '/mayfly/agent');
const source = fc.constantFrom<JsonObject>(
  { hostPath: { path: '/' } },
  { gitRepo: { repository: 'r' } },
  { secret: { secretName: 'mf-other' } },
  { azureFile: { secretName: 'mf-other', shareName: 's' } },
  { projected: { sources: [{ serviceAccountToken: { path: 't' } }] } },
  { projected: { sources: [{ secret: { name: 'mf-own' } }] } },
  { secret: { secretName: 'mf-own' } },
  { emptyDir: {} },
);
const aVolume = fc
  .tuple(fc.constantFrom('work', 'agent-files', 'registration', 'run', 'inject', 'v'), source)
  .map(([name, from]) => ({ name, ...from }));
const aContainer = fc
  .tuple(
    fc.constantFrom('agent', 'register', 'inject', 'sidecar', ''),
    fc.dictionary(fc.constantFrom('image', 'command', 'envFrom', 'restartPolicyRules', 'lifecycle'), leaf),
    fc.dictionary(fc.constantFrom('privileged', 'runAsUser', 'procMount'), leaf),
    fc.array(
      fc.record({
        name: fc.constantFrom('v', 'agent-files', 'registration', 'run', 'inject'),
        mountPath: fc.constantFrom('/v', '/mayfly', 'mayfly/agent', '/mayfly/registration', '/opt/mayfly/agent'),
      }),
    ),
  )
  .map(([name, fields, securityContext, volumeMounts]) => ({ name, ...fields, securityContext, volumeMounts }));
const aBlock: fc.Arbitrary<JsonObject> = fc
  .tuple(
    fc.dictionary(fc.constantFrom('hostUsers', 'hostNetwork', 'hostPID', 'restartPolicy'), leaf),
    fc.array(aVolume, { maxLength: 3 }),
    fc.array(aContainer, { maxLength: 3 }),
    fc.array(aContainer, { maxLength: 2 }),
  )
  .map(([pod, volumes, containers, initContainers]) => ({ ...pod, volumes, containers, initContainers }));

describe('a pod built from any block', () => {
  it('holds nothing of what is refused, and one main container that keeps its own files', () => {
    fc.assert(
      fc.property(aBlock, (block) => {
        const pod = buildAgentPodSpec(aTemplate({ pod: block }), 'mf-own');
        const containers = pod['containers'] as readonly { readonly volumeMounts: readonly JsonObject[] }[];
        const readers = [...containers, ...((pod['initContainers'] ?? []) as typeof containers)].flatMap(
          ({ volumeMounts }) => volumeMounts.filter(({ name }) => name === 'agent-files'),
        );
        expect(dangers(pod, block['hostUsers'] === false)).toEqual([]);
        expect([containers.length, readers]).toEqual([
          1,
          [{ name: 'agent-files', mountPath: '/mayfly/agent', readOnly: true }],
        ]);
      }),
      { numRuns: 500, seed: 20_261_121 },
    );
  });
});

interface Mounting {
  readonly name: string;
  readonly volumeMounts: readonly { readonly name: string; readonly mountPath: string }[];
}

/** All that a container of this pod mounts, by container: `volume -> path`. */
function mountsOf(pod: JsonObject, list: string): Readonly<Record<string, readonly string[]>> {
  const containers = (pod[list] ?? []) as unknown as readonly Mounting[];
  return Object.fromEntries(
    containers.map(({ name, volumeMounts }) => [
      name,
      volumeMounts.map(({ name: volume, mountPath }) => `${volume} -> ${mountPath}`),
    ]),
  );
}

const withText = (value: JsonValue, text: string): readonly JsonObject[] => {
  if (Array.isArray(value)) return value.flatMap((each: JsonValue) => withText(each, text));
  if (!isJsonObject(value)) return [];
  const below = Object.values(value).flatMap((each) => withText(each, text));
  return Object.values(value).includes(text) ? [value, ...below] : below;
};

describe('a pod that registers its agent, built from any block', () => {
  const place = { kind: 'initConfig', url: 'https://dev.azure.com/contoso', poolName: 'linux' } as const;
  const template = (pod: JsonObject): Template => aTemplate({ inject: { image: 'inject' }, pod });
  const own = buildAgentPodSpec(template({}), 'mf-own', place);

  it("shows the pool's credential to the container that registers, which no block changes", () => {
    fc.assert(
      fc.property(aBlock, (block) => {
        const pod = buildAgentPodSpec(template(block), 'mf-own', place);
        const [inject, register] = (pod['initContainers'] ?? []) as readonly JsonObject[];
        expect([inject, register]).toEqual(own['initContainers']);
        const { inject: _, register: mounts = [], ...companions } = mountsOf(pod, 'initContainers');
        expect(mounts).toContain('registration -> /mayfly/registration');
        const others = [...Object.values(companions), ...Object.values(mountsOf(pod, 'containers'))].flat();
        expect(others.filter((each) => each.startsWith('registration '))).toEqual([]);
        // The volume is the only way to the Secret: as a volume of another name or a variable it stands nowhere.
        expect(withText(pod, 'mf-own')).toEqual([{ secretName: 'mf-own', defaultMode: 0o440 }]);
      }),
      { numRuns: 500, seed: 20_261_121 },
    );
  });
});

describe('overlaps', () => {
  const rows: readonly { given: readonly [string, string]; want: boolean }[] = [
    { given: ['/a/b', '/a/b'], want: true },
    { given: ['/a', '/a/b'], want: true },
    { given: ['/a/b/c', '/a/b'], want: true },
    { given: ['/a/bc', '/a/b'], want: false },
    { given: ['a/b', '/a/b'], want: true },
    { given: ['/', '/a/b'], want: true },
    { given: ['/a/./x/../b/', '/a//b'], want: true },
    { given: ['/../../a/b', '/a/b'], want: true },
    { given: ['C:\\A\\B', '/a/b'], want: true },
    { given: ['d:\\a\\b', '/a/b'], want: false },
  ];
  it.each(rows)('says $want of $given', ({ given: [a, b], want }) => {
    expect(overlaps(a, b)).toBe(want);
  });
});
