/**
 * What a Cluster tells beside agent jobs, over every door and with the rights that are deployed: Events on the control
 * map, what agents left behind, their last words, and the end of a pod.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { uidOf } from '../../infra/local/kubernetes/object.ts';
import type { FaultKind } from '../../infra/local/world/faults.ts';
import { clusterOver } from '../../shared/adapters/kubernetes/cluster.ts';
import type { AgentPod } from '../../shared/domain/agentJob.ts';
import type { JsonObject } from '../../shared/domain/json.ts';
import { labels } from '../../shared/domain/names.ts';
import type { Cluster, PoolEvent } from '../../shared/ports.ts';
import { aSecret, type ClusterDoor, type MakeDoor, manifestOver, nameOf, scope, start } from './clusterDoor.ts';

export function clusterToldContract(doorName: string, makeDoor: MakeDoor): void {
  describe(`what a cluster tells ${doorName}`, () => {
    let door: ClusterDoor;
    let cluster: Cluster;

    beforeEach(async () => {
      door = await makeDoor();
      const { namespace, clock } = door;
      cluster = clusterOver(door.api, { name: 'primary', namespace, clock });
    });
    afterEach(() => door.close?.());

    const strike = (fault: FaultKind, verb: string, times = 1): void => {
      door.faults.add(fault, (call) => call.verb === verb, times);
    };

    const anEvent = (changes: Partial<PoolEvent> = {}): PoolEvent => ({
      reason: 'NeverStarted',
      message: 'no such image',
      type: 'Warning',
      subject: nameOf(17),
      ...changes,
    });
    const eventsIn = (): readonly unknown[] =>
      (door.world.list('events', door.namespace).body['items'] as readonly JsonObject[]).map((event) => ({
        about: event['involvedObject'],
        from: event['reportingComponent'],
        ...Object.fromEntries(['reason', 'message', 'type', 'count'].map((key) => [key, event[key]])),
      }));
    const counted = (message: string, count: number, reason = 'NeverStarted'): Readonly<Record<string, unknown>> => ({
      about: expect.objectContaining({ kind: 'ConfigMap', name: 'mayfly-pool-7' }),
      from: 'mayfly',
      reason,
      message,
      type: 'Warning',
      count,
    });

    it('counts what is said again about the same subject on one Event', async () => {
      await cluster.recordEvent(7, anEvent());
      await door.clock.advance(60_000);
      await cluster.recordEvent(7, anEvent({ message: 'still no such image' }));
      await cluster.recordEvent(7, anEvent({ reason: 'LostMidJob', message: 'x'.repeat(2000) }));
      const told = eventsIn();
      expect(told).toHaveLength(2);
      expect(told).toContainEqual(counted('still no such image', 2));
      expect(told).toContainEqual(counted('x'.repeat(1024), 1, 'LostMidJob'));
    });

    it('says it of the control map itself where there is one', async () => {
      await cluster.patchControl(7, { paused: 'true' });
      await cluster.recordEvent(7, anEvent());
      const map = door.world.get('configmaps', door.namespace, 'mayfly-pool-7').body;
      const about: unknown = expect.objectContaining({ name: 'mayfly-pool-7', uid: uidOf(map) });
      expect(eventsIn()).toEqual([{ ...counted('no such image', 1), about }]);
    });

    it('loses no count to another control plane that says the same at once', async () => {
      await Promise.all([cluster.recordEvent(7, anEvent()), cluster.recordEvent(7, anEvent())]);
      expect(eventsIn()).toEqual([counted('no such image', 2)]);
    });

    const specs: Readonly<Record<string, JsonObject>> = {
      NetworkPolicy: { podSelector: {}, policyTypes: ['Egress'] },
      PersistentVolumeClaim: { accessModes: ['ReadWriteOnce'] },
    };
    const marked = (kind: string, name: string, changes: JsonObject = {}): JsonObject => ({
      apiVersion: kind === 'NetworkPolicy' ? 'networking.k8s.io/v1' : 'v1',
      kind,
      metadata: {
        name,
        labels: {
          [labels.managedBy]: 'mayfly',
          [labels.installation]: scope.installation,
          [labels.organisation]: scope.organisation,
          [labels.poolId]: String(scope.poolId),
        },
        ...changes,
      },
      spec: specs[kind] ?? {},
    });
    const claim = 'PersistentVolumeClaim';
    const makeClaim = (name: string, changes: JsonObject = {}): unknown =>
      door.world.create('persistentvolumeclaims', door.namespace, marked(claim, name, changes));

    it('tells what bears our mark beside Jobs and pods, with its owners', async () => {
      const { uid } = await cluster.createAgentJob(manifestOver(door, 17));
      makeClaim('cache', { ownerReferences: [{ apiVersion: 'batch/v1', kind: 'Job', name: nameOf(17), uid }] });
      makeClaim('foreign', { labels: {} });
      door.world.create('networkpolicies', door.namespace, marked('NetworkPolicy', 'egress'));
      const found = { uid: expect.any(String), createdAt: expect.any(Number) };
      expect(await cluster.listLeftovers(scope)).toEqual([
        { kind: claim, name: 'cache', owners: [{ kind: 'Job', name: nameOf(17), uid }], ...found },
        { kind: 'NetworkPolicy', name: 'egress', owners: [], ...found },
      ]);
      expect(await cluster.listLeftovers({ ...scope, poolId: 8 })).toEqual([]);
    });

    it('rejects leftovers that it could not read rather than tell of none', async () => {
      strike({ kind: 'truncated' }, 'list networkpolicies', 3);
      await expect(cluster.listLeftovers(scope)).rejects.toMatchObject({ kind: 'unexpected' });
    });

    it('removes a leftover by its UID only', async () => {
      makeClaim('cache');
      const [leftover] = await cluster.listLeftovers(scope);
      const found = { kind: leftover?.kind ?? 'Secret', name: leftover?.name ?? '', uid: leftover?.uid ?? '' };
      expect(await cluster.deleteLeftover({ ...found, uid: 'another-uid' })).toBe('replaced');
      expect(await cluster.deleteLeftover(found)).toBe('deleted');
      expect(await cluster.deleteLeftover(found)).toBe('absent');
    });

    /** Starts an agent job, and waits for so long. */
    const podOf = async (requestId: number, waitMs: number): Promise<AgentPod | undefined> => {
      const job = await cluster.createAgentJob(manifestOver(door, requestId));
      await cluster.createSecret(aSecret(job.name, job.uid));
      await cluster.patchAgentJob(job.name, start(job));
      await door.clock.advance(waitMs);
      return (await cluster.getAgentJob(job.name))?.pod;
    };

    it('reads the last lines of an agent, once there are any', async () => {
      const { name = '' } = (await podOf(17, 1000)) ?? {};
      expect(await cluster.readPodLog(name, 2)).toBeUndefined();
      await door.clock.advance(10_000);
      expect(await cluster.readPodLog(name, 2)).toBeUndefined();
      door.world.log(door.namespace, name, 'Scanning for tool capabilities.\nConnecting.\nListening for Jobs\n');
      expect(await cluster.readPodLog(name, 2)).toBe('Connecting.\nListening for Jobs\n');
      door.world.log(door.namespace, name, `${'x'.repeat(20_000)}\n`);
      expect(await cluster.readPodLog(name, 1)).toBe('x'.repeat(16 * 1024));
      expect(await cluster.readPodLog('another', 2)).toBeUndefined();
    });

    it('takes no node that has fallen silent for an agent that printed nothing', async () => {
      const { name = '', nodeName = '' } = (await podOf(17, 10_000)) ?? {};
      door.world.loseNode(nodeName);
      await expect(cluster.readPodLog(name, 2)).rejects.toMatchObject({ kind: 'unavailable' });
    });

    it('ends a pod by its UID only, within the grace that is given', async () => {
      const { name = '', uid = '' } = (await podOf(17, 10_000)) ?? {};
      expect(await cluster.endPod(name, 'another-uid', 5)).toBe('absent');
      expect(await cluster.endPod(name, uid, 5)).toBe('ended');
      await door.clock.advance(10_000);
      expect((await cluster.getAgentJob(nameOf(17)))?.pod?.phase ?? 'gone').not.toBe('Running');
      expect(await cluster.endPod('another', 'u', 5)).toBe('absent');
    });

    it('ends the running pods of a Job by its name, and leaves what is over', async () => {
      await podOf(18, 10_000);
      expect(await cluster.endPodsOf(nameOf(18), 1)).toBe(1);
      await door.clock.advance(10_000);
      expect(await cluster.endPodsOf(nameOf(18), 1)).toBe(0);
      expect(await cluster.endPodsOf('another', 1)).toBe(0);
    });
  });
}
