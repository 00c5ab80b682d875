/**
 * The Cluster port over the few verbs of the Kubernetes API. The same code runs over the real SDK and over the
 * stand-in's world, so that what a Job means is decided once.
 */
import { z } from 'zod';
import type { AgentJob } from '../../domain/agentJob.ts';
import { UpstreamError } from '../../domain/errors.ts';
import type { JsonObject } from '../../domain/json.ts';
import type { Clock, Cluster } from '../../ports.ts';
import { systemClock } from '../system.ts';
import type { ReadJob } from './agentJobs.ts';
import { readJob, readPods, scopeSelector } from './agentJobs.ts';
import type { KubernetesApi } from './api.ts';
import { getControl, patchControl, testAndPatchControl } from './controlMap.ts';
import { deleteLeftover, listLeftovers } from './leftovers.ts';
import { endPod, endPodsOf, podsOf } from './podEnds.ts';
import { readPodLog } from './podLog.ts';
import { recordEvent } from './poolEvents.ts';
import { quotaRoom } from './quotaRoom.ts';
import { parsed, unlessKind } from './reading.ts';
import { explained } from './warnings.ts';

export interface ClusterOptions {
  readonly name: string;
  readonly namespace: string;
  /** Told of each Job that a list left out because its labels or name cannot be read. */
  readonly onUnreadable?: (jobName: string, why: string) => void;
  /** Only for what is shown, and for when to ask for more: verdicts go by the times of the objects. */
  readonly clock?: Pick<Clock, 'now'>;
}

/**
 * Reads cost two requests in parallel (Jobs and Pods), and the list a third where only Events tell why something does not
 * start; everything else one. Jobs just written come without a pod.
 */
export function clusterOver(api: KubernetesApi, options: ClusterOptions): Cluster {
  const { name: cluster, namespace, clock = systemClock } = options;
  const written = (object: JsonObject): AgentJob => agentJobOrThrow(readJob(cluster, object, []));
  return {
    name: cluster,
    listAgentJobs: async (scope) => {
      const labelSelector = scopeSelector(scope);
      const [jobs, pods] = await Promise.all([
        api.list('jobs', namespace, { labelSelector }),
        api.list('pods', namespace, { labelSelector }),
      ]);
      const owned = readPods(pods);
      const agentJobs = jobs.flatMap((object) => {
        const read = readJob(cluster, object, owned);
        if (read.kind === 'unreadable') options.onUnreadable?.(read.name, read.why);
        return read.kind === 'agentJob' ? [read.agentJob] : [];
      });
      return explained({ api, namespace, now: clock.now() }, agentJobs, owned);
    },
    getAgentJob: async (name) => {
      const [job, pods] = await Promise.all([
        unlessKind('notFound', undefined, api.get('jobs', namespace, name)),
        podsOf(api, namespace, name),
      ]);
      return job && agentJobOrThrow(readJob(cluster, job, readPods(pods)));
    },
    createAgentJob: async (manifest) => written(await api.create('jobs', namespace, manifest)),
    patchAgentJob: async (name, patch) => written(await api.patch('jobs', namespace, name, patch)),
    deleteAgentJob: async (name, uid) => {
      const deleted = api
        .delete('jobs', namespace, name, { uid, propagationPolicy: 'Background' })
        .then(() => 'deleted' as const);
      return unlessKind('conflict', 'replaced' as const, unlessKind('notFound', 'absent' as const, deleted));
    },
    ...secretsOf(api, namespace),
    ...besideOf(api, namespace, clock),
  };
}

type Secrets = Pick<Cluster, 'createSecret' | 'getSecretOwners' | 'deleteSecret'>;

function secretsOf(api: KubernetesApi, namespace: string): Secrets {
  return {
    createSecret: async (manifest) => {
      await api.create('secrets', namespace, manifest);
    },
    getSecretOwners: async (name) => {
      const secret = await unlessKind('notFound', undefined, api.get('secrets', namespace, name));
      return (
        secret &&
        parsed(ownersSchema, 'reading the owners of a Secret', secret).metadata.ownerReferences.map(
          (owner) => owner.uid,
        )
      );
    },
    deleteSecret: (name) =>
      unlessKind(
        'notFound',
        'absent' as const,
        api.delete('secrets', namespace, name).then(() => 'deleted' as const),
      ),
  };
}

/** What there is beside Jobs and Secrets. */
function besideOf(api: KubernetesApi, namespace: string, clock: Pick<Clock, 'now'>) {
  return {
    getControl: (poolId) => getControl(api, namespace, poolId),
    patchControl: (poolId, changes) => patchControl(api, namespace, poolId, changes),
    testAndPatchControl: (poolId, expected, changes) => testAndPatchControl(api, namespace, poolId, expected, changes),
    endPod: (pod, uid, graceSeconds) => endPod(api, namespace, { name: pod, uid }, graceSeconds),
    endPodsOf: (jobName, graceSeconds) => endPodsOf(api, namespace, jobName, graceSeconds),
    listQuotaRoom: async () => quotaRoom(await api.list('resourcequotas', namespace)),
    recordEvent: (poolId, event) => recordEvent({ api, namespace, poolId }, event, clock.now()),
    listLeftovers: (scope) => listLeftovers(api, namespace, scope),
    deleteLeftover: (leftover) => deleteLeftover(api, namespace, leftover),
    readPodLog: (pod, lines) => readPodLog(api, namespace, pod, lines),
  } satisfies Partial<Cluster>;
}

const ownersSchema = z.object({
  metadata: z.object({ ownerReferences: z.array(z.object({ uid: z.string() })).default([]) }),
});

/**
 * A Job that was asked for by name and is there, but is no agent job that we can read, is not absent: the caller
 * would take "absent" for leave to delete its agent.
 */
function agentJobOrThrow(read: ReadJob): AgentJob {
  if (read.kind === 'agentJob') return read.agentJob;
  const detail = read.why;
  throw new UpstreamError({
    upstream: 'kubernetes',
    operation: `reading the Job ${read.name}`,
    kind: 'unexpected',
    detail,
  });
}
