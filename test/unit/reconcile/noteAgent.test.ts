/** Which agent came of a Job whose pod registers it: written on the Job once, by whoever sees it first. */
import { describe, expect, it } from 'vitest';
import type { FaultKind } from '../../../infra/local/world/faults.ts';
import type { AgentJobPhase } from '../../../shared/domain/agentJob.ts';
import { annotationPointer, annotations } from '../../../shared/domain/names.ts';
import { createAgentJob } from '../../../shared/reconcile/createAgentJob.ts';
import { noteAgent } from '../../../shared/reconcile/smallActions.ts';
import { type Existing, namespace, nothing, outcomeLine, placeholderLine, Worlds } from '../../support/pass.ts';
import { aJobBy, inPod, name, status } from './creation.ts';

/** A started Job whose pod has registered its agent, which nobody has written down. */
async function registered(): Promise<Worlds> {
  const worlds = new Worlds();
  await worlds.until(createAgentJob(worlds.plane({ name: 'creator' }).deps, inPod));
  await worlds.clock.advance(15_000);
  worlds.journal.clear();
  return worlds;
}

const running = (job: string): Existing => ({
  ...nothing,
  jobs: [job],
  agents: [placeholderLine, '2 1001-1 online'],
  secrets: ['1001-1'],
  pods: ['1001-1 Running'],
});
const unnoted = running('1001-1 started');
const noted = running('1001-1 started agent=2');

interface Row {
  readonly name: string;
  readonly given?: (worlds: Worlds) => void;
  readonly want: string;
  readonly left: Existing;
}

const fails = (title: string, fault: FaultKind, kind: string): Row => ({
  name: `fails ${title}`,
  given: (worlds) => worlds.fail('patch jobs', fault),
  want: `failed: ${kind}`,
  left: unnoted,
});
const moved = (phase: AgentJobPhase): Row => ({
  name: `writes nothing on a Job that is ${phase} meanwhile`,
  given: (worlds) => worlds.meanwhile('patch jobs', () => worlds.movePhase(name, phase)),
  want: 'raced: the Job moved on',
  left: running(`1001-1 ${phase}`),
});

const rows: readonly Row[] = [
  { name: 'writes the id on the Job', want: 'done: agent 2', left: noted },
  {
    name: 'writes it once more over itself: another look was as quick',
    given: (worlds) =>
      worlds.meanwhile('patch jobs', () =>
        worlds.patchJob(name, [{ op: 'add', path: annotationPointer(annotations.agentId), value: '2' }]),
      ),
    want: 'done: agent 2',
    left: noted,
  },
  moved('retiring'),
  moved('rolledBack'),
  moved('tombstone'),
  {
    name: 'writes nothing on another Job of that name',
    given: (worlds) =>
      worlds.meanwhile('patch jobs', () => {
        worlds.world().delete('jobs', namespace, name, { propagationPolicy: 'Background' });
        aJobBy('another-0')(worlds);
      }),
    want: 'raced: the Job moved on',
    left: { ...running('1001-1 creating suspended'), secrets: ['1001-1'] },
  },
  {
    name: 'is raced when the Job is gone',
    given: (worlds) =>
      worlds.meanwhile('patch jobs', () => {
        worlds.world().delete('jobs', namespace, name, { propagationPolicy: 'Background' });
      }),
    want: 'raced: the Job moved on',
    left: { ...unnoted, jobs: [] },
  },
  fails('at 403', status(403), 'forbidden'),
  fails('at 500', status(500), 'unavailable'),
  fails('when the patch is lost', { kind: 'lostBefore' }, 'unavailable'),
  fails('when nobody answers', { kind: 'hang' }, 'timeout'),
  {
    name: 'fails when the reply is lost, though it is written',
    given: (worlds) => worlds.fail('patch jobs', { kind: 'lostAfter' }),
    want: 'failed: unavailable',
    left: noted,
  },
];

describe('noteAgent', () => {
  it.each(rows)('$name', async ({ given, want, left }) => {
    const worlds = await registered();
    const agentJob = await worlds.agentJob(name);
    given?.(worlds);
    const { deps } = worlds.plane();
    const outcome = await worlds.until(noteAgent(deps, { kind: 'noteAgent', agentJob, agentId: 2 }));
    expect({ outcome: outcomeLine(outcome), left: worlds.existing() }).toEqual({ outcome: want, left });
    expect(worlds.calls()).toHaveLength(1);
  });

  it('writes it on a Job that was being retired when it was seen', async () => {
    const worlds = await registered();
    worlds.movePhase(name, 'retiring');
    const agentJob = await worlds.agentJob(name);
    const outcome = await noteAgent(worlds.plane().deps, { kind: 'noteAgent', agentJob, agentId: 2 });
    expect([outcomeLine(outcome), worlds.existing()]).toEqual(['done: agent 2', running('1001-1 retiring agent=2')]);
  });

  it('is one patch, and the Job then tells its agent', async () => {
    const worlds = await registered();
    const agentJob = await worlds.agentJob(name);
    await noteAgent(worlds.plane().deps, { kind: 'noteAgent', agentJob, agentId: 2 });
    expect([worlds.calls(), await worlds.agentJob(name)]).toEqual([['patch jobs'], { ...agentJob, agentId: 2 }]);
  });

  it('fails without a call when the cluster of the Job is not configured', async () => {
    const worlds = await registered();
    const agentJob = { ...(await worlds.agentJob(name)), cluster: 'elsewhere' };
    const outcome = await noteAgent(worlds.plane().deps, { kind: 'noteAgent', agentJob, agentId: 2 });
    expect([outcomeLine(outcome), worlds.calls()]).toEqual(['failed: unexpected', []]);
  });
});
