/** The end of a pod that may yet register its agent: the name is taken first, and whoever took it keeps it. */
import { describe, expect, it } from 'vitest';
import { quickStory } from '../../../infra/local/kubernetes/podStory.ts';
import { CallCounter, type Crash } from '../../../infra/local/simulation/mortal.ts';
import { settled } from '../../../infra/local/world/clock.ts';
import { minutesMs, secondsMs } from '../../../shared/domain/instant.ts';
import { createAgentJob } from '../../../shared/reconcile/createAgentJob.ts';
import { retireAgentJob } from '../../../shared/reconcile/retireAgentJob.ts';
import { type Existing, outcomeLine, placeholderLine, Worlds } from '../../support/pass.ts';
import { aPoolPolicy } from '../../support/policyBuilders.ts';
import { sweeps, tellingPlane, timesDone } from '../../support/reaping.ts';
import { inPod, name, status } from './creation.ts';
import { retire } from './retirement.ts';

const policy = aPoolPolicy({ registration: 'initConfig', hasRegistrationCredential: true });
const { poolId, endGraceMs } = policy;
const reason = 'neverStarted';
const unended = 'waiting: neverStarted: the pod has not ended';

/** Its pod still pulls its image, and it is past the end of its grace. */
async function aLateBoot(worlds = new Worlds({ policy })): Promise<Worlds> {
  worlds.story = { ...quickStory, pullMs: minutesMs(60) };
  await worlds.until(createAgentJob(worlds.plane({ name: 'creator' }).deps, inPod));
  await worlds.clock.advance(secondsMs(10));
  expect(await retire(worlds, { reason })).toBe(unended);
  await worlds.clock.advance(endGraceMs);
  worlds.journal.clear();
  return worlds;
}

const register = (worlds: Worlds): void =>
  void worlds.ado.addAgent(poolId, { name, publicKey: { exponent: 'AQAB', modulus: 'AA' } });

const locked: Existing = {
  jobs: ['1001-1 retiring suspended agent=2 reason=neverStarted'],
  agents: [placeholderLine, '2 1001-1 offline disabled'],
  secrets: ['1001-1'],
  pods: ['1001-1 Pending'],
};
const unlocked: Existing = {
  ...locked,
  jobs: ['1001-1 retiring reason=neverStarted'],
  agents: [placeholderLine],
};

describe('the end of a pod that may yet register its agent', () => {
  it('takes the name, then ends the pod; the ordinary steps remove both', async () => {
    const worlds = await aLateBoot();
    expect([await retire(worlds, { reason }), worlds.existing()]).toEqual([unended, locked]);
    expect(worlds.calls().slice(-2)).toEqual(['addAgent', 'patch jobs']);
    await worlds.clock.advance(secondsMs(10));
    expect(await retire(worlds, { reason })).toBe('done: neverStarted: tombstone');
    const { agents, secrets, pods } = worlds.existing();
    expect({ agents, secrets, pods }).toEqual({ agents: [placeholderLine], secrets: [], pods: [] });
  });

  interface Row {
    readonly name: string;
    readonly given: (worlds: Worlds) => void;
    readonly want: string;
    readonly left: Partial<Existing>;
  }
  const rows: readonly Row[] = [
    {
      name: 'leaves the pod alone when it registers after the last look',
      given: (worlds) => worlds.meanwhile('addAgent', () => register(worlds)),
      want: unended,
      left: { agents: [placeholderLine, '2 1001-1 offline'] },
    },
    {
      name: 'leaves the pod alone when the server fails',
      given: (worlds) => worlds.fail('addAgent', status(500)),
      want: 'uncertain: unavailable',
      left: {},
    },
    {
      name: 'leaves the pod alone when it does not know whether it has the name',
      given: (worlds) => worlds.fail('addAgent', { kind: 'lostAfter' }),
      want: 'uncertain: unavailable',
      left: { agents: locked.agents },
    },
    {
      name: 'holds the name alone when the cluster fails',
      given: (worlds) => worlds.fail('patch jobs', status(503), 9),
      want: 'uncertain: unavailable',
      left: { agents: locked.agents },
    },
    {
      name: 'holds the name alone when somebody else moved the Job',
      given: (worlds) => worlds.meanwhile('patch jobs', () => worlds.movePhase(name, 'tombstone')),
      want: 'raced: the Job moved on',
      left: { agents: locked.agents, jobs: ['1001-1 tombstone reason=neverStarted'] },
    },
  ];
  it.each(rows)('$name', async ({ given, want, left }) => {
    const worlds = await aLateBoot();
    given(worlds);
    expect([await retire(worlds, { reason }), worlds.existing()]).toEqual([want, { ...unlocked, ...left }]);
  });

  it('goes back to the agent that was quicker, and never takes it from under a request', async () => {
    const worlds = await aLateBoot();
    worlds.meanwhile('addAgent', () => register(worlds));
    await retire(worlds, { reason });
    expect(await retire(worlds, { reason })).toBe('waiting: neverStarted: was enabled when read');
    expect(await retire(worlds, { reason })).toBe(unended);
    expect([worlds.deletedAgents, worlds.existing().agents]).toEqual([
      [2],
      [placeholderLine, '3 1001-1 offline disabled'],
    ]);
  });

  it.each(['before', 'after'] as const)(
    'is gone through by others when a control plane dies %s any call',
    async (when) => {
      const tell = async (crash?: Crash) => {
        const worlds = await aLateBoot();
        const counter = new CallCounter();
        const { deps } = worlds.plane({ name: 'mortal', counter, ...(crash && { crash }) });
        const agentJob = await worlds.agentJob(name);
        void retireAgentJob(deps, { kind: 'retire', agentJob, reason }, true);
        for (let turn = 0; turn < 30; turn++) await settled();
        const calls = counter.count;
        for (let sweep = 0; sweep < 6 && (await worlds.agentJob(name)).phase !== 'tombstone'; sweep++) {
          await retire(worlds, { reason });
          await worlds.clock.advance(secondsMs(10));
        }
        return { calls, left: worlds.existing() };
      };
      const { calls, left } = await tell();
      expect(calls).toBeGreaterThan(5);
      const want = {
        ...unlocked,
        jobs: [expect.stringContaining('1001-1 tombstone suspended')],
        secrets: [],
        pods: [],
      };
      expect(left).toEqual(want);
      for (let atCall = 0; atCall < calls; atCall++)
        expect((await tell({ atCall, when })).left, `call ${atCall}`).toEqual(want);
    },
  );

  it('takes no name for which a twin in another cluster may stand', async () => {
    const twins = aPoolPolicy({ ...policy, clusters: ['east', 'west'] });
    const worlds = new Worlds({ policy: twins });
    worlds.story = { ...quickStory, pullMs: minutesMs(60) };
    for (const cluster of twins.clusters)
      await worlds.until(createAgentJob(worlds.plane({ name: cluster }).deps, { ...inPod, cluster }));
    const end = async (): Promise<string> => {
      const agentJob = await worlds.agentJob(name, 'east');
      return outcomeLine(
        await worlds.until(retireAgentJob(worlds.plane().deps, { kind: 'retire', agentJob, reason }, true)),
      );
    };
    await end();
    await worlds.clock.advance(endGraceMs);
    expect(await end()).toBe(unended);
    expect(timesDone(worlds, 'addAgent')).toBe(0);
    expect([(await worlds.agentJob(name, 'east')).suspended, (await worlds.agentJob(name, 'west')).suspended]).toEqual([
      true,
      false,
    ]);
  });
});

