/**
 * A pool over two clusters in which one pass has every kind of action to take, each once a cluster where it is about one.
 * Made by real creations, agents and jobs as far as these lead there; the rest is what some control plane left.
 */
import type { AgentJobPurpose } from '../../shared/domain/agentJob.ts';
import { absentKey } from '../../shared/domain/control.ts';
import { minutesMs, secondsMs } from '../../shared/domain/instant.ts';
import { agentJobName, formatInstant, placeholderName, templateShort } from '../../shared/domain/names.ts';
import { placeholderCapabilities } from '../../shared/domain/offer.ts';
import type { PoolPolicy, Template } from '../../shared/domain/template.ts';
import { agentJobLabels, buildAgentJobManifest } from '../../shared/plan/manifest.ts';
import type { Action } from '../../shared/plan/plan.ts';
import { scopeOf } from '../../shared/plan/view.ts';
import { createAgentJob } from '../../shared/reconcile/createAgentJob.ts';
import type { ReconcileDeps } from '../../shared/reconcile/deps.ts';
import { lostPatch, startPatch } from '../../shared/reconcile/patches.ts';
import { namespace, Worlds } from './pass.ts';
import { aPoolPolicy, aTemplate } from './policyBuilders.ts';

export const clusters = ['east', 'west'] as const;
type ClusterName = (typeof clusters)[number];

const plain = aTemplate();
const large = aTemplate({ name: 'large', capabilities: { size: 'large' } });
const fresh = aTemplate({ name: 'fresh', capabilities: { fresh: '1' } });
const [gone, leaving] = ['gone', 'leaving'].map((name) => aTemplate({ name, capabilities: { [name]: '1' } })) as [
  Template,
  Template,
];

export const policy: PoolPolicy = aPoolPolicy({
  clusters,
  templates: [plain, large, fresh],
  maxJobAge: { ms: minutesMs(30), ends: true },
  runs: { tellAfterMs: minutesMs(2), cancelAfterMs: minutesMs(5), rerunLost: true },
});
const { poolId } = policy;
const otherPool: PoolPolicy = { ...policy, poolId: 8, poolName: 'other', maxAgents: 500 };

/** What becomes of an agent job. Each has the number of its request: that of its place here, times ten. */
const roles = [
  'overAge',
  'stuck',
  'undone',
  'rerun',
  'lost',
  'busy',
  'finished',
  'surplus',
  'unnoted',
  'stranded',
] as const;
type Role = (typeof roles)[number];

const purposeOf = (role: Role, cluster: ClusterName): AgentJobPurpose => ({
  kind: 'request',
  requestId: (roles.indexOf(role) + 1) * 10 + clusters.indexOf(cluster),
  attempt: 1,
});
const nameOf = (role: Role, cluster: ClusterName): string =>
  agentJobName(scopeOf(policy), purposeOf(role, cluster), plain.name);

const labelsByName: ReadonlyMap<string, string> = new Map([
  ...roles.flatMap((role) => clusters.map((cluster) => [nameOf(role, cluster), `${role} ${cluster}`] as const)),
  ...[plain, large, fresh, gone, leaving].map(
    ({ name }) => [placeholderName(scopeOf(policy), name), `placeholder ${name}`] as const,
  ),
]);

/** "retire surplus east": what is done, to what, and where. */
export function told(action: Action): string {
  if (action.kind === 'create') {
    const { purpose, cluster } = action;
    return `create ${purpose.kind === 'request' ? purpose.requestId : 'warm'} ${cluster}`;
  }
  if (action.kind === 'deleteLeftover') return `deleteLeftover ${action.cluster}`;
  if (action.kind === 'noteControl') return `noteControl ${Object.keys(action.changes).length}`;
  if (action.kind === 'deleteGhost') return 'deleteGhost';
  const { name } = 'agentJob' in action ? action.agentJob : action;
  return `${action.kind} ${labelsByName.get(name) ?? name}`;
}

async function creation(
  worlds: Worlds,
  deps: ReconcileDeps,
  role: Role,
  cluster: ClusterName,
  registration: 'jit' | 'initConfig' = 'jit',
): Promise<void> {
  const [name, purpose] = [nameOf(role, cluster), purposeOf(role, cluster)];
  const action = { kind: 'create', name, cluster, template: plain, parameters: {}, purpose, registration } as const;
  const { kind, detail } = await worlds.until(createAgentJob({ ...deps, serverNow: () => worlds.ado.now() }, action));
  if (kind !== 'done') throw new Error(`${name}: ${kind} ${detail}`);
}

/** An agent that has taken a job of this length. */
async function working(worlds: Worlds, deps: ReconcileDeps, role: Role, cluster: ClusterName, durationMs: number) {
  await creation(worlds, deps, role, cluster);
  worlds.queueJob(durationMs);
  await worlds.clock.advance(secondsMs(15));
}

function leave(worlds: Worlds, role: Role, cluster: ClusterName): void {
  const createdAt = worlds.ado.now();
  const createBy = createdAt + policy.createByMs;
  const [name, purpose] = [nameOf(role, cluster), purposeOf(role, cluster)];
  const spec = { policy, template: plain, name, purpose, creator: 'somebody', createdAt, createBy, namespace };
  worlds.world(cluster).create('jobs', namespace, buildAgentJobManifest(spec));
}

