import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isJsonObject, type JsonObject, type JsonValue } from '../../../shared/domain/json.ts';
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
  { emptyDir: {} },
);
const aVolume = fc
  .tuple(fc.constantFrom('work', 'agent-files', 'v'), source)
  .map(([name, from]) => ({ name, ...from }));
const aContainer = fc
  .tuple(
    fc.constantFrom('agent', 'sidecar', ''),
    fc.dictionary(fc.constantFrom('image', 'command', 'envFrom', 'restartPolicyRules', 'lifecycle'), leaf),
    fc.dictionary(fc.constantFrom('privileged', 'runAsUser', 'procMount'), leaf),
    fc.array(
      fc.record({
        name: fc.constantFrom('v', 'agent-files'),
        mountPath: fc.constantFrom('/v', '/mayfly', 'mayfly/agent'),
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
