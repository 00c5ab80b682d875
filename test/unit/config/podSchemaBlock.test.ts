import { describe, expect, it } from 'vitest';
import { podBlockProblems } from '../../../shared/config/podSchemaBlock.ts';
import type { JsonObject } from '../../../shared/domain/json.ts';

const limit = (cpu: string): JsonObject => ({ containers: [{ name: 'agent', resources: { limits: { cpu } } }] });
const tooLow = 'containers[agent].resources.limits.cpu: must not be below the request';

describe('podBlockProblems', () => {
  const rows: readonly { name: string; given: JsonObject; want: readonly string[] }[] = [
    { name: 'finds nothing where there is no block', given: { cpu: 1 }, want: [] },
    { name: 'leaves a block of the wrong kind to the schema of mayfly.yaml', given: { pod: [] }, want: [] },
    { name: 'finds nothing wrong with a limit above the CPU', given: { cpu: 2, pod: limit('4') }, want: [] },
    { name: "finds a limit below the template's CPU", given: { cpu: '2500m', pod: limit('2') }, want: [tooLow] },
    { name: 'finds a limit below the default CPU', given: { pod: limit('500m') }, want: [tooLow] },
    {
      name: 'finds a limit below a CPU that requests may choose',
      given: { cpu: 1, parameters: { cpu: ['500m', 4, '8'] }, pod: limit('6') },
      want: [tooLow],
    },
    {
      name: 'reads past a CPU that is none',
      given: { cpu: { much: true }, parameters: { cpu: ['x', null] }, pod: limit('2') },
      want: [],
    },
    {
      name: 'tells of what is refused and of what is unknown, and of no mount whose volume was refused',
      given: {
        pod: {
          toleration: [],
          volumes: [{ name: 'sock', hostPath: { path: '/var/run/docker.sock' } }],
          containers: [{ name: 'agent', volumeMounts: [{ name: 'sock', mountPath: '/sock' }] }],
        },
      },
      want: [
        'volumes[sock].hostPath: is refused: it hands files or sockets of the node to every step',
        'toleration: must be a field of PodSpec, did you mean "tolerations"?',
      ],
    },
  ];
  it.each(rows)('$name', ({ given, want }) => {
    expect(podBlockProblems(given).map(({ path, rule }) => `${path}: ${rule}`)).toEqual(want);
  });
});
