/** The last two steps of a retirement: the pod ends, then Secret and Job, or the Job stays as memory. */
import { describe, expect, it } from 'vitest';
import { CallCounter } from '../../../infra/local/simulation/mortal.ts';
import { settled } from '../../../infra/local/world/clock.ts';
import type { FaultKind } from '../../../infra/local/world/faults.ts';
import { annotationPointer, annotations } from '../../../shared/domain/names.ts';
import type { RetireReason } from '../../../shared/domain/reasons.ts';
import { retireAgentJob } from '../../../shared/reconcile/retireAgentJob.ts';
import { policy } from '../../support/builders.ts';
import { type Existing, namespace, nothing, placeholderLine, type Worlds } from '../../support/pass.ts';
import { name } from './creation.ts';
import { agentsSeen, anIdleAgentJob, retire } from './retirement.ts';

const { poolId, endGraceMs } = policy;
const status = (code: number): FaultKind => ({ kind: 'status', status: code });
const reason = 'neverStarted';

/** Its agent never connects, so that its deletion is news to nobody: the pod runs on. */
async function aWedgedPod(): Promise<Worlds> {
  const worlds = await anIdleAgentJob({ temper: { kind: 'neverConnects' } });
  expect(await retire(worlds, { reason })).toBe('waiting: neverStarted: the pod has not ended');
  return worlds;
}

/** As with the other registration, before the control plane has seen the agent. */
function forgetAgentId(worlds: Worlds): void {
  const body = [{ op: 'remove', path: annotationPointer(annotations.agentId) }];
  worlds.world().patch('jobs', namespace, name, { type: 'json', body });
}

const wedged: Existing = {
  jobs: ['1001-1 retiring agent=2 reason=neverStarted'],
  agents: [placeholderLine],
  secrets: ['1001-1'],
  pods: ['1001-1 Running'],
};

describe('retireAgentJob of a pod that does not end', () => {
  it('leaves it alone within the grace, then suspends it, and rests when the pod has ended', async () => {
    const worlds = await aWedgedPod();
    await worlds.clock.advance(endGraceMs - 1);
    expect(await retire(worlds, { reason })).toBe('waiting: neverStarted: the pod has not ended');
    expect(worlds.existing()).toEqual(wedged);
    await worlds.clock.advance(1);
    worlds.journal.clear();
    expect(await retire(worlds, { reason })).toBe('waiting: neverStarted: the pod has not ended');
    expect(worlds.calls().slice(-2)).toEqual(['findAgent', 'patch jobs']);
    expect((await worlds.agentJob(name)).suspended).toBe(true);
    await worlds.clock.advance(5000);
    expect(await retire(worlds, { reason })).toBe('done: neverStarted: tombstone');
    expect({ ...worlds.existing(), pods: [] }).toEqual({
      ...nothing,
      jobs: ['1001-1 tombstone suspended agent=2 reason=neverStarted'],
    });
  });

  it('suspends it though an agent of its name exists, when that has another id than the Job tells', async () => {
    const worlds = await aWedgedPod();
    await worlds.clock.advance(endGraceMs);
    worlds.ado.addAgent(poolId, { name });
    expect(await retire(worlds, { reason })).toBe('waiting: neverStarted: the pod has not ended');
    expect({ left: worlds.existing(), deleted: worlds.deletedAgents }).toEqual({
      left: {
        ...wedged,
        jobs: ['1001-1 retiring suspended agent=2 reason=neverStarted'],
        agents: [placeholderLine, '3 1001-1 offline'],
      },
      deleted: [2],
    });
  });

  const kept: readonly { name: string; given: (worlds: Worlds) => void; want: string; left?: Partial<Existing> }[] = [
    {
      name: 'does not suspend it when its agent has registered meanwhile: the Job tells no id',
      given: (worlds) => {
        forgetAgentId(worlds);
        worlds.meanwhile('get jobs', () => {
          worlds.ado.addAgent(poolId, { name });
        });
      },
      want: 'waiting: neverStarted: the pod has not ended',
      left: {
        jobs: ['1001-1 retiring reason=neverStarted'],
        agents: [placeholderLine, '3 1001-1 offline'],
      },
    },
    {
      name: 'does not suspend it when the name cannot be looked up',
      given: (worlds) => worlds.fail('findAgent', status(500)),
      want: 'uncertain: unavailable',
    },
    {
      name: 'does not suspend it when nobody answers for the name',
      given: (worlds) => worlds.fail('findAgent', { kind: 'hang' }),
      want: 'uncertain: timeout',
    },
    {
      name: 'does not suspend it when its Job cannot be read',
      given: (worlds) => worlds.fail('get jobs', status(500)),
      want: 'uncertain: unavailable',
    },
    {
      name: 'touches it no further when its annotations have been damaged meanwhile',
      given: (worlds) => worlds.meanwhile('get jobs', () => worlds.movePhase(name, 'unreadable')),
      want: 'raced: neverStarted: the Job is unreadable',
      left: { jobs: ['1001-1 unreadable agent=2 reason=neverStarted'] },
    },
    {
      name: 'is raced by another control plane that takes this very step',
      given: (worlds) => worlds.fail('patch jobs', status(422)),
      want: 'raced: the Job moved on',
    },
    {
      name: 'is not raced where Azure DevOps takes exception to a call',
      given: (worlds) => worlds.fail('findAgent', status(400)),
      want: 'uncertain: invalid',
    },
    {
      name: 'does not suspend it when its pods cannot be read',
      given: (worlds) => worlds.fail('list pods', status(500)),
      want: 'uncertain: unavailable',
    },
  ];
  it.each(kept)('$name', async ({ given, want, left }) => {
    const worlds = await aWedgedPod();
    await worlds.clock.advance(endGraceMs);
    given(worlds);
    const seen = { outcome: await retire(worlds, { reason }), left: worlds.existing() };
    expect(seen).toEqual({ outcome: want, left: { ...wedged, ...left } });
  });

  it('does not suspend it when this look showed no placeholder of ours', async () => {
    const worlds = await aWedgedPod();
    await worlds.clock.advance(endGraceMs);
    const outcome = await retire(worlds, { reason, absenceCounts: false });
    expect([outcome, worlds.existing()]).toEqual(['waiting: neverStarted: absence not proven', wedged]);
  });

  it('keeps Secret and Job as long as a lost node keeps its pod from ending', async () => {
    const worlds = await aWedgedPod();
    worlds.world().loseNode('node-1');
    await worlds.clock.advance(endGraceMs);
    await retire(worlds, { reason });
    await worlds.clock.advance(30_000);
    expect(await retire(worlds, { reason })).toBe('waiting: neverStarted: the pod has not ended');
    const { secrets, pods } = worlds.existing();
    expect({ secrets, pods }).toEqual({ secrets: ['1001-1'], pods: ['1001-1 Running'] });
  });
});

