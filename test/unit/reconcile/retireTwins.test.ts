/** Two Jobs of one name, made by control planes that each saw one cluster; their pods register the one agent. */
import { describe, expect, it } from 'vitest';
import { annotationPointer, annotations } from '../../../shared/domain/names.ts';
import type { RetireReason } from '../../../shared/domain/reasons.ts';
import { createAgentJob } from '../../../shared/reconcile/createAgentJob.ts';
import { reconcilePool } from '../../../shared/reconcile/reconcilePool.ts';
import { retireAgentJob } from '../../../shared/reconcile/retireAgentJob.ts';
import { type Existing, isWrite, nothing, outcomeLine, placeholderLine, Worlds } from '../../support/pass.ts';
import { aPoolPolicy } from '../../support/policyBuilders.ts';
import { inPod, name, status } from './creation.ts';

const clusters = ['east', 'west'] as const;
type ClusterName = (typeof clusters)[number];
const policy = aPoolPolicy({ clusters, registration: 'initConfig', hasRegistrationCredential: true });

/** Both started, the second three seconds after the first, and seen so many ms later. */
async function twins(seenAfterMs: number, worlds = new Worlds({ policy })): Promise<Worlds> {
  for (const cluster of clusters) {
    const { deps } = worlds.plane({ name: cluster });
    await worlds.until(createAgentJob(deps, { ...inPod, cluster }));
    if (cluster === 'east') await worlds.clock.advance(3000);
  }
  await worlds.clock.advance(seenAfterMs);
  worlds.journal.clear();
  return worlds;
}

/** The first has registered the agent, the second is at it. */
const undecided = (): Promise<Worlds> => twins(4000);
/** The second has found the name taken. */
const decided = (worlds?: Worlds): Promise<Worlds> => twins(15_000, worlds);

async function retire(worlds: Worlds, cluster: ClusterName, reason: RetireReason): Promise<string> {
  const agentJob = await worlds.agentJob(name, cluster);
  const action = { kind: 'retire', agentJob, reason } as const;
  return outcomeLine(await worlds.until(retireAgentJob(worlds.plane().deps, action, true)));
}

function note(worlds: Worlds, cluster: ClusterName, agentId = 2): void {
  const path = annotationPointer(annotations.agentId);
  worlds.patchJob(name, [{ op: 'add', path, value: String(agentId) }], cluster);
}

const both: Existing = {
  jobs: ['east/1001-1 started', 'west/1001-1 started'],
  agents: [placeholderLine, '2 1001-1 online'],
  secrets: ['east/1001-1', 'west/1001-1'],
  pods: ['east/1001-1 Running', 'west/1001-1 Pending'],
};

interface Row {
  readonly name: string;
  readonly cluster: ClusterName;
  readonly given?: (worlds: Worlds) => void;
  readonly want: string;
  readonly left: Partial<Existing>;
}

const jobs = (east: string, west: string): Partial<Existing> => ({
  jobs: [`east/1001-1 ${east}`, `west/1001-1 ${west}`],
});
const disabled = { agents: [placeholderLine, '2 1001-1 online disabled'] };
const mine = 'retiring reason=neverStarted';
const other = 'waiting: neverStarted: its agent may be that of another cluster';
const wasEnabled = 'waiting: neverStarted: was enabled when read';
const movedTo = (phase: 'rolledBack' | 'tombstone' | 'retiring' | 'unreadable') => (worlds: Worlds) =>
  worlds.movePhase(name, phase, 'west');

const rows: readonly Row[] = [
  {
    name: 'leaves the agent of the name alone: it may be that of the second Job',
    cluster: 'east',
    want: other,
    left: jobs(mine, 'started'),
  },
  {
    name: 'leaves the agent of the name alone: it may be that of the first Job',
    cluster: 'west',
    want: other,
    left: jobs('started', mine),
  },
  {
    name: 'leaves it alone while the second Job is being retired too',
    cluster: 'east',
    given: movedTo('retiring'),
    want: other,
    left: jobs(mine, 'retiring'),
  },
  {
    name: 'leaves it alone while the second Job cannot be understood',
    cluster: 'east',
    given: movedTo('unreadable'),
    want: other,
    left: jobs(mine, 'unreadable'),
  },
  {
    name: 'ends without it when the other Job bears its id',
    cluster: 'west',
    given: (worlds) => note(worlds, 'east'),
    want: 'waiting: neverStarted: the pod has not ended',
    left: jobs('started agent=2', mine),
  },
  {
    name: 'disables it when the other Job bears another id',
    cluster: 'east',
    given: (worlds) => note(worlds, 'west', 9),
    want: wasEnabled,
    left: { ...jobs(mine, 'started agent=9'), ...disabled },
  },
  {
    name: 'disables it when its own Job bears its id, whatever the other one is',
    cluster: 'east',
    given: (worlds) => note(worlds, 'east'),
    want: 'waiting: neverStarted: the pod has not ended',
    left: { ...jobs('retiring agent=2 reason=neverStarted', 'started'), agents: [placeholderLine] },
  },
  {
    name: 'disables it when the other Job was rolled back',
    cluster: 'east',
    given: movedTo('rolledBack'),
    want: wasEnabled,
    left: { ...jobs(mine, 'rolledBack'), ...disabled },
  },
  {
    name: 'disables it when the other Job is a tombstone',
    cluster: 'east',
    given: movedTo('tombstone'),
    want: wasEnabled,
    left: { ...jobs(mine, 'tombstone'), ...disabled },
  },
  {
    name: 'touches it not while the other cluster is out of reach',
    cluster: 'east',
    given: (worlds) => worlds.faults.add(status(500), (call) => call.verb === 'get jobs' && call.door.endsWith('west')),
    want: 'uncertain: unavailable',
    left: jobs(mine, 'started'),
  },
];

