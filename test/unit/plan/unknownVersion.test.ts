/** A template whose image could not be read: nothing is made of it, and nothing that there is gets worse. */
import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { planPool } from '../../../shared/plan/planPool.ts';
import {
  aJobRequest,
  anAgent,
  anAgentJob,
  anObserved,
  aPlaceholder,
  aPod,
  minutesAgo,
  noon,
} from '../../support/builders.ts';
import { poolArbitrary } from '../../support/planArbitraries.ts';
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

describe('planPool', () => {
  it('makes nothing that is registered without a version', () => {
    fc.assert(
      fc.property(poolArbitrary, ({ policy, observed }) => {
        const made = planPool(policy, observed).actions.filter((action) => 'template' in action);
        expect(made.filter(({ template }) => template.agentVersion === undefined)).toEqual([]);
      }),
      { numRuns: 300 },
    );
  });
});

describe('a warm agent of a tag', () => {
  const byDigest = `registry.contoso.example/agent@sha256:${'b'.repeat(64)}`;
  const purpose = { kind: 'warm', slot: 0, minute: noon / 60_000 - 60 } as const;
  const since = { createdAt: minutesAgo(60), phaseAt: minutesAgo(60) };
  const pod = aPod({ createdAt: since.createdAt, mainStartedAt: since.createdAt });
  const agentJob = anAgentJob({ purpose, ...since, pod, image: byDigest });
  const agent = anAgent({ name: agentJob.name, createdAt: since.createdAt, statusChangedAt: since.createdAt });
  const days = [0, 1, 2, 3, 4, 5, 6] as const;
  const warm = [{ template: 'linux', count: 1, weekdays: days, from: 0, to: 1440, zone: 'UTC' }];
  const tag = 'registry.contoso.example/agent:stable';
  it.each([
    { name: 'stays while nobody can say what the tag stands for', given: { image: tag, unread: 'timeout' }, stale: 0 },
    { name: 'is stale once the tag stands for another digest', given: {}, stale: 1 },
    { name: 'is stale once the template names another tag, where nobody is asked', given: { image: tag }, stale: 1 },
    { name: 'is stale beside another digest, whatever could not be read', given: { unread: 'timeout' }, stale: 1 },
  ])('$name', ({ given, stale }) => {
    const policy = aPoolPolicy({ templates: [aTemplate(given)], warm });
    const plan = planPool(policy, anObserved({ agents: [agent], agentJobs: [agentJob] }));
    expect(plan.warm).toMatchObject([{ stale, creating: stale }]);
  });
});