describe('retireAgentJob, laying to rest', () => {
  interface Row {
    readonly name: string;
    readonly reason?: RetireReason;
    readonly given: (worlds: Worlds) => void;
    readonly want: string;
    readonly left: Pick<Existing, 'jobs' | 'secrets'>;
  }
  const queue = (worlds: Worlds): void => {
    worlds.queueJob(60_000, true);
  };
  const none = { jobs: [], secrets: [] };
  const job = (phase: string, why: string): readonly string[] => [`1001-1 ${phase} agent=2 ${why}`];
  const rows: readonly Row[] = [
    {
      name: 'deletes a surplus one whose request is not known',
      given: () => undefined,
      want: 'done: surplus: deleted',
      left: none,
    },
    {
      name: 'deletes a surplus one whose request is over',
      given: (worlds) => worlds.ado.cancelJob(worlds.queueJob()),
      want: 'done: surplus: deleted',
      left: none,
    },
    {
      name: 'makes a surplus one a tombstone while its request lives',
      given: queue,
      want: 'done: surplus: tombstone',
      left: { jobs: job('tombstone', 'reason=surplus'), secrets: [] },
    },
    {
      name: 'makes a failed one a tombstone for the breaker, though its request is gone',
      reason: 'ended',
      given: () => undefined,
      want: 'done: ended: tombstone',
      left: { jobs: job('tombstone', 'reason=ended'), secrets: [] },
    },
    {
      name: 'makes one that served another request a tombstone while its own lives',
      reason: 'finished',
      given: (worlds) => {
        queue(worlds);
        worlds.patchJob(name, [{ op: 'add', path: '/metadata/annotations/mayfly.dev~1served', value: '1002' }]);
      },
      want: 'done: finished: tombstone',
      left: { jobs: job('tombstone', 'served=1002 reason=finished'), secrets: [] },
    },
    {
      name: 'keeps the Job when its request cannot be read',
      given: (worlds) => worlds.fail('getJobRequest', status(500)),
      want: 'uncertain: unavailable',
      left: { jobs: job('retiring', 'reason=surplus'), secrets: [] },
    },
    {
      name: 'keeps the Job when its Secret cannot be deleted',
      given: (worlds) => worlds.fail('delete secrets', status(403)),
      want: 'uncertain: forbidden',
      left: { jobs: job('retiring', 'reason=surplus'), secrets: ['1001-1'] },
    },
    {
      name: 'keeps a Secret of its name that it does not own',
      given: (worlds) => {
        worlds.world().delete('secrets', namespace, name);
        worlds.world().create('secrets', namespace, { apiVersion: 'v1', kind: 'Secret', metadata: { name } });
      },
      want: 'done: surplus: deleted',
      left: { jobs: [], secrets: ['1001-1'] },
    },
    {
      name: 'keeps the Job when it cannot be deleted',
      given: (worlds) => worlds.fail('delete jobs', status(500)),
      want: 'uncertain: unavailable',
      left: { jobs: job('retiring', 'reason=surplus'), secrets: [] },
    },
  ];
  it.each(rows)('$name', async (row) => {
    const worlds = await anIdleAgentJob();
    const because = row.reason ?? 'surplus';
    await retire(worlds, { reason: because });
    await worlds.clock.advance(5000);
    row.given(worlds);
    const outcome = await retire(worlds, { reason: because });
    const { jobs, secrets } = worlds.existing();
    expect({ outcome, left: { jobs, secrets } }).toEqual({ outcome: row.want, left: row.left });
  });
});

