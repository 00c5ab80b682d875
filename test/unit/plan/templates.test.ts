import { describe, expect, it } from 'vitest';
import type { PoolPolicy, Template } from '../../../shared/domain/template.ts';
import { chooseTemplates, offersOf, type TemplateChoice } from '../../../shared/plan/templates.ts';
import { aJobRequest, anAgent, anObserved, nameFor } from '../../support/builders.ts';
import { plan } from '../../support/plans.ts';
import { aPoolPolicy, aTemplate } from '../../support/policyBuilders.ts';

const parameters = { cpu: ['2', '4'], memory: ['8Gi', '16Gi'], image: { node22: 'registry/agent@sha256:22' } };
const small = aTemplate({ name: 'small', cost: 1 });
const docker = aTemplate({ name: 'docker', cost: 2, capabilities: { docker: '27.1' } });
const full = aTemplate({ name: 'full', cost: 2, capabilities: { docker: '27.1', java: '21', gradle: '8' } });
const sized = aTemplate({ name: 'sized', cost: 3, parameters });

function choose(demands: readonly string[], templates: readonly Template[], changed: Partial<PoolPolicy> = {}) {
  const policy = aPoolPolicy({ templates, ...changed });
  return chooseTemplates({ demands }, offersOf(policy), policy);
}

/** The names of the candidates, best first, or the kind of the answer. */
const names = (choice: TemplateChoice): readonly string[] | string =>
  choice.kind === 'fits' ? choice.candidates.map(({ template }) => template.name) : choice.kind;

describe('chooseTemplates: the order of those that fit', () => {
  const all = [full, docker, small];
  it.each([
    { name: 'the cheapest comes first', demands: [], want: ['small', 'docker', 'full'] },
    { name: 'at equal cost the one with fewest extras', demands: ['docker'], want: ['docker', 'full'] },
    { name: 'what does not fit is left out', demands: ['java -gtVersion 17.0', 'docker'], want: 'none' },
    { name: 'a version is a minimum', demands: ['docker -gtVersion 26.0'], want: ['docker', 'full'] },
    { name: 'a value is case-blind', demands: ['agent.os -equals LINUX', 'JAVA -equals 21'], want: ['full'] },
  ])('$name', ({ demands, want }) => {
    expect(names(choose(demands, all))).toEqual(want);
  });

  it('goes by the order of the configuration where all else is equal', () => {
    const twins = ['b', 'a', 'c'].map((name) => aTemplate({ name }));
    expect(names(choose([], twins))).toEqual(['b', 'a', 'c']);
  });

  it.each([
    { name: 'a request without demands', demands: [], want: ['full', 'small', 'docker'] },
    {
      name: 'one that demands what every agent has',
      demands: ['Agent.Version -gtVersion 3.0.0', 'agent.os -equals linux', 'Agent.Name'],
      want: ['full', 'small', 'docker'],
    },
    { name: 'no request that demands more', demands: ['docker'], want: ['docker', 'full'] },
  ])('begins with the default template for $name', ({ demands, want }) => {
    expect(names(choose(demands, all, { defaultTemplate: 'full' }))).toEqual(want);
  });

  it('passes over a default template that does not fit', () => {
    const windows = aTemplate({ name: 'windows', os: 'windows' });
    expect(names(choose(['Agent.OS -equals Linux'], [small, windows], { defaultTemplate: 'windows' }))).toEqual([
      'small',
    ]);
  });
});

