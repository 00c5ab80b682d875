/** A door to a cluster, and the steps of an agent job that the contracts of it take. */
import type { KubernetesWorld } from '../../infra/local/kubernetes/world.ts';
import type { VirtualClock } from '../../infra/local/world/clock.ts';
import type { Faults, Journal } from '../../infra/local/world/faults.ts';
import type { KubernetesApi } from '../../shared/adapters/kubernetes/api.ts';
import type { AgentJob } from '../../shared/domain/agentJob.ts';
import type { JsonObject, JsonPatch } from '../../shared/domain/json.ts';
import { agentJobName, annotationPointer, annotations, labels } from '../../shared/domain/names.ts';
import { buildAgentJobManifest } from '../../shared/plan/manifest.ts';
import { aPoolPolicy, aTemplate } from '../support/policyBuilders.ts';

export interface ClusterDoor {
  readonly world: KubernetesWorld;
  readonly clock: VirtualClock;
  readonly api: KubernetesApi;
  readonly namespace: string;
  readonly faults: Faults;
  readonly journal: Journal;
  readonly close?: () => Promise<void>;
}

export type MakeDoor = () => Promise<ClusterDoor> | ClusterDoor;

export const policy = aPoolPolicy();
export const scope = {
  installation: policy.installation,
  organisation: policy.organisation.short,
  poolId: policy.poolId,
};
export const nameOf = (requestId: number, attempt = 1): string =>
  agentJobName(scope, { kind: 'request', requestId, attempt }, 'linux');

/** The manifest that is really sent. */
export const manifestOver = (
  { clock, namespace }: Pick<ClusterDoor, 'clock' | 'namespace'>,
  requestId: number,
  { attempt = 1, createdAt = clock.now() }: { readonly attempt?: number; readonly createdAt?: number } = {},
): JsonObject =>
  buildAgentJobManifest({
    policy,
    template: aTemplate(),
    name: nameOf(requestId, attempt),
    purpose: { kind: 'request', requestId, attempt },
    creator: 'nonce',
    createdAt,
    createBy: clock.now() + 120_000,
    namespace,
  });

export const start = (job: AgentJob): JsonPatch => [
  { op: 'test', path: '/metadata/uid', value: job.uid },
  { op: 'test', path: annotationPointer(annotations.phase), value: 'creating' },
  { op: 'replace', path: annotationPointer(annotations.phase), value: 'started' },
  { op: 'replace', path: '/spec/suspend', value: false },
  { op: 'add', path: annotationPointer(annotations.agentId), value: '412' },
];

export const aSecret = (name: string, ownerUid: string): JsonObject => ({
  apiVersion: 'v1',
  kind: 'Secret',
  metadata: {
    name,
    labels: { [labels.managedBy]: 'mayfly' },
    ownerReferences: [{ apiVersion: 'batch/v1', kind: 'Job', name, uid: ownerUid }],
  },
  immutable: true,
  data: { a: 'eA==' },
});
