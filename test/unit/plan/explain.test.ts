import { describe, expect, it } from 'vitest';
import { known, unknown } from '../../../shared/domain/read.ts';
import { type SkipReason, skipReasons } from '../../../shared/domain/reasons.ts';
import type { PoolPolicy } from '../../../shared/domain/template.ts';
import { type Explanation, explain } from '../../../shared/plan/explain.ts';
import type { Cap } from '../../../shared/plan/explainCaps.ts';
import type { Fate } from '../../../shared/plan/explainFate.ts';
import type { Observed } from '../../../shared/plan/observed.ts';
import {
  aBootingAgent,
  aControl,
  aJobRequest,
  anAgent,
  anAgentJob,
  anObserved,
  aPod,
  type Given,
  minutesAgo,
  nameFor,
  noon,
  policy,
  runningOn,
  secondsAgo,
  switched,
} from '../../support/builders.ts';
import { aTombstone } from '../../support/plans.ts';
import { aTemplate } from '../../support/policyBuilders.ts';

type Changed = Partial<PoolPolicy>;

const explained = (observed: Observed, changed: Changed = {}, requestId = 1001): Explanation =>
  explain({ ...policy, ...changed }, observed, requestId);

const plain = aTemplate();
const large = aTemplate({ name: 'large', capabilities: { size: 'large' }, cost: 4 });
const sized = aTemplate({ name: 'sized', parameters: { cpu: ['2', '4'], memory: [], image: {} } });
const failures = [1, 2, 3].map((id) =>
  aTombstone(1, {
    purpose: { kind: 'request', requestId: 900 + id, attempt: 1 },
    reason: 'neverStarted',
    phaseAt: secondsAgo(60),
  }),
);
const older = [998, 999].map((id) => aJobRequest({ id }));

interface Case {
  readonly given: Given;
  readonly changed?: Changed;
  /** Beyond the reason itself; no refusals where none are named. */
  readonly fate: Partial<Extract<Fate, { kind: 'skipped' }>>;
  readonly caps?: readonly Cap[];
}

const refusedAs = (reason: SkipReason) => ({ detail: 'linux', refusals: [{ template: 'linux', reason }] });

