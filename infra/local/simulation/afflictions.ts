/** Lasting troubles that a history may suffer until its faults end: refusals, a full quota, updates, delays. */
import type { AzureDevOpsWorld } from '../azureDevOps/world.ts';
import type { KubernetesWorld } from '../kubernetes/world.ts';
import type { WorldClock } from '../world/clock.ts';
import type { Faults } from '../world/faults.ts';
import type { Random } from '../world/random.ts';
import type { ImageTrouble } from './imageTrouble.ts';

export interface Afflicted {
  readonly clock: WorldClock;
  readonly random: Random;
  readonly ado: AzureDevOpsWorld;
  readonly clusters: ReadonlyMap<string, KubernetesWorld>;
  readonly namespace: string;
  readonly faults: Faults;
  readonly poolIds: readonly number[];
  readonly templates: readonly string[];
  readonly images: ImageTrouble;
  /** Told of requests that nobody can ever serve. */
  readonly onOrphan: (requestId: number) => void;
  /** When the faults end, in ms from now. */
  readonly untilMs: number;
}

export const afflictions = [
  'refusal',
  'quota',
  'pendingUpdate',
  'delay',
  'ignored',
  'orphans',
  'halt',
  'halt',
  'leftBehind',
  'candidates',
  'candidates',
  'none',
  'none',
  'none',
  'none',
] as const;
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

/** The server gives nothing to some agents, however idle they are. */
function ignoreAgents({ random, ado, poolIds, clock, untilMs }: Afflicted): void {
  const ignored: { readonly poolId: number; readonly id: number }[] = [];
  for (let at = 0; at < untilMs; at += random.between(10_000, 60_000)) {
    clock.after(at, () => {
      const poolId = random.pick(poolIds);
      const idle = ado.listAgents(poolId).filter((agent) => agent.online && agent.assignedRequestId === undefined);
      if (idle.length === 0) return;
      const { id } = random.pick(idle);
      ignored.push({ poolId, id });
      ado.ignoreAgent(poolId, id);
    });
  }
  clock.after(untilMs, () => {
    for (const { poolId, id } of ignored) {
      if (ado.listAgents(poolId).some((agent) => agent.id === id)) ado.ignoreAgent(poolId, id, false);
    }
  });
}

/** Runs end while requests of theirs stay, for ever. */
function orphanRequests({ random, ado, poolIds, clock, untilMs, onOrphan }: Afflicted): void {
  for (let count = 0; count < 3; count++) {
    clock.after(random.between(0, untilMs), () => {
      const waiting = ado
        .listJobRequests(random.pick(poolIds), { completedRequestCount: 0 })
        .filter((request) => request.assignedAt === undefined);
      if (waiting.length === 0) return;
      const { id } = random.pick(waiting);
      onOrphan(id);
      ado.orphanRequest(id);
    });
  }
}

/** Somebody pauses or drains a pool or a template on a control map, and lifts it again. */
function halt({ random, clusters, namespace, poolIds, templates, clock, untilMs }: Afflicted): void {
  for (const poolId of poolIds) {
    const world = random.pick([...clusters.values()]);
    const word = random.pick(['paused', 'drained']);
    const key = random.chance(0.5) ? word : `${word}.${random.pick(templates)}`;
    const say = (value: string): void => writeControl(world, namespace, poolId, key, value);
    clock.after(random.between(0, untilMs), () => say('true'));
    clock.after(untilMs, () => say('false'));
  }
}

/** Builds push new images, sound ones and others, which become candidates on some or all of the maps of a pool. */
function bringCandidates({ random, ado, clusters, namespace, poolIds, images, clock, untilMs }: Afflicted): void {
  for (let count = random.between(1, 4); count > 0; count--) {
    clock.after(random.between(0, untilMs), () => {
      const poolId = random.pick(poolIds);
      const candidate = images.bring(random, ado.now());
      const worlds = [...clusters.values()];
      for (const world of random.chance(0.5) ? worlds : [random.pick(worlds)]) {
        for (const [key, text] of Object.entries(candidate)) writeControl(world, namespace, poolId, key, text);
      }
    });
  }
}

function writeControl(world: KubernetesWorld, namespace: string, poolId: number, key: string, value: string): void {
  const name = `mayfly-pool-${poolId}`;
  const { items } = world.list('configmaps', namespace, { fieldSelector: `metadata.name=${name}` }).body;
  const exists = Array.isArray(items) && items.length > 0;
  if (exists) world.patch('configmaps', namespace, name, { type: 'merge', body: { data: { [key]: value } } });
  else
    world.create('configmaps', namespace, {
      apiVersion: 'v1',
      kind: 'ConfigMap',
      metadata: { name },
      data: { [key]: value },
    });
}

/** Somebody deletes Jobs at work and has the cluster orphan what hangs on them: pod and Secret are nobody's then. */
function leaveBehind({ random, ado, clusters, namespace, poolIds, clock, untilMs }: Afflicted): void {
  for (let count = 0; count < 6; count++) {
    clock.after(random.between(0, untilMs), () => {
      const busy = ado.listAgents(random.pick(poolIds)).filter((agent) => agent.assignedRequestId !== undefined);
      if (busy.length === 0) return;
      const { name } = random.pick(busy);
      for (const world of clusters.values()) {
        const { items } = world.list('jobs', namespace, { fieldSelector: `metadata.name=${name}` }).body;
        if (Array.isArray(items) && items.length > 0)
          world.delete('jobs', namespace, name, { propagationPolicy: 'Orphan' });
      }
    });
  }
}

const strike: Readonly<Record<Affliction, (afflicted: Afflicted) => void>> = {
  refusal: refuse,
  quota: fillQuota,
  pendingUpdate: demandUpdates,
  delay: delayRequests,
  ignored: ignoreAgents,
  orphans: orphanRequests,
  halt,
  leftBehind: leaveBehind,
  candidates: bringCandidates,
  none: () => undefined,
};

export function afflict(kind: Affliction, afflicted: Afflicted): void {
  strike[kind](afflicted);
}