describe('a control plane that dies while it retires', () => {
  interface Story {
    readonly name: string;
    readonly reason: RetireReason;
    readonly given: (worlds: Worlds) => Promise<void>;
    readonly calls: number;
    readonly left: readonly string[];
  }
  const stories: readonly Story[] = [
    { name: 'an idle agent', reason: 'surplus', given: async () => undefined, calls: 13, left: [] },
    {
      name: 'an agent that has served',
      reason: 'finished',
      given: async (worlds) => {
        worlds.queueJob(30_000);
        await worlds.clock.advance(60_000);
      },
      calls: 11,
      left: [],
    },
    {
      name: 'an agent that failed its request',
      reason: 'ended',
      given: async (worlds) => {
        worlds.queueJob(60_000, true);
        for (const pod of worlds.podNames()) worlds.world().killPodProcess(namespace, pod, 1);
        await worlds.clock.advance(5000);
      },
      calls: 9,
      left: ['1001-1 tombstone agent=2 reason=ended'],
    },
  ];

  /** A sweep every half minute by a plane that dies at some call, then by others until nothing is left to do. */
  async function tell(story: Story, crash?: { atCall: number; when: 'before' | 'after' }) {
    const worlds = await anIdleAgentJob();
    await story.given(worlds);
    const counter = new CallCounter();
    let plane = worlds.plane({ name: 'mortal', counter, ...(crash && { crash }) });
    const outcomes: string[] = [];
    for (let sweep = 0; sweep < 12 && !outcomes.some((kind) => kind === 'done'); sweep++) {
      const agentJob = await worlds.cluster().getAgentJob(name);
      if (agentJob === undefined || agentJob.phase === 'tombstone') break;
      const retiring = { kind: 'retire', agentJob, reason: story.reason } as const;
      void retireAgentJob(plane.deps, retiring, true, agentsSeen(worlds)).then(({ kind }) => outcomes.push(kind));
      for (let turn = 0; turn < 5; turn++) await settled();
      await worlds.clock.advance(30_000);
      if (!plane.mortal.alive) plane = worlds.plane({ name: `after ${sweep}` });
    }
    return { worlds, calls: counter.count };
  }

  it.each(stories)('$name: others go on from any step', async (story) => {
    const undisturbed = await tell(story);
    expect(undisturbed.calls).toBe(story.calls);
    for (let atCall = 0; atCall < undisturbed.calls; atCall++) {
      for (const when of ['before', 'after'] as const) {
        const { worlds } = await tell(story, { atCall, when });
        const { jobs, agents, secrets } = worlds.existing();
        const seen = { jobs, agents, secrets, deleted: worlds.deletedAgents, lost: worlds.lost };
        const want = { jobs: story.left, agents: [placeholderLine], secrets: [], deleted: [2], lost: [] };
        expect(seen, `${when} call ${atCall}`).toEqual(want);
      }
    }
  });
});
