/**
 * Each read of a look fails in turn, in each way, while every kind of action is due: what is done all the same, and
 * nothing else. The reads are those that a good look makes: a new one without a row here fails.
 */
import { describe, expect, it } from 'vitest';
import type { Call, FaultKind } from '../../../infra/local/world/faults.ts';
import type { UpstreamErrorKind } from '../../../shared/domain/errors.ts';
import type { ActionKind } from '../../../shared/plan/plan.ts';
import { lookAtAll, type PassReport, reconcilePool } from '../../../shared/reconcile/reconcilePool.ts';
import { anEventfulPool, clusters, type EventfulPool, told } from '../../support/eventfulPool.ts';
import { isWrite } from '../../support/pass.ts';

const failures: readonly { readonly kind: UpstreamErrorKind; readonly fault: FaultKind }[] = [
  { kind: 'unavailable', fault: { kind: 'status', status: 503 } },
  { kind: 'timeout', fault: { kind: 'hang' } },
  { kind: 'unauthorized', fault: { kind: 'status', status: 401 } },
  { kind: 'throttled', fault: { kind: 'status', status: 429, retryAfterSeconds: 30 } },
  // Garbled: an answer that breaks off in the middle.
  { kind: 'unexpected', fault: { kind: 'truncated' } },
];

const within = (cluster: string): readonly string[] => [
  `disable busy ${cluster}`,
  `endOverAge overAge ${cluster}`,
  `noteLost lost ${cluster}`,
  `noteAgent unnoted ${cluster}`,
  `retire finished ${cluster}`,
  `retire surplus ${cluster}`,
  `retire stranded ${cluster}`,
  `rollBack stuck ${cluster}`,
  `bury undone ${cluster}`,
  `rerun rerun ${cluster}`,
  `tellRun rerun ${cluster}`,
];
const creations = (cluster: string): readonly string[] => [1010, 1011, 1012].map((id) => `create ${id} ${cluster}`);
const absences = ['deletePlaceholder placeholder gone', 'noteControl 1'];

/** Of the only agent that no Job stands behind, and of one thing in each cluster that no Job owns. */
const all: readonly string[] = [
  'createPlaceholder placeholder fresh',
  'repairPlaceholder placeholder linux',
  ...creations('west'),
  ...clusters.flatMap(within),
  'tellRun request 1001',
  'cancelRun request 1001',
  'deleteGhost',
  'deleteLeftover east',
  'deleteLeftover west',
  ...absences,
];
const but = (less: readonly string[], more: readonly string[] = []): readonly string[] => [
  ...all.filter((line) => !less.includes(line)),
  ...more,
];

/** Azure DevOps alone tells that an agent has its request. */
const inCluster = (cluster: string): readonly string[] =>
  within(cluster).filter((line) => !line.startsWith('disable '));
/** And that it is lost only its cluster tells, without which it is disabled like any other. */
const lostUnseen = (cluster: string): string => `disable lost ${cluster}`;
const withoutEast = but(
  [...inCluster('east'), 'deleteLeftover east', 'deleteGhost', ...absences],
  [lostUnseen('east')],
);
const withoutWest = but(
  [...inCluster('west'), ...creations('west'), 'deleteLeftover west', 'deleteGhost', ...absences],
  [...creations('east'), lostUnseen('west')],
);

/** What a pass does without one read, by its read class. */
const wanted: Readonly<Record<string, readonly string[]>> = {
  // Pool-required: nothing at all.
  'azureDevOps listAgents 7': [],
  'azureDevOps listJobRequests 7': [],
  // Cluster-required: nothing there, nothing that an unseen Job might forbid, and the other cluster goes on.
  'kubernetes:east list jobs 7': withoutEast,
  'kubernetes:east list pods 7': withoutEast,
  'kubernetes:east list events': withoutEast,
  'kubernetes:west list jobs 7': withoutWest,
  'kubernetes:west list pods 7': withoutWest,
  'kubernetes:west list events': withoutWest,
  // Optional: what it alone would allow is left out; for the rest the last value holds, or a default.
  'kubernetes:east get configmaps 7': but(absences),
  'kubernetes:west get configmaps 7': but(absences),
  'kubernetes:east list resourcequotas': all,
  'kubernetes:west list resourcequotas': all,
  'kubernetes:east list secrets 7': but(['deleteLeftover east']),
  'kubernetes:west list secrets 7': but(['deleteLeftover west']),
  'kubernetes:east list pods 7 over': but(['deleteLeftover east']),
  'kubernetes:west list pods 7 over': but(['deleteLeftover west']),
  'kubernetes:east list persistentvolumeclaims 7': but(['deleteLeftover east']),
  'kubernetes:west list persistentvolumeclaims 7': but(['deleteLeftover west']),
  'kubernetes:east list networkpolicies 7': but(['deleteLeftover east']),
  'kubernetes:west list networkpolicies 7': but(['deleteLeftover west']),
  'azureDevOps getParallelJobs': all,
  'azureDevOps isRunOver': all,
  // Of the licence group's other pool: how many parallel jobs it wants is guessed.
  'azureDevOps listAgents 8': all,
  'azureDevOps listJobRequests 8': all,
  'kubernetes:east list jobs 8': all,
  'kubernetes:east list pods 8': all,
  'kubernetes:west list jobs 8': all,
  'kubernetes:west list pods 8': all,
  'kubernetes:east get configmaps 8': all,
  'kubernetes:west get configmaps 8': all,
};

