/** The status of a pod as scheduler and kubelet write it, stage by stage. */
import type { EpochMs } from '../../../shared/domain/instant.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../../shared/domain/json.ts';
import { at, list, record, text, timestamp, withKeys } from './object.ts';

export interface PodCondition {
  readonly type: string;
  readonly status: 'True' | 'False' | 'Unknown';
  readonly reason?: string;
  readonly message?: string;
}

/** Sets a condition; its transition time moves only with its status. */
export function withPodCondition(status: JsonObject, wanted: PodCondition, now: EpochMs): JsonObject {
  const conditions = list(status, 'conditions');
  const index = conditions.findIndex((condition) => text(condition, 'type') === wanted.type);
  const found = record(conditions[index]);
  const since = found['status'] === wanted.status ? found['lastTransitionTime'] : timestamp(now);
  const written: JsonObject = {
    type: wanted.type,
    observedGeneration: 1,
    status: wanted.status,
    lastProbeTime: null,
    lastTransitionTime: since ?? timestamp(now),
    ...(wanted.reason === undefined ? {} : { reason: wanted.reason }),
    ...(wanted.message === undefined ? {} : { message: wanted.message }),
  };
  return { ...status, conditions: index === -1 ? [...conditions, written] : conditions.with(index, written) };
}

function withPodConditions(status: JsonObject, wanted: readonly PodCondition[], now: EpochMs): JsonObject {
  return wanted.reduce((current, condition) => withPodCondition(current, condition, now), status);
}

export type ContainerState =
  | { readonly waiting: { readonly reason: string; readonly message?: string } }
  | { readonly running: { readonly startedAt: string } }
  | {
      readonly terminated: {
        readonly exitCode: number;
        readonly reason: string;
        readonly startedAt: string | null;
        readonly finishedAt: string | null;
        readonly message?: string;
      };
    };

function containerStatus(container: JsonValue, state: ContainerState, restarts = 0): JsonObject {
  const running = 'running' in state;
  const image = text(container, 'image') ?? '';
  return {
    name: text(container, 'name') ?? '',
    state: { ...state } as unknown as JsonObject,
    lastState: {},
    ready: running,
    restartCount: restarts,
    image,
    imageID: 'waiting' in state ? '' : image,
    started: running,
  };
}

/** One state for all containers of a list. */
export function containerStatuses(containers: readonly JsonValue[], state: ContainerState): readonly JsonObject[] {
  return containers.map((container) => containerStatus(container, state));
}

/** Replaces the status of one container. */
export function withContainer(
  status: JsonObject,
  key: 'initContainerStatuses' | 'containerStatuses',
  container: JsonValue,
  state: ContainerState,
): JsonObject {
  const statuses = list(status, key);
  const index = statuses.findIndex((each) => text(each, 'name') === text(container, 'name'));
  const written = containerStatus(container, state);
  return { ...status, [key]: index === -1 ? [...statuses, written] : statuses.with(index, written) };
}

const unready = (names: string): Pick<PodCondition, 'reason' | 'message'> => ({
  reason: 'ContainersNotReady',
  message: `containers with unready status: [${names}]`,
});

const namesOf = (containers: readonly JsonValue[]): string =>
  containers.map((container) => text(container, 'name') ?? '').join(' ');

/** Bound to a node, nothing started: ContainerCreating, or PodInitializing behind init containers. */
export function creatingStatus(pod: JsonObject, now: EpochMs): JsonObject {
  const containers = list(pod, 'spec', 'containers');
  const init = list(pod, 'spec', 'initContainers');
  const waiting = { waiting: { reason: init.length === 0 ? 'ContainerCreating' : 'PodInitializing' } };
  const status: JsonObject = {
    ...record(pod, 'status'),
    phase: 'Pending',
    hostIP: '10.0.0.1',
    startTime: timestamp(now),
    ...(init.length === 0
      ? {}
      : { initContainerStatuses: containerStatuses(init, { waiting: { reason: 'PodInitializing' } }) }),
    containerStatuses: containerStatuses(containers, waiting),
  };
  const initialized: PodCondition =
    init.length === 0
      ? { type: 'Initialized', status: 'True' }
      : {
          type: 'Initialized',
          status: 'False',
          reason: 'ContainersNotInitialized',
          message: `containers with incomplete status: [${namesOf(init)}]`,
        };
  const notReady = unready(namesOf(containers));
  return withPodConditions(
    status,
    [
      initialized,
      { type: 'ContainersReady', status: 'False', ...notReady },
      { type: 'Ready', status: 'False', ...notReady },
    ],
    now,
  );
}

