/** Lasting troubles that a history may suffer until its faults end: refusals, a full quota, updates, delays. */
import type { AzureDevOpsWorld } from '../azureDevOps/world.ts';
import type { KubernetesWorld } from '../kubernetes/world.ts';
import type { WorldClock } from '../world/clock.ts';
import type { Faults } from '../world/faults.ts';
import type { Random } from '../world/random.ts';

export interface Afflicted {
  readonly clock: WorldClock;
  readonly random: Random;
  readonly ado: AzureDevOpsWorld;
  readonly clusters: ReadonlyMap<string, KubernetesWorld>;
  readonly namespace: string;
  readonly faults: Faults;
  readonly poolIds: readonly number[];
  /** When the faults end, in ms from now. */
  readonly untilMs: number;
}

export const afflictions = ['refusal', 'quota', 'pendingUpdate', 'delay', 'none', 'none', 'none', 'none'] as const;
export type Affliction = (typeof afflictions)[number];

/** One kind of write is forbidden all the time: a missing right, a wrong admission rule. */
function refuse({ random, faults, clock, untilMs }: Afflicted): void {
  const verb = random.pick(['addAgent', 'create secrets', 'create jobs', 'deleteAgent', 'updateAgent', 'patch jobs']);
  const lift = faults.add({ kind: 'status', status: 403 }, (call) => call.verb === verb, Number.POSITIVE_INFINITY);
  clock.after(untilMs, lift);
}

/** The namespace takes a pod or two and no more. */
function fillQuota({ random, clusters, namespace, clock, untilMs }: Afflicted): void {
  for (const world of clusters.values()) {
    const pods = String(random.between(0, 2));
    world.create('resourcequotas', namespace, {
      apiVersion: 'v1',
      kind: 'ResourceQuota',
      metadata: { name: 'tight' },
      spec: { hard: { pods } },
    });
    clock.after(untilMs, () => world.delete('resourcequotas', namespace, 'tight'));
  }
}

/** The server asks an idle agent to update itself, and gives it no job until then. */
function demandUpdates({ random, ado, poolIds, clock, untilMs }: Afflicted): void {
  for (let at = 0; at < untilMs; at += random.between(20_000, 90_000)) {
    clock.after(at, () => {
      const poolId = random.pick(poolIds);
      const idle = ado.listAgents(poolId).filter((agent) => agent.online && agent.assignedRequestId === undefined);
      if (idle.length > 0) ado.setUpdatePending(poolId, random.pick(idle).id, true);
    });
  }
}

/** Authors hold a waiting request back for a while. */
function delayRequests({ random, ado, poolIds, clock, untilMs }: Afflicted): void {
  clock.after(random.between(0, untilMs), () => {
    const poolId = random.pick(poolIds);
    const waiting = ado
      .listJobRequests(poolId, { completedRequestCount: 0 })
      .filter((request) => request.assignedAt === undefined);
    if (waiting.length === 0) return;
    const { id } = random.pick(waiting);
    ado.delayJob(id, true);
    clock.after(random.between(1000, 600_000), () => ado.delayJob(id, false));
  });
}

const strike: Readonly<Record<Affliction, (afflicted: Afflicted) => void>> = {
  refusal: refuse,
  quota: fillQuota,
  pendingUpdate: demandUpdates,
  delay: delayRequests,
  none: () => undefined,
};

export function afflict(kind: Affliction, afflicted: Afflicted): void {
  strike[kind](afflicted);
}
