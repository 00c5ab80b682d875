import { describe, expect, it } from 'vitest';
import { at, list, record, text, uidOf } from '../../../../infra/local/kubernetes/object.ts';
import { KubernetesStatus } from '../../../../infra/local/kubernetes/statusError.ts';
import type { JsonObject } from '../../../../shared/domain/json.ts';
import { aJob, aScene, aStory, namespace, type Scene, stubborn } from './aWorld.ts';

function exists({ world }: Scene, resource: 'jobs' | 'secrets' | 'namespaces', name: string): boolean {
  try {
    world.get(resource, resource === 'namespaces' ? undefined : namespace, name);
    return true;
  } catch (error) {
    if (error instanceof KubernetesStatus && error.code === 404) return false;
    throw error;
  }
}

async function runningJob(spec: JsonObject = {}, workload = stubborn(5000)): Promise<Scene & { job: JsonObject }> {
  const scene = aScene({ story: () => aStory(), workload });
  const job = scene.world.create('jobs', namespace, aJob('a', spec), { caller: 'cp' }).body;
  const owner = { apiVersion: 'batch/v1', kind: 'Job', name: 'a', uid: uidOf(job) };
  scene.world.create('secrets', namespace, { metadata: { name: 'a', ownerReferences: [owner] } });
  await scene.clock.advance(3000);
  return { ...scene, job };
}

describe('the job controller', () => {
  it('makes no pod of a suspended Job, and one when it is started', async () => {
    const scene = aScene({ story: () => aStory() });
    scene.world.create('jobs', namespace, aJob('a', { suspend: true }));
    await scene.clock.advance(60_000);
    expect(scene.world.podsOf(namespace, 'a')).toEqual([]);
    const body = [{ op: 'replace', path: '/spec/suspend', value: false }];
    scene.world.patch('jobs', namespace, 'a', { type: 'json', body });
    await scene.clock.advance(1000);
    const [pod = {}] = scene.world.podsOf(namespace, 'a');
    expect(at(pod, 'metadata', 'finalizers')).toEqual(['batch.kubernetes.io/job-tracking']);
    expect(text(pod, 'metadata', 'name')).toMatch(/^a-[a-z0-9]{5}$/);
  });

  it('retries a pod that a quota refuses, with events and ever longer pauses', async () => {
    const scene = aScene({ story: () => aStory() });
    scene.world.create('resourcequotas', namespace, { metadata: { name: 'q' }, spec: { hard: { pods: '0' } } });
    scene.world.create('jobs', namespace, aJob('a'));
    await scene.clock.advance(8000);
    const events = list(scene.world.list('events', namespace).body, 'items');
    expect(events.map((event) => text(event, 'reason'))).toEqual(Array(4).fill('FailedCreate'));
    scene.world.delete('resourcequotas', namespace, 'q');
    await scene.clock.advance(8000);
    expect(scene.world.podsOf(namespace, 'a')).toHaveLength(1);
  });

  it('makes another pod after a back-off where the limit allows it', async () => {
    const scene = aScene({ story: () => aStory(), workload: stubborn(1000, 1) });
    scene.world.create('jobs', namespace, aJob('a', { backoffLimit: 1 }));
    await scene.clock.advance(8000);
    expect(scene.world.podsOf(namespace, 'a')).toHaveLength(1);
    await scene.clock.advance(8000);
    expect(scene.world.podsOf(namespace, 'a')).toHaveLength(2);
    await scene.clock.advance(8000);
    expect(record(scene.world.get('jobs', namespace, 'a').body, 'status')).toMatchObject({ failed: 2 });
  });

  it('lets exactly one of start and roll back win', async () => {
    const scene = aScene();
    const uid = uidOf(scene.world.create('jobs', namespace, aJob('a', { suspend: true })).body);
    const move = (to: string): string => {
      const body = [
        { op: 'test', path: '/metadata/uid', value: uid },
        { op: 'test', path: '/metadata/annotations/phase', value: 'creating' },
        { op: 'replace', path: '/metadata/annotations/phase', value: to },
      ];
      try {
        scene.world.patch('jobs', namespace, 'a', { type: 'json', body });
        return 'done';
      } catch (error) {
        return error instanceof KubernetesStatus ? String(error.code) : 'thrown';
      }
    };
    expect([move('rolledBack'), move('started')]).toEqual(['done', '422']);
    expect(at(scene.world.get('jobs', namespace, 'a').body, 'metadata', 'annotations', 'phase')).toBe('rolledBack');
  });
});