/** One look for each reason, with request 1001 in it. */
const cases: Readonly<Record<SkipReason, Case>> = {
  userDelayed: { given: { requests: [aJobRequest({ userDelayed: true })] }, fate: {} },
  runOver: {
    given: { requests: [aJobRequest({ run: { id: 5, name: '20260302.1' } })], runsOver: new Set([1001]) },
    fate: { detail: '20260302.1' },
  },
  unparsableDemand: { given: { requests: [aJobRequest({ demands: ['a -like b'] })] }, fate: { detail: 'a -like b' } },
  noTemplate: { given: { requests: [aJobRequest({ demands: ['gpu'] })] }, fate: { detail: 'linux: gpu' } },
  unknownParameter: {
    given: { requests: [aJobRequest({ demands: ['mayfly.cpu.3'] })] },
    changed: { templates: [sized] },
    fate: { detail: 'mayfly.cpu.3; listed: mayfly.cpu.2, mayfly.cpu.4' },
  },
  contradictoryParameters: {
    given: { requests: [aJobRequest({ demands: ['mayfly.cpu.2', 'mayfly.cpu.4'] })] },
    changed: { templates: [sized] },
    fate: { detail: 'mayfly.cpu.2; mayfly.cpu.4' },
  },
  notAssignedByServer: {
    given: {
      requests: [aJobRequest({ queuedAt: minutesAgo(10) })],
      agents: [anAgent({ createdAt: minutesAgo(10), statusChangedAt: minutesAgo(9) })],
      agentJobs: [anAgentJob()],
    },
    fate: { detail: nameFor(1001) },
  },
  retiringFirst: {
    given: { requests: [aJobRequest()], agentJobs: [anAgentJob({ pod: aPod({ phase: 'Failed', exitCode: 1 }) })] },
    fate: { detail: nameFor(1001) },
  },
  backingOff: {
    given: {
      requests: [aJobRequest()],
      agentJobs: [aTombstone(1, { reason: 'neverStarted', phaseAt: secondsAgo(10) })],
    },
    fate: { detail: '2026-03-02T12:00:20.000Z' },
  },
  breakerOpen: { given: { requests: [aJobRequest()], agentJobs: failures }, fate: refusedAs('breakerOpen') },
  agentVersionUnknown: {
    given: { requests: [aJobRequest()] },
    changed: { templates: [aTemplate({ agentVersion: undefined })] },
    fate: refusedAs('agentVersionUnknown'),
  },
  atTemplateLimit: {
    given: { requests: [...older, aJobRequest()] },
    changed: { templates: [aTemplate({ maxAgents: 2 })] },
    fate: refusedAs('atTemplateLimit'),
    caps: [{ kind: 'template', template: 'linux', maximum: 2, used: 0, planned: 2 }],
  },
  atPoolLimit: {
    given: {
      requests: [aJobRequest({ id: 999 }), runningOn({ id: 501, name: nameFor(7) }, { id: 7 }), aJobRequest()],
      agents: [anAgent({ name: nameFor(7), enabled: false, assignedRequestId: 7 })],
      agentJobs: [anAgentJob({ purpose: { kind: 'request', requestId: 7, attempt: 1 } })],
    },
    changed: { maxAgents: 2 },
    fate: refusedAs('atPoolLimit'),
    caps: [{ kind: 'pool', maximum: 2, used: 1, planned: 1 }],
  },
  atParallelJobLimit: {
    given: {
      requests: [...older, aJobRequest()],
      parallelJobs: { value: { total: 5, used: 3 } },
      group: [
        {
          organisation: 'contoso',
          poolId: 8,
          needs: known({ claims: 1, wishes: [{ requestId: 1, queuedAt: minutesAgo(9) }] }),
        },
        { organisation: 'contoso', poolId: 9, needs: unknown('timeout') },
      ],
    },
    fate: refusedAs('atParallelJobLimit'),
    caps: [
      {
        kind: 'parallelJobs',
        total: 5,
        used: 3,
        free: 2,
        claimed: 0,
        wishes: 3,
        share: 1,
        group: [
          { organisation: 'contoso', poolId: 8, claims: 1, wishes: 1 },
          { organisation: 'contoso', poolId: 9, error: 'timeout' },
        ],
      },
    ],
  },
  atPassLimit: {
    given: { requests: [...older, aJobRequest()] },
    changed: { maxCreationsPerPass: 2 },
    fate: refusedAs('atPassLimit'),
    caps: [{ kind: 'pass', maximum: 2, planned: 2 }],
  },
  atQuota: {
    given: { requests: [...older, aJobRequest()], quotas: [{ pods: 2 }, { 'requests.cpu': 50 }] },
    fate: refusedAs('atQuota'),
    caps: [
      {
        kind: 'quota',
        template: 'linux',
        clusters: [{ cluster: 'primary', lacks: [{ resource: 'pods', needed: 1, left: 0 }] }],
      },
    ],
  },
  createRefused: {
    given: {
      requests: [aJobRequest()],
      refusals: new Map([['primary/linux', { until: noon + 30_000, why: 'forbidden' }]]),
    },
    fate: refusedAs('createRefused'),
  },
  noClusterReadable: {
    given: {
      requests: [aJobRequest()],
      clusters: [{ name: 'primary', agentJobs: unknown('timeout'), quotas: { value: undefined } }],
    },
    fate: refusedAs('noClusterReadable'),
    caps: [{ kind: 'clusters', unread: [{ cluster: 'primary', error: 'timeout' }] }],
  },
  paused: {
    given: { requests: [aJobRequest()], control: { value: aControl({ paused: switched('linux') }) } },
    fate: refusedAs('paused'),
  },
  drained: {
    given: { requests: [aJobRequest()], control: { value: aControl({ drained: switched('linux') }) } },
    fate: refusedAs('drained'),
  },
};

describe('explain: a request that waits', () => {
  it.each(skipReasons)('says %s, with the figures and what helps', (reason) => {
    const { given, changed, fate: wanted, caps = [] } = cases[reason];
    const { fate, trail, whatHelps } = explained(anObserved(given), changed);
    expect({ fate, caps: trail?.caps }).toEqual({ fate: { kind: 'skipped', reason, refusals: [], ...wanted }, caps });
    expect(whatHelps).toEqual([expect.stringMatching(/\w{3}.*\.$/)]);
  });

  it('has another word of help for each reason', () => {
    const words = skipReasons.map((reason) => {
      const { given, changed } = cases[reason];
      return explained(anObserved(given), changed).whatHelps[0];
    });
    expect(new Set(words).size).toBe(skipReasons.length);
  });

  it('names what each of several templates refuses, and the help for both', () => {
    const templates = [aTemplate({ maxAgents: 0 }), large];
    const control = { value: aControl({ paused: switched('large') }) };
    const { fate, trail, whatHelps } = explained(anObserved({ requests: [aJobRequest()], control }), { templates });
    expect(fate).toEqual({
      kind: 'skipped',
      reason: 'atTemplateLimit',
      detail: 'linux',
      refusals: [
        { template: 'linux', reason: 'atTemplateLimit' },
        { template: 'large', reason: 'paused' },
      ],
    });
    expect(trail?.templates.map(({ template, verdict, refusal }) => [template, verdict, refusal])).toEqual([
      ['linux', 'refused', 'atTemplateLimit'],
      ['large', 'refused', 'paused'],
    ]);
    expect(whatHelps).toHaveLength(2);
  });

  it('tells an open breaker in numbers', () => {
    const { trail, alarms } = explained(anObserved(cases.breakerOpen.given));
    expect(trail?.templates).toEqual([
      {
        template: 'linux',
        verdict: 'refused',
        unmet: [],
        parameters: {},
        refusal: 'breakerOpen',
        breaker: { failures: 3, limit: 3, windowMs: 900_000, probe: false, lastReason: 'neverStarted' },
      },
    ]);
    expect(alarms).toEqual([
      {
        reason: 'breakerOpen',
        subject: 'linux',
        detail: 'agents of 3 requests failed in a row, the last one: neverStarted',
      },
    ]);
  });

  it('tells of each template which demands it does not meet, those that fit first', () => {
    const requests = [aJobRequest({ demands: ['size -equals large', 'a -like b'] })];
    const { trail } = explained(anObserved({ requests }), { templates: [plain, large] });
    expect(trail?.demands).toEqual([
      { text: 'size -equals large', parsed: { kind: 'equals', name: 'size', value: 'large' } },
      { text: 'a -like b' },
    ]);
    expect(trail?.templates.map(({ template, verdict, unmet }) => ({ template, verdict, unmet }))).toEqual([
      { template: 'linux', verdict: 'unfit', unmet: ['size -equals large', 'a -like b'] },
      { template: 'large', verdict: 'unfit', unmet: ['a -like b'] },
    ]);
  });

  it('calls no template fit for parameters that exclude each other', () => {
    const { given, changed } = cases.contradictoryParameters;
    const unmet = explained(anObserved(given), changed).trail?.templates.map((each) => [each.verdict, each.unmet]);
    expect(unmet).toEqual([['unfit', ['mayfly.cpu.2', 'mayfly.cpu.4']]]);
  });

  it('gives its place among those that wait, and how long it has', () => {
    const { trail } = explained(anObserved({ requests: [...older, aJobRequest()] }), { maxAgents: 2 });
    expect([trail?.waiting, trail?.waitedMs]).toEqual([{ position: 3, of: 3 }, 58_999]);
  });

  it('says when a failed one is tried again, and when the pool is looked at next', () => {
    const { trail } = explained(anObserved(cases.backingOff.given));
    expect([trail?.retryAt, trail?.nextLookAt]).toEqual([noon + 20_000, noon + 5000]);
  });
});

