/** What was lost with its pod is run again: once for each loss, and once for each stage of a run. */
import { describe, expect, it } from 'vitest';
import { CallCounter, type Crash } from '../../../infra/local/simulation/mortal.ts';
import { settled } from '../../../infra/local/world/clock.ts';
import { minutesMs } from '../../../shared/domain/instant.ts';
import type { ReconcileDeps } from '../../../shared/reconcile/deps.ts';
import type { Outcome } from '../../../shared/reconcile/outcome.ts';
import { rerun } from '../../../shared/reconcile/rerun.ts';
import { nameFor } from '../../support/builders.ts';
import { namespace, outcomeLine, Worlds } from '../../support/pass.ts';
import { aPoolPolicy } from '../../support/policyBuilders.ts';
import {
  aBusyAgent,
  eventsIn,
  outcomesOf,
  podFor,
  type QueuedRequest,
  sweeps,
  tagsOf,
  tellingPlane,
  timesDone,
} from '../../support/reaping.ts';
import { status } from './creation.ts';

const policy = aPoolPolicy({ runs: { tellAfterMs: minutesMs(2), rerunLost: true } });
const { poolId } = policy;
const name = nameFor(1001);

function evict(worlds: Worlds, requestId: number): void {
  worlds.world().evictByNode(namespace, podFor(worlds, requestId));
}

/** Noted; the server still believes in the agents. */
async function losses(howMany = 1): Promise<{ readonly worlds: Worlds; readonly queued: readonly QueuedRequest[] }> {
  const worlds = new Worlds({ policy });
  const queued: QueuedRequest[] = [];
  for (let index = 0; index < howMany; index++) {
    const [first] = queued;
    const run = first === undefined ? {} : { runId: first.runId };
    queued.push(await aBusyAgent(worlds, { stage: 'Build', jobName: `Job${index}`, durationMs: 120_000, ...run }));
  }
  for (const { requestId } of queued) evict(worlds, requestId);
  await worlds.clock.advance(1000);
  await outcomesOf(worlds, tellingPlane(worlds, { name: 'first' }));
  worlds.journal.clear();
  return { worlds, queued };
}

/** The server has given them up, so their stage has failed. */
async function concluded(howMany = 1): ReturnType<typeof losses> {
  const { worlds, queued } = await losses(howMany);
  await worlds.clock.advance(minutesMs(14));
  return { worlds, queued };
}

async function ask(
  worlds: Worlds,
  deps: ReconcileDeps = tellingPlane(worlds).deps,
  of: string = name,
): Promise<string> {
  const agentJob = await worlds.agentJob(of);
  if (agentJob.lost === undefined) throw new Error('nothing was lost');
  return outcomeLine(await worlds.until(rerun(deps, { kind: 'rerun', agentJob, lost: agentJob.lost })));
}

const decisionOn = async (worlds: Worlds, of = name): Promise<string | undefined> => (await worlds.agentJob(of)).rerun;
const again = (worlds: Worlds): readonly number[] =>
  worlds.ado.listUnfinishedRequests(poolId).map(({ attempt }) => attempt);
const asked = 'done: stage Build of run 501: asked';

