/** What the runs of requests that cannot be served are told: once, and their cancellation only with a word why. */
import { describe, expect, it } from 'vitest';
import { minutesMs } from '../../../shared/domain/instant.ts';
import { cancelledTag } from '../../../shared/plan/tell.ts';
import { cancelRun, tellRun } from '../../../shared/reconcile/runTellings.ts';
import { outcomeLine, type Plane, Worlds } from '../../support/pass.ts';
import { aPoolPolicy } from '../../support/policyBuilders.ts';
import {
  outcomesOf,
  type QueuedRequest,
  queueIn,
  sweeps,
  tagsOf,
  tellingPlane,
  timesDone,
} from '../../support/reaping.ts';
import { status } from './creation.ts';

const policy = aPoolPolicy({ runs: { tellAfterMs: minutesMs(2), cancelAfterMs: minutesMs(5), rerunLost: false } });
const { poolId } = policy;
const noTemplate = 'mayfly-no-template-for-demands';

/** An agent of somebody else's pool machine has it, so the server takes the job; no template of ours offers it. */
function aHopeless(worlds: Worlds): QueuedRequest {
  const mainframe = { name: 'mainframe', version: '5.278.0', systemCapabilities: { mainframe: '1' } };
  if (worlds.ado.listAgents(poolId, 'mainframe').length === 0) worlds.ado.addAgent(poolId, mainframe);
  return queueIn(worlds, { demands: ['mainframe'] });
}

function aWorld(): { readonly worlds: Worlds; readonly queued: QueuedRequest; readonly plane: Plane } {
  const worlds = new Worlds({ policy });
  return { worlds, queued: aHopeless(worlds), plane: tellingPlane(worlds) };
}

const actionFor = ({ requestId, projectId, runId }: QueuedRequest) => ({
  name: `request ${requestId}`,
  run: { requestId, projectId, runId },
});
const reads = (worlds: Worlds): number => worlds.journal.calls.filter(({ verb }) => verb === 'getTags').length;

describe('the run of a request that cannot be served', () => {
  it('is told once, then cancelled once, and asked for nothing after that', async () => {
    const { worlds, queued, plane } = aWorld();
    expect((await sweeps(worlds, plane, minutesMs(2))).outcomes.filter((line) => line.includes('Run'))).toEqual([]);
    const { outcomes } = await sweeps(worlds, plane, minutesMs(10));
    expect(outcomes.filter((line) => line.includes('Run'))).toEqual([
      `tellRun done: run 501, ${noTemplate}: told`,
      'cancelRun done: run 501: asked',
    ]);
    expect(tagsOf(worlds, queued)).toEqual([noTemplate, cancelledTag]);
    expect(worlds.ado.getRun(queued.runId)?.result).toBe('canceled');
    expect([reads(worlds), timesDone(worlds, 'addTag'), timesDone(worlds, 'cancelRun')]).toEqual([2, 2, 1]);
  });

  it('is told once for all of its requests', async () => {
    const { worlds, queued, plane } = aWorld();
    queueIn(worlds, { demands: ['mainframe'], runId: queued.runId });
    await worlds.clock.advance(minutesMs(3));
    expect((await outcomesOf(worlds, plane)).filter((line) => line.startsWith('tellRun'))).toHaveLength(1);
    expect(timesDone(worlds, 'addTag')).toBe(1);
  });

  it('is asked once, and told nothing new, by a process that remembers nothing', async () => {
    const { worlds, queued, plane } = aWorld();
    await worlds.clock.advance(minutesMs(3));
    await outcomesOf(worlds, plane);
    const { outcomes } = await sweeps(worlds, tellingPlane(worlds, { name: 'fresh' }), minutesMs(1));
    expect(outcomes).toEqual([`tellRun done: run 501, ${noTemplate}: told already`]);
    expect([tagsOf(worlds, queued), timesDone(worlds, 'addTag'), reads(worlds)]).toEqual([[noTemplate], 1, 2]);
  });

  it('is told by two control planes at once with one tag', async () => {
    const { worlds, queued } = aWorld();
    await worlds.clock.advance(minutesMs(6));
    const planes = ['a', 'b'].map((name) => tellingPlane(worlds, { name, latencyMs: 100 }));
    await Promise.all(planes.map((plane) => outcomesOf(worlds, plane)));
    expect(tagsOf(worlds, queued).toSorted((a, b) => a.localeCompare(b))).toEqual([cancelledTag, noTemplate]);
  });

  it('is told nothing where no runs can be reached', async () => {
    const { worlds, queued, plane } = aWorld();
    const { runs: _, ...deps } = plane.deps;
    const { outcomes } = await sweeps(worlds, { ...plane, deps }, minutesMs(10));
    expect(outcomes).toEqual([
      `tellRun done: run 501, ${noTemplate}: nobody to tell`,
      'cancelRun done: run 501: nobody to tell',
    ]);
    expect(tagsOf(worlds, queued)).toEqual([]);
  });
});

