/** Control planes that tell runs and clusters what becomes of agents, and what these have heard, in a few words. */
import { inProcessPipelineRuns } from '../../infra/local/azureDevOps/inProcessRuns.ts';
import type { JobSpec } from '../../infra/local/azureDevOps/records.ts';
import type { JsonObject } from '../../shared/domain/json.ts';
import type { CreateAction } from '../../shared/plan/plan.ts';
import { createAgentJob } from '../../shared/reconcile/createAgentJob.ts';
import { type PassReport, reconcilePool } from '../../shared/reconcile/reconcilePool.ts';
import { nameFor, policy, template } from './builders.ts';
import { namespace, outcomeLine, type Plane, type PlaneOptions, type Worlds } from './pass.ts';

const { poolId } = policy;

/** With the runs of pipelines at hand, and all that a process remembers. */
export function tellingPlane(worlds: Worlds, options: PlaneOptions = {}): Plane {
  const { deps, mortal } = worlds.plane(options);
  const { name: caller = 'plane', latencyMs = 0 } = options;
  const { ado, clock, random, journal, faults } = worlds;
  const halfMs = (): number => (typeof latencyMs === 'number' ? latencyMs : latencyMs()) / 2;
  const runs = inProcessPipelineRuns(ado, {
    caller,
    clock,
    random,
    journal,
    faults,
    latencyMs: () => ({ before: halfMs(), after: halfMs() }),
  });
  const memory = { ...deps.memory, told: new Set<string>(), leftoversAskedAt: new Map<string, number>() };
  return { mortal, deps: { ...deps, runs: mortal.through(runs), memory } };
}

export interface QueuedRequest {
  readonly requestId: number;
  readonly runId: number;
  readonly jobId: string;
  readonly projectId: string;
}

export function queueIn(worlds: Worlds, spec: Omit<JobSpec, 'poolId'> = {}): QueuedRequest {
  const queued = worlds.ado.queueJob({ poolId, durationMs: 36_000_000, ...spec });
  if (queued.kind === 'refused') throw new Error(queued.message);
  return { ...queued, projectId: worlds.ado.getRun(queued.runId)?.project.id ?? '' };
}

/** What creates the first agent job for a request. */
export const creationFor = (requestId: number): CreateAction => ({
  kind: 'create',
  name: nameFor(requestId),
  cluster: 'primary',
  template,
  parameters: {},
  registration: 'jit',
  purpose: { kind: 'request', requestId, attempt: 1 },
});

/** An agent that has taken this job; nothing is in the journal. */
export async function aBusyAgent(worlds: Worlds, spec: Omit<JobSpec, 'poolId'> = {}): Promise<QueuedRequest> {
  const queued = queueIn(worlds, spec);
  await worlds.until(createAgentJob(worlds.plane({ name: 'creator' }).deps, creationFor(queued.requestId)));
  await worlds.clock.advance(10_000);
  worlds.journal.clear();
  return queued;
}

/** The pod of the first agent job for a request. */
export function podFor(worlds: Worlds, requestId: number): string {
  const pod = worlds.podNames().find((name) => name.startsWith(nameFor(requestId)));
  if (pod === undefined) throw new RangeError(`no pod for ${requestId}`);
  return pod;
}

export async function pass(worlds: Worlds, { deps }: Plane): Promise<PassReport> {
  const intent = { cause: 'sweep', correlationId: 'c-1', deadlineAt: worlds.clock.now() + 60_000 };
  return worlds.until(reconcilePool(deps, intent));
}

/** "noteLost done: request 1001", of one pass. */
export const outcomesOf = async (worlds: Worlds, plane: Plane): Promise<readonly string[]> =>
  (await pass(worlds, plane)).outcomes.map((each) => `${each.action} ${outcomeLine(each)}`);

/** A pass every five seconds for so long, or until it holds; how long that was, and each outcome but that of waiting. */
export async function sweeps(
  worlds: Worlds,
  plane: Plane,
  forMs: number,
  holds: () => boolean = () => false,
): Promise<{ readonly ms: number; readonly outcomes: readonly string[] }> {
  const from = worlds.clock.now();
  const outcomes: string[] = [];
  while (!holds() && worlds.clock.now() - from < forMs) {
    const done = await outcomesOf(worlds, plane);
    outcomes.push(...done.filter((line) => !line.includes(' waiting')));
    if (!holds()) await worlds.clock.advance(5000);
  }
  return { ms: worlds.clock.now() - from, outcomes };
}

/** "LostMidJob x1: agent 1001-1 was gone while it ran request 1001", the first in time first. */
export function eventsIn(worlds: Worlds, cluster?: string): readonly string[] {
  const { items } = worlds.world(cluster).list('events', namespace).body;
  return (items as readonly JsonObject[])
    .filter((event) => event['reportingComponent'] === 'mayfly')
    .map(({ reason, count, message }) => shortened(worlds, `${told(reason)} x${told(count)}: ${told(message)}`));
}

const told = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value));

const shortened = (worlds: Worlds, text: string): string =>
  text.replaceAll(/mf-\S+?(?=[:;,\s]|$)/g, (name) => worlds.short(name));

export const tagsOf = (worlds: Worlds, { runId }: Pick<QueuedRequest, 'runId'>): readonly string[] =>
  worlds.ado.runs.tags(runId);

/** How often a call reached the world, whatever became of its answer. */
export const timesDone = (worlds: Worlds, verb: string): number =>
  worlds.journal.calls.filter((call) => call.verb === verb && ['ok', 'lostAfter'].includes(call.outcome)).length;
