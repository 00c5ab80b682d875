import { describe, expect, it } from 'vitest';
import { DemandSets, lookup } from '../../../../infra/local/azureDevOps/demands.ts';

const capabilities = { docker: '27.1', 'Agent.OS': 'Linux', 'Agent.Version': '5.278.0-preview', empty: '' };

interface Case {
  readonly given: string;
  readonly want: boolean;
}

const cases: readonly Case[] = [
  { given: 'docker', want: true },
  { given: 'DOCKER', want: true },
  { given: 'empty', want: true },
  { given: 'gpu', want: false },
  { given: 'Agent.OS -equals linux', want: true },
  { given: 'agent.os -equals Windows_NT', want: false },
  { given: 'gpu -equals 1', want: false },
  { given: 'Agent.Version -gtVersion 5.278.0', want: true },
  { given: 'Agent.Version -gtVersion 2.163.1', want: true },
  { given: 'Agent.Version -gtVersion 5.279', want: false },
  { given: 'Agent.OS -gtVersion 1.0', want: false },
  { given: 'docker -gtVersion 27.1', want: true },
  { given: 'docker -gtVersion 27.1.0', want: false },
  { given: 'docker -like 27', want: false },
];

describe('demands', () => {
  it.each(cases)('$given is $want', ({ given, want }) => {
    expect(new DemandSets().of([given]).satisfiedBy(lookup(capabilities))).toBe(want);
  });

  it('must all be satisfied; none is satisfied by every agent', () => {
    const sets = new DemandSets();
    expect(sets.of(['docker', 'gpu']).satisfiedBy(lookup(capabilities))).toBe(false);
    expect(sets.of([]).satisfiedBy(lookup({}))).toBe(true);
  });

  it('are parsed once for equal lists', () => {
    const sets = new DemandSets();
    expect(sets.of(['docker', 'gpu'])).toBe(sets.of(['docker', 'gpu']));
  });
});