describe('chooseTemplates: parameters', () => {
  it.each([
    { name: 'none', demands: [], want: [{}, {}] },
    { name: 'a CPU', demands: ['mayfly.cpu.4'], want: [{ cpu: '4' }] },
    {
      name: 'one of each',
      demands: ['mayfly.cpu.2', 'mayfly.memory.16Gi', 'mayfly.image.node22'],
      want: [{ cpu: '2', memory: '16Gi', image: 'node22' }],
    },
    { name: 'whatever the case', demands: ['MayFly.CPU.4', 'mayfly.MEMORY.8GI'], want: [{ cpu: '4', memory: '8Gi' }] },
    { name: 'the same twice', demands: ['mayfly.cpu.4', 'Mayfly.Cpu.4'], want: [{ cpu: '4' }] },
    { name: 'as a value', demands: ['mayfly.cpu.4 -equals true'], want: [{ cpu: '4' }] },
  ])('takes what is chosen: $name', ({ demands, want }) => {
    const choice = choose(demands, [small, sized]);
    expect(choice.kind === 'fits' ? choice.candidates.map((each) => each.parameters) : choice).toEqual(want);
  });

  it.each([
    { name: 'two CPUs', demands: ['mayfly.cpu.2', 'docker', 'mayfly.cpu.4'], want: ['mayfly.cpu.2', 'mayfly.cpu.4'] },
    {
      name: 'one that is listed and one that is not',
      demands: ['mayfly.memory.8Gi', 'mayfly.memory.9Gi'],
      want: ['mayfly.memory.8Gi', 'mayfly.memory.9Gi'],
    },
  ])('calls $name contradictory', ({ demands, want }) => {
    expect(choose(demands, [sized])).toEqual({ kind: 'contradictory', demands: want });
  });

  it.each([
    {
      name: 'with the listed ones',
      demands: ['mayfly.cpu.64'],
      want: { demands: ['mayfly.cpu.64'], listed: ['mayfly.cpu.2', 'mayfly.cpu.4'] },
    },
    {
      name: 'of each parameter that is asked for',
      demands: ['mayfly.cpu.64', 'mayfly.image.node99', 'mayfly.memory.8Gi'],
      templates: [sized],
      want: {
        demands: ['mayfly.cpu.64', 'mayfly.image.node99'],
        listed: ['mayfly.cpu.2', 'mayfly.cpu.4', 'mayfly.image.node22'],
      },
    },
    {
      name: 'of those templates alone that would fit otherwise',
      demands: ['docker', 'mayfly.cpu.4'],
      want: { demands: ['mayfly.cpu.4'], listed: [] },
    },
    {
      name: 'of those that lack fewest: a value that one of them lists is not in the way',
      demands: ['mayfly.cpu.64', 'mayfly.memory.8Gi'],
      templates: [small, sized],
      want: { demands: ['mayfly.cpu.64'], listed: ['mayfly.cpu.2', 'mayfly.cpu.4'] },
    },
    {
      name: 'of all that lack as few',
      demands: ['mayfly.cpu.4', 'mayfly.memory.8Gi'],
      templates: [
        small,
        aTemplate({ name: 'fast', parameters: { cpu: ['4', '8'], memory: ['4Gi'], image: {} } }),
        aTemplate({ name: 'large', parameters: { cpu: ['2'], memory: ['8Gi'], image: {} } }),
      ],
      want: {
        demands: ['mayfly.cpu.4', 'mayfly.memory.8Gi'],
        listed: ['mayfly.cpu.2', 'mayfly.memory.8Gi', 'mayfly.cpu.4', 'mayfly.cpu.8', 'mayfly.memory.4Gi'],
      },
    },
  ])('knows values that no template lists, $name', ({ demands, templates = [docker, sized], want }) => {
    expect(choose(demands, templates)).toEqual({ kind: 'unknownParameter', ...want });
  });

  it('names what each template lacks where more than a value is in the way', () => {
    expect(choose(['mainframe', 'mayfly.cpu.64'], [small, sized])).toEqual({
      kind: 'none',
      verdicts: [
        { template: 'small', unmet: ['mainframe', 'mayfly.cpu.64'] },
        { template: 'sized', unmet: ['mainframe', 'mayfly.cpu.64'] },
      ],
    });
  });

  it('calls what is not of the grammar unparsable before all else', () => {
    const demands = ['a -like b', 'mayfly.cpu.2', 'mayfly.cpu.4'];
    expect(choose(demands, [sized])).toEqual({ kind: 'unparsable', demands: ['a -like b'] });
  });
});

