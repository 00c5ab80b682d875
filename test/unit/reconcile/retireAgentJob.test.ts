import { describe, expect, it } from 'vitest';
import type { FaultKind } from '../../../infra/local/world/faults.ts';
import { annotations } from '../../../shared/domain/names.ts';
import { retireAgentJob } from '../../../shared/reconcile/retireAgentJob.ts';
import { policy } from '../../support/builders.ts';
import { type Existing, isWrite, namespace, nothing, placeholderLine, type Worlds } from '../../support/pass.ts';
import { name } from './creation.ts';
import { anIdleAgentJob, idle, type RetireOptions, retire, stopped } from './retirement.ts';

const { poolId } = policy;
const status = (code: number): FaultKind => ({ kind: 'status', status: code });
const hang: FaultKind = { kind: 'hang' };

interface Row {
  readonly name: string;
  readonly given: (worlds: Worlds) => void;
  readonly options?: RetireOptions;
  readonly want: string;
  readonly left: Existing;
}

function table(rows: readonly Row[]): void {
  it.each(rows)('$name', async ({ given, options, want, left }) => {
    const worlds = await anIdleAgentJob();
    given(worlds);
    expect({ outcome: await retire(worlds, options), left: worlds.existing() }).toEqual({ outcome: want, left });
    expect(worlds.deletedAgents).toEqual([]);
  });
}

/** Faults with their kind at the Kubernetes door and at that of Azure DevOps. */
const failures: readonly (readonly [title: string, fault: FaultKind, kind: string])[] = [
  ['at 500', status(500), 'unavailable'],
  ['at 429', status(429), 'throttled'],
  ['at 403', status(403), 'forbidden'],
  ['at 401', status(401), 'unauthorized'],
  ['when the call is lost', { kind: 'lostBefore' }, 'unavailable'],
  ['when nobody answers', hang, 'timeout'],
];

/** The call fails, nothing further is done, and the next sweep resumes. */
const stops = (verb: string, left: Existing): readonly Row[] =>
  failures.map(([title, fault, kind]) => ({
    name: `stops ${title}`,
    given: (worlds) => worlds.fail(verb, fault),
    want: `uncertain: ${kind}`,
    left,
  }));

describe('retireAgentJob of an idle agent', () => {
  it('disables, asks, deletes the agent, lets the pod end by itself, then removes Secret and Job', async () => {
    const worlds = await anIdleAgentJob();
    expect(await retire(worlds)).toBe('waiting: surplus: the pod has not ended');
    expect(worlds.calls()).toEqual(['patch jobs', 'updateAgent', 'getAgent', 'deleteAgent', 'get jobs', 'list pods']);
    await worlds.clock.advance(5000);
    const gone = { ...stopped, agents: [placeholderLine] };
    expect(worlds.existing()).toEqual({ ...gone, pods: ['1001-1 Succeeded'] });
    worlds.journal.clear();
    expect(await retire(worlds)).toBe('done: surplus: deleted');
    const writes = worlds.calls().filter(isWrite);
    expect(writes).toEqual(['delete secrets', 'delete jobs']);
    await worlds.clock.advance(5000);
    expect(worlds.existing()).toEqual(nothing);
  });

  it('fails without a call when the cluster of the Job is not configured', async () => {
    const worlds = await anIdleAgentJob();
    const agentJob = { ...(await worlds.agentJob(name)), cluster: 'elsewhere' };
    const action = { kind: 'retire', agentJob, reason: 'surplus' } as const;
    const outcome = await retireAgentJob(worlds.plane().deps, action, true);
    expect([outcome.kind, worlds.calls(), worlds.existing()]).toEqual(['failed', [], idle]);
  });
});

