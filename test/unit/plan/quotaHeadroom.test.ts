import { describe, expect, it } from 'vitest';
import type { AgentJob } from '../../../shared/domain/agentJob.ts';
import type { Amounts } from '../../../shared/domain/quota.ts';
import { known, unknown } from '../../../shared/domain/read.ts';
import type { PoolPolicy } from '../../../shared/domain/template.ts';
import { clustersByPreference } from '../../../shared/plan/headroom.ts';
import type { Observed } from '../../../shared/plan/observed.ts';
import { agentJobAmounts } from '../../../shared/plan/podAmounts.ts';
import {
  aJobRequest,
  anAgentJob,
  anObserved,
  aPod,
  minutesAgo,
  nameFor,
  template,
  withoutPod,
} from '../../support/builders.ts';
import { aTombstone, plan } from '../../support/plans.ts';
import { aTemplate } from '../../support/policyBuilders.ts';

const gibi = 2 ** 30;
const requests = [1, 2, 3].map((id) => aJobRequest({ id, queuedAt: minutesAgo(9) + id }));

/** Which of the requests 1 to 3 get an agent, and why the others do not. */
function decided(observed: Observed, changed: Partial<PoolPolicy> = {}) {
  const { actions, skips } = plan(observed, changed);
  return {
    created: actions.flatMap((action) =>
      action.kind === 'create' && action.purpose.kind === 'request' ? action.purpose.requestId : [],
    ),
    skips: skips.map(({ requestId, reason }) => `${requestId} ${reason}`),
  };
}

const rest = (created: readonly number[], reason = 'atQuota') => ({
  created,
  skips: [1, 2, 3].filter((id) => !created.includes(id)).map((id) => `${id} ${reason}`),
});

describe('agentJobAmounts', () => {
  const agent = { pods: 1, jobs: 1, 'requests.cpu': 1, 'requests.memory': 2 * gibi, 'limits.memory': 2 * gibi };
  const resources = (cpu: string, memory: string) => ({ resources: { requests: { cpu, memory } } });
  it.each([
    { name: 'one pod, one Job and what its agent asks for', pod: {}, want: {} },
    {
      name: 'a sidecar, which goes on beside it',
      pod: { initContainers: [{ name: 'docker', image: 'd', restartPolicy: 'Always', ...resources('2', '1Gi') }] },
      want: { 'requests.cpu': 3, 'requests.memory': 3 * gibi },
    },
    {
      name: 'what a sidecar is limited to where it does not say what it asks for',
      pod: {
        initContainers: [{ name: 'd', image: 'd', restartPolicy: 'Always', resources: { limits: { cpu: '2' } } }],
      },
      want: { 'requests.cpu': 3, 'limits.cpu': 2 },
    },
    {
      name: 'what a sidecar asks for, whatever it is limited to, and of the rest its limits',
      pod: {
        initContainers: [
          {
            name: 'db',
            image: 'd',
            restartPolicy: 'Always',
            resources: { requests: { cpu: '500m' }, limits: { cpu: '2', memory: '1Gi' } },
          },
        ],
      },
      want: { 'requests.cpu': 1.5, 'limits.cpu': 2, 'requests.memory': 3 * gibi, 'limits.memory': 3 * gibi },
    },
    {
      name: 'an init container that takes less than those after it',
      pod: { initContainers: [{ name: 'init', image: 'i', ...resources('500m', '1Gi') }] },
      want: {},
    },
    {
      name: 'an init container that takes more of one thing',
      pod: { initContainers: [{ name: 'init', image: 'i', ...resources('4', '1Gi') }] },
      want: { 'requests.cpu': 4 },
    },
    {
      name: 'limits and storage of the agent',
      pod: {
        containers: [{ name: 'agent', resources: { limits: { cpu: '3' }, requests: { 'ephemeral-storage': '10Gi' } } }],
      },
      want: { 'limits.cpu': 3, 'requests.ephemeral-storage': 10 * gibi },
    },
  ])('are $name', ({ pod, want }) => {
    expect(agentJobAmounts(aTemplate({ pod }))).toMatchObject({ ...agent, ...want });
  });
});

