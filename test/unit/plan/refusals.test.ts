/** Clusters that refuse to create agent jobs of a template. */
import { describe, expect, it } from 'vitest';
import { known } from '../../../shared/domain/read.ts';
import type { PoolPolicy } from '../../../shared/domain/template.ts';
import { clustersByPreference } from '../../../shared/plan/headroom.ts';
import { type Observed, type Refusing, refusalKey } from '../../../shared/plan/observed.ts';
import { aJobRequest, anObserved, nameFor, noon } from '../../support/builders.ts';
import { plan } from '../../support/plans.ts';
import { aTemplate } from '../../support/policyBuilders.ts';

const clusters = ['east', 'west'];
const [first = '', second = ''] = clustersByPreference(nameFor(1001), clusters);
const why = 'kubernetes: create jobs: forbidden';

const refusing = (until: number, ...keys: readonly string[]): ReadonlyMap<string, Refusing> =>
  new Map(keys.map((key) => [key, { until, why }]));
const ofLinux = (...names: readonly string[]): readonly string[] => names.map((name) => refusalKey(name, 'linux'));

function decided(refusals: Observed['refusals'], changed: Partial<PoolPolicy> = {}, quotas = {}) {
  const rooms: Readonly<Record<string, object>> = quotas;
  const observed = anObserved({
    requests: [aJobRequest()],
    clusters: clusters.map((name) => ({
      name,
      agentJobs: known([]),
      quotas: { value: rooms[name] === undefined ? [] : [{ pods: 0 }] },
    })),
    ...(refusals === undefined ? {} : { refusals }),
  });
  const { actions, skips, alarms } = plan(observed, { clusters, ...changed });
  const made = actions.flatMap((action) =>
    action.kind === 'create' ? `${action.template.name} in ${action.cluster}` : [],
  );
  return { made, skips, alarms };
}

const alarm = (subject: string) => ({ reason: 'createRefused', subject, detail: why });
const later = noon + 1;

describe('planPool: a cluster that refuses to create', () => {
  it.each([
    {
      name: 'is unknown where none was refused: the preferred one is taken',
      given: undefined,
      want: [`linux in ${first}`],
      told: [],
    },
    {
      name: 'is left for another one',
      given: refusing(later, ...ofLinux(first)),
      want: [`linux in ${second}`],
      told: ofLinux(first),
    },
    {
      name: 'is no matter where another one is preferred',
      given: refusing(later, ...ofLinux(second)),
      want: [`linux in ${first}`],
      told: ofLinux(second),
    },
    {
      name: 'is tried again once its pause is over, and then told of no more',
      given: refusing(noon, ...ofLinux(first, second)),
      want: [`linux in ${first}`],
      told: [],
    },
    {
      name: 'refuses one template alone',
      given: refusing(later, refusalKey(first, 'windows')),
      want: [`linux in ${first}`],
      told: [refusalKey(first, 'windows')],
    },
  ])('$name', ({ given, want, told }) => {
    expect(decided(given)).toEqual({ made: want, skips: [], alarms: told.map(alarm) });
  });

  it('keeps the request waiting where all refuse, with the words of each', () => {
    const names = ofLinux('east', 'west');
    const skip = { requestId: 1001, reason: 'createRefused', detail: 'linux' };
    expect(decided(refusing(later, ...names))).toEqual({ made: [], skips: [skip], alarms: names.map(alarm) });
  });

  it('leaves the request to another template', () => {
    const other = aTemplate({ name: 'other', cost: 9 });
    const { made, skips } = decided(refusing(later, ...ofLinux('east', 'west')), {
      templates: [aTemplate(), other],
    });
    expect([made.map((each) => each.split(' ')[0]), skips]).toEqual([['other'], []]);
  });

  it('is not waited for where the other one is full: that one has room in time', () => {
    const { made, skips } = decided(refusing(later, ...ofLinux(first)), {}, { [second]: 'full' });
    expect([made, skips.map(({ reason }) => reason)]).toEqual([[], ['atQuota']]);
  });
});
