import { describe, expect, it } from 'vitest';
import { known, unknown } from '../../../shared/domain/read.ts';
import type { PoolPolicy } from '../../../shared/domain/template.ts';
import type { Alarm } from '../../../shared/plan/plan.ts';
import { aControl, anObserved, type Given, switched } from '../../support/builders.ts';
import { plan } from '../../support/plans.ts';

const needs = { claims: 0, wishes: [] };
const readable = { value: { total: 9, used: 0 } };

describe('planPool: alarms of a look', () => {
  it.each<{ name: string; given: Given; changed?: Partial<PoolPolicy>; want: readonly Alarm[] }>([
    { name: 'none where all was read', given: { parallelJobs: readable }, want: [] },
    {
      name: 'the parallel jobs',
      given: { parallelJobs: { ...readable, error: 'forbidden' } },
      want: [{ reason: 'parallelJobsUnknown', subject: 'forbidden' }],
    },
    {
      name: 'the parallel jobs where a number was configured',
      given: { parallelJobs: { value: undefined, error: 'forbidden' } },
      changed: { parallelJobs: 5 },
      want: [{ reason: 'parallelJobsUnknown', subject: 'forbidden' }],
    },
    {
      name: 'no parallel jobs where there is no limit',
      given: { parallelJobs: { value: undefined, error: 'forbidden' } },
      changed: { parallelJobs: 'unlimited' },
      want: [],
    },
    {
      name: 'the control map',
      given: { control: { value: undefined, error: 'timeout' } },
      want: [{ reason: 'controlUnknown', subject: 'timeout' }],
    },
    {
      name: 'what the control map cannot mean',
      given: { control: { value: aControl({ problems: ['paused must be true or false; found "x"'] }) } },
      want: [{ reason: 'controlUnreadable', subject: 'linux', detail: 'paused must be true or false; found "x"' }],
    },
    {
      name: 'switches of templates that do not exist',
      given: { control: { value: aControl({ paused: switched('linux', 'lunix'), drained: switched('gone') }) } },
      want: ['paused.lunix', 'drained.gone'].map((key) => ({
        reason: 'controlUnreadable',
        subject: 'linux',
        detail: `${key} names no template`,
      })),
    },
    {
      name: 'each cluster, and each list of quotas',
      given: {
        clusters: [
          { name: 'east', agentJobs: unknown('timeout'), quotas: { value: [], error: 'unavailable' } },
          { name: 'west', agentJobs: known([]), quotas: { value: undefined, error: 'forbidden' } },
          { name: 'north', agentJobs: known([]), quotas: { value: [] } },
        ],
      },
      want: [
        { reason: 'clusterUnknown', subject: 'east', detail: 'timeout' },
        { reason: 'quotaUnknown', subject: 'east', detail: 'unavailable' },
        { reason: 'quotaUnknown', subject: 'west', detail: 'forbidden' },
      ],
    },
    {
      name: 'each pool of the licence group',
      given: {
        group: [
          { organisation: 'contoso', poolId: 8, needs: unknown('throttled') },
          { organisation: 'fabrikam', poolId: 9, needs: known(needs) },
        ],
      },
      want: [{ reason: 'groupUnknown', subject: 'contoso pool 8', detail: 'throttled' }],
    },
  ])('tell of $name', ({ given, changed, want }) => {
    expect(plan(anObserved(given), changed).alarms).toEqual(want);
  });
});
