import { describe, expect, it } from 'vitest';
import { nameOf } from '../../../../infra/local/kubernetes/object.ts';
import type { PodStory, Workload } from '../../../../infra/local/kubernetes/podStory.ts';
import { KubernetesWorld } from '../../../../infra/local/kubernetes/world.ts';
import { VirtualClock } from '../../../../infra/local/world/clock.ts';
import { seededRandom } from '../../../../infra/local/world/random.ts';
import type { JsonObject, JsonValue } from '../../../../shared/domain/json.ts';
import { masked, type Recorded, Replay, recordings } from './replay.ts';

/** Recorded, and not asked of the world. */
const excluded: Readonly<Record<string, string>> = {
  version: 'a path of the wire door',
  'unknown path': 'a path of the wire door',
  'job: malformed JSON': 'bytes are the wire door’s',
  'job: unsupported content type': 'bytes are the wire door’s',
  'job: watch (create, status, delete, bookmark)': 'a stream: watch.test.ts',
  'job: watch from an expired resourceVersion': 'a stream: watch.test.ts',
  'job: watch, initial events': 'a stream: watch.test.ts',
  'configmap: apply (server-side), create': 'server-side apply is not modelled: Mayfly never applies',
  'configmap: apply by another manager, conflict': 'server-side apply is not modelled: Mayfly never applies',
  'rbac: forbidden create': 'who may do what is the wire door’s',
  'rbac: forbidden in another namespace': 'who may do what is the wire door’s',
  'rbac: forbidden at cluster scope': 'who may do what is the wire door’s',
  'auth: bad token': 'who may do what is the wire door’s',
  'self subject access review': 'who may do what is the wire door’s',
};

/** Recorded where a script played the kubelet: only what the API server itself decides is compared. */
const withoutStatus = new Set([
  'pod: list of a job',
  'pod: when succeeded',
  // The script deleted it before the controller had written a status, the world makes the pod with the status.
  'protocol: delete a job with a pod, no propagation policy',
]);

/** The message prints Go's own structs. */
const withoutMessage = new Set(['job: patch immutable template']);

const image = 'registry.example/agent@sha256:0000000000000000000000000000000000000000000000000000000000000000';
const recordedLabels = { 'mayfly.dev/pool': 'linux', 'app.kubernetes.io/managed-by': 'mayfly' };

function aJob(name: string, spec: JsonObject = {}, podSpec: JsonObject = {}): JsonObject {
  const resources = { requests: { cpu: '100m', memory: '128Mi' } };
  return {
    metadata: { name, labels: recordedLabels },
    spec: {
      backoffLimit: 0,
      template: {
        metadata: { labels: { 'mayfly.dev/pool': 'linux' } },
        spec: { restartPolicy: 'Never', containers: [{ name: 'agent', image, resources }], ...podSpec },
      },
      ...spec,
    },
  };
}

const nowhere = { nodeSelector: { 'no-such-node': 'true' } };
const unschedulableMessage =
  "0/4 nodes are available: 4 node(s) didn't match Pod's node affinity/selector. no new claims to deallocate, " +
  'preemption: 0/4 nodes are available: 4 Preemption is not helpful for scheduling.';

/** Pods of the Jobs for no node were run by the script after a while. */
function story(pod: JsonObject): PodStory {
  const quick = { scheduleAfterMs: 100, node: 'fake-0', pullMs: 100, startMs: 100 };
  const spec = pod['spec'] as JsonObject;
  return spec['nodeSelector'] === undefined
    ? { ...quick, startMs: 800 }
    : { ...quick, unschedulable: { message: unschedulableMessage, forMs: 500 } };
}

/** Ends of TERM, as an ordinary process does. */
const workload: Workload = {
  run: ({ terminated }) =>
    new Promise((resolve) => {
      terminated.addEventListener('abort', () => resolve(143), { once: true });
    }),
};

interface Stage {
  readonly world: KubernetesWorld;
  readonly clock: VirtualClock;
}

function podName({ world }: Stage, job: string): string {
  return nameOf(world.podsOf('mayfly', job)[0] ?? {});
}

/** Makes a Job of one pod, lets it run and end with this code. */
async function runJob(stage: Stage, name: string, exitCode: number, spec: JsonObject = {}): Promise<void> {
  stage.world.create('jobs', 'mayfly', aJob(name, spec, nowhere));
  await stage.clock.advance(3000);
  stage.world.killPodProcess('mayfly', podName(stage, name), exitCode);
  await stage.clock.advance(1500);
}

