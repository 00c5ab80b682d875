import { describe, expect, it } from 'vitest';
import { at, list, nameOf, record, text } from '../../../../infra/local/kubernetes/object.ts';
import type { PodStory } from '../../../../infra/local/kubernetes/podStory.ts';
import type { JsonObject } from '../../../../shared/domain/json.ts';
import { aJob, aScene, aStory, namespace, obedient, type Scene, stubborn } from './aWorld.ts';

const podOf = ({ world }: Scene, job: string): JsonObject => world.podsOf(namespace, job)[0] ?? {};
const jobStatus = ({ world }: Scene, job: string): JsonObject =>
  record(world.get('jobs', namespace, job).body, 'status');

function verdict(scene: Scene, job: string): string {
  const conditions = list(jobStatus(scene, job), 'conditions');
  const last = conditions.at(-1);
  return last === undefined ? 'none' : `${text(last, 'type')}=${text(last, 'status')} ${text(last, 'reason')}`;
}

const waitingReason = (pod: JsonObject): string | undefined =>
  text(list(pod, 'status', 'containerStatuses')[0], 'state', 'waiting', 'reason');

describe('a pod that does not start', () => {
  const rows: { name: string; story: Partial<PodStory>; podSpec?: JsonObject; want: JsonObject }[] = [
    {
      name: 'waits as Unschedulable while no node takes it',
      story: { unschedulable: { message: '0/3 nodes are available' } },
      want: { phase: 'Pending', waiting: null, event: 'FailedScheduling' },
    },
    {
      name: 'is in ImagePullBackOff after the first failed pull',
      story: { pullFailure: { message: 'manifest unknown' } },
      want: { phase: 'Pending', waiting: 'ImagePullBackOff', event: 'BackOff' },
    },
    {
      name: 'stays in ContainerCreating while a volume does not attach',
      story: { mountFailure: { message: 'timed out' } },
      want: { phase: 'Pending', waiting: 'ContainerCreating', event: 'FailedMount' },
    },
    {
      name: 'stays in ContainerCreating while its Secret is missing',
      story: {},
      podSpec: { volumes: [{ name: 'files', secret: { secretName: 'absent' } }] },
      want: { phase: 'Pending', waiting: 'ContainerCreating', event: 'FailedMount' },
    },
  ];

  it.each(rows)('$name', async ({ story, podSpec, want }) => {
    const scene = aScene({ story: () => aStory(story) });
    scene.world.create('jobs', namespace, aJob('a', {}, podSpec));
    await scene.clock.advance(60_000);
    const pod = podOf(scene, 'a');
    const fieldSelector = `involvedObject.name=${nameOf(pod)}`;
    const events = list(scene.world.list('events', namespace, { fieldSelector }).body, 'items');
    expect({
      phase: text(pod, 'status', 'phase'),
      waiting: waitingReason(pod) ?? null,
      event: text(events.at(-1), 'reason'),
    }).toEqual(want);
  });

  it('starts once its Secret appears, with the files of it', async () => {
    const files: unknown[] = [];
    const workload = {
      run: async ({ readSecretFiles }: { readSecretFiles: (volume: string) => unknown }) => {
        files.push(readSecretFiles('files'));
        return 0;
      },
    };
    const scene = aScene({ story: () => aStory(), workload });
    const volumes = [{ name: 'files', secret: { secretName: 'late' } }];
    scene.world.create('jobs', namespace, aJob('a', {}, { volumes }));
    await scene.clock.advance(5000);
    scene.world.create('secrets', namespace, { metadata: { name: 'late' }, stringData: { '.agent': '{}' } });
    await scene.clock.advance(10_000);
    expect({ files, verdict: verdict(scene, 'a') }).toEqual({
      files: [{ '.agent': '{}' }],
      verdict: 'Complete=True CompletionsReached',
    });
  });

  it('fails with the exit code of its init container', async () => {
    const scene = aScene({ story: () => aStory({ initFailure: { exitCode: 3 } }) });
    const initContainers = [{ name: 'register', image: 'i' }];
    scene.world.create('jobs', namespace, aJob('a', {}, { initContainers }));
    await scene.clock.advance(5000);
    expect(scene.said()).toContain('podEnded initFailed 3');
    expect(verdict(scene, 'a')).toBe('Failed=True BackoffLimitExceeded');
  });

  it('is failed by PodGC when it is deleted before a node has it', async () => {
    const scene = aScene({ story: () => aStory({ unschedulable: { message: 'full' } }) });
    scene.world.create('jobs', namespace, aJob('a'));
    await scene.clock.advance(1000);
    scene.world.delete('pods', namespace, nameOf(podOf(scene, 'a')), { caller: 'kubectl' });
    await scene.clock.advance(10_000);
    expect(at(podOf(scene, 'a'), 'metadata', 'deletionTimestamp')).toBeDefined();
    await scene.clock.advance(20_000);
    expect(podOf(scene, 'a')).toEqual({});
    expect(scene.said().slice(1)).toEqual([
      'podCreated',
      'podTerminating podDeleted by kubectl',
      'podEnded podDeleted',
    ]);
  });
});

