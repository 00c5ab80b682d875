/** What the job controller sees of a Job and its pods, and how it writes a Job's status. */
import type { EpochMs } from '../../../shared/domain/instant.ts';
import type { JsonObject, JsonValue } from '../../../shared/domain/json.ts';
import { at, count, finalizersOf, isDeleting, list, record, text, timestamp } from './object.ts';

export const trackingFinalizer = 'batch.kubernetes.io/job-tracking';

export type FailureReason = 'BackoffLimitExceeded' | 'DeadlineExceeded' | 'PodFailurePolicy';

export interface Failure {
  readonly reason: FailureReason;
  readonly message: string;
}

export const phaseOf = (pod: JsonObject): string => text(pod, 'status', 'phase') ?? 'Pending';
export const isTerminalPod = (pod: JsonObject): boolean => phaseOf(pod) === 'Succeeded' || phaseOf(pod) === 'Failed';
export const isActivePod = (pod: JsonObject): boolean => !isTerminalPod(pod) && !isDeleting(pod);
export const isTerminatingPod = (pod: JsonObject): boolean => !isTerminalPod(pod) && isDeleting(pod);
export const isTracked = (pod: JsonObject): boolean => finalizersOf(pod).includes(trackingFinalizer);
export const isSuspended = (job: JsonObject): boolean => at(job, 'spec', 'suspend') === true;
export const replacesOnlyFailed = (job: JsonObject): boolean => text(job, 'spec', 'podReplacementPolicy') === 'Failed';

/** With policy Failed a deleted pod counts once it has really failed, else from its deletion on (isPodFailed). */
export function isFailedPod(job: JsonObject, pod: JsonObject): boolean {
  if (phaseOf(pod) === 'Failed') return true;
  if (replacesOnlyFailed(job)) return false;
  return isDeleting(pod) && phaseOf(pod) !== 'Succeeded';
}

export function isReadyPod(pod: JsonObject): boolean {
  return list(pod, 'status', 'conditions').some(
    (condition) => text(condition, 'type') === 'Ready' && text(condition, 'status') === 'True',
  );
}

export function hasCondition(job: JsonObject, type: string): boolean {
  return list(job, 'status', 'conditions').some(
    (condition) => text(condition, 'type') === type && text(condition, 'status') === 'True',
  );
}

export const isFinished = (job: JsonObject): boolean => hasCondition(job, 'Complete') || hasCondition(job, 'Failed');

export interface NewCondition {
  readonly type: string;
  readonly status: 'True' | 'False';
  readonly reason: string;
  readonly message: string;
}

/** Replaces the condition of the type where it differs; one that is False from the start is not written. */
export function withCondition(
  conditions: readonly JsonValue[],
  wanted: NewCondition,
  now: EpochMs,
): readonly JsonValue[] {
  const index = conditions.findIndex((condition) => text(condition, 'type') === wanted.type);
  const found = record(conditions[index]);
  if (index === -1 && wanted.status === 'False') return conditions;
  if (index !== -1 && found['status'] === wanted.status && found['reason'] === wanted.reason) return conditions;
  const { type, status, reason, message } = wanted;
  const written = { type, status, lastProbeTime: timestamp(now), lastTransitionTime: timestamp(now), reason, message };
  return index === -1 ? [...conditions, written] : conditions.with(index, written);
}

export interface Counts {
  readonly active: number;
  readonly ready: number;
  readonly terminating: number;
  readonly succeeded: number;
  readonly failed: number;
}

export interface StatusFields extends Counts {
  readonly conditions: readonly JsonValue[];
  readonly startTime: JsonValue | undefined;
  readonly completionTime: JsonValue | undefined;
}

/** Zeroes are left out where Go's omitempty leaves them out; ready and terminating are pointers and stay. */
export function statusOf(fields: StatusFields): JsonObject {
  return {
    ...(fields.conditions.length === 0 ? {} : { conditions: fields.conditions }),
    ...(fields.startTime === undefined ? {} : { startTime: fields.startTime }),
    ...(fields.completionTime === undefined ? {} : { completionTime: fields.completionTime }),
    ...(fields.active === 0 ? {} : { active: fields.active }),
    ...(fields.succeeded === 0 ? {} : { succeeded: fields.succeeded }),
    ...(fields.failed === 0 ? {} : { failed: fields.failed }),
    terminating: fields.terminating,
    uncountedTerminatedPods: {},
    ready: fields.ready,
  };
}

export const statusCount = (job: JsonObject, key: 'succeeded' | 'failed'): number => count(job, 'status', key) ?? 0;

/** Milliseconds since a Job became active; undefined = it never has. */
export function activeMs(job: JsonObject, now: EpochMs): number | undefined {
  const start = text(job, 'status', 'startTime');
  return start === undefined ? undefined : now - Date.parse(start);
}

function exitCodes(pod: JsonObject, container: string | undefined): readonly { name: string; code: number }[] {
  return [...list(pod, 'status', 'initContainerStatuses'), ...list(pod, 'status', 'containerStatuses')].flatMap(
    (status) => {
      const name = text(status, 'name') ?? '';
      const code = count(status, 'state', 'terminated', 'exitCode');
      return code === undefined || code === 0 || (container !== undefined && container !== name)
        ? []
        : [{ name, code }];
    },
  );
}

/** The message of the first FailJob rule on exit codes that a failed pod matches; rules on conditions are not modelled. */
export function failJobMessage(job: JsonObject, pods: readonly JsonObject[]): string | undefined {
  const rules = list(job, 'spec', 'podFailurePolicy', 'rules');
  for (const pod of rules.length === 0 ? [] : pods.filter((each) => isFailedPod(job, each))) {
    for (const [index, rule] of rules.entries()) {
      const wanted = record(rule, 'onExitCodes');
      const values = list(wanted, 'values');
      const match = exitCodes(pod, text(wanted, 'containerName')).find(
        ({ code }) => values.includes(code) === (wanted['operator'] === 'In'),
      );
      if (match === undefined || values.length === 0 || text(rule, 'action') !== 'FailJob') continue;
      const who = `Container ${match.name} for pod ${text(pod, 'metadata', 'namespace')}/${text(pod, 'metadata', 'name')}`;
      return `${who} failed with exit code ${match.code} matching FailJob rule at index ${index}`;
    }
  }
  return undefined;
}
