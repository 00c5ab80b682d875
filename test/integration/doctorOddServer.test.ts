/** Servers that answer as no document says they would: the probe must neither harm nor hope. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AgentPools } from '../../shared/ports.ts';
import type { ConnectListener, ProbeListener } from '../../shared/reconcile/probeDeps.ts';
import { type DoctorWorld, startDoctorWorld } from '../support/doctor.ts';

let world: DoctorWorld;

beforeEach(async () => {
  world = await startDoctorWorld();
});
afterEach(() => world.close());

/** The real listener with some answers of its own. */
const listening =
  (change: (listener: ProbeListener) => Partial<ProbeListener>): ConnectListener =>
  (files, clock) => {
    const listener = world.deps().connect(files, clock);
    return {
      signIn: () => listener.signIn(),
      openSession: (capabilities) => listener.openSession(capabilities),
      poll: (signal) => listener.poll(signal),
      closeSession: () => listener.closeSession(),
      end: () => listener.end(),
      ...change(listener),
    };
  };

const poolsThat = (change: (pools: AgentPools) => Partial<AgentPools>): AgentPools => {
  const { pools } = world.deps();
  return { ...pools, ...change(pools) };
};

const agentId = (): number => world.devOps.world.listAgents(1)[0]?.id ?? 0;

describe('a server', () => {
  it('that answers no client id with a registration fails, and the agent goes again', async () => {
    const pools = poolsThat((real) => ({
      addAgent: async (poolId, agent) => {
        const { authorization: _, ...rest } = await real.addAgent(poolId, agent);
        return rest;
      },
    }));
    const report = await world.probe({ pools });
    expect(report).toMatchObject({ verdict: 'fails', because: expect.stringContaining('no client id') });
    expect(world.probeAgents()).toEqual([]);
  });

  it('that never shows the agent as online leaves the question open', async () => {
    const connect = listening(() => ({ openSession: async () => undefined, poll: hung }));
    const report = await world.probe({ connect });
    expect(report).toMatchObject({
      verdict: 'inconclusive',
      because: expect.stringContaining('does not show as online'),
    });
    expect(world.probeAgents()).toEqual([]);
  });

  it('that enables an agent with its session loses the agent at once', async () => {
    const connect = listening((listener) => ({
      openSession: async (capabilities) => {
        await listener.openSession(capabilities);
        world.devOps.world.updateAgent(1, agentId(), { enabled: true });
      },
    }));
    const report = await world.probe({ connect });
    expect(report).toMatchObject({ verdict: 'inconclusive', because: 'a session enables a disabled agent' });
    expect(world.probeAgents()).toEqual([]);
  });

  it('that says nothing to the listener of a deleted agent works: that was learnt, too', async () => {
    const connect = listening(() => ({ poll: hung }));
    const times = { pauseMs: 1, repetitions: 2, looks: 3, toldMs: 1 };
    const report = await world.probe({ connect, times });
    expect(report.verdict).toBe('works');
    expect(report.learnt).not.toHaveProperty('listenerTold');
  });

  it('that tells the agent to update itself is told so', async () => {
    const connect = listening(() => ({ poll: async () => 'AgentRefresh' }));
    expect((await world.probe({ connect })).learnt.listenerTold).toMatch(/^the message AgentRefresh after/);
  });

  it.each(['PipelineAgentJobRequest', 'JobRequest'])('that sends a %s finds the agent kept', async (message) => {
    const connect = listening(() => ({ poll: async () => message }));
    const report = await world.probe({ connect });
    expect(report).toMatchObject({ verdict: 'inconclusive', leftBehind: expect.stringContaining('was given a job') });
    expect(world.devOps.world.listAgents(1)).toMatchObject([{ name: report.agentName, online: false, enabled: false }]);
  });

  it('that forgets the agent meanwhile leaves nothing to clean up', async () => {
    const pools = poolsThat((real) => ({
      updateAgent: async (poolId, update) => {
        await real.updateAgent(poolId, update);
        world.devOps.world.deleteAgent(poolId, update.id);
      },
    }));
    const report = await world.probe({ pools });
    expect([report.verdict, report.leftBehind]).toEqual(['works', undefined]);
  });
});

/** Ends only with its signal. */
function hung(signal: AbortSignal): Promise<never> {
  return new Promise((_, reject) => {
    if (signal.aborted) reject(signal.reason);
    signal.addEventListener('abort', () => reject(signal.reason), { once: true });
  });
}