describe('the end of a running pod', () => {
  async function running(options: Parameters<typeof aScene>[0] = {}, spec: JsonObject = {}): Promise<Scene> {
    const scene = aScene({ story: () => aStory(), ...options });
    scene.world.create('jobs', namespace, aJob('a', spec, { terminationGracePeriodSeconds: 10 }));
    await scene.clock.advance(5000);
    return scene;
  }

  it('completes the Job when it exits with 0', async () => {
    const scene = await running();
    scene.world.killPodProcess(namespace, nameOf(podOf(scene, 'a')), 0);
    await scene.clock.advance(2000);
    expect(verdict(scene, 'a')).toBe('Complete=True CompletionsReached');
    expect(jobStatus(scene, 'a')['succeeded']).toBe(1);
  });

  it('is Failed with OOMKilled and 137 when the kernel kills it', async () => {
    const scene = await running();
    scene.world.oomKill(namespace, nameOf(podOf(scene, 'a')));
    await scene.clock.advance(2000);
    const terminated = at(list(podOf(scene, 'a'), 'status', 'containerStatuses')[0], 'state', 'terminated');
    expect(terminated).toMatchObject({ exitCode: 137, reason: 'OOMKilled' });
    expect(verdict(scene, 'a')).toBe('Failed=True BackoffLimitExceeded');
  });

  it('gets TERM at an eviction, and is killed only at the end of its grace', async () => {
    const scene = await running({ workload: stubborn(3_600_000) });
    scene.world.evict(namespace, nameOf(podOf(scene, 'a')), { caller: 'autoscaler' });
    await scene.clock.advance(9000);
    expect(scene.said()).not.toContain('podEnded evicted 137');
    await scene.clock.advance(3000);
    expect(scene.said().slice(-2)).toEqual(['podTerminating evicted by autoscaler', 'podEnded evicted 137']);
    expect(podOf(scene, 'a')).toEqual({});
    expect(verdict(scene, 'a')).toBe('Failed=True BackoffLimitExceeded');
  });

  it('may work on through a drain', async () => {
    const scene = await running({ workload: stubborn(8000) });
    scene.world.drainNode('node-1');
    await scene.clock.advance(10_000);
    expect(scene.said().slice(-2)).toEqual(['podTerminating drained by kubectl', 'podEnded drained 0']);
    expect(verdict(scene, 'a')).toBe('Complete=True CompletionsReached');
  });

  it('counts no failure when the Job is suspended', async () => {
    const scene = await running({ workload: obedient(143) });
    scene.world.patch('jobs', namespace, 'a', { type: 'merge', body: { spec: { suspend: true } } }, { caller: 'cp' });
    await scene.clock.advance(5000);
    expect(scene.said().slice(-2)).toEqual(['podTerminating suspended by cp', 'podEnded suspended 143']);
    expect({ status: jobStatus(scene, 'a'), pods: scene.world.podsOf(namespace, 'a') }).toMatchObject({
      status: { terminating: 0, ready: 0, conditions: [{ type: 'Suspended', status: 'True' }] },
      pods: [],
    });
  });

  it('is not replaced while it still terminates, and not at all when its end is a failure', async () => {
    const scene = await running({ workload: stubborn(3_600_000) });
    scene.world.delete('pods', namespace, nameOf(podOf(scene, 'a')), { caller: 'kubectl' });
    await scene.clock.advance(5000);
    expect(scene.world.podsOf(namespace, 'a')).toHaveLength(1);
    await scene.clock.advance(10_000);
    expect({ pods: scene.world.podsOf(namespace, 'a').length, verdict: verdict(scene, 'a') }).toEqual({
      pods: 0,
      verdict: 'Failed=True BackoffLimitExceeded',
    });
  });

  it('comes at once and untold with its node; the API server learns of it in three steps', async () => {
    const scene = await running();
    scene.world.loseNode('node-1');
    expect(scene.said().at(-1)).toBe('podEnded nodeLost');
    const seen = async (ms: number): Promise<string> => {
      await scene.clock.advance(ms);
      const pod = podOf(scene, 'a');
      const ready = list(pod, 'status', 'conditions').find((each) => text(each, 'type') === 'Ready');
      const mark = at(pod, 'metadata', 'deletionTimestamp') === undefined ? '' : ' deleted';
      return `${text(pod, 'status', 'phase')} ready=${text(ready, 'status')}${mark}`;
    };
    expect([await seen(40_000), await seen(20_000), await seen(300_000), await seen(300_000)]).toEqual([
      'Running ready=True',
      'Running ready=False',
      'Running ready=False deleted',
      'undefined ready=undefined',
    ]);
    expect(verdict(scene, 'a')).toBe('Failed=True BackoffLimitExceeded');
  });

  it('lets no late result of a killed workload count', async () => {
    const scene = await running({ workload: stubborn(20_000, 0) });
    scene.world.killPodProcess(namespace, nameOf(podOf(scene, 'a')), 9);
    await scene.clock.advance(60_000);
    expect(scene.said().filter((each) => each.startsWith('podEnded'))).toEqual(['podEnded processKilled 9']);
    expect(verdict(scene, 'a')).toBe('Failed=True BackoffLimitExceeded');
  });
});

