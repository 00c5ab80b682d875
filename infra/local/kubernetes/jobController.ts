/**
 * The job controller: makes the pod of a Job, counts how it ended and writes the verdict. Follows syncJob and
 * trackJobStatusAndRemoveFinalizers of kubernetes/pkg/controller/job/job_controller.go; statuses as recorded from
 * v1.36.2. Indexed Jobs and success policies are not modelled.
 */
import type { JsonObject, JsonValue } from '../../../shared/domain/json.ts';
import { controllerOf } from './cluster.ts';
import { component, type JobControllerParts, JobPods } from './jobPods.ts';
import {
  activeMs,
  type Counts,
  type Failure,
  failJobMessage,
  hasCondition,
  isActivePod,
  isFailedPod,
  isFinished,
  isReadyPod,
  isSuspended,
  isTerminatingPod,
  isTracked,
  phaseOf,
  type StatusFields,
  statusCount,
  statusOf,
  withCondition,
} from './jobState.ts';
import { at, count, isDeleting, list, text, timestamp, uidOf } from './object.ts';
import type { Change } from './store.ts';
import { WorkQueue } from './workQueue.ts';

const backoffMessage = 'Job has reached the specified backoff limit';
const deadlineMessage = 'Job was active longer than specified deadline';
export class JobController {
  readonly #parts: JobControllerParts;
  readonly #pods: JobPods;
  readonly #queue: WorkQueue;
  readonly #orphans: WorkQueue;

  constructor(parts: JobControllerParts) {
    this.#parts = parts;
    this.#pods = new JobPods(parts);
    this.#queue = new WorkQueue(parts.cluster, (uid) => this.#sync(uid));
    this.#orphans = new WorkQueue(parts.cluster, (uid) => this.#releaseOrphan(uid));
  }

  onChange(change: Change): void {
    if (change.resource === 'jobs') this.#onJob(change);
    else if (change.resource === 'pods') this.#onPod(change);
  }

  #onJob(change: Change): void {
    const { jobSync } = this.#parts.cluster.delays;
    const uid = uidOf(change.object);
    if (change.type !== 'DELETED') {
      this.#queue.add(uid, jobSync);
      return;
    }
    this.#pods.forget(uid);
    for (const { object } of this.#parts.cluster.store.dependents(uid)) this.#orphans.add(uidOf(object), jobSync);
  }