describe('rerun', () => {
  interface Row {
    readonly name: string;
    readonly given: (worlds: Worlds, queued: QueuedRequest) => void;
    readonly isConcluded?: boolean;
    /** The server gives the agent up after that. */
    readonly endsLater?: boolean;
    readonly want: string;
    readonly decision: 'open' | 'asked' | 'none';
    readonly attempts?: readonly number[];
  }
  const rows: readonly Row[] = [
    {
      name: 'asks for the stage once the server has given the agent up',
      given: () => undefined,
      want: asked,
      decision: 'asked',
      attempts: [2],
    },
    {
      name: 'waits while the server believes in the agent',
      given: () => undefined,
      isConcluded: false,
      want: 'waiting: its stage has not ended',
      decision: 'open',
      attempts: [1],
    },
    {
      name: 'waits while another job of the stage runs',
      given: (worlds, { runId }) => {
        worlds.ado.queueJob({ poolId, runId, stage: 'Build', jobName: 'Slow', userDelayed: true });
      },
      want: 'waiting: its stage has not ended',
      decision: 'open',
      attempts: [1],
    },
    {
      name: 'does not wait for another stage',
      given: (worlds, { runId }) => {
        worlds.ado.queueJob({ poolId, runId, stage: 'Deploy', jobName: 'Slow', userDelayed: true });
      },
      want: asked,
      decision: 'asked',
      attempts: [2, 1],
    },
    {
      name: 'never runs again what succeeded after all',
      given: (worlds) => worlds.ado.completeRequest(poolId, 1001, 'succeeded'),
      isConcluded: false,
      want: 'done: not run again',
      decision: 'none',
    },
    {
      name: 'never runs again what somebody cancelled',
      given: (worlds, { runId }) => worlds.ado.runs.cancel(runId),
      isConcluded: false,
      endsLater: true,
      want: 'done: not run again',
      decision: 'none',
    },
    {
      name: 'never runs again a stage that bears its tag',
      given: (worlds, { runId }) => void worlds.ado.runs.addTag(runId, 'mayfly-rerun-Build'),
      want: 'done: not run again',
      decision: 'none',
    },
    {
      name: 'tells when the server refuses, and does not try again',
      given: (worlds) => worlds.fail('retryStage', status(403)),
      want: 'failed: stage Build of run 501: refused',
      decision: 'asked',
    },
    {
      name: 'does not try again when the answer is lost',
      given: (worlds) => worlds.fail('retryStage', { kind: 'lostAfter' }),
      want: 'failed: unavailable',
      decision: 'asked',
      attempts: [2],
    },
    ...(['getJobRequest', 'listStages', 'getTags'] as const).map(
      (verb): Row => ({
        name: `decides nothing while ${verb} fails`,
        given: (worlds) => worlds.fail(verb, status(503), 9),
        want: 'failed: unavailable',
        decision: 'open',
      }),
    ),
    {
      name: 'asks for nothing when it cannot write its decision down',
      given: (worlds) => worlds.fail('patch jobs', status(503), 9),
      want: 'failed: unavailable',
      decision: 'open',
    },
    {
      name: 'is raced by another control plane that decides first',
      given: (worlds) => worlds.fail('patch jobs', status(422)),
      want: 'raced: the Job moved on',
      decision: 'open',
    },
  ];
  it.each(rows)('$name', async ({ given, isConcluded = true, endsLater = false, want, decision, attempts = [] }) => {
    const { worlds, queued } = await (isConcluded ? concluded() : losses());
    for (const each of queued) given(worlds, each);
    if (endsLater) await worlds.clock.advance(minutesMs(14));
    expect(await ask(worlds)).toBe(want);
    expect([await decisionOn(worlds), again(worlds)]).toEqual([decision, attempts]);
  });

  it.each(['succeeded', 'succeededWithIssues'] as const)(
    'never runs again what %s after all, though its stage failed for another loss',
    async (result) => {
      const { worlds } = await losses(2);
      worlds.ado.completeRequest(poolId, 1001, result);
      await worlds.clock.advance(minutesMs(14));
      const lostBy = await Promise.all([1001, 1002].map((id) => worlds.agentJob(nameFor(id))));
      const lostIts = lostBy.find(({ lost }) => lost?.requestId === 1001)?.name;
      expect(await ask(worlds, undefined, lostIts)).toBe('done: not run again');
    },
  );

  it('tells of it on the run and in the cluster, also when it is refused', async () => {
    const { worlds, queued } = await concluded();
    await ask(worlds);
    const tags = queued.map((each) => tagsOf(worlds, each));
    expect(tags).toEqual([['mayfly-agent-lost', 'mayfly-rerun-Build']]);
    const told = 'RunAgain x1: request 1001 was lost with agent 1001-1; stage Build of run 501: asked';
    expect(eventsIn(worlds)).toContain(told);
    const other = await concluded();
    other.worlds.fail('retryStage', status(403));
    await ask(other.worlds);
    expect(eventsIn(other.worlds)).toContain(told.replace('asked', 'refused'));
  });

  it('asks for nothing where no runs can be reached', async () => {
    const { worlds } = await concluded();
    expect(await ask(worlds, worlds.plane().deps)).toBe('waiting: its run is not known');
    expect([await decisionOn(worlds), again(worlds)]).toEqual(['open', []]);
  });
});

