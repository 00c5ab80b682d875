import { describe, expect, it } from 'vitest';
import type { FaultKind } from '../../../infra/local/world/faults.ts';
import { secondsMs } from '../../../shared/domain/instant.ts';
import type { CreateAction } from '../../../shared/plan/plan.ts';
import { createAgentJob } from '../../../shared/reconcile/createAgentJob.ts';
import type { Pass, Refused } from '../../../shared/reconcile/deps.ts';
import { reconcilePool } from '../../../shared/reconcile/reconcilePool.ts';
import { outcomeLine, Worlds } from '../../support/pass.ts';
import { aPoolPolicy, aTemplate } from '../../support/policyBuilders.ts';
import { action, hang, lostBefore, status } from './creation.ts';

/** A control plane that remembers refusals. */
function aPlane(worlds: Worlds): { readonly deps: Pass; readonly refusals: Map<string, Refused> } {
  const refusals = new Map<string, Refused>();
  const { deps } = worlds.plane();
  return { deps: { ...deps, memory: { ...deps.memory, refusals } }, refusals };
}

const create = async (worlds: Worlds, deps: Pass, given: CreateAction = action) =>
  outcomeLine(await worlds.until(createAgentJob(deps, given)));

/** What is remembered: how often, and for how many seconds from now. */
const told = (worlds: Worlds, refusals: ReadonlyMap<string, Refused>) =>
  [...refusals].map(([key, { count, until }]) => `${key} ${count} ${(until - worlds.ado.now()) / 1000}`);

describe('noteRefusal', () => {
  it.each<{ name: string; fault: FaultKind; want: readonly string[] }>([
    { name: '403', fault: status(403), want: ['primary/linux 1 30'] },
    { name: '422', fault: status(422), want: ['primary/linux 1 30'] },
    { name: '401', fault: status(401), want: ['primary/linux 1 30'] },
    { name: '404: there is no such namespace', fault: status(404), want: ['primary/linux 1 30'] },
    { name: 'not 429, which passes', fault: status(429), want: [] },
    { name: 'not 500, which says nothing', fault: status(500), want: [] },
    { name: 'not 409: the name is taken', fault: status(409), want: [] },
    { name: 'not silence', fault: hang, want: [] },
    { name: 'not a lost reply', fault: lostBefore, want: [] },
  ])('remembers $name', async ({ fault, want }) => {
    const worlds = new Worlds();
    const { deps, refusals } = aPlane(worlds);
    worlds.fail('create jobs', fault);
    await create(worlds, deps);
    expect(told(worlds, refusals)).toEqual(want);
  });

  it('remembers the words of the API server', async () => {
    const worlds = new Worlds();
    const { deps, refusals } = aPlane(worlds);
    worlds.fail('create jobs', status(403));
    await create(worlds, deps);
    expect(refusals.get('primary/linux')?.why).toMatch(/forbidden/);
  });

  it('pauses twice as long after each refusal, up to a limit', async () => {
    const worlds = new Worlds();
    const { deps, refusals } = aPlane(worlds);
    const pauses: (number | undefined)[] = [];
    worlds.fail('create jobs', status(403), 8);
    for (let round = 0; round < 8; round++) {
      await create(worlds, deps);
      pauses.push(((refusals.get('primary/linux')?.until ?? 0) - worlds.ado.now()) / 1000);
    }
    expect(pauses).toEqual([30, 60, 120, 240, 480, 900, 900, 900]);
  });

  it('keeps clusters and templates apart', async () => {
    const worlds = new Worlds({ policy: aPoolPolicy({ clusters: ['east', 'west'] }) });
    const { deps, refusals } = aPlane(worlds);
    worlds.fail('create jobs', status(403), 3);
    const windows = aTemplate({ name: 'windows' });
    for (const each of [{ cluster: 'east' }, { cluster: 'west' }, { cluster: 'east', template: windows }])
      await create(worlds, deps, { ...action, ...each });
    expect(told(worlds, refusals)).toEqual(['east/linux 1 30', 'west/linux 1 30', 'east/windows 1 30']);
  });
});

describe('forgetRefusal', () => {
  it('forgets at a success, so that the next refusal is the first again', async () => {
    const worlds = new Worlds();
    const { deps, refusals } = aPlane(worlds);
    worlds.fail('create jobs', status(403), 2);
    for (const _ of [1, 2]) await create(worlds, deps);
    expect(told(worlds, refusals)).toEqual(['primary/linux 2 60']);
    expect([await create(worlds, deps), [...refusals]]).toEqual(['done: agent 2', []]);
    worlds.fail('create jobs', status(422));
    await create(worlds, deps, { ...action, name: `${action.name.slice(0, -1)}2` });
    expect(told(worlds, refusals)).toEqual(['primary/linux 1 30']);
  });
});

describe('reconcilePool: a cluster that refuses to create', () => {
  const intent = { cause: 'sweep', correlationId: 'c-1', deadlineAt: Number.POSITIVE_INFINITY } as const;
  const pass = async (worlds: Worlds, deps: Pass) => {
    const { plan, outcomes } = await worlds.until(reconcilePool(deps, intent));
    return {
      created: outcomes.filter((each) => each.action === 'create').map(outcomeLine),
      skips: plan.skips.map(({ reason }) => reason),
      alarms: plan.alarms.map(({ reason, subject }) => `${reason} ${subject}`),
    };
  };

  it('is left for the other one in the next pass', async () => {
    const worlds = new Worlds({ policy: aPoolPolicy({ clusters: ['east', 'west'] }) });
    const { deps, refusals } = aPlane(worlds);
    worlds.queueJob();
    worlds.fail('create jobs', status(403));
    const refused = await pass(worlds, deps);
    const [key = ''] = refusals.keys();
    expect(refused).toEqual({ created: ['failed: forbidden'], skips: [], alarms: [] });
    expect(await pass(worlds, deps)).toMatchObject({
      created: ['done: agent 2'],
      alarms: [`createRefused ${key}`],
    });
  });

  it('keeps its request waiting, with an alarm, and is tried again when its pause is over', async () => {
    const worlds = new Worlds();
    const { deps } = aPlane(worlds);
    worlds.queueJob();
    worlds.fail('create jobs', status(403));
    await pass(worlds, deps);
    const held = { created: [], skips: ['createRefused'], alarms: ['createRefused primary/linux'] };
    expect(await pass(worlds, deps)).toEqual(held);
    await worlds.clock.advance(secondsMs(30) - 1);
    expect(await pass(worlds, deps)).toEqual(held);
    await worlds.clock.advance(1);
    expect(await pass(worlds, deps)).toEqual({ created: ['done: agent 2'], skips: [], alarms: [] });
  });
});