describe('a pod that registers its agent at the very end of its time', () => {
  interface History {
    readonly ran: readonly number[];
    readonly lost: readonly number[];
    readonly agents: readonly string[];
    /** What came of taking the name, and when that was asked for. */
    readonly taken: string | undefined;
    readonly takenAt: number;
    readonly registeredAt: number;
  }

  /** Of one request. The image of its first pod takes so long, and each call so long. */
  async function history(pullMs: number, latencyMs: number): Promise<History> {
    const worlds = new Worlds({ policy });
    const from = worlds.clock.now();
    let registeredAt = Number.NaN;
    worlds.ado.onEvent((event) => {
      if (event.kind === 'agentAdded' && event.agentName === name && event.by === 'init container')
        registeredAt = event.at - from;
    });
    worlds.story = { ...quickStory, pullMs };
    worlds.queueJob(secondsMs(60));
    const plane = tellingPlane(worlds, { latencyMs });
    await sweeps(worlds, plane, secondsMs(15));
    worlds.story = quickStory;
    const isOver = (): boolean =>
      worlds.ran.length > 0 && worlds.podNames().length === 0 && worlds.ado.listAgents(poolId).length === 1;
    await sweeps(worlds, plane, minutesMs(30), isOver);
    const { ran, lost } = worlds;
    const taking = worlds.journal.calls.find(({ verb }) => verb === 'addAgent');
    const takenAt = (taking?.at ?? Number.NaN) - from;
    return { ran, lost, agents: worlds.existing().agents, taken: taking?.outcome, takenAt, registeredAt };
  }

  it.each([0, 1500])('loses no job, whenever that is, where calls take %d ms', async (latencyMs) => {
    const { takenAt } = await history(minutesMs(60), latencyMs);
    const soonMs = minutesMs(1);
    const { registeredAt } = await history(soonMs, latencyMs);
    const seen = new Set<string | undefined>();
    for (let offsetMs = -3000; offsetMs <= 3000; offsetMs += 600) {
      const pullMs = takenAt - (registeredAt - soonMs) + offsetMs;
      const { ran, lost, agents, taken } = await history(pullMs, latencyMs);
      const want = { ran: [1001], lost: [], agents: [placeholderLine] };
      expect({ ran, lost, agents }, `${offsetMs} ms`).toEqual(want);
      seen.add(taken);
    }
    // Seen by the last look, quicker than the lock, or locked out.
    expect(seen).toEqual(new Set(latencyMs === 0 ? [undefined, 'ok'] : [undefined, '409', 'ok']));
  });
});
