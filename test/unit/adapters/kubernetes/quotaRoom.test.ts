import { describe, expect, it } from 'vitest';
import { quotaRoom } from '../../../../shared/adapters/kubernetes/quotaRoom.ts';
import type { JsonObject } from '../../../../shared/domain/json.ts';

const gi = 2 ** 30;

function aQuota(hard: JsonObject, used: JsonObject, spec: JsonObject = {}): JsonObject {
  return { metadata: { name: 'q' }, spec: { hard, ...spec }, status: { hard, used } };
}

const selector = (operator: string, scopeName = 'NotTerminating'): JsonObject => ({
  scopeSelector: { matchExpressions: [{ scopeName, operator }] },
});

describe('quotaRoom', () => {
  it.each([
    {
      name: 'tells what is left under the names that quotas have for it',
      given: aQuota(
        {
          cpu: '8',
          memory: '16Gi',
          'limits.cpu': '10',
          'limits.memory': '20Gi',
          'ephemeral-storage': '100Gi',
          'count/jobs.batch': '30',
          pods: '10',
          'requests.nvidia.com/gpu': '4',
        },
        {
          cpu: '6500m',
          memory: '4Gi',
          'limits.cpu': '0',
          'limits.memory': '0',
          'ephemeral-storage': '1e9',
          'count/jobs.batch': '12',
          pods: '3',
          'requests.nvidia.com/gpu': '0',
        },
      ),
      want: [
        {
          'requests.cpu': 1.5,
          'requests.memory': 12 * gi,
          'limits.cpu': 10,
          'limits.memory': 20 * gi,
          'requests.ephemeral-storage': 100 * gi - 1e9,
          jobs: 18,
          pods: 7,
        },
      ],
    },
    {
      name: 'takes the smaller where a quota has two names for one thing',
      given: aQuota({ pods: '10', 'count/pods': '12' }, { pods: '1', 'count/pods': '11' }),
      want: [{ pods: 1 }],
    },
    {
      name: 'has no room, never less, where a quota was lowered below its use',
      given: aQuota({ pods: '2' }, { pods: '5' }),
      want: [{ pods: 0 }],
    },
    {
      name: 'leaves out what is of no concern to agent jobs',
      given: aQuota({ services: '2' }, { services: '1' }),
      want: [],
    },
    {
      name: 'leaves out a quota of which no use is known yet',
      given: { metadata: { name: 'q' }, spec: { hard: { pods: '2' } }, status: {} },
      want: [],
    },
    {
      name: 'leaves out a resource whose use is not told',
      given: aQuota({ pods: '2', 'requests.cpu': '4' }, { pods: '1' }),
      want: [{ pods: 1 }],
    },
    {
      name: 'compares by the status, which is what admission goes by',
      given: { spec: { hard: { pods: '9' } }, status: { hard: { pods: '2' }, used: { pods: '1' } } },
      want: [{ pods: 1 }],
    },
    ...[
      { name: 'counts', spec: { scopes: ['NotTerminating', 'NotBestEffort'] }, room: 2 },
      { name: 'counts', spec: selector('Exists'), room: 2 },
      { name: 'leaves out', spec: { scopes: ['Terminating'] } },
      { name: 'leaves out', spec: { scopes: ['NotTerminating', 'BestEffort'] } },
      { name: 'leaves out', spec: selector('DoesNotExist') },
      { name: 'leaves out', spec: selector('In', 'PriorityClass') },
    ].map(({ name, spec, room }) => ({
      name: `${name} a quota with ${JSON.stringify(spec)}`,
      given: aQuota({ pods: '3' }, { pods: '1' }, spec),
      want: room === undefined ? [] : [{ pods: room }],
    })),
  ])('$name', ({ given, want }) => {
    expect(quotaRoom([given])).toEqual(want);
  });

  it('tells each quota by itself: all of them hold at once', () => {
    const quotas = [aQuota({ pods: '3' }, { pods: '1' }), aQuota({ 'requests.cpu': '4' }, { 'requests.cpu': '1' })];
    expect(quotaRoom(quotas)).toEqual([{ pods: 2 }, { 'requests.cpu': 3 }]);
  });

  it.each([
    { name: 'a limit is no quantity', given: aQuota({ pods: 'many' }, { pods: '1' }) },
    { name: 'a use is no quantity', given: aQuota({ pods: '3' }, { pods: '1 or 2' }) },
    { name: 'it has no readable status', given: { status: { hard: ['pods'] } } },
    { name: 'it is no object', given: null },
  ])('rejects unexpected where $name', ({ given }) => {
    expect(() => quotaRoom([given])).toThrow(expect.objectContaining({ kind: 'unexpected', upstream: 'kubernetes' }));
  });
});