describe('retireAgentJob, marking the Job', () => {
  const moved = (phase: 'creating' | 'retiring' | 'rolledBack' | 'tombstone'): Row => ({
    name: `is raced and touches no agent when the Job is ${phase} meanwhile`,
    given: (worlds) => worlds.meanwhile('patch jobs', () => worlds.movePhase(name, phase)),
    want: 'raced: surplus: the Job moved on',
    left: { ...idle, jobs: [`1001-1 ${phase} agent=2`] },
  });
  table([
    moved('creating'),
    moved('retiring'),
    moved('rolledBack'),
    moved('tombstone'),
    ...stops('patch jobs', idle),
    {
      name: 'stops when the reply is lost, and leaves the next step to the next sweep',
      given: (worlds) => worlds.fail('patch jobs', { kind: 'lostAfter' }),
      want: 'uncertain: unavailable',
      left: { ...idle, jobs: stopped.jobs },
    },
  ]);
});

describe('retireAgentJob, disabling the agent', () => {
  const marked: Existing = { ...idle, jobs: stopped.jobs };
  table([
    ...stops('updateAgent', marked),
    {
      name: 'stops when the reply is lost',
      given: (worlds) => worlds.fail('updateAgent', { kind: 'lostAfter' }),
      want: 'uncertain: unavailable',
      left: stopped,
    },
    {
      name: 'disables once more and waits when the agent reads as enabled after all',
      given: (worlds) => worlds.fail('updateAgent', status(404)),
      want: 'waiting: surplus: was enabled when read',
      left: stopped,
    },
    {
      name: 'waits when somebody enables the agent in between',
      given: (worlds) =>
        worlds.meanwhile('getAgent', () => {
          worlds.ado.updateAgent(poolId, 2, { enabled: true });
        }),
      want: 'waiting: surplus: was enabled when read',
      left: stopped,
    },
  ]);

  it('keeps an agent that received a request between plan and disable until its job has run to its end', async () => {
    const worlds = await anIdleAgentJob();
    worlds.meanwhile('updateAgent', () => {
      worlds.queueJob(300_000);
    });
    expect(await retire(worlds)).toBe('waiting: surplus: holds request 1001');
    const held = { ...stopped, agents: [placeholderLine, '2 1001-1 online disabled request=1001'] };
    expect(worlds.existing()).toEqual(held);
    await worlds.clock.advance(policy.endGraceMs + 60_000);
    expect(await retire(worlds)).toBe('waiting: surplus: holds request 1001');
    expect(worlds.existing()).toEqual(held);
    await worlds.clock.advance(200_000);
    expect({ ran: worlds.ran, lost: worlds.lost }).toEqual({ ran: [1001], lost: [] });
    expect(await retire(worlds)).toBe('done: surplus: deleted');
    expect(worlds.deletedAgents).toEqual([2]);
    await worlds.clock.advance(5000);
    expect(worlds.existing()).toEqual(nothing);
  });

  it('keeps an agent that is given a request after it was read: the server refuses to delete it', async () => {
    const worlds = await anIdleAgentJob();
    worlds.meanwhile('deleteAgent', () => {
      worlds.ado.updateAgent(poolId, 2, { enabled: true });
      worlds.queueJob(30_000);
    });
    expect(await retire(worlds)).toBe('waiting: surplus: the server refuses to delete the agent');
    await worlds.clock.advance(60_000);
    expect({ ran: worlds.ran, deleted: worlds.deletedAgents }).toEqual({ ran: [1001], deleted: [] });
  });
});

describe('retireAgentJob, asking whether the agent is idle', () => {
  table([
    ...stops('getAgent', stopped),
    ...(
      [
        ['a body that breaks off', { kind: 'truncated' }, 'unexpected'],
        ['null', { kind: 'nullBody' }, 'unexpected'],
        ['a sign-in page', { kind: 'signInPage' }, 'unauthorized'],
        ['400', status(400), 'invalid'],
      ] as const
    ).map(
      ([what, fault, kind]): Row => ({
        name: `stops at ${what}`,
        given: (worlds) => worlds.fail('getAgent', fault),
        want: `uncertain: ${kind}`,
        left: stopped,
      }),
    ),
    {
      name: 'stops at 404 without a placeholder of ours in the list of this look',
      given: (worlds) => worlds.fail('getAgent', status(404)),
      options: { absenceCounts: false },
      want: 'waiting: surplus: absence not proven',
      left: stopped,
    },
    {
      name: 'touches neither pod nor Secret within the grace when a 404 lies',
      given: (worlds) => worlds.fail('getAgent', status(404)),
      want: 'waiting: surplus: the pod has not ended',
      left: stopped,
    },
  ]);

  it('suspends nothing after the grace when a 404 lies and the name is still found', async () => {
    const worlds = await anIdleAgentJob();
    worlds.fail('getAgent', status(404), 2);
    await retire(worlds);
    await worlds.clock.advance(policy.endGraceMs);
    expect(await retire(worlds)).toBe('waiting: surplus: the pod has not ended');
    expect(worlds.existing()).toEqual(stopped);
  });
});

