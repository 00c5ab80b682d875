import { describe, expect, it } from 'vitest';
import { inProcessKubernetesApi } from '../../../../infra/local/kubernetes/inProcess.ts';
import type { PodStory } from '../../../../infra/local/kubernetes/podStory.ts';
import { quickStory } from '../../../../infra/local/kubernetes/podStory.ts';
import { KubernetesWorld } from '../../../../infra/local/kubernetes/world.ts';
import { VirtualClock } from '../../../../infra/local/world/clock.ts';
import { Faults, Journal } from '../../../../infra/local/world/faults.ts';
import { seededRandom } from '../../../../infra/local/world/random.ts';
import { clusterOver } from '../../../../shared/adapters/kubernetes/cluster.ts';
import { manifestOver, scope, start } from '../../../contract/clusterDoor.ts';

const namespace = 'agents';

async function waiting(unschedulable: PodStory['unschedulable'], waitMs: number) {
  const [clock, random, faults, journal] = [new VirtualClock(), seededRandom(1), new Faults(), new Journal()];
  const story = () => ({ ...quickStory, ...(unschedulable && { unschedulable }) });
  const world = new KubernetesWorld({ clock, random, namespaces: [namespace], story });
  const door = 'kubernetes:primary';
  const api = inProcessKubernetesApi(world, { caller: 'plane', door, journal, faults, clock, random });
  const cluster = clusterOver(api, { name: 'primary', namespace, clock });
  const made = await cluster.createAgentJob(manifestOver({ clock, namespace }, 17));
  await cluster.patchAgentJob(made.name, start(made));
  await clock.advance(waitMs);
  const look = async () => (await cluster.listAgentJobs(scope))[0]?.pod;
  return { look, faults, asked: () => journal.calls.filter(({ verb }) => verb === 'list events').length };
}

const message = '0/3 nodes are available: 3 Insufficient cpu.';
const autoscaler = { reason: 'TriggeredScaleUp', message: 'pod triggered scale-up: [{agents 1->2 (max: 5)}]' } as const;

describe('a pod without a node', () => {
  it('tells what the autoscaler does about it', async () => {
    const { look } = await waiting({ message, autoscaler }, 60_000);
    expect(await look()).toMatchObject({
      cause: 'unschedulable',
      message: `${message}; autoscaler: ${autoscaler.message}`,
    });
  });

  it('tells only why, where no autoscaler says anything or can be heard', async () => {
    const silent = await waiting({ message }, 60_000);
    expect((await silent.look())?.message).toBe(message);
    const deaf = await waiting({ message, autoscaler }, 60_000);
    deaf.faults.add({ kind: 'status', status: 503 }, ({ verb }) => verb === 'list events', 9);
    expect((await deaf.look())?.message).toBe(message);
  });

  it.each([
    { name: 'has waited for a moment only', given: { message }, waitMs: 10_000 },
    { name: 'has its node', given: undefined, waitMs: 20_000 },
  ])('asks for no Events where it $name', async ({ given, waitMs }) => {
    const { look, asked } = await waiting(given, waitMs);
    await look();
    expect(asked()).toBe(0);
  });
});