describe('what was lost', () => {
  it('is run once although two pods of its stage were lost', async () => {
    const { worlds } = await concluded(2);
    const plane = tellingPlane(worlds);
    const { outcomes } = await sweeps(worlds, plane, 30_000);
    // The other loss finds a stage that has not ended, and after that its tag.
    expect(outcomes.filter((line) => line.startsWith('rerun'))).toEqual([`rerun ${asked}`]);
    expect(again(worlds)).toEqual([2, 2]);
    const { outcomes: later } = await sweeps(worlds, plane, minutesMs(5));
    expect(later.filter((line) => line.startsWith('rerun'))).toEqual(['rerun done: not run again']);
    expect([timesDone(worlds, 'retryStage'), again(worlds)]).toEqual([1, []]);
    expect(eventsIn(worlds).filter((line) => line.startsWith('RunAgain'))).toHaveLength(1);
  });

  it('is not run a third time when the second try is lost too', async () => {
    const { worlds } = await concluded();
    const plane = tellingPlane(worlds);
    const first = await sweeps(worlds, plane, 60_000);
    expect(first.outcomes).toContain(`rerun ${asked}`);
    evict(worlds, 1002);
    const { outcomes } = await sweeps(worlds, plane, minutesMs(16));
    expect(outcomes.filter((line) => /rerun|noteLost/.test(line))).toEqual([
      'noteLost done: request 1002',
      'rerun done: not run again',
    ]);
    expect([timesDone(worlds, 'retryStage'), again(worlds)]).toEqual([1, []]);
  });

  it.each([
    [0, 0],
    [0, 50],
    [100, 100],
    [100, 350],
    [400, 90],
    [1000, 10],
  ])('is run once by two control planes at once, whose calls take %d and %d ms', async (one, other) => {
    for (const howMany of [1, 2]) {
      const { worlds } = await concluded(howMany);
      const planes = [one, other].map((latencyMs, index) => tellingPlane(worlds, { name: `p${index}`, latencyMs }));
      await Promise.all(planes.map((plane) => outcomesOf(worlds, plane)));
      expect([timesDone(worlds, 'retryStage'), again(worlds).length]).toEqual([1, howMany]);
    }
  });

  it('is never run twice, whenever a control plane dies over it', async () => {
    const tell = async (crash?: Crash) => {
      const { worlds } = await concluded();
      const counter = new CallCounter();
      const { deps } = tellingPlane(worlds, { name: 'mortal', counter, ...(crash && { crash }) });
      const agentJob = await worlds.agentJob(name);
      const { lost } = agentJob;
      if (lost === undefined) throw new Error('nothing was lost');
      const outcomes: Outcome[] = [];
      void rerun(deps, { kind: 'rerun', agentJob, lost }).then((outcome) => outcomes.push(outcome));
      for (let turn = 0; turn < 30; turn++) await settled();
      const calls = counter.count;
      await sweeps(worlds, tellingPlane(worlds, { name: 'after' }), 20_000);
      return { calls, times: timesDone(worlds, 'retryStage'), decision: await decisionOn(worlds) };
    };
    const undisturbed = await tell();
    expect(undisturbed).toEqual({ calls: 9, times: 1, decision: 'asked' });
    const times: number[] = [];
    for (let atCall = 0; atCall < undisturbed.calls; atCall++) {
      for (const when of ['before', 'after'] as const) {
        const seen = await tell({ atCall, when });
        expect(seen.decision, `${when} call ${atCall}`).toMatch(/asked|none/);
        times.push(seen.times);
      }
    }
    // Between the decision and the request a death costs the second try, and never brings a third.
    expect(new Set(times)).toEqual(new Set([0, 1]));
  });
});
