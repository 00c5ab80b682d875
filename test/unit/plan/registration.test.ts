import { describe, expect, it } from 'vitest';
import type { Control } from '../../../shared/domain/control.ts';
import { registrationOf } from '../../../shared/plan/registration.ts';
import { aControl, aJobRequest, anObserved, type Given } from '../../support/builders.ts';
import { plan } from '../../support/plans.ts';

const works = aControl({ jit: 'works' });
const fails = aControl({ jit: 'fails' });
const unprobed = aControl();

describe('registrationOf', () => {
  const answers = (registration: 'auto' | 'jit' | 'initConfig', hasRegistrationCredential: boolean) =>
    [works, fails, unprobed, undefined].map((control) =>
      registrationOf({ registration, hasRegistrationCredential }, control),
    );

  const all = (one: 'jit' | 'initConfig') => [one, one, one, one];
  it.each<{ name: string; given: Parameters<typeof answers>; want: readonly string[] }>([
    {
      name: 'auto with a credential goes by the probe: jit where it works alone',
      given: ['auto', true],
      want: ['jit', 'initConfig', 'initConfig', 'initConfig'],
    },
    { name: 'auto without a credential has no choice', given: ['auto', false], want: all('jit') },
    { name: 'jit is jit whatever the probe found', given: ['jit', true], want: all('jit') },
    { name: 'jit needs no credential', given: ['jit', false], want: all('jit') },
    { name: 'initConfig is that whatever the probe found', given: ['initConfig', true], want: all('initConfig') },
    {
      name: 'initConfig without a credential stays that, and its creations say what is missing',
      given: ['initConfig', false],
      want: all('initConfig'),
    },
  ])('$name', ({ given, want }) => {
    expect(answers(...given)).toEqual(want);
  });
});

describe('planPool: who registers', () => {
  const auto = { registration: 'auto', hasRegistrationCredential: true } as const;
  const allDay = { weekdays: [0, 1, 2, 3, 4, 5, 6], from: 0, to: 1440, zone: 'UTC' } as const;
  const warm = [{ template: 'linux', count: 1, ...allDay }];
  const control = (value: Control): Given => ({ control: { value } });
  it.each<{ name: string; given: Given; want: string }>([
    { name: 'the control plane, once the probe has passed', given: control(works), want: 'jit' },
    { name: 'an init container before that', given: control(unprobed), want: 'initConfig' },
    { name: 'an init container where it failed', given: control(fails), want: 'initConfig' },
    {
      name: 'the control plane while the map cannot be read but told so last',
      given: { control: { value: works, error: 'timeout' } },
      want: 'jit',
    },
    {
      name: 'an init container while the map never could be read',
      given: { control: { value: undefined, error: 'timeout' } },
      want: 'initConfig',
    },
  ])('of requests and warm agents alike: $name', ({ given, want }) => {
    const { actions } = plan(anObserved({ requests: [aJobRequest()], ...given }), { ...auto, warm });
    const made = actions.flatMap((action) =>
      action.kind === 'create' ? [[action.purpose.kind, action.registration]] : [],
    );
    expect(made).toEqual([
      ['request', want],
      ['warm', want],
    ]);
  });
});
