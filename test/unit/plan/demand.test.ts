import { describe, expect, it } from 'vitest';
import { isAtLeastVersion, offerOf, parseDemand, unmetDemands } from '../../../shared/domain/demand.ts';

describe('parseDemand', () => {
  it.each([
    { name: 'a bare name asks for existence', given: 'docker', want: { kind: 'exists', name: 'docker' } },
    { name: 'white space around it is no part of it', given: '  docker ', want: { kind: 'exists', name: 'docker' } },
    {
      name: '-equals asks for a value',
      given: 'size -equals large one',
      want: { kind: 'equals', name: 'size', value: 'large one' },
    },
    {
      name: 'operators are case-blind',
      given: 'size -EQUALS large',
      want: { kind: 'equals', name: 'size', value: 'large' },
    },
    {
      name: '-gtVersion asks for a minimum',
      given: 'Agent.Version -gtVersion 2.163.1',
      want: { kind: 'minimumVersion', name: 'Agent.Version', version: '2.163.1' },
    },
    { name: 'an unknown operator is not of the grammar', given: 'size -like l*', want: undefined },
    { name: 'an operator without value is not of the grammar', given: 'size -equals', want: undefined },
    { name: 'two words without operator are not of the grammar', given: 'size large', want: undefined },
    { name: 'nothing is not of the grammar', given: '  ', want: undefined },
  ])('$name', ({ given, want }) => {
    expect(parseDemand(given)).toEqual(want);
  });
});

describe('isAtLeastVersion', () => {
  it.each([
    { name: 'an equal version is enough', offered: '2.163.1', minimum: '2.163.1', want: true },
    { name: 'parts compare as numbers', offered: '2.1000.0', minimum: '2.999.9', want: true },
    { name: 'a missing part counts as zero', offered: '5.278', minimum: '5.278.0', want: true },
    { name: 'a suffix of the offered version is cut off', offered: '5.278.0-preview', minimum: '5.278.0', want: true },
    { name: 'a lower version is not enough', offered: '2.163.0', minimum: '2.163.1', want: false },
    { name: 'an unparsable offer never matches', offered: 'latest', minimum: '1.0', want: false },
    { name: 'an unparsable minimum never matches', offered: '5.0', minimum: 'x', want: false },
  ])('$name', ({ offered, minimum, want }) => {
    expect(isAtLeastVersion(offered, minimum)).toBe(want);
  });
});

describe('unmetDemands', () => {
  const offer = offerOf({ Docker: '27', size: 'Large', 'Agent.Version': '5.278.0' });
  it.each([
    { name: 'no demands are always met', given: [], want: [] },
    { name: 'names are case-blind', given: ['dOCKER'], want: [] },
    { name: 'values of -equals are case-blind', given: ['SIZE -equals LARGE'], want: [] },
    { name: 'a minimum version below the offer is met', given: ['Agent.Version -gtVersion 2.182.1'], want: [] },
    {
      name: 'what is missing is named as written',
      given: ['docker', 'java', 'size -equals small'],
      want: ['java', 'size -equals small'],
    },
    { name: 'an unparsable demand is unmet', given: ['size ?'], want: ['size ?'] },
  ])('$name', ({ given, want }) => {
    expect(unmetDemands(offer, given)).toEqual(want);
  });
});