describe('retireAgentJob, deleting the agent', () => {
  const refusal = (code: number): Row => ({
    name: `waits when the server refuses with ${code}`,
    given: (worlds) => worlds.fail('deleteAgent', status(code)),
    want: 'waiting: surplus: the server refuses to delete the agent',
    left: stopped,
  });
  table([refusal(400), refusal(409), ...stops('deleteAgent', stopped)]);

  it('goes on in the next sweep when only the reply was lost', async () => {
    const worlds = await anIdleAgentJob();
    worlds.fail('deleteAgent', { kind: 'lostAfter' });
    expect(await retire(worlds)).toBe('uncertain: unavailable');
    await worlds.clock.advance(5000);
    expect(await retire(worlds)).toBe('done: surplus: deleted');
    expect(worlds.deletedAgents).toEqual([2]);
  });

  /** Its request has been served; agent and pod are as the agent left them. */
  async function served(): Promise<Worlds> {
    const worlds = await anIdleAgentJob();
    worlds.queueJob(30_000);
    await worlds.clock.advance(60_000);
    worlds.journal.clear();
    return worlds;
  }

  it('writes which request it served on the Job before the agent is deleted', async () => {
    const worlds = await served();
    const notes: unknown[] = [];
    worlds.ado.onEvent((event) => {
      if (event.kind !== 'agentDeleted') return;
      const { metadata } = worlds.world().get('jobs', namespace, name).body;
      notes.push((metadata as { annotations: Record<string, string> }).annotations[annotations.served]);
    });
    expect(await retire(worlds, { reason: 'finished' })).toBe('done: finished: deleted');
    expect(notes).toEqual(['1001']);
    expect(worlds.calls().filter(isWrite)).toEqual([
      'patch jobs',
      'updateAgent',
      'patch jobs',
      'deleteAgent',
      'delete secrets',
      'delete jobs',
    ]);
  });

  it('deletes no agent while that cannot be written', async () => {
    const worlds = await served();
    worlds.meanwhile('getAgent', () => worlds.fail('patch jobs', status(500)));
    expect(await retire(worlds, { reason: 'finished' })).toBe('uncertain: unavailable');
    expect({ left: worlds.existing(), deleted: worlds.deletedAgents }).toEqual({
      left: {
        ...idle,
        jobs: ['1001-1 retiring agent=2 reason=finished'],
        agents: [placeholderLine, '2 1001-1 offline disabled'],
        pods: ['1001-1 Succeeded'],
      },
      deleted: [],
    });
  });
});

describe('two control planes that retire one agent job', () => {
  const speeds = [10, 35, 100].flatMap((first) => [10, 35, 100].map((second) => ({ first, second })));
  it.each(speeds)('end it once, whoever is faster ($first and $second ms)', async ({ first, second }) => {
    const worlds = await anIdleAgentJob();
    const planes = [
      worlds.plane({ name: 'first', latencyMs: first }),
      worlds.plane({ name: 'second', latencyMs: second }),
    ];
    for (let sweep = 0; sweep < 3 && worlds.existing().jobs.length > 0; sweep++) {
      await Promise.all(planes.map((plane) => retire(worlds, { plane })));
      await worlds.clock.advance(5000);
    }
    const seen = { left: worlds.existing(), deleted: worlds.deletedAgents, lost: worlds.lost };
    expect(seen).toEqual({ left: nothing, deleted: [2], lost: [] });
  });
});