/** What happened off the record before an entry. */
const before: Readonly<Record<string, (stage: Stage) => Promise<void> | void>> = {
  'job: read': ({ clock }) => clock.advance(100),
  'job: list by label': ({ world, clock }) => {
    for (const number of [1002, 1003, 1004]) world.create('jobs', 'mayfly', aJob(`linux-${number}-1`));
    return clock.advance(100);
  },
  'job: merge patch': ({ clock }) => clock.advance(4000),
  'configmap: read': ({ world }) => {
    world.create('configmaps', 'mayfly', { metadata: { name: 'pool-linux' }, data: { status: 'ok' } });
  },
  'job: delete, orphan': ({ clock }) => clock.advance(60),
  'secret: read after its owner is gone (collected)': ({ clock }) => clock.advance(3000),
  'quota: create': ({ clock }) => clock.advance(5000),
  'quota: read': ({ clock }) => clock.advance(500),
  'job: over quota': ({ world, clock }) => {
    world.create('jobs', 'mayfly', aJob('q1'));
    return clock.advance(500);
  },
  'pod: freshly made by the job controller': ({ world, clock }) => {
    world.create('jobs', 'mayfly', aJob('done', { ttlSecondsAfterFinished: 5 }, nowhere));
    return clock.advance(300);
  },
  'job: status while its pod runs': ({ clock }) => clock.advance(3000),
  'job: status when complete': (stage) => {
    stage.world.killPodProcess('mayfly', podName(stage, 'done'), 0);
    return stage.clock.advance(1500);
  },
  'job: status when failed': (stage) => runJob(stage, 'broken', 1),
  'job: status past its active deadline': async ({ world, clock }) => {
    world.create('jobs', 'mayfly', aJob('late', { activeDeadlineSeconds: 2 }, nowhere));
    await clock.advance(8000);
  },
  'job: status when its pod failure policy ended it': (stage) => {
    const onExitCodes = { containerName: 'agent', operator: 'In', values: [42] };
    const podFailurePolicy = { rules: [{ action: 'FailJob', onExitCodes }] };
    return runJob(stage, 'policy', 42, { backoffLimit: 3, podFailurePolicy });
  },
  'pod: evict (policy/v1)': async ({ world, clock }) => {
    world.create('jobs', 'mayfly', aJob('evicted', {}, nowhere));
    await clock.advance(3000);
  },
  'job: status after its pod was evicted': ({ clock }) => clock.advance(3000),
  'job: read after ttlSecondsAfterFinished': ({ clock }) => clock.advance(10_000),
  'job: create while the namespace terminates': ({ world }) => {
    world.delete('namespaces', undefined, 'mayfly');
  },
  'protocol: create suspended': ({ world }) => {
    world.create('namespaces', undefined, { metadata: { name: 'mayfly2' } });
  },
  'protocol: suspended job after the controller saw it': ({ clock }) => clock.advance(1000),
  'protocol: job just after start': ({ clock }) => clock.advance(300),
  'protocol: retire': ({ clock }) => clock.advance(4000),
  'protocol: job after suspension': ({ clock }) => clock.advance(3000),
  'protocol: delete a job with a pod, no propagation policy': ({ world, clock }) => {
    world.create('jobs', 'mayfly2', aJob('mf-b', {}, nowhere));
    return clock.advance(200);
  },
  'protocol: its pod afterwards (orphaned)': ({ clock }) => clock.advance(400),
  'protocol: create under a pod quota of 0': ({ world }) => {
    world.create('resourcequotas', 'mayfly2', { metadata: { name: 'agents' }, spec: { hard: { pods: '0' } } });
  },
  'protocol: that job later': ({ clock }) => clock.advance(1300),
};

function comparable(title: string, body: JsonValue): unknown {
  const omitted = [
    // The script ran pods without binding them to a node.
    ...(withoutStatus.has(title) ? ['status', 'nodeName'] : []),
    ...(withoutMessage.has(title) ? ['message'] : []),
  ];
  const without = (value: JsonValue): JsonValue => {
    if (Array.isArray(value)) return (value as readonly JsonValue[]).map(without);
    if (typeof value !== 'object' || value === null) return value;
    const kept = Object.entries(value).filter(([key]) => !omitted.includes(key));
    return Object.fromEntries(kept.map(([key, item]) => [key, without(item)]));
  };
  return masked(without(body));
}

const warningsOf = (recorded: Recorded): readonly string[] => {
  const header = recorded.response.headers['warning'];
  return header === undefined ? [] : [JSON.parse(header.replace(/^299 - /, '')) as string];
};

describe('the recorded answers of kube-apiserver v1.36.2', () => {
  const clock = new VirtualClock(Date.UTC(2026, 10, 21, 3, 11, 51));
  const world = new KubernetesWorld({ clock, random: seededRandom(7), story, workload });
  const replay = new Replay(world);
  const entries = recordings().filter(({ title }) => excluded[title] === undefined);

  it.each(entries)('$title', async (recorded) => {
    await before[recorded.title]?.({ world, clock });
    const answer = replay.send(recorded);
    expect({
      status: answer.status,
      warnings: recorded.response.status < 400 ? answer.warnings : [],
      body: comparable(recorded.title, answer.body),
    }).toEqual({
      status: recorded.response.status,
      // A failing answer carries its warnings too; the world's errors do not.
      warnings: recorded.response.status < 400 ? warningsOf(recorded) : [],
      body: comparable(recorded.title, recorded.response.body),
    });
  });

  it('leaves out only what is named', () => {
    const titles = new Set(recordings().map(({ title }) => title));
    expect(Object.keys(excluded).filter((title) => !titles.has(title))).toEqual([]);
    expect(Object.keys(before).filter((title) => !titles.has(title))).toEqual([]);
  });
});
