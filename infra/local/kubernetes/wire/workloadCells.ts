/**
 * What `kubectl get` shows of Jobs and Pods. Columns and plain rows as recorded from kube-apiserver v1.36.2 ("list as
 * table"); the order in which one status hides another follows kubernetes/pkg/printers/internalversion/printers.go.
 */
import type { EpochMs } from '../../../../shared/domain/instant.ts';
import type { JsonObject, JsonValue } from '../../../../shared/domain/json.ts';
import { count, isDeleting, list, nameOf, record, text } from '../object.ts';
import { age, humanDuration } from './duration.ts';

export interface Column {
  readonly name: string;
  readonly type?: 'string' | 'integer';
  /** 1 = shown by `-o wide` only. */
  readonly priority?: number;
}

const wide = (name: string): Column => ({ name, priority: 1 });

export const jobColumns: readonly Column[] = [
  { name: 'Name' },
  { name: 'Status' },
  { name: 'Completions' },
  { name: 'Duration' },
  { name: 'Age' },
  wide('Containers'),
  wide('Images'),
  wide('Selector'),
];

const hasCondition = (object: JsonObject, type: string): boolean =>
  list(object, 'status', 'conditions').some(
    (condition) => text(condition, 'type') === type && text(condition, 'status') === 'True',
  );

function jobStatus(job: JsonObject): string {
  if (hasCondition(job, 'Complete')) return 'Complete';
  if (hasCondition(job, 'Failed')) return 'Failed';
  if (isDeleting(job)) return 'Terminating';
  return ['Suspended', 'FailureTarget', 'SuccessCriteriaMet'].find((type) => hasCondition(job, type)) ?? 'Running';
}

function jobDuration(job: JsonObject, now: EpochMs): string {
  const startedAt = text(job, 'status', 'startTime');
  if (startedAt === undefined) return '';
  const endedAt = text(job, 'status', 'completionTime');
  return humanDuration((endedAt === undefined ? now : Date.parse(endedAt)) - Date.parse(startedAt));
}

export function jobCells(job: JsonObject, now: EpochMs): readonly JsonValue[] {
  const containers = list(job, 'spec', 'template', 'spec', 'containers');
  const selector = record(job, 'spec', 'selector', 'matchLabels');
  return [
    nameOf(job),
    jobStatus(job),
    `${count(job, 'status', 'succeeded') ?? 0}/${count(job, 'spec', 'completions') ?? 1}`,
    jobDuration(job, now),
    age(job, now),
    containers.map((container) => text(container, 'name') ?? '').join(','),
    containers.map((container) => text(container, 'image') ?? '').join(','),
    Object.keys(selector)
      .map((key) => `${key}=${text(selector, key) ?? ''}`)
      .join(','),
  ];
}

export const podColumns: readonly Column[] = [
  { name: 'Name' },
  { name: 'Ready' },
  { name: 'Status' },
  { name: 'Restarts' },
  { name: 'Age' },
  wide('IP'),
  wide('Node'),
  wide('Nominated Node'),
  wide('Readiness Gates'),
];

/** Why a container does not run; undefined = it runs, or nothing is known. */
function containerReason(status: JsonValue): string | undefined {
  const waiting = text(status, 'state', 'waiting', 'reason');
  if (waiting !== undefined) return waiting;
  const exitCode = count(status, 'state', 'terminated', 'exitCode');
  if (exitCode === undefined) return undefined;
  return text(status, 'state', 'terminated', 'reason') ?? `ExitCode:${exitCode}`;
}

/** "Init:0/1" while the first init containers run, "Init:Error" when one fails; undefined = all are through. */
function initStatus(pod: JsonObject): string | undefined {
  const statuses = list(pod, 'status', 'initContainerStatuses');
  const index = statuses.findIndex((status) => count(status, 'state', 'terminated', 'exitCode') !== 0);
  const status = statuses[index];
  if (status === undefined) return undefined;
  const reason = containerReason(status);
  if (reason !== undefined && reason !== 'PodInitializing') return `Init:${reason}`;
  return `Init:${index}/${list(pod, 'spec', 'initContainers').length}`;
}

function podStatus(pod: JsonObject): string {
  if (isDeleting(pod)) return text(pod, 'status', 'reason') === 'NodeLost' ? 'Unknown' : 'Terminating';
  const init = initStatus(pod);
  if (init !== undefined) return init;
  const reasons = list(pod, 'status', 'containerStatuses').map(containerReason);
  return (
    reasons.find((reason) => reason !== undefined) ??
    text(pod, 'status', 'reason') ??
    text(pod, 'status', 'phase') ??
    'Unknown'
  );
}

export function podCells(pod: JsonObject, now: EpochMs): readonly JsonValue[] {
  const statuses = list(pod, 'status', 'containerStatuses');
  const ready = statuses.filter((status) => record(status)['ready'] === true).length;
  const restarts = statuses.reduce<number>((sum, status) => sum + (count(status, 'restartCount') ?? 0), 0);
  return [
    nameOf(pod),
    `${ready}/${list(pod, 'spec', 'containers').length}`,
    podStatus(pod),
    String(restarts),
    age(pod, now),
    text(pod, 'status', 'podIP') ?? '<none>',
    text(pod, 'spec', 'nodeName') ?? '<none>',
    text(pod, 'status', 'nominatedNodeName') ?? '<none>',
    '<none>',
  ];
}
