import { describe, expect, it } from 'vitest';
import type { FaultKind } from '../../../infra/local/world/faults.ts';
import { createAgentJob } from '../../../shared/reconcile/createAgentJob.ts';
import { rollBack } from '../../../shared/reconcile/smallActions.ts';
import { type Existing, isWrite, namespace, nothing, outcomeLine, Worlds } from '../../support/pass.ts';
import { action, allButStarted, name, rolledBack, started } from './creation.ts';

/** A creation whose control plane died just before it could start the Job: Job, agent and Secret exist. */
async function forsaken(): Promise<Worlds> {
  const worlds = new Worlds();
  const { deps } = worlds.plane({ name: 'creator', crash: { atCall: 3, when: 'before' } });
  void createAgentJob(deps, action);
  await worlds.clock.advance(1000);
  worlds.journal.clear();
  return worlds;
}

interface Row {
  readonly name: string;
  readonly given: (worlds: Worlds) => void;
  readonly want: string;
  readonly left: Existing;
}

const status = (code: number): FaultKind => ({ kind: 'status', status: code });
const reason = 'create-by passed';
const expired: Existing = { ...allButStarted, jobs: rolledBack(reason).jobs, secrets: [] };
const moved = (phase: 'started' | 'retiring' | 'rolledBack' | 'tombstone'): Row => ({
  name: `is raced and touches no Secret when the Job is ${phase} meanwhile`,
  given: (worlds) => worlds.meanwhile('patch jobs', () => worlds.movePhase(name, phase)),
  want: 'raced: the Job moved on',
  left: { ...allButStarted, jobs: [`1001-1 ${phase} suspended`] },
});
const refused = (title: string, fault: FaultKind, kind: string): Row => ({
  name: `fails and touches no Secret ${title}`,
  given: (worlds) => worlds.fail('patch jobs', fault),
  want: `failed: ${kind}`,
  left: allButStarted,
});

const rows: readonly Row[] = [
  { name: 'deletes only the Secret, never the agent', given: () => undefined, want: 'done', left: expired },
  moved('started'),
  moved('retiring'),
  moved('rolledBack'),
  moved('tombstone'),
  refused('at 500', status(500), 'unavailable'),
  refused('at 429', status(429), 'throttled'),
  refused('at 403', status(403), 'forbidden'),
  refused('when the patch is lost', { kind: 'lostBefore' }, 'unavailable'),
  refused('when nobody answers', { kind: 'hang' }, 'timeout'),
  {
    name: 'touches no Secret when the reply is lost',
    given: (worlds) => worlds.fail('patch jobs', { kind: 'lostAfter' }),
    want: 'failed: unavailable',
    left: { ...expired, secrets: ['1001-1'] },
  },
  {
    name: 'is raced when the Job is gone',
    given: (worlds) =>
      worlds.meanwhile('patch jobs', () => {
        worlds.world().delete('jobs', namespace, name, { propagationPolicy: 'Background' });
      }),
    want: 'raced: the Job moved on',
    left: { ...allButStarted, jobs: [] },
  },
  {
    name: 'leaves a Secret alone that the Job does not own',
    given: (worlds) => {
      worlds.world().delete('secrets', namespace, name);
      worlds.world().create('secrets', namespace, { apiVersion: 'v1', kind: 'Secret', metadata: { name } });
    },
    want: 'done',
    left: { ...expired, secrets: ['1001-1'] },
  },
  {
    name: 'fails when the owners of the Secret cannot be read',
    given: (worlds) => worlds.fail('get secrets', status(500)),
    want: 'failed: unavailable',
    left: { ...expired, secrets: ['1001-1'] },
  },
];

describe('rollBack', () => {
  it.each(rows)('$name', async (row) => {
    const worlds = await forsaken();
    const agentJob = await worlds.agentJob(name);
    row.given(worlds);
    const { deps } = worlds.plane();
    const outcome = await worlds.until(rollBack(deps, { kind: 'rollBack', agentJob }));
    const seen = { outcome: outcomeLine(outcome), left: worlds.existing(), deleted: worlds.deletedAgents };
    expect(seen).toEqual({ outcome: row.want, left: row.left, deleted: [] });
  });

  it('asks nothing of Azure DevOps', async () => {
    const worlds = await forsaken();
    const agentJob = await worlds.agentJob(name);
    await rollBack(worlds.plane().deps, { kind: 'rollBack', agentJob });
    expect(worlds.calls()).toEqual(['patch jobs', 'get secrets', 'delete secrets']);
  });

  it('fails without a call when the cluster of the Job is not configured', async () => {
    const worlds = await forsaken();
    const agentJob = { ...(await worlds.agentJob(name)), cluster: 'elsewhere' };
    const outcome = await rollBack(worlds.plane().deps, { kind: 'rollBack', agentJob });
    expect([outcomeLine(outcome), worlds.calls()]).toEqual(['failed: unexpected', []]);
  });
});

describe('start and roll back of one Job', () => {
  /** One call of the creator takes 100 ms; the other's patch reaches the world after so many. */
  const moments = Array.from({ length: 26 }, (_, index) => index * 20 - 5).filter((ms) => ms > 0);

  it.each(moments)('have exactly one winner when it is rolled back after %i ms', async (ms) => {
    const worlds = new Worlds();
    const creator = worlds.plane({ name: 'creator', latencyMs: 100 });
    const other = worlds.plane({ name: 'other', latencyMs: 10 });
    const creation = createAgentJob(creator.deps, action);
    await worlds.clock.advance(ms);
    const agentJob = await worlds.agentJob(name).catch(() => undefined);
    const rollingBack = agentJob && rollBack(other.deps, { kind: 'rollBack', agentJob });
    const [created, undone] = await worlds.until(Promise.all([creation, rollingBack]));
    const seen = {
      created: outcomeLine(created),
      undone: undone && outcomeLine(undone),
      left: { ...worlds.existing(), pods: [] },
    };
    const isStarted = created.kind === 'done';
    expect(seen).toEqual({
      created: isStarted ? 'done: agent 2' : 'undone: rolled back by another',
      undone: isStarted ? agentJob && 'raced: the Job moved on' : 'done',
      left: isStarted ? { ...started, pods: [] } : rolledBack(reason),
    });
    expect(worlds.deletedAgents).toEqual(isStarted ? [] : [2]);
    // The patch of the start reaches the world 350 ms after the creation began, the rollback's 5 ms after its own.
    expect(isStarted).toBe(ms < 50 || ms + 5 > 350);
  });

  it('are raced again by a third, who changes nothing', async () => {
    const worlds = await forsaken();
    const agentJob = await worlds.agentJob(name);
    const planes = ['one', 'two', 'three'].map((plane) => worlds.plane({ name: plane, latencyMs: 10 }).deps);
    const outcomes = await worlds.until(
      Promise.all(planes.map((deps) => rollBack(deps, { kind: 'rollBack', agentJob }))),
    );
    expect(outcomes.map(outcomeLine)).toEqual(['done', 'raced: the Job moved on', 'raced: the Job moved on']);
    expect(worlds.calls().filter(isWrite)).toEqual([
      'patch jobs',
      'patch jobs (422)',
      'patch jobs (422)',
      'delete secrets',
    ]);
    expect(worlds.existing()).toEqual({ ...nothing, ...expired });
  });
});