describe('deletion', () => {
  it('in the background takes the Job at once, and pod and Secret soon after', async () => {
    const scene = await runningJob({}, stubborn(10_000));
    scene.world.delete('jobs', namespace, 'a', { propagationPolicy: 'Background', caller: 'cp' });
    expect([exists(scene, 'jobs', 'a'), exists(scene, 'secrets', 'a')]).toEqual([false, true]);
    await scene.clock.advance(20_000);
    expect([exists(scene, 'secrets', 'a'), scene.world.podsOf(namespace, 'a').length]).toEqual([false, 0]);
    expect(scene.said().slice(-4)).toEqual([
      'jobDeleted by cp',
      'secretDeleted by generic-garbage-collector',
      'podTerminating jobDeleted by cp',
      'podEnded jobDeleted 0',
    ]);
  });

  it('in the foreground keeps the Job until its pod is gone', async () => {
    const scene = await runningJob({}, stubborn(10_000));
    scene.world.delete('jobs', namespace, 'a', { propagationPolicy: 'Foreground', caller: 'cp' });
    await scene.clock.advance(3000);
    expect(exists(scene, 'jobs', 'a')).toBe(true);
    await scene.clock.advance(20_000);
    expect(exists(scene, 'jobs', 'a')).toBe(false);
    expect(scene.said().slice(-2)).toEqual(['podEnded jobDeleted 0', 'jobDeleted by cp']);
  });

  it('without a policy orphans the pod, which runs on', async () => {
    const scene = await runningJob({}, stubborn(60_000));
    const { warnings } = scene.world.delete('jobs', namespace, 'a', { caller: 'cp' });
    await scene.clock.advance(5000);
    const [pod = {}] = scene.world.podsOf(namespace, 'a');
    expect({
      warned: warnings.length,
      job: exists(scene, 'jobs', 'a'),
      secret: exists(scene, 'secrets', 'a'),
      phase: text(pod, 'status', 'phase'),
      owners: list(pod, 'metadata', 'ownerReferences'),
      finalizers: list(pod, 'metadata', 'finalizers'),
    }).toEqual({ warned: 1, job: false, secret: true, phase: 'Running', owners: [], finalizers: [] });
  });

  it('of a new Job of the same name does not save what the old one owned', async () => {
    const scene = await runningJob();
    scene.world.delete('jobs', namespace, 'a', { propagationPolicy: 'Background' });
    scene.world.create('jobs', namespace, aJob('a', { suspend: true }));
    await scene.clock.advance(5000);
    expect([exists(scene, 'jobs', 'a'), exists(scene, 'secrets', 'a')]).toEqual([true, false]);
  });

  it('comes by itself after ttlSecondsAfterFinished', async () => {
    const scene = await runningJob({ ttlSecondsAfterFinished: 60 });
    await scene.clock.advance(30_000);
    expect(exists(scene, 'jobs', 'a')).toBe(true);
    await scene.clock.advance(60_000);
    expect(exists(scene, 'jobs', 'a')).toBe(false);
    expect(scene.said().at(-1)).toBe('jobDeleted by ttl-after-finished-controller');
  });

  it('of a namespace ends all that is in it', async () => {
    const scene = await runningJob();
    scene.world.delete('namespaces', undefined, namespace, { caller: 'admin' });
    expect(() => scene.world.create('jobs', namespace, aJob('b'))).toThrow('it is being terminated');
    await scene.clock.advance(60_000);
    expect(exists(scene, 'namespaces', namespace)).toBe(false);
    expect(scene.said()).toContain('podTerminating namespaceDeleted by namespace-controller');
  });
});

describe('what is not modelled', () => {
  it.each([
    { name: 'Indexed Jobs', spec: { completionMode: 'Indexed', completions: 1, parallelism: 1 } },
    { name: 'success policies', spec: { successPolicy: { rules: [] } } },
    { name: 'pod failure rules', spec: { podFailurePolicy: { rules: [{ action: 'Ignore', onPodConditions: [] }] } } },
  ])('answers 501 to $name', ({ spec }) => {
    expect(() => aScene().world.create('jobs', namespace, aJob('a', spec))).toThrow('does not model');
  });

  it('answers 501 to a strategic merge patch of lists', () => {
    const { world } = aScene();
    world.create('jobs', namespace, aJob('a', { suspend: true }));
    const body = { metadata: { finalizers: ['x'] } };
    expect(() => world.patch('jobs', namespace, 'a', { type: 'strategic', body })).toThrow('does not model');
  });
});

