import { describe, expect, it } from 'vitest';
import { quickStory } from '../../../infra/local/kubernetes/podStory.ts';
import { UpstreamError } from '../../../shared/domain/errors.ts';
import type { EpochMs } from '../../../shared/domain/instant.ts';
import { minutesMs } from '../../../shared/domain/instant.ts';
import { scopeOf } from '../../../shared/plan/view.ts';
import type { ReconcileDeps } from '../../../shared/reconcile/deps.ts';
import { countOutcomes, type PassReport, reconcilePool } from '../../../shared/reconcile/reconcilePool.ts';
import { nameFor, policy } from '../../support/builders.ts';
import { isWrite, nothing, type Plane, Worlds } from '../../support/pass.ts';
import { aPoolPolicy } from '../../support/policyBuilders.ts';

async function pass(worlds: Worlds, plane: Plane = worlds.plane(), deadlineAt?: EpochMs): Promise<PassReport> {
  const intent = { cause: 'sweep', correlationId: 'c-1', deadlineAt: deadlineAt ?? worlds.clock.now() + 60_000 };
  return worlds.until(reconcilePool(plane.deps, intent));
}

const told = ({ outcomes }: PassReport): readonly string[] =>
  outcomes.map(({ action, kind, detail }) => [`${action}.${kind}`, detail].filter(Boolean).join(' '));

/** A pass every five seconds, as the next looks have it, for so long. */
async function sweep(worlds: Worlds, plane: Plane, forMs: number): Promise<readonly string[]> {
  const outcomes: string[] = [];
  for (const end = worlds.clock.now() + forMs; worlds.clock.now() < end; await worlds.clock.advance(5000)) {
    outcomes.push(...told(await pass(worlds, plane)));
  }
  return outcomes;
}

describe('reconcilePool', () => {
  it('serves one request with one agent job, from the placeholder to nothing left', async () => {
    const worlds = new Worlds({ placeholder: false });
    const plane = worlds.plane({ latencyMs: 50 });
    expect(told(await pass(worlds, plane))).toEqual(['createPlaceholder.done']);
    const requestId = worlds.queueJob(60_000);
    const { nextLookAt, at, ...report } = await pass(worlds, plane);
    expect(told({ nextLookAt, at, ...report })).toEqual(['create.done agent 2']);
    expect((nextLookAt ?? 0) - at).toBe(5000);
    const outcomes = await sweep(worlds, plane, 90_000);
    expect(outcomes).toEqual([`disable.done request ${requestId}`, 'retire.done ended: deleted']);
    expect({ left: worlds.existing(), ran: worlds.ran, lost: worlds.lost, deleted: worlds.deletedAgents }).toEqual({
      left: nothing,
      ran: [requestId],
      lost: [],
      deleted: [2],
    });
    const resting = await pass(worlds, plane);
    expect([told(resting), resting.nextLookAt, resting.remaining]).toEqual([[], undefined, false]);
  });

  it('creates nothing twice: a second pass counts the agent that boots', async () => {
    const worlds = new Worlds();
    worlds.queueJob();
    expect(told(await pass(worlds))).toEqual(['create.done agent 2']);
    const again = await pass(worlds);
    expect([told(again), [...again.plan.served.values()].map((name) => worlds.short(name))]).toEqual([[], ['1001-1']]);
  });

  it('lets two planes race: one agent job, the other looks again', async () => {
    const worlds = new Worlds();
    worlds.queueJob();
    const planes = ['one', 'two'].map((name) => worlds.plane({ name, latencyMs: 100 }));
    const reports = await worlds.until(Promise.all(planes.map((plane) => pass(worlds, plane))));
    expect(reports.map(told)).toEqual([['create.done agent 2'], ['create.raced the Job exists']]);
    expect(reports.map(({ remaining }) => remaining)).toEqual([false, true]);
    expect(worlds.existing().jobs).toEqual(['1001-1 started agent=2']);
  });

  it('does nothing to a pool whose agents cannot be read, and says so', async () => {
    const worlds = new Worlds();
    worlds.queueJob();
    worlds.fail('listAgents', { kind: 'status', status: 429, retryAfterSeconds: 30 });
    const report = await pass(worlds);
    expect([told(report), report.retryAfterMs, worlds.calls().filter(isWrite)]).toEqual([[], 30_000, []]);
    const { event, fields } = worlds.log.at(-1) ?? {};
    expect([event, fields?.['observed']]).toEqual(['pool.reconciled', false]);
    expect(worlds.log.map((line) => line.event)).toContain('observe.failed');
  });

  const asks = (status: number, retryAfterSeconds: number) => ({ kind: 'status', status, retryAfterSeconds }) as const;
  it.each([
    {
      name: 'an action was told',
      faults: { addAgent: asks(429, 9) },
      outcome: 'create.undone registering: throttled',
      want: 9000,
    },
    {
      name: 'an action was told, where the look was told less',
      faults: { addAgent: asks(429, 9), getParallelJobs: asks(429, 7) },
      outcome: 'create.undone registering: throttled',
      want: 9000,
    },
    {
      name: 'the look was told, where an action was told less',
      faults: { addAgent: asks(429, 9), getParallelJobs: asks(503, 11) },
      outcome: 'create.undone registering: throttled',
      want: 11_000,
    },
    {
      name: 'nobody was told but by a cluster, which delays nobody else',
      faults: { 'create jobs': asks(429, 9) },
      outcome: 'create.failed throttled',
      want: undefined,
    },
  ])('carries the time to stay away that $name', async ({ faults, outcome, want }) => {
    const worlds = new Worlds();
    worlds.queueJob();
    for (const [verb, fault] of Object.entries(faults)) worlds.fail(verb, fault);
    const report = await pass(worlds);
    expect([told(report), report.retryAfterMs]).toEqual([[outcome], want]);
  });

  it('serves the request with the next number when its creator died at any call', async () => {
    // Seven reads go before: the creation is the four calls after them.
    for (let atCall = 7; atCall < 11; atCall++) {
      for (const when of ['before', 'after'] as const) {
        const worlds = new Worlds();
        const requestId = worlds.queueJob(30_000);
        const mortal = worlds.plane({ name: 'mortal', crash: { atCall, when } });
        const intent = { cause: 'hook', correlationId: 'c-0', deadlineAt: worlds.clock.now() + 60_000 };
        void reconcilePool(mortal.deps, intent);
        await worlds.clock.advance(5000);
        expect(mortal.mortal.alive).toBe(false);
        await sweep(worlds, worlds.plane(), 1_200_000);
        const seen = { left: worlds.existing(), ran: worlds.ran, lost: worlds.lost };
        expect(seen, `${when} call ${atCall}`).toEqual({ left: nothing, ran: [requestId], lost: [] });
      }
    }
  });
});

