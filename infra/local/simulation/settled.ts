/** When nothing is on its way any more: no open request, and of ours only what rests. */
import { isJsonObject, type JsonObject } from '../../../shared/domain/json.ts';
import { annotations, labels } from '../../../shared/domain/names.ts';
import type { PoolPolicy } from '../../../shared/domain/template.ts';
import type { AzureDevOpsWorld } from '../azureDevOps/world.ts';
import type { KubernetesWorld } from '../kubernetes/world.ts';

const record = (value: unknown): JsonObject => (isJsonObject(value) ? value : {});

/**
 * True for what is remembered of an orphaned request: its tombstones, their ended pods, and Secrets that a failed call
 * left to go with them. Nobody can tell that such a request will never be asked for again.
 */
export function isMemoryOf(orphans: ReadonlySet<number>, object: unknown): boolean {
  const { metadata, status, immutable } = record(object);
  const { labels: marks, annotations: notes } = record(metadata);
  if (!orphans.has(Number(record(marks)[labels.requestId]))) return false;
  const phase = record(notes)[annotations.phase];
  const podPhase = record(status)['phase'];
  const isSecret = immutable === true;
  return (
    isSecret || phase === 'tombstone' || phase === 'rolledBack' || podPhase === 'Succeeded' || podPhase === 'Failed'
  );
}

/** The request at whose maximum age the pod of a Job was to end, as the Job says at this moment. */
export function overAgeOf(world: KubernetesWorld | undefined, namespace: string, jobName: string): number | undefined {
  const { items } = world?.list('jobs', namespace, { fieldSelector: `metadata.name=${jobName}` }).body ?? {};
  const [job] = Array.isArray(items) ? items : [];
  const note = record(record(record(job)['metadata'])['annotations'])[annotations.overAge];
  return note === undefined ? undefined : Number(note);
}

function isEmpty(world: KubernetesWorld, namespace: string, orphans: ReadonlySet<number>): boolean {
  return (['jobs', 'pods', 'secrets'] as const).every((resource) => {
    const { items } = world.list(resource, namespace).body;
    return Array.isArray(items) && items.every((item) => isMemoryOf(orphans, item));
  });
}

export interface Settling {
  readonly ado: AzureDevOpsWorld;
  readonly clusters: ReadonlyMap<string, KubernetesWorld>;
  readonly namespace: string;
  readonly policies: readonly PoolPolicy[];
  /** Requests that nobody can ever serve. */
  readonly orphans: ReadonlySet<number>;
}

/** Of our agents only the placeholders are left, of our Jobs none. */
export function isSettled({ ado, clusters, namespace, policies, orphans }: Settling): boolean {
  const isQuiet = policies.every(({ poolId, templates }) => {
    const open = ado.listJobRequests(poolId, { completedRequestCount: 0 }).filter(({ id }) => !orphans.has(id));
    const ours = ado.listAgents(poolId).filter((agent) => agent.name.startsWith('mf-'));
    return open.length === 0 && ours.length === templates.length;
  });
  return isQuiet && [...clusters.values()].every((world) => isEmpty(world, namespace, orphans));
}