describe('a pod with a sidecar', () => {
  const containers = ['agent', 'proxy'].map((name) => ({ name, image: 'x' }));
  async function ended(story: Partial<PodStory>): Promise<Scene> {
    const scene = aScene({ story: () => aStory(story) });
    scene.world.create('jobs', namespace, aJob('a', {}, { containers, terminationGracePeriodSeconds: 10 }));
    await scene.clock.advance(5000);
    scene.world.killPodProcess(namespace, nameOf(podOf(scene, 'a')), 3);
    await scene.clock.advance(60_000);
    return scene;
  }
  const seen = (pod: JsonObject): readonly unknown[] => [
    text(pod, 'status', 'phase'),
    ...list(pod, 'status', 'containerStatuses').map((each) => Object.keys(record(each, 'state')).join()),
  ];

  it('ends with its first container, unless its story says otherwise', async () => {
    expect(seen(podOf(await ended({}), 'a'))).toEqual(['Failed', 'terminated', 'terminated']);
  });

  it('runs on without its first container until it is told to end', async () => {
    const scene = await ended({ sidecarsStay: true });
    const pod = podOf(scene, 'a');
    expect(seen(pod)).toEqual(['Running', 'terminated', 'running']);
    const before = list(pod, 'status', 'containerStatuses')[0];
    scene.world.delete('pods', namespace, nameOf(pod));
    await scene.clock.advance(150);
    expect(list(podOf(scene, 'a'), 'status', 'containerStatuses')[0]).toEqual(before);
    await scene.clock.advance(60_000);
    expect(verdict(scene, 'a')).toBe('Failed=True BackoffLimitExceeded');
  });
});

describe('the last words of a container', () => {
  const states = (pod: JsonObject, key: string): readonly (string | undefined)[] =>
    list(pod, 'status', key).map((status) => text(status, 'state', 'terminated', 'message'));

  it('are the message of its end', async () => {
    const scene = aScene({
      workload: {
        runInit: async (context) => {
          context.writeTerminationLog?.('no');
          return 31;
        },
        run: async () => 0,
      },
    });
    scene.world.create('jobs', namespace, aJob('a', {}, { initContainers: [{ name: 'first', image: 'x' }] }));
    await scene.clock.advance(60_000);
    const pod = podOf(scene, 'a');
    expect([text(pod, 'status', 'phase'), ...states(pod, 'initContainerStatuses')]).toEqual(['Failed', 'no']);
  });

  it('are told of the main container too, cut at 4096 characters', async () => {
    const scene = aScene({
      workload: {
        run: async (context) => {
          context.writeTerminationLog?.('x'.repeat(5000));
          return 2;
        },
      },
    });
    scene.world.create('jobs', namespace, aJob('a'));
    await scene.clock.advance(60_000);
    expect(states(podOf(scene, 'a'), 'containerStatuses')).toEqual(['x'.repeat(4096)]);
  });
});