describe('the deadline of a pass', () => {
  it('begins nothing after it and postpones all, but leaves nothing to a fresh intent: it did nothing', async () => {
    const worlds = new Worlds({ placeholder: false });
    const [template] = policy.templates;
    worlds.ado.addAgent(policy.poolId, { name: 'build-server', version: template?.agentVersion ?? '' });
    worlds.queueJob();
    worlds.queueJob();
    const report = await pass(worlds, worlds.plane(), worlds.clock.now());
    expect(told(report)).toEqual(['createPlaceholder.postponed', 'create.postponed', 'create.postponed']);
    expect([worlds.calls().filter(isWrite), report.remaining]).toEqual([[], false]);
  });

  it('lets a creation that has begun go on to its end', async () => {
    const worlds = new Worlds({ policy: aPoolPolicy({ maxAgents: 50 }) });
    for (let count = 0; count < 12; count++) worlds.queueJob();
    const plane = worlds.plane({ latencyMs: 100 });
    // Two rounds of reads take 200 ms; ten creations begin then, and two more would when the first ten have ended.
    const report = await pass(worlds, plane, worlds.clock.now() + 350);
    const kinds = report.outcomes.map(({ kind }) => kind);
    expect(kinds).toEqual([...Array.from({ length: 10 }, () => 'done'), 'postponed', 'postponed']);
    expect(worlds.existing().jobs.map((line) => line.split(' ')[1])).toEqual(
      Array.from({ length: 10 }, () => 'started'),
    );
    expect(report.remaining).toBe(true);
  });

  it('is told by this machine, whatever time Azure DevOps has', async () => {
    const worlds = new Worlds();
    worlds.ado.setSkew(3_600_000);
    worlds.queueJob();
    expect(told(await pass(worlds))).toEqual(['create.done agent 2']);
  });
});

