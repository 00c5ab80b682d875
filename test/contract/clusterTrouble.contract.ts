/** What a Cluster tells of agent jobs that do not start, or are ended by the cluster: over every door. */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { KubernetesWorld } from '../../infra/local/kubernetes/world.ts';
import { clusterOver } from '../../shared/adapters/kubernetes/cluster.ts';
import type { AgentJob } from '../../shared/domain/agentJob.ts';
import type { Cluster } from '../../shared/ports.ts';
import { aSecret, type ClusterDoor, type MakeDoor, manifestOver, nameOf, scope, start } from './clusterDoor.ts';

const quota = (pods: string) => ({
  apiVersion: 'v1',
  kind: 'ResourceQuota',
  metadata: { name: 'agents' },
  spec: { hard: { pods } },
});

export function clusterTroubleContract(doorName: string, makeDoor: MakeDoor): void {
  describe(`trouble in a cluster ${doorName}`, () => {
    let door: ClusterDoor;
    let cluster: Cluster;

    beforeEach(async () => {
      door = await makeDoor();
      const { namespace, clock } = door;
      cluster = clusterOver(door.api, { name: 'primary', namespace, clock });
    });
    afterEach(() => door.close?.());

    /** Starts an agent job, with its Secret or without, and looks at it after so long. */
    const started = async (waitMs: number, withSecret = true): Promise<AgentJob | undefined> => {
      const job = await cluster.createAgentJob(manifestOver(door, 17));
      if (withSecret) await cluster.createSecret(aSecret(job.name, job.uid));
      await cluster.patchAgentJob(job.name, start(job));
      return later(waitMs);
    };
    const later = async (waitMs: number): Promise<AgentJob | undefined> => {
      await door.clock.advance(waitMs);
      return (await cluster.listAgentJobs(scope))[0];
    };
    const eventLists = (): number => door.journal.calls.filter(({ verb }) => verb === 'list events').length;

    const refusals: readonly {
      readonly name: string;
      readonly given: (world: KubernetesWorld, namespace: string) => unknown;
      readonly want: { readonly cause: string; readonly message: unknown };
    }[] = [
      {
        name: 'a quota that is used up',
        given: (world, namespace) => world.create('resourcequotas', namespace, quota('0')),
        want: { cause: 'quota', message: expect.stringContaining('exceeded quota: agents') },
      },
      {
        name: 'a policy that refuses the pod',
        given: (world) => world.denyPods('no privileged containers'),
        want: { cause: 'admission', message: expect.stringContaining('denied the request: no privileged containers') },
      },
    ];
    it.each(refusals)('tells $name as the reason that there is no pod', async ({ given, want }) => {
      given(door.world, door.namespace);
      await door.clock.advance(1000);
      expect(await started(10_000)).toMatchObject({ phase: 'started', trouble: want });
      door.world.denyPods(undefined);
      if (want.cause === 'quota') door.world.delete('resourcequotas', door.namespace, 'agents');
      const after = await later(120_000);
      expect([after?.trouble, after?.pod?.phase]).toEqual([undefined, 'Running']);
    });

    it('asks for no Events where nothing is silent', async () => {
      await started(1000);
      await later(60_000);
      expect(eventLists()).toBe(0);
    });

    it('rejects rather than tell that nothing is known of a Job without a pod', async () => {
      door.world.create('resourcequotas', door.namespace, quota('0'));
      await started(1000);
      door.faults.add({ kind: 'status', status: 503 }, ({ verb }) => verb === 'list events', 3);
      await expect(later(10_000)).rejects.toMatchObject({ kind: 'unavailable' });
    });

    it('tells a volume that cannot be mounted from an image that takes its time', async () => {
      expect((await started(10_000, false))?.pod).toMatchObject({ cause: 'pulling' });
      expect((await later(90_000))?.pod).toMatchObject({
        cause: 'mount',
        message: expect.stringContaining(`secret "${nameOf(17)}" not found`),
      });
    });

    const ends: readonly {
      readonly name: string;
      readonly given: (world: KubernetesWorld, namespace: string, pod: string) => void;
      readonly want: object;
    }[] = [
      {
        name: 'a drain',
        given: (world, namespace, pod) => void world.evict(namespace, pod),
        want: { disruption: 'EvictionByEvictionAPI', terminating: true },
      },
      {
        name: 'a pod of higher priority',
        given: (world, namespace, pod) => world.preempt(namespace, pod),
        want: { disruption: 'PreemptionByScheduler', terminating: true },
      },
      {
        name: 'a node that runs short',
        given: (world, namespace, pod) => world.evictByNode(namespace, pod),
        want: { disruption: 'TerminationByKubelet', phase: 'Failed', reason: 'Evicted', exitCode: 137 },
      },
    ];
    it.each(ends)('tells $name as what ends the pod', async ({ given, want }) => {
      const agentJob = await started(10_000);
      given(door.world, door.namespace, agentJob?.pod?.name ?? '');
      expect((await cluster.getAgentJob(nameOf(17)))?.pod).toMatchObject(want);
    });

    it('tells the loss of a node once the cluster has noticed', async () => {
      const agentJob = await started(10_000);
      door.world.loseNode(agentJob?.pod?.nodeName ?? '');
      expect((await later(10_000))?.pod?.disruption).toBeUndefined();
      expect((await later(360_000))?.pod).toMatchObject({ disruption: 'DeletionByTaintManager', terminating: true });
    });
  });
}
