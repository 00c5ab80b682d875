/** Which image new agents get, and what agents of a candidate show, in whole plans. */
import { describe, expect, it } from 'vitest';
import type { Agent } from '../../../../shared/domain/agent.ts';
import type { AgentJob } from '../../../../shared/domain/agentJob.ts';
import { pinned } from '../../../../shared/domain/imagePolicy.ts';
import { type ImageState, imageShort } from '../../../../shared/domain/imageState.ts';
import { minutesMs } from '../../../../shared/domain/instant.ts';
import { unknown } from '../../../../shared/domain/read.ts';
import type { PoolPolicy } from '../../../../shared/domain/template.ts';
import type { Plan } from '../../../../shared/plan/plan.ts';
import {
  aControl,
  aJobRequest,
  anAgent,
  anAgentJob,
  anObserved,
  aPlaceholder,
  type Given,
  minutesAgo,
  noon,
} from '../../../support/builders.ts';
import { anImagePolicy, anImageState, digest } from '../../../support/images.ts';
import { plan } from '../../../support/plans.ts';
import { aTemplate } from '../../../support/policyBuilders.ts';

const [a, b, c] = [digest('a'), digest('b'), digest('c')];
const image = anImagePolicy();
const ref = (of: string): string => pinned(image, { digest: of }) ?? '';
const since = minutesAgo(30);
const trying: ImageState = anImageState({ candidate: { digest: b, version: '5.279.0', since, proven: [] } });
const templates = [aTemplate({ image: ref(a), rebuilt: image.name })];

const planned = (state: ImageState, given: Given = {}, changed: Partial<PoolPolicy> = {}): Plan => {
  const control = { value: aControl({ images: new Map([[imageShort(image.name), state]]) }) };
  return plan(anObserved({ control, ...given }), { templates, images: [image], ...changed });
};

/** The images of the agents that a plan makes, by the last digit; a star = it tries a candidate. */
const made = ({ actions }: Plan): readonly string[] =>
  actions.flatMap((action) =>
    action.kind === 'create' ? [`${action.template.image.slice(-1)}${action.candidate === undefined ? '' : '*'}`] : [],
  );

const noted = ({ actions }: Plan): readonly string[] =>
  actions.flatMap((action) =>
    action.kind === 'noteImage'
      ? action.changes.map((change) =>
          change.kind === 'proved' ? `proved ${change.agents.join(',')}` : `rolledBack ${change.reason}`,
        )
      : [],
  );

const requests = [1, 2, 3].map((id) => aJobRequest({ id }));
const trial = (overrides: Partial<AgentJob> = {}): AgentJob =>
  anAgentJob({
    image: ref(b),
    candidate: since,
    purpose: { kind: 'request', requestId: 77, attempt: 1 },
    ...overrides,
  });
const tombstone = (overrides: Partial<AgentJob> = {}): AgentJob =>
  trial({ phase: 'tombstone', reason: 'neverStarted', phaseAt: minutesAgo(1), suspended: true, ...overrides });