  #onPod(change: Change): void {
    const { cluster } = this.#parts;
    const owner = controllerOf(change.object);
    const ownerKnown = owner !== undefined && cluster.store.findUid(owner.uid) !== undefined;
    if (ownerKnown) this.#queue.add(owner.uid, cluster.delays.podSync);
    else if (change.type !== 'DELETED' && isTracked(change.object)) {
      this.#orphans.add(uidOf(change.object), cluster.delays.jobSync);
    }
  }

  /** A tracked pod whose Job is gone is let go: nobody will count it. */
  #releaseOrphan(uid: string): void {
    const { store } = this.#parts.cluster;
    const pod = store.findUid(uid)?.object;
    if (pod === undefined || !isTracked(pod)) return;
    const owner = controllerOf(pod);
    if (owner === undefined || store.findUid(owner.uid) === undefined) this.#pods.untrack(pod);
  }

  #sync(uid: string): void {
    const job = this.#parts.cluster.store.findUid(uid)?.object;
    if (job === undefined || isFinished(job)) return;
    const pods = this.#pods.of(uid);
    if (isDeleting(job)) {
      for (const pod of pods) if (isTracked(pod)) this.#pods.untrack(pod);
      return;
    }
    const failure = this.#failureOf(job, pods);
    if (failure !== undefined) this.#fail(job, pods, failure);
    else this.#carryOn(job, pods);
  }

  #failureOf(job: JsonObject, pods: readonly JsonObject[]): Failure | undefined {
    const begun = list(job, 'status', 'conditions').find((each) => text(each, 'type') === 'FailureTarget');
    if (begun !== undefined) {
      return { reason: text(begun, 'reason') as Failure['reason'], message: text(begun, 'message') ?? '' };
    }
    const policy = failJobMessage(job, pods);
    if (policy !== undefined) return { reason: 'PodFailurePolicy', message: policy };
    const failed = statusCount(job, 'failed') + pods.filter((pod) => isTracked(pod) && isFailedPod(job, pod)).length;
    if (failed > (count(job, 'spec', 'backoffLimit') ?? 6)) {
      return { reason: 'BackoffLimitExceeded', message: backoffMessage };
    }
    return this.#isLate(job) ? { reason: 'DeadlineExceeded', message: deadlineMessage } : undefined;
  }

  #isLate(job: JsonObject): boolean {
    const seconds = count(job, 'spec', 'activeDeadlineSeconds');
    const active = activeMs(job, this.#parts.cluster.clock.now());
    if (seconds === undefined || active === undefined || isSuspended(job)) return false;
    if (active >= seconds * 1000) return true;
    this.#queue.add(uidOf(job), seconds * 1000 - active);
    return false;
  }

  /** Ends what runs, counts every pod that has not succeeded as failed, and says Failed when the last has ended. */
  #fail(job: JsonObject, pods: readonly JsonObject[], failure: Failure): void {
    const { clock } = this.#parts.cluster;
    const tracked = pods.filter(isTracked);
    const succeeded = tracked.filter((pod) => phaseOf(pod) === 'Succeeded').length;
    for (const pod of pods.filter(isActivePod)) this.#pods.end(pod, { why: 'jobFailed', byCaller: component });
    for (const pod of tracked) this.#pods.untrack(pod);
    const terminating = this.#pods.of(uidOf(job)).filter(isTerminatingPod).length;
    const target = withCondition(
      list(job, 'status', 'conditions'),
      { type: 'FailureTarget', status: 'True', ...failure },
      clock.now(),
    );
    const over = terminating === 0;
    const conditions = over
      ? withCondition(target, { type: 'Failed', status: 'True', ...failure }, clock.now())
      : target;
    this.#write(job, {
      ...this.#standing(job),
      conditions,
      terminating,
      succeeded: statusCount(job, 'succeeded') + succeeded,
      failed: statusCount(job, 'failed') + tracked.length - succeeded,
    });
    if (over) this.#record(job, 'Warning', failure.reason, failure.message);
  }

  #carryOn(job: JsonObject, pods: readonly JsonObject[]): void {
    const newFailed = pods.filter((pod) => isTracked(pod) && isFailedPod(job, pod));
    const newSucceeded = pods.filter((pod) => isTracked(pod) && phaseOf(pod) === 'Succeeded');
    const ended = {
      succeeded: statusCount(job, 'succeeded') + newSucceeded.length,
      failed: statusCount(job, 'failed') + newFailed.length,
    };
    for (const pod of [...newFailed, ...newSucceeded]) this.#pods.untrack(pod);
    const retryMs = isSuspended(job) ? this.#pods.suspend(job, pods) : this.#pods.create(job, pods, ended);
    const counts = { ...this.#liveCounts(job), ...ended };
    const complete = ended.succeeded >= (count(job, 'spec', 'completions') ?? 1) && counts.active === 0;
    const fields = { ...this.#standing(job), ...counts, startTime: this.#startTime(job) };
    if (complete) this.#complete(job, fields);
    else this.#write(job, { ...fields, conditions: this.#suspension(job) });
    if (retryMs !== undefined) this.#queue.add(uidOf(job), retryMs);
  }

  #liveCounts(job: JsonObject): Pick<Counts, 'active' | 'ready' | 'terminating'> {
    const pods = this.#pods.of(uidOf(job));
    const active = pods.filter(isActivePod);
    return {
      active: active.length,
      ready: active.filter(isReadyPod).length,
      terminating: pods.filter(isTerminatingPod).length,
    };
  }

  /** None while suspended; a resumed Job starts anew. */
  #startTime(job: JsonObject): JsonValue | undefined {
    if (isSuspended(job)) return undefined;
    const resumed = hasCondition(job, 'Suspended');
    const now = timestamp(this.#parts.cluster.clock.now());
    return resumed ? now : (at(job, 'status', 'startTime') ?? now);
  }

  #complete(job: JsonObject, fields: StatusFields): void {
    const now = this.#parts.cluster.clock.now();
    const verdict = {
      status: 'True',
      reason: 'CompletionsReached',
      message: 'Reached expected number of succeeded pods',
    } as const;
    const met = withCondition(fields.conditions, { type: 'SuccessCriteriaMet', ...verdict }, now);
    const over = fields.terminating === 0;
    const conditions = over ? withCondition(met, { type: 'Complete', ...verdict }, now) : met;
    this.#write(job, { ...fields, conditions, ...(over ? { completionTime: timestamp(now) } : {}) });
    if (over) this.#record(job, 'Normal', 'Completed', 'Job completed');
  }

  #suspension(job: JsonObject): StatusFields['conditions'] {
    const suspended = isSuspended(job);
    const wanted = suspended
      ? ({ type: 'Suspended', status: 'True', reason: 'JobSuspended', message: 'Job suspended' } as const)
      : ({ type: 'Suspended', status: 'False', reason: 'JobResumed', message: 'Job resumed' } as const);
    const before = list(job, 'status', 'conditions');
    const after = withCondition(before, wanted, this.#parts.cluster.clock.now());
    if (after !== before) this.#record(job, 'Normal', suspended ? 'Suspended' : 'Resumed', wanted.message);
    return after;
  }

  #standing(job: JsonObject): StatusFields {
    return {
      conditions: list(job, 'status', 'conditions'),
      startTime: at(job, 'status', 'startTime'),
      completionTime: at(job, 'status', 'completionTime'),
      active: 0,
      ready: 0,
      terminating: 0,
      succeeded: statusCount(job, 'succeeded'),
      failed: statusCount(job, 'failed'),
    };
  }

  #write(job: JsonObject, fields: StatusFields): void {
    const current = this.#parts.cluster.store.findUid(uidOf(job))?.object;
    if (current !== undefined) this.#parts.api.write('jobs', current, { ...current, status: statusOf(fields) });
  }

  #record(job: JsonObject, type: 'Normal' | 'Warning', reason: string, message: string): void {
    this.#parts.recorder.record(job, { type, reason, message, component });
  }
}