describe('a quota', () => {
  it('is asked before the name: a Job that exists is refused as over quota', () => {
    const scene = aScene();
    const hard = { 'count/jobs.batch': '1' };
    scene.world.create('resourcequotas', namespace, { metadata: { name: 'q' }, spec: { hard } });
    scene.world.create('jobs', namespace, aJob('a', { suspend: true }));
    expect(() => scene.world.create('jobs', namespace, aJob('a', { suspend: true }))).toThrow('exceeded quota: q');
  });

  it('does not count pods that are over', async () => {
    const scene = aScene({ story: () => aStory(), workload: stubborn(100) });
    scene.world.create('resourcequotas', namespace, { metadata: { name: 'q' }, spec: { hard: { pods: '1' } } });
    scene.world.create('jobs', namespace, aJob('a'));
    await scene.clock.advance(5000);
    scene.world.create('jobs', namespace, aJob('b'));
    await scene.clock.advance(5000);
    expect(scene.world.podsOf(namespace, 'b')).toHaveLength(1);
    const quota = scene.world.get('resourcequotas', namespace, 'q').body;
    expect(record(quota, 'status', 'used')).toEqual({ pods: '0' });
  });

  const resources = { requests: { cpu: '500m', memory: '1Gi', 'ephemeral-storage': '2Gi' }, limits: { memory: '2Gi' } };
  const withResources = { containers: [{ name: 'agent', image: 'registry.example/agent:1', resources }] };
  const usedBy = async (hard: JsonObject, spec: JsonObject = {}, podSpec: JsonObject = {}): Promise<JsonObject> => {
    const scene = aScene();
    scene.world.create('resourcequotas', namespace, { metadata: { name: 'q' }, spec: { hard, ...spec } });
    scene.world.create('jobs', namespace, aJob('a', {}, { ...withResources, ...podSpec }));
    await scene.clock.advance(5000);
    return record(scene.world.get('resourcequotas', namespace, 'q').body, 'status', 'used');
  };

  it('counts what pods request and may use', async () => {
    const hard = { 'requests.cpu': '4', memory: '8Gi', 'limits.memory': '8Gi', 'ephemeral-storage': '9Gi', pods: '5' };
    expect(await usedBy({ ...hard, 'count/jobs.batch': '5' })).toEqual({
      'requests.cpu': '500m',
      memory: String(2 ** 30),
      'limits.memory': String(2 ** 31),
      'ephemeral-storage': String(2 ** 31),
      pods: '1',
      'count/jobs.batch': '1',
    });
  });

  it.each([
    { name: 'counts pods without a deadline', given: { scopes: ['NotTerminating'] }, want: '1' },
    { name: 'counts pods with requests', given: { scopes: ['NotBestEffort', 'NotTerminating'] }, want: '1' },
    { name: 'leaves them out of the other scopes', given: { scopes: ['Terminating'] }, want: '0' },
    { name: 'leaves pods with requests out of best effort', given: { scopes: ['BestEffort'] }, want: '0' },
  ])('with scopes $name', async ({ given, want }) => {
    expect(await usedBy({ pods: '5' }, given)).toEqual({ pods: want });
  });

  it('tells at once what it has let in', () => {
    const scene = aScene();
    const hard = { 'count/jobs.batch': '2' };
    scene.world.create('resourcequotas', namespace, { metadata: { name: 'q' }, spec: { hard } });
    scene.world.create('jobs', namespace, aJob('a', { suspend: true }));
    const quota = scene.world.get('resourcequotas', namespace, 'q').body;
    expect(record(quota, 'status')).toEqual({ hard, used: { 'count/jobs.batch': '1' } });
  });

  it('answers 501 to a scope that is not modelled', () => {
    const scopeSelector = { matchExpressions: [{ scopeName: 'PriorityClass', operator: 'In', values: ['high'] }] };
    const quota = { metadata: { name: 'q' }, spec: { hard: { pods: '1' }, scopeSelector } };
    expect(() => aScene().world.create('resourcequotas', namespace, quota)).toThrow('does not model');
  });
});