describe('new agents', () => {
  it.each([
    { name: 'run what the configuration says where nothing is known', state: anImageState(), want: ['a', 'a', 'a'] },
    { name: 'run the image in force', state: anImageState({ inForce: { digest: c, since } }), want: ['c', 'c', 'c'] },
    {
      name: 'run what the configuration says where people went back to it',
      state: anImageState({ inForce: { digest: 'configured', since } }),
      want: ['a', 'a', 'a'],
    },
    { name: 'try a candidate, one of them', state: trying, want: ['b*', 'a', 'a'] },
    {
      name: 'try a candidate beside the image in force',
      state: { ...trying, inForce: { digest: c, since: since - 1 } },
      want: ['b*', 'c', 'c'],
    },
  ])('$name', ({ state, want }) => {
    expect(made(planned(state, { requests }))).toEqual(want);
  });

  it.each([
    { name: 'is being created', given: [trial({ phase: 'creating', createBy: noon + 60_000, suspended: true })] },
    { name: 'runs', given: [trial()] },
    { name: 'is ending, though nobody knows why', given: [trial({ phase: 'retiring', reason: 'surplus' })] },
  ])('do not try it while another one $name', ({ given }) => {
    const busy = given.map((agentJob) => ({ ...agentJob, agentId: 900 }));
    expect(made(planned(trying, { requests, agentJobs: busy })).filter((each) => each.startsWith('b'))).toEqual([]);
  });

  it('try it anew where an agent of it ended without having shown anything', () => {
    const agentJobs = [
      tombstone({ reason: 'surplus' }),
      tombstone({ reason: 'neverStarted', detail: 'unschedulable: no node' }),
    ];
    expect(made(planned(trying, { requests, agentJobs }))).toEqual(['b*', 'a', 'a']);
  });

  it.each([
    { name: 'a cluster is out of reach', given: { clusters: [] as const, quotas: [] } },
    {
      name: 'the control map cannot be read',
      given: {
        control: {
          value: aControl({ images: new Map([[imageShort(image.name), trying]]) }),
          error: 'timeout' as const,
        },
      },
    },
  ])('do not try it while $name', ({ given }) => {
    const clusters = ['primary', 'secondary'].map((name, index) => ({
      name,
      agentJobs: index === 0 ? ({ known: true, value: [] } as const) : unknown('timeout'),
      quotas: { value: [] },
    }));
    const observed = 'clusters' in given ? { clusters } : given;
    expect(made(planned(trying, { requests, ...observed }))).toEqual(['a', 'a', 'a']);
  });

  it('are not made of what the tag happens to stand for while nobody can tell what is in force', () => {
    const warm = anAgentJob({ image: ref(c), purpose: { kind: 'warm', slot: 0, minute: 1 }, agentId: 900 });
    const agents = [anAgent({ id: 900, name: warm.name }), aPlaceholder(templates[0])];
    const given = { control: { value: undefined, error: 'timeout' as const }, agents, agentJobs: [warm] };
    const schedule = [{ template: 'linux', count: 1, weekdays: [0, 1, 2, 3, 4, 5, 6], from: 0, to: 0, zone: 'UTC' }];
    const idle = planned(trying, given, { warm: schedule as PoolPolicy['warm'] });
    expect(idle.actions.map(({ kind }) => kind)).toEqual([]);
    const asked = planned(trying, { ...given, requests: [2, 3].map((id) => aJobRequest({ id })) });
    expect(made(asked)).toEqual([]);
    expect(asked.skips.map(({ reason }) => reason)).toContain('agentVersionUnknown');
    expect(asked.alarms.map(({ reason }) => reason).filter((reason) => reason.startsWith('image'))).toEqual([]);
  });

  it.each([
    {
      name: 'run it from where it was pushed',
      allowed: ['registry.contoso.example/*', 'old.example/agent'],
      want: `old.example/agent@${c}`,
    },
    {
      name: 'run the tag of the new place where the old one is no longer allowed',
      allowed: ['registry.contoso.example/*'],
      want: ref(a),
    },
  ])('$name after the configuration names another repository', ({ allowed, want }) => {
    const state = anImageState({ inForce: { digest: c, since, from: 'old.example/agent' } });
    const images = [anImagePolicy({ allowedRepositories: allowed })];
    const { actions } = planned(state, { requests }, { images });
    const ran = actions.flatMap((action) => (action.kind === 'create' ? [action.template.image] : []));
    expect(ran).toEqual([want, want, want]);
  });

  it.each([
    { name: 'the last good one where people removed what was in force', good: [c], want: ['c', 'c', 'c'] },
    { name: 'what the configuration says where there is none', good: [], want: ['a', 'a', 'a'] },
  ])('run $name', ({ good, want }) => {
    const state = anImageState({ good: good.map((each) => ({ digest: each, since })) });
    expect(made(planned(state, { requests }))).toEqual(want);
  });

  it.each([
    { name: 'a candidate with that version', version: '5.279.0', want: ['b*'] },
    { name: 'no candidate of an older one', version: '4.0.0', want: ['a'] },
  ])('that are asked for a least version of the agent try $name', ({ version, want }) => {
    const state = anImageState({ candidate: { digest: b, version, since, proven: [] } });
    const demands = ['Agent.Version -gtVersion 5.0.0'];
    expect(made(planned(state, { requests: [aJobRequest({ demands })] }))).toEqual(want);
  });

  it('run the image that their request chose', () => {
    const node = `registry.contoso.example/node@${c}`;
    const chosen = templates.map((each) => ({ ...each, parameters: { cpu: [], memory: [], image: { node } } }));
    const request = aJobRequest({ demands: ['mayfly.image.node'] });
    const placeholder = aPlaceholder(chosen[0]);
    expect(made(planned(trying, { requests: [request], agents: [placeholder] }, { templates: chosen }))).toEqual(['c']);
  });

  it('are promised under the name of the configured image with the one in force', () => {
    const named = templates.map((each) => ({ ...each, parameters: { cpu: [], memory: [], image: { own: ref(a) } } }));
    const state = anImageState({ inForce: { digest: c, since } });
    const request = aJobRequest({ demands: ['mayfly.image.own'] });
    expect(made(planned(state, { requests: [request] }, { templates: named }))).toEqual(['c']);
  });

  it('do not try what a cluster has refused to create', () => {
    const refusals = new Map([['primary/linux (candidate)', { until: noon + 1000, why: 'policy' }]]);
    expect(made(planned(trying, { requests, refusals }))).toEqual(['a', 'a', 'a']);
  });

  it('do not try it by an older configuration', () => {
    const control = { value: aControl({ generation: 2, images: new Map([[imageShort(image.name), trying]]) }) };
    expect(made(planned(trying, { requests, control }, { generation: 1 }))).toEqual(['a', 'a', 'a']);
  });
});