function leaveSecret(worlds: Worlds, cluster: ClusterName): void {
  const purpose = { kind: 'request', requestId: 900 + clusters.indexOf(cluster), attempt: 1 } as const;
  const name = agentJobName(scopeOf(policy), purpose, plain.name);
  const marks = agentJobLabels({ policy, template: plain, purpose });
  worlds
    .world(cluster)
    .create('secrets', namespace, { apiVersion: 'v1', kind: 'Secret', metadata: { name, labels: marks } });
}

function registerOthers({ ado }: Worlds): void {
  for (const template of [large, gone, leaving]) {
    ado.addAgent(poolId, {
      name: placeholderName(scopeOf(policy), template.name),
      version: template.agentVersion ?? '',
      systemCapabilities: placeholderCapabilities(template),
    });
  }
  ado.updateAgent(poolId, ado.listAgents(poolId)[0]?.id ?? 0, { enabled: false });
  ado.addAgent(poolId, { name: 'mainframe', version: '5.278.0', systemCapabilities: { mainframe: '1' } });
  const ghost = agentJobName(scopeOf(policy), { kind: 'request', requestId: 800, attempt: 1 }, plain.name);
  ado.addAgent(poolId, { name: ghost, version: '5.278.0' });
}

function queue({ ado }: Worlds, ...demands: readonly string[]): number {
  const queued = ado.queueJob({ poolId, demands, durationMs: minutesMs(600) });
  if (queued.kind === 'refused') throw new Error(queued.message);
  return queued.requestId;
}

async function anHourAgo(worlds: Worlds, deps: ReconcileDeps): Promise<void> {
  registerOthers(worlds);
  queue(worlds, 'mainframe');
  for (const cluster of clusters) {
    leaveSecret(worlds, cluster);
    leave(worlds, 'stuck', cluster);
    leave(worlds, 'undone', cluster);
    worlds.movePhase(nameOf('undone', cluster), 'rolledBack', cluster);
    await working(worlds, deps, 'overAge', cluster, minutesMs(600));
    const agent = worlds.ado.listAgents(poolId, nameOf('overAge', cluster))[0];
    worlds.ado.updateAgent(poolId, agent?.id ?? 0, { enabled: false });
    worlds.setControl({ [absentKey(templateShort(gone.name))]: formatInstant(worlds.ado.now()) }, cluster);
  }
  await worlds.clock.advance(minutesMs(61));
}

/** A tombstone of somebody whose run has ended since, and may be run again; nobody has told that run. */
async function leaveLost(worlds: Worlds, cluster: ClusterName): Promise<void> {
  const name = nameOf('rerun', cluster);
  leave(worlds, 'rerun', cluster);
  const lost = {
    requestId: 999,
    jobId: 'j',
    at: worlds.ado.now(),
    projectId: 'p',
    runId: 1 + clusters.indexOf(cluster),
  };
  worlds.patchJob(name, lostPatch(await worlds.agentJob(name, cluster), lost), cluster);
  worlds.movePhase(name, 'tombstone', cluster);
}

/** Started, though its Secret is not there: its pod waits for it, and only Events tell. */
async function leaveStranded(worlds: Worlds, cluster: ClusterName): Promise<void> {
  leave(worlds, 'stranded', cluster);
  const agentJob = await worlds.agentJob(nameOf('stranded', cluster), cluster);
  worlds.patchJob(agentJob.name, startPatch(agentJob, undefined, worlds.ado.now()), cluster);
}

function endPodOf(worlds: Worlds, role: Role, cluster: ClusterName): void {
  const pod = worlds.podNames(cluster).find((name) => name.startsWith(nameOf(role, cluster)));
  worlds.world(cluster).delete('pods', namespace, pod ?? '', { gracePeriodSeconds: 0 });
}

export interface EventfulPool {
  readonly worlds: Worlds;
  /** Of a control plane that knows nothing yet; its calls are the only ones in the journal. */
  readonly deps: ReconcileDeps;
  /** The requests that wait for an agent which no pool has. */
  readonly waiting: readonly number[];
}

export async function anEventfulPool(): Promise<EventfulPool> {
  const worlds = new Worlds({ policy });
  worlds.ado.addPool({ id: otherPool.poolId, name: otherPool.poolName });
  const maker = worlds.plane({ name: 'maker' }).deps;
  await anHourAgo(worlds, maker);
  for (const cluster of clusters) {
    await leaveLost(worlds, cluster);
    await leaveStranded(worlds, cluster);
    await working(worlds, maker, 'lost', cluster, minutesMs(600));
    endPodOf(worlds, 'lost', cluster);
    await working(worlds, maker, 'busy', cluster, minutesMs(600));
    await working(worlds, maker, 'finished', cluster, secondsMs(5));
  }
  for (const cluster of clusters) await creation(worlds, maker, 'surplus', cluster);
  await worlds.clock.advance(secondsMs(70));
  for (const cluster of clusters) await creation(worlds, maker, 'unnoted', cluster, 'initConfig');
  await worlds.clock.advance(secondsMs(15));
  const waiting = Array.from({ length: 3 }, () => queue(worlds, 'size -equals large'));
  worlds.journal.clear();
  const { deps } = worlds.plane();
  const memory = () => ({
    quotas: new Map(),
    runs: new Map(),
    refusals: new Map(),
    told: new Set<string>(),
    leftoversAskedAt: new Map(),
  });
  const group = [{ ...deps, policy: otherPool, memory: memory() }];
  return { worlds, deps: { ...deps, memory: memory(), group }, waiting };
}
