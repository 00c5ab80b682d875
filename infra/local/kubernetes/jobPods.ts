/** The pods of a Job as the job controller handles them: made, ended, and let go of. */
import type { JsonObject } from '../../../shared/domain/json.ts';
import type { ApiServer } from './apiServer.ts';
import { type Cluster, controllerOf, type Ending } from './cluster.ts';
import type { Deletion } from './deletion.ts';
import type { EventRecorder } from './events.ts';
import { isActivePod, isTerminatingPod, replacesOnlyFailed, trackingFinalizer } from './jobState.ts';
import { count, list, nameOf, namespaceOf, record, text, uidOf, withoutFinalizer } from './object.ts';
import { KubernetesStatus } from './statusError.ts';

export const component = 'job-controller';
/** DefaultJobApiBackOff and MaxJobApiBackOff: after a refused creation. */
const firstRetryMs = 1000;
const maxRetryMs = 60_000;
/** DefaultJobPodFailureBackOff and its maximum: after a failed pod, where the limit allows another. */
const firstBackoffMs = 10_000;
const maxBackoffMs = 600_000;

export interface JobControllerParts {
  readonly cluster: Cluster;
  readonly api: ApiServer;
  readonly deletion: Deletion;
  readonly recorder: EventRecorder;
}

export class JobPods {
  readonly #parts: JobControllerParts;
  /** Refused creations in a row, by Job UID. */
  readonly #refusals = new Map<string, number>();

  constructor(parts: JobControllerParts) {
    this.#parts = parts;
  }

  of(jobUid: string): readonly JsonObject[] {
    return this.#parts.cluster.store
      .dependents(jobUid)
      .filter(({ resource, object }) => resource === 'pods' && controllerOf(object)?.uid === jobUid)
      .map(({ object }) => object);
  }

  forget(jobUid: string): void {
    this.#refusals.delete(jobUid);
  }

  /** The finalizer goes first, so that nothing of a suspended pod is counted (deleteJobPods). */
  suspend(job: JsonObject, pods: readonly JsonObject[]): undefined {
    const byCaller = this.#parts.cluster.suspendedBy.get(uidOf(job)) ?? component;
    for (const pod of pods.filter(isActivePod)) {
      this.untrack(pod);
      this.end(pod, { why: 'suspended', byCaller });
      this.#record(job, 'Normal', 'SuccessfulDelete', `Deleted pod: ${nameOf(pod)}`);
    }
    return undefined;
  }

  /** Makes the pods that are wanting; returns when to look again, if the server refused or a back-off runs. */
  create(
    job: JsonObject,
    pods: readonly JsonObject[],
    ended: { succeeded: number; failed: number },
  ): number | undefined {
    const active = pods.filter(isActivePod).length;
    const held = replacesOnlyFailed(job) ? pods.filter(isTerminatingPod).length : 0;
    const left = (count(job, 'spec', 'completions') ?? 1) - ended.succeeded;
    const wanting = Math.min(count(job, 'spec', 'parallelism') ?? 1, left) - active - held;
    if (wanting <= 0) return undefined;
    const backoff = this.#backoffMs(pods, ended.failed);
    if (backoff > 0) return backoff;
    for (let made = 0; made < wanting; made++) {
      const retry = this.#createPod(job);
      if (retry !== undefined) return retry;
    }
    return undefined;
  }

  #backoffMs(pods: readonly JsonObject[], failed: number): number {
    if (failed === 0) return 0;
    const wait = Math.min(firstBackoffMs * 2 ** (failed - 1), maxBackoffMs);
    const ends = pods.flatMap((pod) =>
      list(pod, 'status', 'containerStatuses').map((each) =>
        Date.parse(text(each, 'state', 'terminated', 'finishedAt') ?? ''),
      ),
    );
    const last = Math.max(0, ...ends.filter((end) => !Number.isNaN(end)));
    return last + wait - this.#parts.cluster.clock.now();
  }

  #createPod(job: JsonObject): number | undefined {
    const { api } = this.#parts;
    const uid = uidOf(job);
    try {
      const pod = api.create('pods', namespaceOf(job), podOf(job), { caller: component }).body;
      this.#refusals.delete(uid);
      this.#record(job, 'Normal', 'SuccessfulCreate', `Created pod: ${nameOf(pod)}`);
      return undefined;
    } catch (error) {
      if (!(error instanceof KubernetesStatus)) throw error;
      const refusals = this.#refusals.get(uid) ?? 0;
      this.#refusals.set(uid, refusals + 1);
      this.#record(job, 'Warning', 'FailedCreate', `Error creating: ${error.message}`);
      return Math.min(firstRetryMs * 2 ** refusals, maxRetryMs);
    }
  }

  end(pod: JsonObject, ending: Ending): void {
    // Its last finalizer may have gone a moment ago, and the pod with it.
    if (this.#parts.cluster.store.findUid(uidOf(pod)) === undefined) return;
    this.#parts.deletion.delete('pods', namespaceOf(pod), nameOf(pod), { caller: component, ending });
  }

  untrack(pod: JsonObject): void {
    const current = this.#parts.cluster.store.findUid(uidOf(pod))?.object;
    if (current !== undefined) this.#parts.api.write('pods', current, withoutFinalizer(current, trackingFinalizer));
  }

  #record(job: JsonObject, type: 'Normal' | 'Warning', reason: string, message: string): void {
    this.#parts.recorder.record(job, { type, reason, message, component });
  }
}

function podOf(job: JsonObject): JsonObject {
  const template = record(job, 'spec', 'template');
  const owner = {
    apiVersion: 'batch/v1',
    kind: 'Job',
    name: nameOf(job),
    uid: uidOf(job),
    controller: true,
    blockOwnerDeletion: true,
  };
  return {
    apiVersion: 'v1',
    kind: 'Pod',
    metadata: {
      ...record(template, 'metadata'),
      generateName: `${nameOf(job)}-`,
      ownerReferences: [owner],
      finalizers: [trackingFinalizer],
    },
    spec: record(template, 'spec'),
  };
}