describe('the time of a pass', () => {
  it('is that of Azure DevOps at the look plus what has passed since, however long creations wait', async () => {
    const worlds = new Worlds({ policy: aPoolPolicy({ maxAgents: 50 }) });
    worlds.ado.setSkew(-3_600_000);
    for (let count = 0; count < 12; count++) worlds.queueJob();
    const startedAt = worlds.clock.now();
    // The requests are asked for after 100 ms and answered by the world 50 ms later; 200 ms after the start the plan is
    // applied. Ten creations take 400 ms each, and two begin when these have ended.
    const { deps } = worlds.plane({ latencyMs: 100 });
    const pass: ReconcileDeps = deps;
    await worlds.until(reconcilePool(pass, { cause: 'sweep', correlationId: 'c-1', deadlineAt: startedAt + 60_000 }));
    const jobs = await worlds.cluster().listAgentJobs(scopeOf(worlds.policy));
    const since = (at: number | undefined): number => (at ?? 0) - (startedAt - 3_600_000);
    const seen = jobs.map(({ phaseAt, createBy }) => [since(createBy) - policy.createByMs, since(phaseAt)].join());
    expect([...Map.groupBy(seen, (line) => line)].map(([line, { length }]) => [line, length])).toEqual([
      ['150,450', 10],
      ['550,850', 2],
    ]);
  });
});

describe('the parallel jobs of a pass', () => {
  /** What they are used by, one answer after the other; undefined = it cannot be read. */
  async function passWith(used: readonly (number | undefined)[], requests: number) {
    const worlds = new Worlds({ policy: aPoolPolicy({ parallelJobs: 3 }) });
    for (let count = 0; count < requests; count++) worlds.queueJob();
    const plane = worlds.plane();
    const read: string[] = [];
    const answers = [...used];
    const pools = {
      ...plane.deps.pools,
      listJobRequests: (id: number) => {
        read.push('requests');
        return plane.deps.pools.listJobRequests(id);
      },
      getParallelJobs: async () => {
        read.push('parallel jobs');
        const answer = answers.shift();
        if (answer === undefined)
          throw new UpstreamError({ upstream: 'azureDevOps', operation: 'usage', kind: 'timeout' });
        return { total: 3, used: answer };
      },
    };
    const { outcomes, plan } = await pass(worlds, { ...plane, deps: { ...plane.deps, pools } });
    return { read, created: outcomes.length, skips: plan.skips.map(({ reason }) => reason), alarms: plan.alarms };
  }

  const first = ['parallel jobs', 'requests'];
  it.each([
    {
      name: 'are asked for once where there are enough for all',
      used: [0, 3],
      requests: 3,
      want: { read: first, created: 3, skips: [], alarms: [] },
    },
    {
      name: 'are asked for once more after the requests where there may be too few: what was assigned in between counts',
      used: [0, 1],
      requests: 4,
      want: {
        read: [...first, 'parallel jobs'],
        created: 2,
        skips: ['atParallelJobLimit', 'atParallelJobLimit'],
        alarms: [],
      },
    },
    {
      name: 'are those of the first answer, with an alarm, where the second does not come',
      used: [1],
      requests: 4,
      want: {
        read: [...first, 'parallel jobs'],
        created: 2,
        skips: ['atParallelJobLimit', 'atParallelJobLimit'],
        alarms: [{ reason: 'parallelJobsUnknown', subject: 'timeout' }],
      },
    },
    {
      name: 'are asked for once where nothing waits',
      used: [0],
      requests: 0,
      want: { read: first, created: 0, skips: [], alarms: [] },
    },
  ])('$name', async ({ used, requests, want }) => {
    expect(await passWith(used, requests)).toEqual(want);
  });
});

