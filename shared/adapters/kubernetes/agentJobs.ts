/**
 * Kubernetes Jobs and Pods read as agent jobs. What bears our marks but cannot be read is told, never dropped in
 * silence: a Job that a list leaves out unsaid would look like an agent without a Job, which is a ghost.
 */
import { z } from 'zod';
import type { AgentJob, AgentJobPurpose } from '../../domain/agentJob.ts';
import { defined } from '../../domain/defined.ts';
import type { NameScope } from '../../domain/names.ts';
import { annotations, labelSchema, labels, managedBy, parseName } from '../../domain/names.ts';
import type { JobBody, JobMetadata, JobNotes } from './jobObject.ts';
import { annotationsSchema, jobSchema, labelsSchema, metadataSchema } from './jobObject.ts';
import type { OwnedPod } from './pods.ts';
import { readPod } from './pods.ts';
import { issues, unreadable } from './reading.ts';

/** What reading one Job gave. */
export type ReadJob =
  | { readonly kind: 'agentJob'; readonly agentJob: AgentJob }
  /** Not even its labels and name say what it is. */
  | { readonly kind: 'unreadable'; readonly name: string; readonly why: string };

/** The Jobs and Pods of a pool; both carry the same labels. */
export function scopeSelector(scope: NameScope): string {
  return [
    [labels.managedBy, managedBy],
    [labels.installation, scope.installation],
    [labels.organisation, scope.organisation],
    [labels.poolId, String(scope.poolId)],
  ]
    .map(([label, value]) => `${label}=${value}`)
    .join(',');
}

/** Reads a Job with those of `pods` that it owns. Rejects `unexpected` where not even its metadata can be read. */
export function readJob(cluster: string, object: unknown, pods: readonly OwnedPod[]): ReadJob {
  const metadata = z.object({ metadata: metadataSchema }).safeParse(object);
  if (!metadata.success) throw unreadable('reading the metadata of a Job', metadata.error);
  const { name } = metadata.data.metadata;
  try {
    return { kind: 'agentJob', agentJob: agentJob(cluster, metadata.data.metadata, object, pods) };
  } catch (error) {
    if (error instanceof z.ZodError) return { kind: 'unreadable', name, why: issues(error) };
    throw error;
  }
}

/** What every Job with our marks tells, whatever became of its annotations. */
function identity(cluster: string, metadata: JobMetadata) {
  const marks = labelsSchema.parse(metadata.labels);
  const poolId = marks[labels.poolId];
  const scope = { installation: marks[labels.installation], organisation: marks[labels.organisation], poolId };
  return {
    cluster,
    namespace: metadata.namespace,
    name: metadata.name,
    uid: metadata.uid,
    poolId,
    template: marks[labels.template],
    purpose: purposeOf(scope, metadata.name),
  };
}

type Identity = ReturnType<typeof identity>;

/** Rejects `unexpected` when any of them is no readable Pod: a pod that is overlooked would be replaced. */
export function readPods(objects: readonly unknown[]): readonly OwnedPod[] {
  try {
    return objects.map(readPod);
  } catch (error) {
    throw error instanceof z.ZodError ? unreadable('reading a Pod', error) : error;
  }
}

function agentJob(cluster: string, metadata: JobMetadata, object: unknown, pods: readonly OwnedPod[]): AgentJob {
  const who = identity(cluster, metadata);
  const body = jobSchema.safeParse(object);
  const notes = annotationsSchema.safeParse(metadata.annotations);
  const readable = body.success && notes.success && metadata.labels[labels.schema] === labelSchema;
  if (!readable) return unreadableJob(who, metadata, pods);
  // Seconds between the two clocks would otherwise lengthen or shorten every limit that the plan holds pods to.
  const aheadMs = metadata.creationTimestamp - (notes.data[annotations.createdAt] ?? metadata.creationTimestamp);
  return inServerTime(readableJob(who, metadata, body.data, notes.data, pods), aheadMs);
}

function unreadableJob(who: Identity, metadata: JobMetadata, pods: readonly OwnedPod[]): AgentJob {
  return {
    ...who,
    phase: 'unreadable',
    creator: '',
    createBy: metadata.creationTimestamp,
    createdAt: metadata.creationTimestamp,
    suspended: false,
    ...defined({ pod: newestPod(metadata.uid, pods) }),
  };
}

function readableJob(
  who: Identity,
  metadata: JobMetadata,
  { spec, status }: JobBody,
  notes: JobNotes,
  pods: readonly OwnedPod[],
): AgentJob {
  const verdict = status.conditions.find(
    (entry) => (entry.type === 'Complete' || entry.type === 'Failed') && entry.status === 'True',
  );
  return {
    ...who,
    phase: notes[annotations.phase],
    creator: notes[annotations.creator],
    createBy: notes[annotations.createBy],
    createdAt: metadata.creationTimestamp,
    suspended: spec.suspend === true,
    ...defined({
      parameters: notes[annotations.parameters],
      image: notes[annotations.image],
      candidate: notes[annotations.candidate],
      phaseAt: notes[annotations.phaseAt],
      agentId: notes[annotations.agentId],
      served: notes[annotations.served],
      reason: notes[annotations.reason],
      detail: notes[annotations.detail],
      lost: notes[annotations.lost],
      rerun: notes[annotations.rerun],
      overAge: notes[annotations.overAge],
      condition: verdict?.type === 'Complete' ? ('Complete' as const) : verdict && ('Failed' as const),
      conditionReason: verdict?.reason,
      finishedAt: status.completionTime ?? verdict?.lastTransitionTime ?? undefined,
      pod: newestPod(metadata.uid, pods),
    }),
  };
}

/** Takes the cluster's clock off: `aheadMs` is how much it is ahead of Azure DevOps'. */
function inServerTime(agentJob: AgentJob, aheadMs: number): AgentJob {
  const shift = (at: number | undefined): number | undefined => (at === undefined ? undefined : at - aheadMs);
  const { pod } = agentJob;
  const times = pod && {
    ...pod,
    createdAt: pod.createdAt - aheadMs,
    ...defined({
      scheduledAt: shift(pod.scheduledAt),
      mainStartedAt: shift(pod.mainStartedAt),
      finishedAt: shift(pod.finishedAt),
      mainFinishedAt: shift(pod.mainFinishedAt),
    }),
  };
  return {
    ...agentJob,
    createdAt: agentJob.createdAt - aheadMs,
    ...defined({ finishedAt: shift(agentJob.finishedAt), pod: times }),
  };
}

/** The name is the lock, so the name says what the Job is for; labels only repeat it for selectors and people. */
function purposeOf(scope: NameScope, name: string): AgentJobPurpose {
  const parsed = parseName(scope, name);
  if (parsed?.kind === 'request') return parsed;
  if (parsed?.kind === 'warm') return { kind: 'warm', slot: parsed.slot, minute: parsed.minute };
  throw new z.ZodError([
    { code: 'custom', path: ['metadata', 'name'], message: 'not a name of its pool', input: name },
  ]);
}

/** One that is not being deleted wins over one that is, then the newest; equal ages go by name. */
function newestPod(uid: string, pods: readonly OwnedPod[]): AgentJob['pod'] {
  return pods
    .filter((owned) => owned.ownerUids.includes(uid))
    .map((owned) => owned.pod)
    .toSorted(
      (a, b) =>
        Number(a.terminating) - Number(b.terminating) || b.createdAt - a.createdAt || a.name.localeCompare(b.name),
    )[0];
}