describe('explain: other fates', () => {
  const rows: readonly { name: string; given: Given; changed?: Changed; want: Fate }[] = [
    {
      name: 'an agent made for it boots',
      given: { requests: [aJobRequest()], agents: [aBootingAgent()], agentJobs: [anAgentJob()] },
      want: { kind: 'served', agent: nameFor(1001), ours: true, madeFor: 1001, state: 'booting' },
    },
    {
      name: 'an agent made for another will take it',
      given: {
        requests: [aJobRequest()],
        agents: [anAgent({ name: nameFor(900) })],
        agentJobs: [anAgentJob({ purpose: { kind: 'request', requestId: 900, attempt: 1 } })],
      },
      want: { kind: 'served', agent: nameFor(900), ours: true, madeFor: 900, state: 'online' },
    },
    {
      name: 'an agent is created, with what it demands',
      given: { requests: [aJobRequest({ demands: ['mayfly.cpu.4'] })] },
      changed: { templates: [sized] },
      want: { kind: 'created', name: nameFor(1001), template: 'sized', cluster: 'primary', parameters: { cpu: '4' } },
    },
    {
      name: 'it was given to a foreign agent a moment ago',
      given: { requests: [aJobRequest({ assignedAt: secondsAgo(5), reservedAgent: { id: 9, name: 'build-1' } })] },
      want: { kind: 'taken', agent: 'build-1', ours: false, since: secondsAgo(5), received: false },
    },
    {
      name: 'its agent runs it',
      given: { requests: [runningOn({ id: 501, name: nameFor(1001) })] },
      want: {
        kind: 'taken',
        agent: nameFor(1001),
        ours: true,
        madeFor: 1001,
        since: secondsAgo(29),
        received: true,
      },
    },
    {
      name: 'it is over',
      given: {
        requests: [runningOn({ id: 9, name: 'build-1' }, { result: 'succeeded', finishedAt: secondsAgo(2) })],
      },
      want: { kind: 'finished', result: 'succeeded', at: secondsAgo(2), agent: 'build-1' },
    },
    { name: 'nobody knows it', given: { requests: [aJobRequest({ id: 7 })] }, want: { kind: 'notInPool' } },
  ];
  it.each(rows)('$name', ({ given, changed, want }) => {
    const { fate, whatHelps } = explained(anObserved(given), changed);
    expect(fate).toEqual(want);
    expect(whatHelps).toHaveLength(1);
  });

  it.each(['requests', 'agents'] as const)('knows nothing while the %s cannot be read', (unread) => {
    const { fate, trail, alarms } = explained({ ...anObserved(), [unread]: unknown('throttled') });
    expect({ fate, trail }).toEqual({ fate: { kind: 'poolUnknown', unread, error: 'throttled' }, trail: undefined });
    expect(alarms.map(({ reason }) => reason)).toEqual([`${unread}Unknown`]);
  });

  it('says that a pool in shadow mode will not act', () => {
    const { shadow, whatHelps } = explained(anObserved({ requests: [aJobRequest()] }), { mode: 'shadow' });
    expect([shadow, whatHelps]).toEqual([true, [expect.stringContaining('mode: active')]]);
  });
});
