/** One creation of an agent job against whatever is given, and what it leaves behind. Rows compare all that exists. */
import { expect, it } from 'vitest';
import type { FaultKind } from '../../../infra/local/world/faults.ts';
import { buildAgentJobManifest } from '../../../shared/plan/manifest.ts';
import type { CreateAction } from '../../../shared/plan/plan.ts';
import type { Cluster } from '../../../shared/ports.ts';
import { createAgentJob } from '../../../shared/reconcile/createAgentJob.ts';
import type { ReconcileDeps } from '../../../shared/reconcile/deps.ts';
import { nameFor, policy, template } from '../../support/builders.ts';
import { type Existing, namespace, nothing, outcomeLine, placeholderLine, Worlds } from '../../support/pass.ts';

export const name = nameFor(1001);
export const action: CreateAction = {
  kind: 'create',
  name,
  cluster: 'primary',
  template,
  parameters: {},
  registration: 'jit',
  purpose: { kind: 'request', requestId: 1001, attempt: 1 },
};
/** The same, its agent registered by an init container of its pod. */
export const inPod: CreateAction = { ...action, registration: 'initConfig' };
export const ownAgent = 2;

export const status = (code: number): FaultKind => ({ kind: 'status', status: code });
export const lostBefore: FaultKind = { kind: 'lostBefore' };
export const lostAfter: FaultKind = { kind: 'lostAfter' };
export const hang: FaultKind = { kind: 'hang' };
/** Done, but answered after the adapter has given up. */
export const tooLate: FaultKind = { kind: 'slow', ms: 30_000 };

export interface Row {
  readonly name: string;
  readonly given: (worlds: Worlds) => void;
  /** Replaces ports of the control plane. */
  readonly deps?: (deps: ReconcileDeps) => Partial<ReconcileDeps>;
  readonly want: string;
  readonly left: Existing;
  /** Deleted agents: never any but our own. */
  readonly deleted?: readonly number[];
}

export const started: Existing = {
  jobs: ['1001-1 started agent=2'],
  agents: [placeholderLine, '2 1001-1 offline'],
  secrets: ['1001-1'],
  pods: [],
};
export const rolledBack = (reason: string): Existing => ({
  ...nothing,
  jobs: [`1001-1 rolledBack suspended reason=${reason}`],
});
export const creating: Existing = { ...nothing, jobs: ['1001-1 creating suspended'] };
export const creatingWithAgent: Existing = { ...creating, agents: started.agents };
export const allButStarted: Existing = { ...creatingWithAgent, secrets: started.secrets };

export async function create(
  row: Pick<Row, 'given' | 'deps'>,
  given: CreateAction = action,
): Promise<{ worlds: Worlds; outcome: string }> {
  const worlds = new Worlds();
  row.given(worlds);
  const { deps } = worlds.plane();
  const outcome = await worlds.until(createAgentJob({ ...deps, ...row.deps?.(deps) }, given));
  return { worlds, outcome: outcomeLine(outcome) };
}

/** A test per row: the outcome, all that exists in both worlds, and which agents were deleted. */
export function table(rows: readonly Row[]): void {
  it.each(rows)('$name', async (row) => {
    const { worlds, outcome } = await create(row);
    const seen = { outcome, left: worlds.existing(), deleted: worlds.deletedAgents };
    expect(seen).toEqual({ outcome: row.want, left: row.left, deleted: row.deleted ?? [] });
  });
}

/** A Job of our name: of another creator, or of the nonce that the plane is about to use. */
export function aJobBy(creator: string): (worlds: Worlds) => void {
  return (worlds) => {
    const purpose = { kind: 'request', requestId: 1001, attempt: 1 } as const;
    const createdAt = worlds.ado.now();
    const createBy = createdAt + policy.createByMs;
    const spec = { policy, template, name, purpose, creator, createdAt, createBy, namespace };
    worlds.world().create('jobs', namespace, buildAgentJobManifest(spec));
  };
}

export const withCluster = (
  deps: ReconcileDeps,
  change: (cluster: Cluster) => Partial<Cluster>,
): Partial<ReconcileDeps> => ({
  clusters: deps.clusters.map((cluster) => ({ ...cluster, ...change(cluster) })),
});
