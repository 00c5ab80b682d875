/** What explain tells of the pods of earlier attempts: the last lines of those that went wrong, while they are there. */
import { describe, expect, it } from 'vitest';
import { secondsMs } from '../../../shared/domain/instant.ts';
import type { AttemptTrail } from '../../../shared/plan/explainAttempts.ts';
import { explainRequest } from '../../../shared/reconcile/explainRequest.ts';
import { namespace, type Plane, Worlds } from '../../support/pass.ts';
import { aPoolPolicy } from '../../support/policyBuilders.ts';
import { aBusyAgent, podFor, sweeps, tellingPlane } from '../../support/reaping.ts';
import { status } from './creation.ts';

const backoff = { ...aPoolPolicy().backoff, firstMs: 0, maximumMs: 0, breakerFailures: 99 };
const policy = aPoolPolicy({ backoff });

/** One request for which so many agents have failed, each with its name as its last word. */
async function failures(howMany: number): Promise<{ readonly worlds: Worlds; readonly requestId: number }> {
  const worlds = new Worlds({ policy, temper: { kind: 'crashesAtStart' } });
  const requestId = worlds.queueJob(3_600_000);
  const plane = tellingPlane(worlds);
  const spoken = new Set<string>();
  while (spoken.size < howMany) {
    await sweeps(worlds, plane, 1);
    for (const pod of worlds.podNames().filter((each) => !spoken.has(each))) {
      worlds.world().log(namespace, pod, `Connecting.\n\ncannot start ${worlds.short(pod).replace(/-[^-]+$/, '')}\n`);
      spoken.add(pod);
    }
  }
  worlds.temper = { kind: 'neverConnects' };
  await worlds.clock.advance(secondsMs(10));
  await sweeps(worlds, plane, secondsMs(10));
  worlds.journal.clear();
  return { worlds, requestId };
}

async function attempts(worlds: Worlds, requestId: number, { deps }: Plane = worlds.plane()) {
  const { trail } = await worlds.until(explainRequest(deps, requestId));
  return trail?.attempts ?? [];
}

const lines = (trails: readonly AttemptTrail[]) => trails.map(({ name, lastLines }) => [name.slice(-6), lastLines]);
const logReads = (worlds: Worlds): number => worlds.journal.calls.filter(({ verb }) => /log/i.test(verb)).length;

describe('the last lines of a failed agent', () => {
  it('are told while its pod is kept, without empty ones', async () => {
    const { worlds, requestId } = await failures(1);
    const [first] = await attempts(worlds, requestId);
    expect(first).toMatchObject({ failed: true, reason: 'neverStarted', detail: 'Error, exit code 1' });
    expect(first?.lastLines?.slice(-2)).toEqual(['Connecting.', 'cannot start 1001-1']);
  });

  it('are those of the newest three', async () => {
    const { worlds, requestId } = await failures(5);
    const told = lines(await attempts(worlds, requestId)).slice(0, 5);
    expect(told.map(([name, last]) => [name, last?.at(-1)])).toEqual([
      ['1001-1', undefined],
      ['1001-2', undefined],
      ['1001-3', 'cannot start 1001-3'],
      ['1001-4', 'cannot start 1001-4'],
      ['1001-5', 'cannot start 1001-5'],
    ]);
    expect(logReads(worlds)).toBe(3);
  });

  it.each([403, 500])('are left out when they cannot be read (%d), and the rest is told', async (code) => {
    const { worlds, requestId } = await failures(1);
    worlds.faults.add(status(code), ({ verb }) => /log/i.test(verb), 9);
    const [first] = await attempts(worlds, requestId);
    expect(first).toMatchObject({ reason: 'neverStarted', detail: 'Error, exit code 1' });
    expect(first).not.toHaveProperty('lastLines');
    expect(worlds.log.map(({ level, event }) => `${level} ${event}`)).toContain('warn podLog.unreadable');
  });

  it('are left out once its pod is gone', async () => {
    const { worlds, requestId } = await failures(1);
    worlds.world().delete('pods', namespace, podFor(worlds, requestId), { gracePeriodSeconds: 0 });
    await worlds.clock.advance(secondsMs(1));
    expect((await attempts(worlds, requestId))[0]).not.toHaveProperty('lastLines');
    expect(logReads(worlds)).toBe(0);
  });
});

describe('the pods of sound agents', () => {
  it('are asked for nothing while they work', async () => {
    const worlds = new Worlds();
    const { requestId } = await aBusyAgent(worlds);
    expect(lines(await attempts(worlds, requestId))).toEqual([['1001-1', undefined]]);
    expect(logReads(worlds)).toBe(0);
  });

  it('are asked for their end when they were lost with a request', async () => {
    const worlds = new Worlds();
    const { requestId } = await aBusyAgent(worlds);
    worlds.world().log(namespace, podFor(worlds, requestId), 'Running job: Build\n');
    worlds.world().evictByNode(namespace, podFor(worlds, requestId));
    await worlds.clock.advance(secondsMs(1));
    await sweeps(worlds, tellingPlane(worlds), 1);
    const [first] = await attempts(worlds, requestId);
    expect(first).toMatchObject({ lost: { requestId, rerun: 'open' } });
    expect(first?.lastLines?.at(-1)).toBe('Running job: Build');
  });
});