describe('what a pass leaves to a fresh intent', () => {
  const few = aPoolPolicy({ maxCreationsPerPass: 1 });
  const rows: readonly {
    readonly name: string;
    readonly requests: number;
    /** So many agents are to be kept. */
    readonly warm?: number;
    readonly given?: (worlds: Worlds) => void;
    readonly want: readonly [readonly string[], boolean];
  }[] = [
    { name: 'nothing when all is done', requests: 1, want: [['create.done agent 2'], false] },
    { name: 'the rest when it created as many as it may', requests: 2, want: [['create.done agent 2'], true] },
    { name: 'nothing when the stock is filled', requests: 0, warm: 1, want: [['create.done agent 2'], false] },
    {
      name: 'the rest of a stock when it created as many as it may',
      requests: 0,
      warm: 2,
      want: [['create.done agent 2'], true],
    },
    {
      name: 'a stock when a request took all that it may create',
      requests: 1,
      warm: 1,
      want: [['create.done agent 2'], true],
    },
    {
      name: 'nothing when it may create more but got nothing done',
      requests: 2,
      given: (worlds) => worlds.fail('create jobs', { kind: 'status', status: 403 }),
      want: [['create.failed forbidden'], false],
    },
    {
      name: 'nothing when all that it began was undone',
      requests: 2,
      given: (worlds) => worlds.fail('addAgent', { kind: 'status', status: 403 }),
      want: [['create.undone registering: forbidden'], false],
    },
  ];
  const allDay = { weekdays: [0, 1, 2, 3, 4, 5, 6], from: 0, to: 1440, zone: 'UTC' } as const;
  it.each(rows)('is $name', async ({ requests, warm = 0, given, want }) => {
    const worlds = new Worlds({ policy: { ...few, warm: [{ template: 'linux', count: warm, ...allDay }] } });
    for (let count = 0; count < requests; count++) worlds.queueJob();
    given?.(worlds);
    const report = await pass(worlds);
    expect([told(report), report.remaining]).toEqual(want);
  });
});

describe('the report of a pass', () => {
  it('counts outcomes by action and kind', () => {
    const outcomes = [
      { action: 'create', subject: 'a', kind: 'done' },
      { action: 'create', subject: 'b', kind: 'raced' },
      { action: 'create', subject: 'c', kind: 'done' },
      { action: 'retire', subject: 'd', kind: 'waiting' },
    ] as const;
    expect(countOutcomes(outcomes)).toEqual({ 'create.done': 2, 'create.raced': 1, 'retire.waiting': 1 });
  });

  it('has a line per outcome, skip, alarm and failed read, and one for the pass with all counts', async () => {
    const worlds = new Worlds({ policy: aPoolPolicy({ maxAgents: 2 }) });
    for (let count = 0; count < 4; count++) worlds.queueJob();
    worlds.queueJob(60_000, true);
    worlds.fail('addAgent', { kind: 'status', status: 403 });
    worlds.fail('getParallelJobs', { kind: 'status', status: 500 });
    await pass(worlds);
    const common = { organisation: 'contoso', pool: 'linux', correlationId: 'c-1' };
    expect(worlds.log.map(({ level, event }) => `${level} ${event}`)).toEqual([
      'warn create.undone',
      'info create.done',
      'debug request.skipped',
      'debug request.skipped',
      'debug request.skipped',
      'warn alarm.parallelJobsUnknown',
      'warn observe.failed',
      'info pool.reconciled',
    ]);
    expect(worlds.log[0]?.fields).toEqual({
      ...common,
      subject: nameFor(1001),
      detail: 'registering: forbidden',
      error: 'azureDevOps forbidden (403) while adding an agent',
    });
    expect(worlds.log.slice(2, 5).map(({ fields }) => fields)).toEqual([
      { ...common, requestId: 1005, reason: 'userDelayed', detail: undefined },
      { ...common, requestId: 1003, reason: 'atPoolLimit', detail: 'linux' },
      { ...common, requestId: 1004, reason: 'atPoolLimit', detail: 'linux' },
    ]);
    expect(worlds.log.at(-1)?.fields).toEqual({
      ...common,
      cause: 'sweep',
      observed: true,
      served: 0,
      skipped: 3,
      'skipped.userDelayed': 1,
      'skipped.atPoolLimit': 2,
      'create.undone': 1,
      'create.done': 1,
      'alarm.parallelJobsUnknown': 1,
    });
  });

  it('counts the ends that it begins by reason, and those of agents that never started by what kept them', async () => {
    const worlds = new Worlds();
    worlds.story = { ...quickStory, pullFailure: { message: 'manifest unknown' } };
    worlds.queueJob();
    await pass(worlds);
    await worlds.clock.advance(minutesMs(20));
    await pass(worlds);
    const counts = Object.entries(worlds.log.at(-1)?.fields ?? {}).filter(([key]) => key.startsWith('ended.'));
    expect(counts).toEqual([['ended.neverStarted.imagePull', 1]]);
  });
});