describe('planPool: what quotas leave', () => {
  it.each<{ name: string; quotas: readonly Amounts[]; want: readonly number[] }>([
    { name: 'no quota is no limit', quotas: [], want: [1, 2, 3] },
    { name: 'a quota of other things is none', quotas: [{}], want: [1, 2, 3] },
    { name: 'enough for all', quotas: [{ pods: 3, jobs: 3, 'requests.cpu': 3 }], want: [1, 2, 3] },
    { name: 'two pods', quotas: [{ pods: 2 }], want: [1, 2] },
    { name: 'one Job', quotas: [{ jobs: 1 }], want: [1] },
    { name: 'a CPU and a half', quotas: [{ 'requests.cpu': 1.5 }], want: [1] },
    { name: 'memory for two', quotas: [{ 'requests.memory': 5 * gibi }], want: [1, 2] },
    { name: 'nothing', quotas: [{ pods: 0 }], want: [] },
    { name: 'less than nothing', quotas: [{ 'requests.cpu': -4 }], want: [] },
    { name: 'the tightest of several', quotas: [{ pods: 9 }, { 'requests.cpu': 2 }, { jobs: 7 }], want: [1, 2] },
  ])('$name', ({ quotas, want }) => {
    expect(decided(anObserved({ requests, quotas }))).toEqual(rest(want));
  });

  it('goes on with what fits: a smaller template, or a smaller choice', () => {
    const large = aTemplate({ name: 'large', cpu: '4', cost: 1 });
    const small = aTemplate({ name: 'small', cpu: '1', cost: 2 });
    const { actions } = plan(anObserved({ requests, quotas: [{ 'requests.cpu': 6 }] }), { templates: [large, small] });
    const created = actions.flatMap((action) => (action.kind === 'create' ? action.template.name : []));
    expect(created).toEqual(['large', 'small', 'small']);
  });

  it('counts the chosen values, not those of the template', () => {
    const sized = aTemplate({ parameters: { cpu: ['1', '4'], memory: [], image: {} } });
    const asking = requests.map((request) => ({ ...request, demands: request.id === 2 ? ['mayfly.cpu.4'] : [] }));
    expect(decided(anObserved({ requests: asking, quotas: [{ 'requests.cpu': 4 }] }), { templates: [sized] })).toEqual(
      rest([1, 3]),
    );
  });

  // Of a template that none of the requests can use: none of them is served by it.
  const windows = aTemplate({ name: 'windows', os: 'windows' });
  const linuxOnly = requests.map((request) => ({ ...request, demands: ['Agent.OS -equals Linux'] }));
  const other = (over: Partial<AgentJob>): AgentJob =>
    anAgentJob({ template: 'windows', purpose: { kind: 'request', requestId: 900, attempt: 1 }, ...over });
  it.each<{ name: string; agentJobs: readonly AgentJob[]; want: readonly number[] }>([
    {
      name: 'a Job that has no pod yet will take its pod',
      agentJobs: [withoutPod(other({ phase: 'creating', suspended: true }))],
      want: [1],
    },
    { name: 'a Job that waits for its pod will take it', agentJobs: [withoutPod(other({}))], want: [1] },
    { name: 'a Job with its pod has taken it', agentJobs: [other({})], want: [1, 2] },
    {
      name: 'a Job whose pod has ended takes nothing',
      agentJobs: [other({ pod: aPod({ phase: 'Succeeded' }), phase: 'retiring', reason: 'finished' })],
      want: [1, 2],
    },
    {
      name: 'a tombstone takes nothing',
      agentJobs: [withoutPod(aTombstone(1, { purpose: { kind: 'request', requestId: 900, attempt: 1 } }))],
      want: [1, 2],
    },
    {
      name: 'a Job whose template has left the configuration takes nobody knows what',
      agentJobs: [withoutPod(other({ template: 'gone' }))],
      want: [1, 2],
    },
  ])('$name', ({ agentJobs, want }) => {
    const observed = anObserved({ requests: linuxOnly, agentJobs, quotas: [{ pods: 2 }] });
    expect(decided(observed, { templates: [template, windows] })).toEqual(rest(want));
  });

  it('counts no Job or Secret twice: those of a Job that has no pod yet are in the quota already', () => {
    const agentJobs = [withoutPod(other({ phase: 'creating', suspended: true }))];
    for (const quotas of [[{ jobs: 2 }], [{ secrets: 2 }]]) {
      const observed = anObserved({ requests: linuxOnly, agentJobs, quotas });
      expect(decided(observed, { templates: [template, windows] })).toEqual(rest([1, 2]));
    }
  });

  it('counts what a Job without pod has chosen', () => {
    const sized = { ...windows, parameters: { cpu: ['1', '4'], memory: [], image: {} } };
    const agentJobs = [withoutPod(other({ parameters: { cpu: '4' } }))];
    const observed = anObserved({ requests: linuxOnly, agentJobs, quotas: [{ 'requests.cpu': 6 }] });
    expect(decided(observed, { templates: [template, sized] })).toEqual(rest([1, 2]));
  });
});

describe('planPool: quotas of several clusters', () => {
  const clusters = ['east', 'west'];
  const preferred = clustersByPreference(nameFor(1), clusters);
  const [first = '', second = ''] = preferred;
  const inClusters = (rooms: Readonly<Record<string, readonly Amounts[]>>): Observed =>
    anObserved({
      requests: requests.slice(0, 1),
      clusters: clusters.map((name) => ({ name, agentJobs: known([]), quotas: { value: rooms[name] ?? [] } })),
    });
  const where = (observed: Observed): readonly string[] =>
    plan(observed, { clusters }).actions.flatMap((action) => (action.kind === 'create' ? action.cluster : []));

  it.each([
    { name: 'the preferred one where both have room', rooms: {}, want: [first] },
    { name: 'the other one where the preferred one is full', rooms: { [first]: [{ pods: 0 }] }, want: [second] },
    {
      name: 'the other one where the preferred one has too little of one thing',
      rooms: { [first]: [{ pods: 5 }, { 'requests.cpu': 0.5 }], [second]: [{ pods: 1 }] },
      want: [second],
    },
    { name: 'none where both are full', rooms: { [first]: [{ pods: 0 }], [second]: [{ jobs: 0 }] }, want: [] },
  ])('takes $name', ({ rooms, want }) => {
    expect(where(inClusters(rooms))).toEqual(want);
  });

  it('takes no cluster whose Jobs are unknown, whatever room it had', () => {
    const observed = inClusters({ [second]: [{ pods: 0 }] });
    const out = { name: first, agentJobs: unknown('timeout'), quotas: { value: [] } } as const;
    const left = observed.clusters.filter(({ name }) => name !== first);
    const { skips } = plan({ ...observed, clusters: [out, ...left] }, { clusters });
    expect(skips).toEqual([{ requestId: 1, reason: 'atQuota', detail: template.name }]);
  });

  it('takes what a quota left last while it cannot be read, and no limit where it never was', () => {
    const read = (value: readonly Amounts[] | undefined) =>
      decided(
        anObserved({
          requests,
          clusters: [{ name: 'primary', agentJobs: known([]), quotas: { value, error: 'forbidden' } }],
        }),
      );
    expect([read([{ pods: 1 }]), read(undefined)]).toEqual([rest([1]), rest([1, 2, 3])]);
  });
});
