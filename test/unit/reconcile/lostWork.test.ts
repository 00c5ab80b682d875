/** Pods that are gone while their agent holds a request, and the one rule by which we end such a pod. */
import { describe, expect, it } from 'vitest';
import { CallCounter } from '../../../infra/local/simulation/mortal.ts';
import { settled } from '../../../infra/local/world/clock.ts';
import { minutesMs, secondsMs } from '../../../shared/domain/instant.ts';
import { endOverAge, noteLost } from '../../../shared/reconcile/lostWork.ts';
import { reconcilePool } from '../../../shared/reconcile/reconcilePool.ts';
import { nameFor } from '../../support/builders.ts';
import { namespace, outcomeLine, placeholderLine, Worlds, type WorldsOptions } from '../../support/pass.ts';
import { aPoolPolicy } from '../../support/policyBuilders.ts';
import { aBusyAgent, eventsIn, outcomesOf, podFor, sweeps, tagsOf, tellingPlane } from '../../support/reaping.ts';
import { status } from './creation.ts';

const name = nameFor(1001);
const toldOf = (words: string): string => `LostMidJob x1: agent 1001-1 was gone while it ran request 1001: ${words}`;
const evicted = 'TerminationByKubelet: The node was low on resource: memory.';
const told = toldOf(evicted);

async function aLostAgent(options: WorldsOptions = {}) {
  const worlds = new Worlds(options);
  const queued = await aBusyAgent(worlds);
  worlds.world().evictByNode(namespace, podFor(worlds, 1001));
  await worlds.clock.advance(secondsMs(1));
  return { worlds, queued };
}

describe('a pod that is gone while its agent holds a request', () => {
  interface Fate {
    readonly name: string;
    readonly given: (worlds: Worlds, pod: string) => void;
    readonly words: string;
  }
  const fates: readonly Fate[] = [
    { name: 'evicted by its node', given: (worlds, pod) => worlds.world().evictByNode(namespace, pod), words: evicted },
    {
      name: 'out of memory',
      given: (worlds, pod) => worlds.world().oomKill(namespace, pod),
      words: 'OOMKilled, exit code 137',
    },
    {
      name: 'dead by itself',
      given: (worlds, pod) => worlds.world().killPodProcess(namespace, pod, 1),
      words: 'Error, exit code 1',
    },
    {
      name: 'deleted by hand, without any grace',
      given: (worlds, pod) => void worlds.world().delete('pods', namespace, pod, { gracePeriodSeconds: 0 }),
      words: 'its pod is gone',
    },
  ];
  it.each(fates)('is known at once when $name, long before the server gives it up', async ({ given, words }) => {
    const worlds = new Worlds();
    const queued = await aBusyAgent(worlds);
    const plane = tellingPlane(worlds);
    given(worlds, podFor(worlds, 1001));
    await worlds.clock.advance(secondsMs(2));
    expect(await outcomesOf(worlds, plane)).toContain('noteLost done: request 1001');
    const { lost, rerun } = await worlds.agentJob(name);
    const { requestId, runId, jobId, projectId } = queued;
    expect([lost, rerun]).toEqual([{ requestId, runId, jobId, projectId, at: worlds.ado.now() }, 'open']);
    expect([eventsIn(worlds), tagsOf(worlds, queued)]).toEqual([[toldOf(words)], ['mayfly-agent-lost']]);
    expect(worlds.lost).toEqual([]);
  });

  it('is known once its node is given up, which is when the cluster knows it', async () => {
    const worlds = new Worlds();
    await aBusyAgent(worlds);
    const plane = tellingPlane(worlds);
    worlds.world().loseNode('node-1');
    const { outcomes } = await sweeps(worlds, plane, minutesMs(12));
    expect(outcomes.filter((line) => line.startsWith('noteLost'))).toEqual(['noteLost done: request 1001']);
  });

  it('is noted, told and tagged once, then removed when the server allows', async () => {
    const { worlds, queued } = await aLostAgent();
    const { outcomes } = await sweeps(worlds, tellingPlane(worlds), minutesMs(15));
    expect(outcomes).toEqual(['noteLost done: request 1001', 'retire done: ended: tombstone']);
    expect(eventsIn(worlds)).toEqual([told]);
    expect(tagsOf(worlds, queued)).toEqual(['mayfly-agent-lost']);
    expect([worlds.lost, worlds.existing().agents]).toEqual([[1001], [placeholderLine]]);
  });

  it('is told on one Event by two control planes at once', async () => {
    const { worlds, queued } = await aLostAgent();
    const planes = ['a', 'b'].map((each) => tellingPlane(worlds, { name: each, latencyMs: 200 }));
    await Promise.all(planes.map((plane) => outcomesOf(worlds, plane)));
    expect(eventsIn(worlds)).toHaveLength(1);
    expect(tagsOf(worlds, queued)).toEqual(['mayfly-agent-lost']);
  });
});