describe('planPool: templates', () => {
  const templates = [small, sized];
  it('creates from the template with the chosen values in place, and writes them down', () => {
    const demands = ['mayfly.cpu.4', 'mayfly.image.node22'];
    const { actions } = plan(anObserved({ requests: [aJobRequest({ demands })] }), { templates });
    expect(actions.filter(({ kind }) => kind === 'create')).toEqual([
      {
        kind: 'create',
        name: nameFor(1001),
        cluster: 'primary',
        template: { ...sized, cpu: '4', image: 'registry/agent@sha256:22' },
        parameters: { cpu: '4', image: 'node22' },
        purpose: { kind: 'request', requestId: 1001, attempt: 1 },
        registration: 'jit',
      },
    ]);
  });

  it.each([
    {
      name: 'contradictory values',
      demands: ['mayfly.cpu.2', 'mayfly.cpu.4'],
      want: { reason: 'contradictoryParameters', detail: 'mayfly.cpu.2; mayfly.cpu.4' },
    },
    {
      name: 'an unknown value',
      demands: ['mayfly.cpu.64'],
      want: { reason: 'unknownParameter', detail: 'mayfly.cpu.64; listed: mayfly.cpu.2, mayfly.cpu.4' },
    },
    {
      name: 'demands that no template satisfies',
      demands: ['mainframe'],
      want: { reason: 'noTemplate', detail: 'small: mainframe; sized: mainframe' },
    },
    {
      name: 'a demand that cannot be read',
      demands: ['a -like b'],
      want: { reason: 'unparsableDemand', detail: 'a -like b' },
    },
  ])('skips a request with $name, and goes on with the others', ({ demands, want }) => {
    const requests = [aJobRequest({ id: 1, demands }), aJobRequest({ id: 2 })];
    const { actions, skips } = plan(anObserved({ requests }), { templates });
    expect({ skips, created: actions.flatMap((action) => (action.kind === 'create' ? action.name : [])) }).toEqual({
      skips: [{ requestId: 1, ...want }],
      created: [nameFor(2)],
    });
  });

  it.each([
    { name: 'before', order: [1, 2] },
    { name: 'after', order: [2, 1] },
  ])('does not take one demand with a line break for two, $name a request that has the two', ({ order }) => {
    const demands = [['docker\nssd'], ['docker', 'ssd']];
    const requests = order.map((id, index) => aJobRequest({ id, demands: demands[id - 1] ?? [], queuedAt: index }));
    const able = aTemplate({ name: 'able', capabilities: { docker: '27', ssd: '1' } });
    const { actions, skips } = plan(anObserved({ requests }), { templates: [able] });
    const made = actions.flatMap((action) => (action.kind === 'create' ? action.name : []));
    expect({ made, skips }).toEqual({
      made: [nameFor(2)],
      skips: [{ requestId: 1, reason: 'unparsableDemand', detail: 'docker\nssd' }],
    });
  });

  it.each([
    { name: 'before', order: [1, 2] },
    { name: 'after', order: [2, 1] },
  ])('serves with an idle agent the two demands, not the one with a line break, $name it', ({ order }) => {
    const demands = [['docker\nssd'], ['docker', 'ssd']];
    const requests = order.map((id, index) => aJobRequest({ id, demands: demands[id - 1] ?? [], queuedAt: index }));
    const idle = anAgent({ name: 'build-server', capabilities: { docker: '27', ssd: '1' } });
    expect([...plan(anObserved({ requests, agents: [idle] })).served]).toEqual([[2, 'build-server']]);
  });

  it('takes the next template that fits where the first has no room, and names what kept each when none has', () => {
    const requests = [1, 2, 3].map((id) => aJobRequest({ id }));
    const { actions, skips } = plan(anObserved({ requests }), {
      templates: [aTemplate({ name: 'small', maxAgents: 1 }), aTemplate({ name: 'large', cost: 9, maxAgents: 1 })],
    });
    expect(actions.flatMap((action) => (action.kind === 'create' ? action.template.name : []))).toEqual([
      'small',
      'large',
    ]);
    expect(skips).toEqual([
      {
        requestId: 3,
        reason: 'atTemplateLimit',
        detail: 'small',
        refusals: [
          { template: 'small', reason: 'atTemplateLimit' },
          { template: 'large', reason: 'atTemplateLimit' },
        ],
      },
    ]);
  });
});
