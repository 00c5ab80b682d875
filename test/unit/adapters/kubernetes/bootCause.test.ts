import { describe, expect, it } from 'vitest';
import { readPod } from '../../../../shared/adapters/kubernetes/pods.ts';
import type { BootCause } from '../../../../shared/domain/agentJob.ts';
import type { JsonObject, JsonValue } from '../../../../shared/domain/json.ts';
import { aPodObject } from './podObjects.ts';

interface Row {
  readonly name: string;
  readonly given: JsonObject;
  readonly want: { readonly cause: BootCause; readonly message?: string };
}

const waiting = (reason: string, message?: string): JsonValue => ({ waiting: { reason, ...(message && { message }) } });
const withInit = (state: JsonValue, agent: JsonValue = waiting('PodInitializing'), extra: JsonObject = {}) =>
  aPodObject({
    agent,
    spec: { containers: [{ name: 'agent' }], initContainers: [{ name: 'config', ...extra }] },
    status: { initContainerStatuses: [{ name: 'config', state, started: 'running' in (state as JsonObject) }] },
  });

const rows: readonly Row[] = [
  { name: 'a pod that nobody has looked at yet', given: aPodObject(), want: { cause: 'none' } },
  {
    name: 'no node fits',
    given: aPodObject({
      conditions: { PodScheduled: { status: 'False', reason: 'Unschedulable', message: '0/3 nodes are available' } },
    }),
    want: { cause: 'unschedulable', message: '0/3 nodes are available' },
  },
  {
    name: 'a scheduling gate holds it',
    given: aPodObject({ conditions: { PodScheduled: { status: 'False', reason: 'SchedulingGated' } } }),
    want: { cause: 'unschedulable' },
  },
  {
    name: 'scheduled, the kubelet silent',
    given: aPodObject({ conditions: { PodScheduled: 'True' } }),
    want: { cause: 'none' },
  },
  {
    name: 'the container is made',
    given: aPodObject({ agent: waiting('ContainerCreating') }),
    want: { cause: 'pulling' },
  },
  ...['ErrImagePull', 'ImagePullBackOff', 'InvalidImageName', 'ErrImageNeverPull'].map((reason) => ({
    name: `waiting with ${reason}`,
    given: aPodObject({ agent: waiting(reason, 'no such image') }),
    want: { cause: 'imagePull', message: 'no such image' } as const,
  })),
  ...['CreateContainerConfigError', 'CreateContainerError', 'RunContainerError'].map((reason) => ({
    name: `waiting with ${reason}`,
    given: aPodObject({ agent: waiting(reason, 'secret "x" not found') }),
    want: { cause: 'mount', message: 'secret "x" not found' } as const,
  })),
  {
    name: 'an init container runs',
    given: withInit({ running: { startedAt: '2026-01-05T08:00:20Z' } }),
    want: { cause: 'init' },
  },
  { name: 'an init container is pulled', given: withInit(waiting('ContainerCreating')), want: { cause: 'pulling' } },
  {
    name: 'an init container lacks its image',
    given: withInit(waiting('ImagePullBackOff', 'denied')),
    want: { cause: 'imagePull', message: 'denied' },
  },
  {
    name: 'an init container failed and the pod not yet',
    given: withInit({ terminated: { exitCode: 3, message: 'exists' } }),
    want: { cause: 'init', message: 'exists' },
  },
  {
    name: 'all init containers are through',
    given: withInit({ terminated: { exitCode: 0 } }),
    want: { cause: 'pulling' },
  },
  {
    name: 'a native sidecar runs beside',
    given: withInit({ running: {} }, waiting('ContainerCreating'), { restartPolicy: 'Always' }),
    want: { cause: 'pulling' },
  },
  {
    name: 'the main container runs, whatever the sidecar does',
    given: aPodObject({ status: { phase: 'Running' }, agent: { running: { startedAt: '2026-01-05T08:00:30Z' } } }),
    want: { cause: 'connecting' },
  },
  {
    name: 'only the sidecar runs',
    given: aPodObject({ status: { phase: 'Running' }, agent: waiting('ImagePullBackOff') }),
    want: { cause: 'imagePull' },
  },
  {
    name: 'the pod failed in its init container',
    given: { ...withInit({ terminated: { exitCode: 3 } }), ...failed(withInit({ terminated: { exitCode: 3 } })) },
    want: { cause: 'init', message: 'config exited with code 3' },
  },
  {
    name: 'the kernel killed its init container',
    given: withInit({ terminated: { exitCode: 137, reason: 'OOMKilled' } }),
    want: { cause: 'init', message: 'config exited with code 137 (OOMKilled)' },
  },
  {
    name: 'the pod was evicted',
    given: aPodObject({ status: { phase: 'Failed', reason: 'Evicted', message: 'The node was low on memory' } }),
    want: { cause: 'none', message: 'The node was low on memory' },
  },
  { name: 'the pod succeeded', given: aPodObject({ status: { phase: 'Succeeded' } }), want: { cause: 'none' } },
];

function failed(pod: { readonly status: JsonObject }): JsonObject {
  return { status: { ...pod.status, phase: 'Failed' } };
}

describe('bootCause', () => {
  it.each(rows)('$name: $want.cause', ({ given, want }) => {
    const { pod } = readPod(given);
    expect({ cause: pod.cause, ...(pod.message !== undefined && { message: pod.message }) }).toEqual(want);
  });
});