describe('retireAgentJob of one of two Jobs of a name', () => {
  it.each(rows)('$name', async ({ cluster, given, want, left }) => {
    const worlds = await undecided();
    expect(worlds.existing()).toEqual(both);
    given?.(worlds);
    const outcome = await retire(worlds, cluster, 'neverStarted');
    expect({ outcome, left: worlds.existing() }).toEqual({ outcome: want, left: { ...both, ...left } });
  });

  it('disables the agent when the pod of the other is over, whatever its Job still says', async () => {
    const worlds = await decided();
    expect(await retire(worlds, 'east', 'surplus')).toBe('waiting: surplus: was enabled when read');
    expect(worlds.existing().agents).toEqual(disabled.agents);
  });
});

describe('retireAgentJob of a Job that was too late to register its agent', () => {
  const left: Existing = { ...both, secrets: ['east/1001-1'], pods: ['east/1001-1 Running'] };

  it('finds its pod failed, and tells by what', async () => {
    const worlds = await decided();
    const { pod, agentId } = await worlds.agentJob(name, 'west');
    expect([pod?.phase, pod?.initExitCode, agentId]).toEqual(['Failed', 30, undefined]);
  });

  it('removes Secret and Job, and never looks for the agent of the name', async () => {
    const worlds = await decided();
    expect(await retire(worlds, 'west', 'raced')).toBe('done: raced: deleted');
    expect(worlds.calls().filter((call) => isWrite(call) || call.includes('gent'))).toEqual([
      'patch jobs',
      'delete secrets',
      'delete jobs',
    ]);
    await worlds.clock.advance(5000);
    expect(worlds.existing()).toEqual({ ...left, jobs: ['east/1001-1 started'] });
  });

  it('leaves a tombstone while its request lives', async () => {
    const worlds = new Worlds({ policy });
    worlds.queueJob(600_000);
    await decided(worlds);
    expect(await retire(worlds, 'west', 'raced')).toBe('done: raced: tombstone');
    const { jobs: found, secrets, agents } = worlds.existing();
    expect({ found, secrets, agents }).toEqual({
      found: ['east/1001-1 started', 'west/1001-1 tombstone reason=raced'],
      secrets: ['east/1001-1'],
      agents: [placeholderLine, '2 1001-1 online request=1001'],
    });
  });
});

describe('passes over two Jobs of one name', () => {
  it('let the request run once, tell whose the agent is, and leave nothing', async () => {
    const worlds = new Worlds({ policy });
    worlds.queueJob(60_000);
    await decided(worlds);
    const outcomes: string[] = [];
    for (let count = 0; count < 40; count++, await worlds.clock.advance(5000)) {
      const intent = { cause: 'sweep', correlationId: 'c-1', deadlineAt: worlds.clock.now() + 60_000 };
      const report = await worlds.until(reconcilePool(worlds.plane().deps, intent));
      outcomes.push(...report.outcomes.map((each) => `${each.action} ${outcomeLine(each)}`));
    }
    expect({ outcomes, ran: worlds.ran, lost: worlds.lost, deleted: worlds.deletedAgents }).toEqual({
      outcomes: [
        'disable done: request 1001',
        'noteAgent done: agent 2',
        'retire done: raced: tombstone',
        'retire waiting: finished: the pod has not ended',
        'bury done',
        'retire done: finished: deleted',
      ],
      ran: [1001],
      lost: [],
      deleted: [2],
    });
    expect(worlds.existing()).toEqual(nothing);
    expect(worlds.log.filter(({ event }) => event.startsWith('alarm.'))).toEqual([]);
  });
});
