import { describe, expect, it } from 'vitest';
import type { FaultKind } from '../../../infra/local/world/faults.ts';
import { errorKind } from '../../../shared/domain/errors.ts';
import { minutesMs, secondsMs } from '../../../shared/domain/instant.ts';
import { observePool } from '../../../shared/reconcile/observe.ts';
import { type Plane, Worlds } from '../../support/pass.ts';

const look = async (worlds: Worlds, { deps }: Plane) => {
  const { observed, errors } = await worlds.until(observePool(deps));
  return { over: [...observed.runsOver], errors: errors.length };
};
const questions = (worlds: Worlds): number => worlds.calls().filter((call) => call.startsWith('isRunOver')).length;

/** A request that has waited for so long, and whose run is over if told so. */
async function aLeftover(worlds: Worlds, { minutes = 61, over = true } = {}): Promise<number> {
  const requestId = worlds.queueJob();
  if (over) worlds.ado.orphanRequest(requestId);
  await worlds.clock.advance(minutesMs(minutes));
  return requestId;
}

describe('readRunsOver', () => {
  it('finds a leftover once it has waited for long, and asks for it once', async () => {
    const worlds = new Worlds();
    const plane = worlds.plane();
    const requestId = await aLeftover(worlds, { minutes: 60 });
    expect([await look(worlds, plane), questions(worlds)]).toEqual([{ over: [], errors: 0 }, 0]);
    await worlds.clock.advance(minutesMs(1));
    const found = { over: [requestId], errors: 0 };
    expect([await look(worlds, plane), questions(worlds)]).toEqual([found, 1]);
    await worlds.clock.advance(minutesMs(600));
    expect([await look(worlds, plane), questions(worlds)]).toEqual([found, 1]);
  });

  it('asks again for one whose run goes on, half an hour later', async () => {
    const worlds = new Worlds();
    const plane = worlds.plane();
    const requestId = await aLeftover(worlds, { over: false });
    const nothing = { over: [], errors: 0 };
    expect([await look(worlds, plane), questions(worlds)]).toEqual([nothing, 1]);
    worlds.ado.orphanRequest(requestId);
    await worlds.clock.advance(minutesMs(30));
    expect([await look(worlds, plane), questions(worlds)]).toEqual([nothing, 1]);
    await worlds.clock.advance(minutesMs(1));
    expect([await look(worlds, plane), questions(worlds)]).toEqual([{ over: [requestId], errors: 0 }, 2]);
  });

  it('forgets a request that the list does not show any more', async () => {
    const worlds = new Worlds();
    const plane = worlds.plane();
    const requestId = await aLeftover(worlds);
    await look(worlds, plane);
    worlds.ado.cancelJob(requestId);
    expect(await look(worlds, plane)).toEqual({ over: [], errors: 0 });
    expect(plane.deps.memory.runs).toEqual(new Map());
  });

  const faults: readonly { readonly title: string; readonly fault: FaultKind }[] = [
    { title: '403', fault: { kind: 'status', status: 403 } },
    { title: '429', fault: { kind: 'status', status: 429 } },
    { title: 'silence', fault: { kind: 'hang' } },
    { title: 'null', fault: { kind: 'nullBody' } },
  ];
  it.each(faults)('takes what cannot be told for no leftover, and tells the error, at $title', async ({ fault }) => {
    const worlds = new Worlds();
    await aLeftover(worlds);
    worlds.fail('isRunOver', fault);
    expect(await look(worlds, worlds.plane())).toEqual({ over: [], errors: 1 });
  });

  it('waits ten seconds for an answer, and no longer', async () => {
    const answeredIn = async (seconds: number) => {
      const worlds = new Worlds();
      const requestId = await aLeftover(worlds);
      const { deps } = worlds.plane();
      const isRunOver = async (): Promise<boolean> => {
        await worlds.clock.sleep(secondsMs(seconds));
        return true;
      };
      const begun = worlds.clock.now();
      const { observed, errors } = await worlds.until(observePool({ ...deps, pools: { ...deps.pools, isRunOver } }));
      const tookMs = worlds.clock.now() - begun;
      return { found: observed.runsOver.has(requestId), errors: errors.map(errorKind), tookMs };
    };
    expect([await answeredIn(9), await answeredIn(3600)]).toEqual([
      { found: true, errors: [], tookMs: 9000 },
      { found: false, errors: ['timeout'], tookMs: 10_000 },
    ]);
  });

  it('asks in every look, and finds it all the same, without memory', async () => {
    const worlds = new Worlds();
    const requestId = await aLeftover(worlds);
    const plane = worlds.plane();
    const forgetful: Plane = { ...plane, deps: { ...plane.deps, memory: {} } };
    for (const times of [1, 2])
      expect([await look(worlds, forgetful), questions(worlds)]).toEqual([{ over: [requestId], errors: 0 }, times]);
  });
});