describe('agents of a candidate', () => {
  it.each([
    { name: 'never started', given: tombstone(), want: ['rolledBack neverStarted'] },
    {
      name: 'is being ended for that',
      given: trial({ phase: 'retiring', reason: 'neverStarted', detail: 'imagePull' }),
      want: ['rolledBack neverStarted'],
    },
    { name: 'went offline', given: tombstone({ reason: 'wentOffline' }), want: ['rolledBack wentOffline'] },
    {
      name: 'is refused work for its version',
      given: tombstone({ reason: 'updatePending' }),
      want: ['rolledBack updatePending'],
    },
    { name: 'found no node', given: tombstone({ detail: 'unschedulable: 0/3 nodes' }), want: [] },
    { name: 'fell back', given: tombstone({ reason: 'fellBack' }), want: [] },
    { name: 'was taken away with its node', given: tombstone({ reason: 'disrupted' }), want: [] },
    { name: 'was of an earlier candidate of the same image', given: tombstone({ candidate: since - 1 }), want: [] },
    { name: 'ran what is in force', given: tombstone({ image: ref(a) }), want: [] },
    { name: 'served', given: tombstone({ reason: 'finished', served: 77 }), want: [`proved ${tombstone().name}`] },
    {
      name: 'lost its job',
      given: tombstone({ reason: 'ended', lost: { requestId: 77, jobId: 'j', at: minutesAgo(2) } }),
      want: [],
    },
  ])('that $name', ({ given, want }) => {
    expect(noted(planned(trying, { agentJobs: [given] }))).toEqual(want);
  });

  it('have come through as soon as the server says so, in the last look that sees them', () => {
    const agentJob = trial({ agentId: 900 });
    const agent: Agent = anAgent({ id: 900, name: agentJob.name, online: false, lastCompletedRequest: { id: 77 } });
    expect(noted(planned(trying, { agentJobs: [agentJob], agents: [agent] }))).toEqual([`proved ${agentJob.name}`]);
  });

  it('that have been written down are not written down again', () => {
    const state = anImageState({ candidate: { digest: b, since, proven: [tombstone().name] } });
    expect(noted(planned(state, { agentJobs: [tombstone({ reason: 'finished', served: 77 })] }))).toEqual([]);
  });

  it('bring it into force for the very plan that sees enough of them', () => {
    const state = anImageState({ candidate: { digest: b, version: '5.279.0', since, proven: ['x'] } });
    const agentJobs = [tombstone({ reason: 'finished', served: 77 })];
    const result = planned(state, { requests, agentJobs });
    expect(made(result)).toEqual(['b', 'b', 'b']);
    expect(noted(result)).toEqual([`proved ${tombstone().name},x`]);
  });

  it('that do not start end it for the very plan that sees them, and their request waits for nothing', () => {
    const agentJobs = [tombstone({ purpose: { kind: 'request', requestId: 1, attempt: 1 }, phaseAt: noon })];
    const result = planned(trying, { requests, agentJobs });
    expect(made(result)).toEqual(['a', 'a', 'a']);
    expect(result.skips).toEqual([]);
    expect(result.alarms).toContainEqual({
      reason: 'imageRolledBack',
      subject: 'linux',
      detail: `${b.slice(0, 19)}: neverStarted`,
    });
  });

  it('never open the breaker of their template', () => {
    const agentJobs = [11, 12, 13, 14].map((requestId) =>
      tombstone({ purpose: { kind: 'request', requestId, attempt: 1 } }),
    );
    const state = { ...trying, inForce: { digest: a, since: since - 1 } };
    const { alarms } = planned(state, { requests, agentJobs });
    expect(alarms.map(({ reason }) => reason)).toEqual(['imageRolledBack']);
  });

  it('are remembered until that has surely been written down', () => {
    const isBuried = (ageMinutes: number): boolean => {
      const agentJobs = [tombstone({ phaseAt: minutesAgo(ageMinutes) })];
      const { actions } = planned(trying, { agentJobs }, { keepFailed: { forMs: 0, most: 0 } });
      return actions.some(({ kind }) => kind === 'bury');
    };
    expect([1, 60].map(isBuried)).toEqual([false, true]);
  });
});

