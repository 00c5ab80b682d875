import { describe, expect, it } from 'vitest';
import type { Agent } from '../../../shared/domain/agent.ts';
import { absentKey, type Control, generationKey } from '../../../shared/domain/control.ts';
import { placeholderName, templateShort } from '../../../shared/domain/names.ts';
import { unknown } from '../../../shared/domain/read.ts';
import type { PoolPolicy } from '../../../shared/domain/template.ts';
import { scopeOf } from '../../../shared/plan/view.ts';
import {
  aControl,
  anAgent,
  anAgentJob,
  anObserved,
  aPlaceholder,
  type Given,
  minutesAgo,
  noon,
  policy,
  template,
} from '../../support/builders.ts';
import { plan, told } from '../../support/plans.ts';
import { aTemplate } from '../../support/policyBuilders.ts';

const gone = aTemplate({ name: 'gone' });
const short = templateShort('gone');
const key = absentKey(short);
const name = placeholderName(scopeOf(policy), 'gone');
const orphan: Agent = aPlaceholder(gone, { id: 99 });

const since = (minutes: number, rest: Partial<Control> = {}): Partial<Control> => ({
  absentSince: new Map([[short, minutesAgo(minutes)]]),
  ...rest,
});

function seen(given: Given, control: Partial<Control>, changed: Partial<PoolPolicy> = {}): readonly string[] {
  const observed = anObserved({ agents: [orphan], control: { value: aControl(control) }, ...given });
  return plan(observed, changed).actions.map(told);
}

const noted = `noteControl ${key}=${noon}`;
const deleted = `deletePlaceholder ${name}`;

describe('planPool: a placeholder whose template left the configuration', () => {
  const working = anAgentJob({ template: 'gone', agentId: 77 });
  it.each<{
    name: string;
    given?: Given;
    control?: Partial<Control>;
    changed?: Partial<PoolPolicy>;
    want: readonly string[];
  }>([
    { name: 'is noted first', want: [noted] },
    { name: 'stays for a while', control: since(14), want: [] },
    { name: 'stays for a quarter of an hour', control: since(15), want: [] },
    { name: 'goes after it', control: { absentSince: new Map([[short, minutesAgo(15) - 1]]) }, want: [deleted] },
    {
      name: 'stays while an agent job of the template is left',
      given: { agentJobs: [working] },
      control: since(60),
      want: [],
    },
    {
      name: 'stays while one is being retired',
      given: { agentJobs: [{ ...working, phase: 'retiring', reason: 'finished' }] },
      control: since(60),
      want: [`retire ${working.name} finished`],
    },
    {
      name: 'goes while a tombstone is left',
      given: { agentJobs: [{ ...working, phase: 'tombstone', suspended: true, phaseAt: noon, served: 1001 }] },
      control: since(60),
      want: [`bury ${working.name}`, deleted],
    },
    {
      name: 'is no matter of an older configuration than the newest that looked',
      control: since(60, { generation: 8 }),
      changed: { generation: 7 },
      want: [],
    },
    {
      name: 'is no matter of a configuration without a number where one with a number looked',
      control: since(60, { generation: 8 }),
      want: [],
    },
    {
      name: 'goes by the newest configuration',
      control: since(60, { generation: 8 }),
      changed: { generation: 8 },
      want: [deleted],
    },
    {
      name: 'is noted where some cluster has no control map, which is made',
      control: since(5, { isMissing: true }),
      want: ['noteControl'],
    },
    {
      name: 'is told of together with a newer configuration',
      control: { generation: 8 },
      changed: { generation: 9 },
      want: [`noteControl ${key}=${noon} ${generationKey}=9`],
    },
    {
      name: 'goes by a newer configuration, which is noted',
      control: since(60, { generation: 8 }),
      changed: { generation: 9 },
      want: [`noteControl ${generationKey}=9`, deleted],
    },
    {
      name: 'is kept when its template came back, and the note is removed',
      control: since(60),
      changed: { templates: [template, gone] },
      want: [`noteControl ${key}=gone`],
    },
    {
      name: 'is forgotten when it is gone, and the note is removed',
      given: { agents: [] },
      control: since(60),
      want: [`noteControl ${key}=gone`],
    },
  ])('$name', ({ given = {}, control = {}, changed, want }) => {
    expect(seen(given, control, changed)).toEqual(want);
  });

  it.each<{ name: string; given: Given }>([
    { name: 'the control map cannot be read', given: { control: { value: aControl(since(60)), error: 'timeout' } } },
    { name: 'it never could', given: { control: { value: undefined, error: 'timeout' } } },
    {
      name: 'a cluster is out of reach',
      given: { clusters: [{ name: 'primary', agentJobs: unknown('timeout'), quotas: { value: [] } }] },
    },
  ])('is neither noted nor deleted while $name', ({ given }) => {
    const actions = [seen(given, since(60)), seen(given, {}, { generation: 9 })];
    expect(actions).toEqual([[], []]);
  });

  it('is neither enabled, repaired nor counted as supply or ghost', () => {
    const forlorn = aPlaceholder(gone, { id: 99, enabled: false, capabilities: {}, createdAt: minutesAgo(900) });
    expect(seen({ agents: [forlorn] }, since(5))).toEqual([]);
  });

  it('is told from those of other pools and installations, which are never touched', () => {
    const foreign = ['7-p-abcdef', '8-p-abcdef'].map((rest, index) =>
      anAgent({ id: 200 + index, name: `mf-else-abcd-${rest}`, online: false }),
    );
    expect(seen({ agents: foreign }, {})).toEqual([]);
  });

  it('is one of several, each with its time', () => {
    const other = aTemplate({ name: 'other' });
    const control = { absentSince: new Map([[templateShort('other'), minutesAgo(20)]]) };
    expect(seen({ agents: [orphan, aPlaceholder(other, { id: 98 })] }, control)).toEqual([
      noted,
      `deletePlaceholder ${placeholderName(scopeOf(policy), 'other')}`,
    ]);
  });
});

describe('planPool: the generation of the configuration', () => {
  it.each([
    { name: 'is noted where none is', generation: 3, noted: undefined, want: [`noteControl ${generationKey}=3`] },
    { name: 'is noted where an older one is', generation: 3, noted: 2, want: [`noteControl ${generationKey}=3`] },
    { name: 'is noted once', generation: 3, noted: 3, want: [] },
    { name: 'is not noted over a newer one', generation: 3, noted: 4, want: [] },
    { name: 'is not noted where it has none', generation: undefined, noted: undefined, want: [] },
  ])('$name', ({ generation, noted: there, want }) => {
    const control = there === undefined ? {} : { generation: there };
    expect(seen({ agents: [] }, control, generation === undefined ? {} : { generation })).toEqual(want);
  });
});
