/** Which warm agents are of an older image, and how fast they go. */
import { describe, expect, it } from 'vitest';
import { readJob } from '../../../shared/adapters/kubernetes/agentJobs.ts';
import type { Agent } from '../../../shared/domain/agent.ts';
import type { AgentJob } from '../../../shared/domain/agentJob.ts';
import { agentJobName } from '../../../shared/domain/names.ts';
import type { PoolPolicy, Template, WarmSchedule } from '../../../shared/domain/template.ts';
import { buildAgentJobManifest } from '../../../shared/plan/manifest.ts';
import { scopeOf } from '../../../shared/plan/view.ts';
import { anAgent, anAgentJob, anObserved, minutesAgo, noon, policy, template } from '../../support/builders.ts';
import { plan, told } from '../../support/plans.ts';

const purposeOf = (slot: number) => ({ kind: 'warm', slot, minute: 1 }) as const;
const nameOf = (slot: number): string => agentJobName(scopeOf(policy), purposeOf(slot), template.name);
const since = minutesAgo(60);
const agentOf = (slot: number): Agent =>
  anAgent({ id: 700 + slot, name: nameOf(slot), createdAt: since, statusChangedAt: since });
const jobOf = (slot: number, rest: Partial<AgentJob> = {}): AgentJob =>
  anAgentJob({
    purpose: purposeOf(slot),
    agentId: 700 + slot,
    image: template.image,
    createdAt: since,
    phaseAt: since,
    ...rest,
  });
const always = (count: number): WarmSchedule => ({
  template: template.name,
  count,
  weekdays: [0, 1, 2, 3, 4, 5, 6],
  from: 0,
  to: 1440,
  zone: 'UTC',
});

function seen(agentJobs: readonly AgentJob[], changed: Partial<PoolPolicy> = {}) {
  const agents = agentJobs.map(({ purpose }) => agentOf(purpose.kind === 'warm' ? purpose.slot : -1));
  const { actions, warm } = plan(anObserved({ agents, agentJobs }), { warm: [always(agentJobs.length)], ...changed });
  return { actions: actions.map(told), stale: warm.map(({ stale }) => stale) };
}

/** As the cluster shows a Job whose images a webhook has rewritten on their way in. */
function rewritten(slot: number): AgentJob {
  const manifest = buildAgentJobManifest({
    policy,
    template,
    name: nameOf(slot),
    purpose: purposeOf(slot),
    creator: 'nonce',
    createdAt: since,
    createBy: since + policy.createByMs,
    namespace: 'mayfly-agents',
  });
  const text = JSON.stringify({ ...manifest, status: {} }).replaceAll(
    `"image":"${template.image}"`,
    '"image":"mirror.contoso.example/agent:rewritten"',
  );
  const object = JSON.parse(text) as { metadata: object };
  const metadata = { ...object.metadata, uid: 'job-uid', resourceVersion: '1', creationTimestamp: new Date(since) };
  const body = JSON.parse(JSON.stringify({ ...object, metadata })) as Parameters<typeof readJob>[1];
  const read = readJob('primary', body, []);
  if (read.kind !== 'agentJob') throw new TypeError('not one of ours');
  expect(text).toContain('rewritten');
  return jobOf(slot, read.agentJob.image === undefined ? {} : { image: read.agentJob.image });
}

describe('planPool: the image of a warm agent', () => {
  it('is the one that was wanted, however the cluster has rewritten it', () => {
    expect([rewritten(0).image, seen([rewritten(0), jobOf(1)])]).toEqual([template.image, { actions: [], stale: [0] }]);
  });

  it('is another one once the template names another one', () => {
    const changed: Template = { ...template, image: 'registry.contoso.example/agent@sha256:0' };
    const { actions, stale } = seen([rewritten(0)], { templates: [changed] });
    const made = agentJobName(scopeOf(policy), { kind: 'warm', slot: 1, minute: noon / 60_000 }, template.name);
    expect({ actions: actions.filter((action) => !action.startsWith('repair')), stale }).toEqual({
      actions: [`create ${made}`],
      stale: [1],
    });
  });
});

describe('planPool: stale warm agents where there is no room for younger ones', () => {
  const old = (slot: number): AgentJob => jobOf(slot, { image: 'older' });
  const going = (slot: number, rest: Partial<AgentJob> = {}): AgentJob => ({
    ...old(slot),
    phase: 'retiring',
    reason: 'replaced',
    phaseAt: minutesAgo(1),
    ...rest,
  });
  const resumed = (slot: number): string => `retire ${nameOf(slot)} replaced`;

  it.each<{ name: string; given: readonly AgentJob[]; want: readonly string[] }>([
    { name: 'one goes', given: [old(0), old(1), old(2)], want: [resumed(0)] },
    { name: 'none more goes while one is on its way out', given: [going(0), old(1), old(2)], want: [resumed(0)] },
  ])('$name', ({ given, want }) => {
    expect(seen(given, { maxAgents: 3 }).actions).toEqual(want);
  });
});