describe('what is told of images', () => {
  const built = (hoursAgo: number) => ({
    digest: c,
    since: noon - minutesMs(1),
    builtAt: noon - minutesMs(hoursAgo * 60),
  });
  it.each([
    { name: 'nothing of one that is young', state: anImageState({ inForce: built(24 * 21) }), want: [] },
    {
      name: 'that it is old',
      state: anImageState({ inForce: built(24 * 22) }),
      want: ['imageOld: built 528 hours ago'],
    },
    { name: 'that none has ever been in force', state: anImageState(), want: ['imageOld: none is in force'] },
    {
      name: 'that none was ever built, though that was tried',
      state: anImageState({ build: { key: 'k', state: 'failed', try: 2, since, reason: 'failed' } }),
      want: ['imageOld: none is in force', 'imageBuildFailed: k: failed'],
    },
    {
      name: 'the age since it came into force of one that says to be of the future',
      state: anImageState({
        inForce: { digest: c, since: noon - minutesMs(60 * 24 * 22), builtAt: noon + minutesMs(60) },
      }),
      want: ['imageOld: built 528 hours ago'],
    },
    {
      name: 'that its build failed twice',
      state: anImageState({
        inForce: built(1),
        build: { key: 'linux-2026-W10', state: 'failed', try: 2, since, reason: 'timedOut' },
      }),
      want: ['imageBuildFailed: linux-2026-W10: timedOut'],
    },
    {
      name: 'nothing of one that people rolled back',
      state: anImageState({ inForce: built(1), rolledBack: [{ digest: b, since: noon, reason: 'requested' }] }),
      want: [],
    },
    {
      name: 'nothing of one that failed before the present one came into force',
      state: anImageState({
        inForce: built(1),
        rolledBack: [{ digest: b, since: minutesAgo(2), reason: 'neverStarted' }],
      }),
      want: [],
    },
    {
      name: 'that somebody else pushed one',
      state: anImageState({ inForce: built(1), moved: { digest: b, since } }),
      want: [`imageMoved: ${image.reference} is ${b.slice(0, 19)}`],
    },
  ])('$name', ({ state, want }) => {
    expect(planned(state).alarms.map(({ reason, detail }) => `${reason}: ${detail}`)).toEqual(want);
  });
});
