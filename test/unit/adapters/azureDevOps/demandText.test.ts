import { describe, expect, it } from 'vitest';
import { demandText } from '../../../../shared/adapters/azureDevOps/demandText.ts';
import { parseDemand } from '../../../../shared/domain/demand.ts';

describe('demandText', () => {
  it.each([
    { name: 'a text as it is', given: 'docker -equals 27', want: 'docker -equals 27' },
    { name: 'a text that is no demand as it is', given: 'a b', want: 'a b' },
    { name: 'a name alone', given: { name: 'docker' }, want: 'docker' },
    { name: 'a name with null', given: { name: 'docker', value: null }, want: 'docker' },
    { name: 'a name with nothing', given: { name: 'docker', value: '' }, want: 'docker' },
    { name: 'a name with a value', given: { name: 'os', value: 'Windows 11' }, want: 'os -equals Windows 11' },
    {
      name: 'what has a source as a minimum',
      given: { name: 'node', value: '24.1', source: { sourceName: 'NodeTool' } },
      want: 'node -gtVersion 24.1',
    },
    {
      name: 'the version that every job demands as a minimum',
      given: { name: 'agent.version', value: '2.163.1' },
      want: 'agent.version -gtVersion 2.163.1',
    },
  ])('reads $name', ({ given, want }) => {
    expect(demandText(given)).toBe(want);
  });

  it.each([
    { name: 'null', given: null },
    { name: 'a number', given: 17 },
    { name: 'a list', given: ['docker'] },
    { name: 'no name', given: { value: '27' } },
    { name: 'a name that would be read as an expression', given: { name: 'docker -equals 27' } },
    { name: 'a value that is no text', given: { name: 'docker', value: 27 } },
    { name: 'nothing at all', given: undefined },
  ])('makes of $name a text that is no demand', ({ given }) => {
    const text = demandText(given);
    expect(text).toMatch(/^\(unreadable demand\) /);
    expect(parseDemand(text)).toBeUndefined();
  });
});
