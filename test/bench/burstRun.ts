/** Many requests at once: what came of them, and where the time until the last Job was started went. Times in ms. */
import { type EventLoopUtilization, performance } from 'node:perf_hooks';
import { isClean } from '../../infra/local/start/leftOvers.ts';
import { type Bench, controlPlane, poolName } from './benchSystem.ts';
import { sum } from './figures.ts';
import type { Span } from './spans.ts';

export interface Burst {
  readonly requests: number;
  /** Jobs made, by their distinct names. */
  readonly jobs: number;
  /** Requests that an agent ran to their end. */
  readonly served: number;
  /** From the first request: to the last Job started, and to the last request served. */
  readonly startedMs: number;
  readonly servedMs: number;
  /** Until the last Job was started. */
  readonly passes: number;
  readonly inPassesMs: number;
  /** Of all cores, and how long the main thread was not idle. */
  readonly cpuMs: number;
  readonly mainThreadMs: number;
  /** Added up over all creations, of which up to ten are under way at once. */
  readonly creatingMs: number;
  readonly keyWaitMs: number;
  readonly callsMs: number;
}

interface Usage {
  readonly cpu: NodeJS.CpuUsage;
  readonly loop: EventLoopUtilization;
}

const usage = (): Usage => ({ cpu: process.cpuUsage(), loop: performance.eventLoopUtilization() });

/** What happens in the cluster from now on. */
function watchCluster({ system }: Bench, expected: number) {
  const seen = {
    jobs: new Set<string>(),
    started: new Set<string>(),
    lastStartAt: 0,
    usageAtStart: undefined as Usage | undefined,
  };
  const unsubscribe = system.cluster.onEvent((event) => {
    if (event.kind === 'jobCreated') seen.jobs.add(event.name);
    if (event.kind !== 'podCreated' || event.jobName === undefined || seen.started.has(event.jobName)) return;
    seen.started.add(event.jobName);
    seen.lastStartAt = event.at;
    if (seen.started.size === expected) seen.usageAtStart = usage();
  });
  return { seen, unsubscribe };
}

async function until(bench: Bench, limitMs: number, holds: () => boolean): Promise<boolean> {
  const deadline = performance.now() + limitMs;
  while (!holds() && performance.now() < deadline) await bench.system.clock.sleep(50);
  return holds();
}

/** Queues them all, waits until all have run or `limitMs` is over, then until nothing is left of them. */
export async function runBurst(bench: Bench, requests: number, limitMs: number): Promise<Burst> {
  const { system, journal } = bench;
  journal.clear();
  const { seen, unsubscribe } = watchCluster(bench, requests);
  const [before, beganAt] = [usage(), system.clock.now()];
  const ids = Array.from({ length: requests }, () => {
    const queued = system.queueJob(poolName, { demands: [], durationMs: 1000 });
    if (queued.kind !== 'queued') throw new Error(queued.message);
    return queued.requestId;
  });
  const entry = (id: number) => system.ledger.requests.get(id);
  await until(bench, limitMs, () => ids.every((id) => entry(id)?.finishedAt !== undefined));
  const { cpu, loop } = seen.usageAtStart ?? usage();
  const ended = ids.flatMap((id) => entry(id)?.finishedAt ?? []);
  const spans = journal.spans;
  await until(bench, limitMs, () => isClean(system.leftOvers()));
  unsubscribe();
  return {
    requests,
    jobs: seen.jobs.size,
    served: ids.filter((id) => entry(id)?.result === 'succeeded' && entry(id)?.ranBy !== undefined).length,
    startedMs: seen.lastStartAt - beganAt,
    servedMs: Math.max(...ended) - beganAt,
    ...passesUntil(bench, beganAt, seen.lastStartAt),
    cpuMs: (cpu.user + cpu.system - before.cpu.user - before.cpu.system) / 1000,
    mainThreadMs: loop.active - before.loop.active,
    ...creations(spans),
  };
}

function passesUntil({ system }: Bench, from: number, to: number): Pick<Burst, 'passes' | 'inPassesMs'> {
  const passes = (system.host?.invocations ?? []).filter(
    ({ functionName, startedAt }) => functionName === 'reconcilePool' && startedAt >= from && startedAt <= to,
  );
  const lasted = passes.map(({ startedAt, endedAt }) => Math.min(endedAt ?? to, to) - startedAt);
  return { passes: passes.length, inPassesMs: sum(lasted) };
}

const nameOf = ({ target }: Span): string => target.split('/').at(-1) ?? '';

/** The first call of each kind by name: later ones retire what these made. */
function firstOf(spans: readonly Span[], verb: string): ReadonlyMap<string, Span> {
  const found = new Map<string, Span>();
  for (const span of spans) {
    const counts = span.verb === verb && controlPlane.includes(span.caller) && !found.has(nameOf(span));
    if (counts) found.set(nameOf(span), span);
  }
  return found;
}

function creations(spans: readonly Span[]): Pick<Burst, 'creatingMs' | 'keyWaitMs' | 'callsMs'> {
  const posts = firstOf(spans, 'create jobs');
  const agents = firstOf(spans, 'addAgent');
  const secrets = firstOf(spans, 'create secrets');
  const starts = firstOf(spans, 'patch jobs');
  const complete = [...posts].flatMap(([name, post]) => {
    const [agent, secret, start] = [agents.get(name), secrets.get(name), starts.get(name)];
    return agent && secret && start ? [[post, agent, secret, start] as const] : [];
  });
  return {
    creatingMs: sum(complete.map(([post, , , start]) => start.to - post.from)),
    keyWaitMs: sum(complete.map(([post, agent]) => agent.from - post.to)),
    callsMs: sum(complete.flat().map(({ from, to }) => to - from)),
  };
}