describe('the run of what was lost', () => {
  it('is tagged at a later look where the server could not be reached at first', async () => {
    const { worlds, queued } = await aLostAgent();
    worlds.fail('getTags', status(503), 9);
    const plane = tellingPlane(worlds);
    expect(await outcomesOf(worlds, plane)).toContain('noteLost failed: unavailable');
    worlds.faults.clear();
    const { outcomes } = await sweeps(worlds, plane, secondsMs(15));
    expect(outcomes).toEqual(['tellRun done: run 501, mayfly-agent-lost: told']);
    expect(tagsOf(worlds, queued)).toEqual(['mayfly-agent-lost']);
  });

  it('is tagged by others when who noted it died over it', async () => {
    for (let atCall = 0; ; atCall++) {
      const { worlds, queued } = await aLostAgent();
      const counter = new CallCounter();
      const mortal = tellingPlane(worlds, { name: 'mortal', counter, crash: { atCall, when: 'before' } });
      const intent = { cause: 'sweep', correlationId: 'c-1', deadlineAt: worlds.clock.now() + 60_000 };
      void reconcilePool(mortal.deps, intent);
      for (let turn = 0; turn < 30; turn++) await settled();
      await sweeps(worlds, tellingPlane(worlds, { name: 'after' }), secondsMs(10));
      expect(tagsOf(worlds, queued), `call ${atCall}`).toEqual(['mayfly-agent-lost']);
      if (counter.count <= atCall) break;
    }
  });
});

describe('noteLost', () => {
  interface Row {
    readonly name: string;
    readonly given: (worlds: Worlds) => void;
    readonly want: string;
    readonly isNoted?: boolean;
    readonly events?: readonly string[];
    readonly tags?: readonly string[];
  }
  const tag = ['mayfly-agent-lost'];
  const rows: readonly Row[] = [
    { name: 'tells cluster and run', given: () => undefined, want: 'done: request 1001', events: [told], tags: tag },
    {
      name: 'tells nobody of a Job that it could not mark',
      given: (worlds) => void worlds.world().delete('jobs', namespace, name, { propagationPolicy: 'Background' }),
      want: 'raced: the Job moved on',
      isNoted: false,
    },
    {
      name: 'fails, and tells nobody, when the cluster does not answer',
      given: (worlds) => worlds.fail('patch jobs', status(503), 9),
      want: 'failed: unavailable',
      isNoted: false,
    },
    {
      name: 'tags the run although the Event is refused',
      given: (worlds) => worlds.fail('create events', status(403), 9),
      want: 'done: request 1001',
      tags: tag,
    },
    {
      name: 'is done although it may tag no run',
      given: (worlds) => worlds.fail('addTag', status(403), 9),
      want: 'done: request 1001',
      events: [told],
    },
    {
      name: 'has written it down although the server cannot be reached',
      given: (worlds) => worlds.fail('getTags', status(503), 9),
      want: 'failed: unavailable',
      events: [told],
    },
  ];
  it.each(rows)('$name', async ({ given, want, isNoted = true, events = [], tags = [] }) => {
    const { worlds, queued } = await aLostAgent();
    const agentJob = await worlds.agentJob(name);
    const { requestId, jobId, projectId, runId } = queued;
    const lost = { requestId, jobId, projectId, runId, at: worlds.ado.now() };
    given(worlds);
    const outcome = await worlds.until(noteLost(tellingPlane(worlds).deps, { kind: 'noteLost', agentJob, lost }));
    const found = await worlds.cluster().getAgentJob(name);
    expect([outcomeLine(outcome), found?.lost]).toEqual([want, isNoted ? lost : undefined]);
    expect([eventsIn(worlds), tagsOf(worlds, queued)]).toEqual([events, tags]);
  });

  it('tags nothing where the run is not known, or nobody could be told', async () => {
    const { worlds, queued } = await aLostAgent();
    const agentJob = await worlds.agentJob(name);
    const { runId, projectId } = queued;
    const lost = { requestId: 1001, jobId: 'j', at: 1 };
    const found = { ...lost, runId, projectId };
    const nobody = worlds.plane().deps;
    for (const [deps, what] of [
      [tellingPlane(worlds).deps, lost],
      [nobody, found],
    ] as const) {
      expect(outcomeLine(await worlds.until(noteLost(deps, { kind: 'noteLost', agentJob, lost: what })))).toBe(
        'done: request 1001',
      );
    }
    expect(tagsOf(worlds, queued)).toEqual([]);
  });
});

