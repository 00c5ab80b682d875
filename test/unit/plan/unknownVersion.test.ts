/** A template whose image could not be read: nothing is made of it, and nothing that there is gets worse. */
import { describe, expect, it } from 'vitest';
import { planPool } from '../../../shared/plan/planPool.ts';
import { aJobRequest, anObserved, aPlaceholder } from '../../support/builders.ts';
import { aPoolPolicy, aTemplate } from '../../support/policyBuilders.ts';

const unread = aTemplate({ agentVersion: undefined, unread: 'registry timeout while reading an image' });
const other = aTemplate({ name: 'other', cost: 9 });
const alarm = {
  reason: 'agentVersionUnknown',
  subject: 'linux',
  detail: `${unread.image}: registry timeout while reading an image`,
};

describe('a template of an unknown agent version', () => {
  it('serves nobody, whatever version is demanded, and raises an alarm', () => {
    const requests = [aJobRequest({ demands: ['Agent.Version -gtVersion 4.300.0'] })];
    const plan = planPool(aPoolPolicy({ templates: [unread] }), anObserved({ requests }));
    expect(plan.skips).toEqual([{ requestId: 1001, reason: 'agentVersionUnknown', detail: 'linux' }]);
    expect(plan.actions).toEqual([]);
    expect(plan.alarms).toEqual([alarm]);
  });

  it('says of an image without label that it has none', () => {
    const { unread: _, ...unlabelled } = unread;
    const plan = planPool(aPoolPolicy({ templates: [unlabelled] }), anObserved({}));
    expect(plan.alarms).toEqual([{ ...alarm, detail: `${unread.image}: it has no label dev.mayfly.agent-version` }]);
  });

  it('leaves its requests to a dearer template that would do', () => {
    const policy = aPoolPolicy({ templates: [unread, other] });
    const agents = [aPlaceholder(aTemplate()), aPlaceholder(other, { id: 12 })];
    const plan = planPool(policy, anObserved({ requests: [aJobRequest()], agents }));
    expect(plan.actions).toMatchObject([{ kind: 'create', template: { name: 'other' } }]);
    expect(plan.skips).toEqual([]);
  });

  it('keeps no warm agents, and lets its placeholder be', () => {
    const all = [0, 1, 2, 3, 4, 5, 6] as const;
    const warm = [{ template: 'linux', count: 2, weekdays: all, from: 0, to: 0, zone: 'UTC' }];
    const policy = aPoolPolicy({ templates: [unread], warm });
    const plan = planPool(policy, anObserved({ agents: [aPlaceholder(aTemplate({ agentVersion: '4.1.0' }))] }));
    expect(plan.actions).toEqual([]);
    expect(plan.warm).toMatchObject([{ template: 'linux', target: 2, creating: 0, heldBy: 'agentVersionUnknown' }]);
  });
});
