import { describe, expect, it } from 'vitest';
import {
  absentKey,
  type Control,
  isOn,
  mergeControls,
  noControl,
  readControl,
} from '../../../shared/domain/control.ts';
import { aControl, switched } from '../../support/builders.ts';

const strange = (key: string, found: string): string => `${key} must be true or false; found ${JSON.stringify(found)}`;
const absent = (entries: Readonly<Record<string, number>>): Partial<Control> => ({
  absentSince: new Map(Object.entries(entries)),
});

describe('readControl', () => {
  it.each([
    { name: 'an empty map says nothing', given: {}, want: {} },
    { name: 'a pool is paused', given: { paused: 'true' }, want: { paused: switched() } },
    { name: 'a pool is drained', given: { drained: 'true' }, want: { drained: switched() } },
    { name: 'a pool is not paused', given: { paused: 'false', drained: 'no' }, want: {} },
    {
      name: 'templates are paused by name, whatever it holds',
      given: { 'paused.linux': 'true', 'paused.gpu.large': 'true', 'paused.win': 'false' },
      want: { paused: switched('linux', 'gpu.large') },
    },
    { name: 'a template is drained', given: { 'drained.linux': 'true' }, want: { drained: switched('linux') } },
    {
      name: 'a pool and a template are told apart',
      given: { paused: 'false', 'paused.linux': 'true', drained: 'true', 'drained.linux': 'false' },
      want: { paused: switched('linux'), drained: switched() },
    },
    { name: 'keys that only begin alike are others', given: { pausedSince: 'noon', drainedBy: 'me' }, want: {} },
    { name: 'the generation is a number', given: { 'mayfly.generation': '42' }, want: { generation: 42 } },
    { name: 'another generation is none', given: { 'mayfly.generation': 'v2' }, want: {} },
    {
      name: 'absences are instants by the short name',
      given: { [absentKey('a1b2c3')]: '1700000000000', [absentKey('d4e5f6')]: 'yesterday' },
      want: absent({ a1b2c3: 1_700_000_000_000 }),
    },
    { name: 'keys of others are theirs', given: { image: 'sha256:1', status: 'fine' }, want: {} },
  ])('$name', ({ given, want }) => {
    expect(readControl(given)).toEqual(aControl(want));
  });

  it('says nothing but that it is missing where there is no map', () => {
    expect(readControl(undefined)).toEqual(aControl({ isMissing: true }));
  });

  it.each(['true', 'TRUE', 'True', 'yes', 'on', '1', ' true\n'])('takes %j for yes', (text) => {
    expect(readControl({ paused: text, 'drained.linux': text })).toEqual(
      aControl({ paused: switched(), drained: switched('linux') }),
    );
  });

  it.each(['false', 'FALSE', 'no', 'off', '0', '', ' '])('takes %j for no', (text) => {
    expect(readControl({ paused: text, 'drained.linux': text })).toEqual(noControl);
  });

  it.each(['tru', 'maybe', '2', 'null', '2026-01-01', 'true false'])(
    'pauses, but drains nothing, on %j, and says so',
    (text) => {
      expect(readControl({ paused: text, 'paused.gpu': text, drained: text, 'drained.linux': text })).toEqual(
        aControl({
          paused: { pool: true, templates: new Set(['gpu']) },
          problems: ['paused', 'paused.gpu', 'drained', 'drained.linux'].map((key) => strange(key, text)),
        }),
      );
    },
  );

  it('shows no more than the beginning of a long value', () => {
    expect(readControl({ paused: 'x'.repeat(5000) }).problems).toEqual([strange('paused', 'x'.repeat(40))]);
  });
});

describe('mergeControls', () => {
  it.each([
    { name: 'no map says nothing', given: [], want: {} },
    { name: 'one map says all', given: [aControl({ paused: switched('linux') })], want: { paused: switched('linux') } },
    {
      name: 'a switch is on where any map says so',
      given: [
        aControl({ paused: switched('linux'), drained: switched() }),
        aControl({ paused: switched(), drained: switched('gpu') }),
        noControl,
      ],
      want: {
        paused: { pool: true, templates: new Set(['linux']) },
        drained: { pool: true, templates: new Set(['gpu']) },
      },
    },
    {
      name: 'the newest generation counts',
      given: [aControl({ generation: 3 }), aControl({ generation: 7 }), noControl],
      want: { generation: 7 },
    },
    {
      name: 'an absence is as young as the youngest record of it',
      given: [aControl(absent({ aaaaaa: 100, bbbbbb: 900 })), aControl(absent({ aaaaaa: 500 }))],
      want: absent({ aaaaaa: 500, bbbbbb: 900 }),
    },
    {
      name: 'one that is missing is told',
      given: [noControl, aControl({ isMissing: true })],
      want: { isMissing: true },
    },
    {
      name: 'the problems of all are told',
      given: [aControl({ problems: ['one'] }), aControl({ problems: ['two'] })],
      want: { problems: ['one', 'two'] },
    },
  ])('$name', ({ given, want }) => {
    const merged = mergeControls(given);
    expect(merged).toEqual(aControl(want));
    expect(mergeControls(given.toReversed())).toEqual({ ...merged, problems: merged.problems.toReversed() });
  });
});

describe('isOn', () => {
  it.each([
    { name: 'the whole pool', given: switched(), want: [true, true] },
    { name: 'one template', given: switched('linux'), want: [true, false] },
    { name: 'nothing', given: noControl.paused, want: [false, false] },
  ])('tells $name', ({ given, want }) => {
    expect(['linux', 'gpu'].map((template) => isOn(given, template))).toEqual(want);
  });
});