describe('tellRun', () => {
  it.each([
    { name: 'refused for good', status: 403, want: 'failed: run 501, x: refused', again: 0 },
    { name: 'refused for its credential', status: 401, want: 'failed: run 501, x: refused', again: 0 },
    { name: 'out of reach for now', status: 503, want: 'failed: unavailable', again: 1 },
    { name: 'throttled', status: 429, want: 'failed: throttled', again: 1 },
  ])('is remembered only where it is $name', async ({ status: code, want, again }) => {
    const { worlds, queued, plane } = aWorld();
    worlds.fail('addTag', status(code), 5);
    const action = { kind: 'tellRun', tag: 'x', ...actionFor(queued) } as const;
    expect(outcomeLine(await worlds.until(tellRun(plane.deps, action)))).toBe(want);
    expect([tagsOf(worlds, queued), plane.deps.memory.told?.size]).toEqual([[], 1 - again]);
  });

  it('remembers a run that is none', async () => {
    const { worlds, queued, plane } = aWorld();
    const action = { kind: 'tellRun', tag: 'x', ...actionFor({ ...queued, runId: 999 }) } as const;
    expect(outcomeLine(await worlds.until(tellRun(plane.deps, action)))).toBe('done: run 999, x: no such run');
    expect([...(plane.deps.memory.told ?? [])]).toHaveLength(1);
  });
});

describe('cancelRun', () => {
  interface Row {
    readonly name: string;
    readonly given: (worlds: Worlds, queued: QueuedRequest) => void;
    readonly want: string;
    readonly isCancelled?: boolean;
  }
  const rows: readonly Row[] = [
    { name: 'cancels once its tag is set', given: () => undefined, want: 'done: run 501: asked', isCancelled: true },
    {
      name: 'leaves a run alone that may not be tagged',
      given: (worlds) => worlds.fail('addTag', status(403)),
      want: 'failed: run 501: refused',
    },
    {
      name: 'leaves a run alone whose tags cannot be read',
      given: (worlds) => worlds.fail('getTags', status(503), 5),
      want: 'failed: unavailable',
    },
    {
      name: 'leaves a run alone of which it does not know whether it is tagged',
      given: (worlds) => worlds.fail('addTag', { kind: 'lostAfter' }),
      want: 'failed: unavailable',
    },
    {
      name: 'leaves a run alone that was cancelled before, and that somebody runs again',
      given: (worlds, { runId }) => void worlds.ado.runs.addTag(runId, cancelledTag),
      want: 'done: run 501: told already',
    },
    {
      name: 'tells when it may tag but not cancel',
      given: (worlds) => worlds.fail('cancelRun', status(403)),
      want: 'failed: run 501: refused',
    },
    {
      name: 'has nothing to do when the run is over',
      given: (worlds, { requestId }) => worlds.ado.cancelJob(requestId),
      want: 'done: run 501: over',
      isCancelled: true,
    },
  ];
  it.each(rows)('$name', async ({ given, want, isCancelled = false }) => {
    const { worlds, queued, plane } = aWorld();
    given(worlds, queued);
    const action = { kind: 'cancelRun', tag: cancelledTag, ...actionFor(queued) } as const;
    expect(outcomeLine(await worlds.until(cancelRun(plane.deps, action)))).toBe(want);
    expect(worlds.ado.getRun(queued.runId)?.finishedAt !== undefined).toBe(isCancelled);
  });
});