export function runningStatus(pod: JsonObject, podIp: string, now: EpochMs): JsonObject {
  const running = { running: { startedAt: timestamp(now) } };
  const status: JsonObject = {
    ...record(pod, 'status'),
    phase: 'Running',
    podIP: podIp,
    podIPs: [{ ip: podIp }],
    containerStatuses: containerStatuses(list(pod, 'spec', 'containers'), running),
  };
  return withPodConditions(
    status,
    [
      { type: 'Initialized', status: 'True' },
      { type: 'ContainersReady', status: 'True' },
      { type: 'Ready', status: 'True' },
    ],
    now,
  );
}

export interface PodOutcome {
  /** undefined = main never ran. */
  readonly exitCode: number | undefined;
  readonly containerReason: string;
  /** What the first container left as its termination message. */
  readonly message?: string | undefined;
}

function startedAt(status: JsonValue | undefined): string | null {
  return text(status, 'state', 'running', 'startedAt') ?? null;
}

/** The end of the main containers. One that never ran is reported as the kubelet reports it since 1.27. */
export function endedStatus(pod: JsonObject, outcome: PodOutcome, now: EpochMs): JsonObject {
  const containers = list(pod, 'spec', 'containers');
  const before = list(pod, 'status', 'containerStatuses');
  const { exitCode } = outcome;
  const states = containers.map((container, index) => {
    // What ended before the others stays as it is.
    const ended = before[index];
    if (isJsonObject(ended) && at(ended, 'state', 'terminated') !== undefined) return ended;
    if (exitCode === undefined) {
      const terminated = { exitCode: 137, reason: 'ContainerStatusUnknown', startedAt: null, finishedAt: null };
      return containerStatus(container, { terminated });
    }
    // The others end because the first has: the pod's outcome is the first container's.
    const own = index === 0 ? exitCode : 0;
    const reason = index === 0 ? outcome.containerReason : 'Completed';
    const said = index === 0 && outcome.message !== undefined ? { message: outcome.message } : {};
    const times = { startedAt: startedAt(before[index]), finishedAt: timestamp(now) };
    const terminated = { exitCode: own, reason, ...times, ...said };
    return containerStatus(container, { terminated });
  });
  const succeeded = exitCode === 0;
  const reason = succeeded ? 'PodCompleted' : 'PodFailed';
  const status: JsonObject = {
    ...record(pod, 'status'),
    phase: succeeded ? 'Succeeded' : 'Failed',
    containerStatuses: states,
  };
  return withPodConditions(
    status,
    [
      { type: 'ContainersReady', status: 'False', reason },
      { type: 'Ready', status: 'False', reason },
    ],
    now,
  );
}

/** Failed in an init container: the main containers keep waiting for ever. */
export function initFailedStatus(pod: JsonObject, now: EpochMs): JsonObject {
  const status = { ...record(pod, 'status'), phase: 'Failed' };
  return withPodConditions(
    status,
    [
      { type: 'ContainersReady', status: 'False', reason: 'PodFailed' },
      { type: 'Ready', status: 'False', reason: 'PodFailed' },
    ],
    now,
  );
}

/** The first container has ended, the others run: the pod is neither ready nor over. */
export function mainEndedStatus(pod: JsonObject, outcome: PodOutcome, now: EpochMs): JsonObject {
  const ended = endedStatus(pod, outcome, now);
  const [first, ...others] = list(pod, 'status', 'containerStatuses');
  const [main = first] = list(ended, 'containerStatuses');
  const containerStatuses = main === undefined ? others : [main, ...others];
  const [name = ''] = list(pod, 'spec', 'containers').map((container) => text(container, 'name') ?? '');
  const status = { ...record(pod, 'status'), phase: 'Running', containerStatuses };
  return withPodConditions(
    status,
    [
      { type: 'ContainersReady', status: 'False', ...unready(name) },
      { type: 'Ready', status: 'False', ...unready(name) },
    ],
    now,
  );
}

/** On top of the end: who ended it, and why. */
export function evictedStatus(status: JsonObject, message: string, now: EpochMs): JsonObject {
  const evicted = { ...status, phase: 'Failed', reason: 'Evicted', message };
  return withPodCondition(evicted, disruption('TerminationByKubelet', message), now);
}

/** Failed by somebody who is not its kubelet: PodGC. */
export function collectedStatus(pod: JsonObject, condition: PodCondition | undefined, now: EpochMs): JsonObject {
  const status = withKeys(record(pod, 'status'), { phase: 'Failed' });
  return condition === undefined ? status : withPodCondition(status, condition, now);
}

export function disruption(reason: string, message: string): PodCondition {
  return { type: 'DisruptionTarget', status: 'True', reason, message };
}