describe('a pipeline job beyond the maximum age', () => {
  const maxJobAge = { ms: minutesMs(30), ends: true };
  const policy = aPoolPolicy({ maxJobAge, runs: { tellAfterMs: minutesMs(2), rerunLost: true } });
  const ordered = 'endOverAge done: request 1001';

  async function anOldJob(options: WorldsOptions = { policy }) {
    const worlds = new Worlds(options);
    const queued = await aBusyAgent(worlds);
    await worlds.clock.advance(maxJobAge.ms);
    return { worlds, queued, plane: tellingPlane(worlds) };
  }

  it('is ended where an administrator wants it: told to once, hurried after the grace', async () => {
    const { worlds, queued, plane } = await anOldJob();
    // Its process swallows TERM while it works.
    const patienceMs = policy.endGraceMs - secondsMs(15);
    const first = await sweeps(worlds, plane, patienceMs);
    expect(first.outcomes).toEqual(['disable done: request 1001', ordered]);
    expect(worlds.existing().pods).toEqual(['1001-1 Running']);
    expect((await worlds.agentJob(name)).suspended).toBe(true);
    const last = await sweeps(worlds, plane, minutesMs(5), () => worlds.podNames().length === 0);
    expect(patienceMs + last.ms).toBeLessThanOrEqual(policy.endGraceMs + secondsMs(30 + 5));
    expect([...new Set(last.outcomes)]).toEqual(['endOverAge done: ended', 'noteLost done: request 1001']);
    expect(eventsIn(worlds)).toEqual([
      'EndedAtMaximumAge x1: agent 1001-1 was ended at the maximum age of request 1001',
      toldOf('Error, exit code 137'),
    ]);
    expect(tagsOf(worlds, queued)).toEqual(['mayfly-agent-lost']);
  });

  it('is not run again', async () => {
    const { worlds, plane, queued } = await anOldJob();
    await sweeps(worlds, plane, minutesMs(40));
    expect([worlds.lost, worlds.ado.listUnfinishedRequests(7)]).toEqual([[1001], []]);
    expect(tagsOf(worlds, queued)).toEqual(['mayfly-agent-lost']);
  });

  it('runs on where nobody wants it ended, with an alarm', async () => {
    const { worlds, plane } = await anOldJob({ policy: { ...policy, maxJobAge: { ...maxJobAge, ends: false } } });
    const { outcomes } = await sweeps(worlds, plane, minutesMs(30));
    expect(outcomes).toEqual(['disable done: request 1001']);
    expect(worlds.existing().pods).toEqual(['1001-1 Running']);
    expect(worlds.log.map(({ event }) => event)).toContain('alarm.jobTooOld');
  });

  it('is left alone by whoever comes too late', async () => {
    const { worlds, plane } = await anOldJob();
    const agentJob = await worlds.agentJob(name);
    worlds.movePhase(name, 'retiring');
    const outcome = await worlds.until(endOverAge(plane.deps, { kind: 'endOverAge', agentJob, requestId: 1001 }));
    expect([outcomeLine(outcome), (await worlds.agentJob(name)).suspended]).toEqual(['raced: the Job moved on', false]);
    expect(eventsIn(worlds)).toEqual([]);
  });
});