/** "kubernetes:east list jobs 7": the door, the verb, and the pool where the call tells one. */
function keyOf({ door, verb, target }: Pick<Call, 'door' | 'verb' | 'target'>): string {
  const poolId = /pool-id=(\d+)|mayfly-pool-(\d+)|^(\d)$/.exec(target)?.slice(1).find(Boolean);
  return [door, verb, poolId, target.includes('status.phase') ? 'over' : ''].filter(Boolean).join(' ');
}

async function pass({ worlds, deps }: EventfulPool): Promise<PassReport> {
  const intent = { cause: 'sweep', correlationId: 'c-1', deadlineAt: worlds.clock.now() + 600_000 };
  return worlds.until(reconcilePool(deps, intent));
}

/** What it set out to do; each action has its outcome. */
function done({ plan, outcomes }: PassReport): readonly string[] {
  expect(outcomes).toHaveLength(plan.actions.length);
  return plan.actions.map(told).toSorted();
}

interface ObserveCall {
  readonly key: string;
  readonly index: number;
}

/** The calls of a look that finds all, in their order. */
async function callsOfALook(): Promise<readonly ObserveCall[]> {
  const { worlds, deps } = await anEventfulPool();
  await worlds.until(lookAtAll(deps, { leftovers: true }));
  return worlds.journal.calls.map((call, index) => ({ key: keyOf(call), index }));
}

const observeCalls = await callsOfALook();

describe('a pass that can read all', () => {
  it('has every kind of action to take', async () => {
    const report = await pass(await anEventfulPool());
    expect(done(report)).toEqual(all.toSorted());
    // A new kind has to be among those that the table is about. Images that are rebuilt have tests of their own.
    const kinds: Readonly<Record<Exclude<ActionKind, 'noteImage'>, true>> = {
      createPlaceholder: true,
      repairPlaceholder: true,
      deletePlaceholder: true,
      create: true,
      noteAgent: true,
      disable: true,
      retire: true,
      rollBack: true,
      noteLost: true,
      rerun: true,
      endOverAge: true,
      tellRun: true,
      cancelRun: true,
      deleteLeftover: true,
      bury: true,
      deleteGhost: true,
      noteControl: true,
    };
    expect(new Set(report.plan.actions.map(({ kind }) => kind))).toEqual(new Set(Object.keys(kinds)));
  });

  it('reads nothing that has no row here, and all that has one', () => {
    expect([...new Set(observeCalls.map(({ key }) => key))].toSorted()).toEqual(Object.keys(wanted).toSorted());
  });
});

describe.each(observeCalls)('a pass whose call $index, $key, fails', ({ key, index }) => {
  it.each(failures)('as $kind, does what it can do without', async ({ fault }) => {
    const pool = await anEventfulPool();
    let calls = 0;
    pool.worlds.faults.add(fault, () => calls++ === index);
    const report = await pass(pool);
    const want = wanted[key] ?? ['nothing is known of this read'];
    expect(done(report)).toEqual(want.toSorted());
    // Nothing planned must mean nothing written.
    expect(pool.worlds.calls().some(isWrite)).toBe(want.length > 0);
  });
});

describe('a pause', () => {
  it.each(failures)('goes on while the control maps are $kind', async ({ fault }) => {
    const pool = await anEventfulPool();
    for (const cluster of clusters) pool.worlds.setControl({ paused: 'true' }, cluster);
    await pool.worlds.until(lookAtAll(pool.deps, { leftovers: true }));
    pool.worlds.faults.add(fault, ({ verb }) => verb === 'get configmaps', Number.POSITIVE_INFINITY);
    const { plan } = await pass(pool);
    expect(plan.actions.filter(({ kind }) => kind === 'create')).toEqual([]);
    expect(plan.alarms.map(({ reason }) => reason)).toContain('controlUnknown');
  });
});
