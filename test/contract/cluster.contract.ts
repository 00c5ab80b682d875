/**
 * What a Cluster must do over every door to the Kubernetes API: in process, and over HTTP through the real SDK with
 * the rights that are deployed. The manifests are the ones that are really sent.
 */
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { FaultKind } from '../../infra/local/world/faults.ts';
import { clusterOver } from '../../shared/adapters/kubernetes/cluster.ts';
import type { AgentJob } from '../../shared/domain/agentJob.ts';
import type { JsonObject, JsonPatch } from '../../shared/domain/json.ts';
import { agentJobName, annotationPointer, annotations, labels } from '../../shared/domain/names.ts';
import { parseQuantity } from '../../shared/domain/quantity.ts';
import type { Cluster } from '../../shared/ports.ts';
import { aTemplate } from '../support/policyBuilders.ts';
import { aSecret, type ClusterDoor, type MakeDoor, manifestOver, nameOf, policy, scope, start } from './clusterDoor.ts';

export function clusterContract(doorName: string, makeDoor: MakeDoor): void {
  describe(`a cluster ${doorName}`, () => {
    let door: ClusterDoor;
    let cluster: Cluster;
    let unreadable: string[];

    beforeEach(async () => {
      door = await makeDoor();
      unreadable = [];
      const onUnreadable = (name: string): unknown => unreadable.push(name);
      const { namespace, clock } = door;
      cluster = clusterOver(door.api, { name: 'primary', namespace, onUnreadable, clock });
    });
    afterEach(() => door.close?.());

    const manifestFor = (requestId: number, createdAt = door.clock.now()): JsonObject =>
      manifestOver(door, requestId, { createdAt });
    const strike = (fault: FaultKind, verb: string, times = 1): void => {
      door.faults.add(fault, (call) => call.verb === verb, times);
    };

    it('reads back the agent job that the manifest describes', async () => {
      const created = await cluster.createAgentJob(manifestFor(17));
      expect(created).toEqual({
        cluster: 'primary',
        namespace: door.namespace,
        name: nameOf(17),
        uid: expect.any(String),
        poolId: policy.poolId,
        template: 'linux',
        purpose: { kind: 'request', requestId: 17, attempt: 1 },
        phase: 'creating',
        creator: 'nonce',
        createBy: door.clock.now() + 120_000,
        createdAt: expect.any(Number),
        image: aTemplate().image,
        suspended: true,
      });
      expect(await cluster.getAgentJob(nameOf(17))).toEqual(created);
      expect(await cluster.listAgentJobs(scope)).toEqual([created]);
    });

    it('lists the agent jobs of that pool only', async () => {
      await cluster.createAgentJob(manifestFor(17));
      expect(await cluster.listAgentJobs({ ...scope, poolId: 8 })).toEqual([]);
      expect(await cluster.listAgentJobs({ ...scope, installation: 'othr' })).toEqual([]);
    });

    it('answers conflict for a name that exists, and undefined for one that does not', async () => {
      await cluster.createAgentJob(manifestFor(17));
      await expect(cluster.createAgentJob(manifestFor(17))).rejects.toMatchObject({ kind: 'conflict' });
      expect(await cluster.getAgentJob(nameOf(18))).toBeUndefined();
    });

    it('lets exactly one of two patches with the same test win', async () => {
      const job = await cluster.createAgentJob(manifestFor(17));
      expect(await cluster.patchAgentJob(job.name, start(job))).toMatchObject({
        phase: 'started',
        agentId: 412,
        suspended: false,
      });
      await expect(cluster.patchAgentJob(job.name, start(job))).rejects.toMatchObject({ kind: 'invalid' });
      await expect(cluster.patchAgentJob(nameOf(18), start(job))).rejects.toMatchObject({ kind: 'notFound' });
    });

    it('joins the pod to its Job', async () => {
      const job = await cluster.createAgentJob(manifestFor(17));
      await cluster.createSecret(aSecret(job.name, job.uid));
      await cluster.patchAgentJob(job.name, start(job));
      await door.clock.advance(10_000);
      const started = await cluster.getAgentJob(job.name);
      expect(started?.pod).toMatchObject({ phase: 'Running', cause: 'connecting', terminating: false });
      expect(started?.pod?.mainStartedAt).toBeGreaterThan(0);
      expect(await cluster.listAgentJobs(scope)).toEqual([started]);
    });

    it('keeps a damaged Job as one that is unreadable', async () => {
      const job = await cluster.createAgentJob(manifestFor(17));
      await cluster.patchAgentJob(job.name, start(job));
      const spoil: JsonPatch = [{ op: 'replace', path: annotationPointer(annotations.agentId), value: 'x' }];
      const { name, uid, poolId, template, purpose, createdAt, namespace } = job;
      const damaged: AgentJob = {
        cluster: 'primary',
        namespace,
        name,
        uid,
        poolId,
        template,
        purpose,
        phase: 'unreadable',
        creator: '',
        createBy: createdAt,
        createdAt,
        suspended: false,
      };
      expect(await cluster.patchAgentJob(job.name, spoil)).toEqual(damaged);
      const { pod, ...found } = (await cluster.getAgentJob(job.name)) ?? {};
      expect(found).toEqual(damaged);
      expect(await cluster.listAgentJobs(scope)).toEqual([{ ...damaged, ...(pod && { pod }) }]);
      expect(unreadable).toEqual([]);
    });

    it('tells a Job that does not say whose it is, and does not call it absent', async () => {
      const stray = agentJobName({ ...scope, poolId: 8 }, { kind: 'request', requestId: 17, attempt: 1 }, 'linux');
      const ours = manifestFor(17);
      const metadata = { ...(ours['metadata'] as JsonObject), name: stray };
      await expect(cluster.createAgentJob({ ...ours, metadata })).rejects.toMatchObject({ kind: 'unexpected' });
      expect(await cluster.listAgentJobs(scope)).toEqual([]);
      expect(unreadable).toEqual([stray]);
      await expect(cluster.getAgentJob(stray)).rejects.toMatchObject({ kind: 'unexpected' });
    });

    it('tells the times of Job and pod by the clock of its creator', async () => {
      const aheadMs = 240_000;
      const createdAt = door.clock.now() - aheadMs;
      const job = await cluster.createAgentJob(manifestFor(17, createdAt));
      expect(job.createdAt).toBe(createdAt);
      await cluster.createSecret(aSecret(job.name, job.uid));
      await cluster.patchAgentJob(job.name, start(job));
      await door.clock.advance(10_000);
      const pod = (await cluster.getAgentJob(job.name))?.pod;
      const told = [pod?.createdAt, pod?.scheduledAt, pod?.mainStartedAt];
      expect(told.map((at) => at !== undefined && at >= createdAt && at <= createdAt + 10_000)).toEqual([
        true,
        true,
        true,
      ]);
    });

    it('deletes by UID only', async () => {
      const job = await cluster.createAgentJob(manifestFor(17));
      expect(await cluster.deleteAgentJob(job.name, 'another-uid')).toBe('replaced');
      expect(await cluster.deleteAgentJob(job.name, job.uid)).toBe('deleted');
      await door.clock.advance(60_000);
      expect(await cluster.deleteAgentJob(job.name, job.uid)).toBe('absent');
    });

    it('keeps Secrets by their owners and never shows their data', async () => {
      const job = await cluster.createAgentJob(manifestFor(17));
      await cluster.createSecret(aSecret(job.name, job.uid));
      await expect(cluster.createSecret(aSecret(job.name, job.uid))).rejects.toMatchObject({ kind: 'conflict' });
      expect(await cluster.getSecretOwners(job.name)).toEqual([job.uid]);
      expect(await cluster.deleteSecret(job.name)).toBe('deleted');
      expect(await cluster.deleteSecret(job.name)).toBe('absent');
      expect(await cluster.getSecretOwners(job.name)).toBeUndefined();
    });

    it('reads the control map of a pool, and undefined where there is none', async () => {
      expect(await cluster.getControl(7)).toBeUndefined();
      door.world.create('configmaps', door.namespace, {
        apiVersion: 'v1',
        kind: 'ConfigMap',
        metadata: { name: 'mayfly-pool-7' },
        data: { paused: 'true' },
      });
      expect(await cluster.getControl(7)).toEqual({ paused: 'true' });
    });

    it('writes single keys of the control map, and makes the map when there is none', async () => {
      await cluster.patchControl(7, { paused: 'true', 'mayfly.generation': '12' });
      await cluster.patchControl(7, { paused: undefined, drained: 'true' });
      expect(await cluster.getControl(7)).toEqual({ drained: 'true', 'mayfly.generation': '12' });
      const map = door.world.get('configmaps', door.namespace, 'mayfly-pool-7').body;
      expect(map['metadata']).toMatchObject({ labels: { [labels.managedBy]: 'mayfly' } });
      expect(await cluster.getControl(8)).toBeUndefined();
    });

    it.each([
      { name: 'nothing is to be written', changes: {} },
      { name: 'keys are only to be removed', changes: { paused: undefined } },
    ])('makes a map that is missing though $name, once', async ({ changes }) => {
      await cluster.patchControl(7, changes);
      expect(await cluster.getControl(7)).toEqual({});
      await cluster.patchControl(7, changes);
      const writes = door.journal.calls.map(({ verb }) => verb).filter((verb) => !verb.startsWith('get '));
      expect(writes).toEqual(['create configmaps']);
    });

    it('writes into a map that has no data yet', async () => {
      const empty = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'mayfly-pool-7' } };
      door.world.create('configmaps', door.namespace, empty);
      await cluster.patchControl(7, { drained: undefined });
      expect(await cluster.getControl(7)).toEqual({});
      await cluster.patchControl(7, { paused: 'true' });
      expect(await cluster.getControl(7)).toEqual({ paused: 'true' });
    });

    it('writes nothing where the control map says it already', async () => {
      await cluster.patchControl(7, { paused: 'true' });
      await cluster.patchControl(7, { paused: 'true', drained: undefined });
      const writes = door.journal.calls.filter(
        ({ verb }) => verb === 'create configmaps' || verb === 'patch configmaps',
      );
      expect(writes).toHaveLength(1);
    });

    it('writes keys of the control map only where others are as they were read', async () => {
      const taken = { expected: { turn: undefined }, changes: { turn: 'a', note: 'x' } };
      expect(await cluster.testAndPatchControl(7, taken.expected, taken.changes)).toBe('written');
      expect(await cluster.testAndPatchControl(7, taken.expected, { turn: 'b' })).toBe('changed');
      await cluster.patchControl(7, { paused: 'true' });
      expect(await cluster.testAndPatchControl(7, { turn: 'a' }, { turn: undefined, note: 'y' })).toBe('written');
      expect(await cluster.getControl(7)).toEqual({ paused: 'true', note: 'y' });
    });

    it('lets one of two that write at once through', async () => {
      await cluster.patchControl(7, { turn: '0' });
      const writes = ['a', 'b', 'c'].map((turn) => cluster.testAndPatchControl(7, { turn: '0' }, { turn }));
      expect((await Promise.all(writes)).toSorted()).toEqual(['changed', 'changed', 'written']);
    });

    it('rejects a key that no map may have', async () => {
      await expect(cluster.patchControl(7, { 'no key': 'x' })).rejects.toMatchObject({ kind: 'invalid' });
    });

    it('tells what the quotas leave, and what a running agent takes of it', async () => {
      expect(await cluster.listQuotaRoom()).toEqual([]);
      const hard = { pods: '10', 'requests.cpu': '8', 'requests.memory': '32Gi', 'count/jobs.batch': '20' };
      door.world.create('resourcequotas', door.namespace, {
        apiVersion: 'v1',
        kind: 'ResourceQuota',
        metadata: { name: 'agents' },
        spec: { hard },
      });
      await door.clock.advance(1000);
      const free = { pods: 10, 'requests.cpu': 8, 'requests.memory': 32 * 2 ** 30, jobs: 20 };
      expect(await cluster.listQuotaRoom()).toEqual([free]);
      const job = await cluster.createAgentJob(manifestFor(17));
      expect(await cluster.listQuotaRoom()).toEqual([{ ...free, jobs: 19 }]);
      await cluster.createSecret(aSecret(job.name, job.uid));
      await cluster.patchAgentJob(job.name, start(job));
      await door.clock.advance(10_000);
      const [left] = await cluster.listQuotaRoom();
      expect(left).toMatchObject({ pods: 9, jobs: 19 });
      expect(left?.['requests.cpu']).toBeCloseTo(8 - (parseQuantity(aTemplate().cpu) ?? Number.NaN));
      expect(left?.['requests.memory']).toBe(32 * 2 ** 30 - (parseQuantity(aTemplate().memory) ?? Number.NaN));
    });

    it('rejects quotas that it could not read rather than tell of none', async () => {
      strike({ kind: 'truncated' }, 'list resourcequotas', 3);
      await expect(cluster.listQuotaRoom()).rejects.toMatchObject({ kind: 'unexpected' });
    });

    it.each([
      { given: { kind: 'status', status: 403 }, want: 'forbidden' },
      { given: { kind: 'status', status: 401 }, want: 'unauthorized' },
      { given: { kind: 'status', status: 429, retryAfterSeconds: 60 }, want: 'throttled' },
      { given: { kind: 'nullBody' }, want: 'unexpected' },
      { given: { kind: 'truncated' }, want: 'unexpected' },
      { given: { kind: 'lostBefore' }, want: 'unavailable' },
    ] as const)('rejects $given as $want where only the pods are out of reach', async ({ given, want }) => {
      await cluster.createAgentJob(manifestFor(17));
      strike(given, 'list pods', 3);
      await expect(cluster.listAgentJobs(scope)).rejects.toMatchObject({ upstream: 'kubernetes', kind: want });
    });

    it('sends a write once, although the reply is lost after it took effect', async () => {
      strike({ kind: 'lostAfter' }, 'create jobs');
      await expect(cluster.createAgentJob(manifestFor(17))).rejects.toMatchObject({ kind: 'unavailable' });
      expect(door.journal.calls.filter((call) => call.verb === 'create jobs')).toHaveLength(1);
      expect(await cluster.getAgentJob(nameOf(17))).toMatchObject({ creator: 'nonce' });
    });
  });
}
