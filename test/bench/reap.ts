/**
 * From the end of a pipeline job to nothing left of its agent: one job at a time, with hooks, through real HTTP and AMQP
 * against the stand-ins, next to the bare deletions in the same run. The last line is the result as JSON.
 * Usage: node test/bench/reap.ts [--count 30]
 */
import { parseArgs } from 'node:util';
import pc from 'picocolors';
import { complain, leave } from '../../infra/cli/localCommand.ts';
import { namesIn } from '../../infra/local/start/localCluster.ts';
import { hookPath } from '../../infra/local/start/localSettings.ts';
import { type BareDeletes, bareDeletes } from './bareDeletes.ts';
import { type Bench, controlPlane, namespace, poolName, startBench } from './benchSystem.ts';
import { median, quantile, round, table } from './figures.ts';
import { takeTurn } from './single.ts';

// A package below azure-devops-node-api uses url.parse().
process.noDeprecation = true;
const { values } = parseArgs({
  options: { count: { type: 'string', default: '30' }, verbose: { type: 'boolean', default: false } },
});
const count = Number(values.count);

/** Before the first measured one: modules are loaded, connections opened, code compiled. */
const warmUps = 2;
/** Longer than a slot: hooks of one slot fold, and a real job's end falls into another one than its start. */
const durationMs = 2000;
const patienceMs = 60_000;

/** From the moment in which Azure DevOps called the job finished, in ms. */
interface Ending {
  readonly hookMs: number;
  /** Its agent had exited: no pod can be gone before. */
  readonly podEndedMs: number;
  readonly registrationMs: number;
  /** The last call of a control plane; what hangs on the Job is then the cluster's to collect. */
  readonly jobMs: number;
  /** Pod, Secret and Job. */
  readonly podMs: number;
}

interface Moments {
  finished?: number;
  podEnded?: number;
  deleted?: number;
  jobDeleted?: number;
}

/** Notes when things happen to the only agent job there is. */
function watch({ system }: Bench): { readonly moments: Moments; readonly stop: () => void } {
  const moments: Moments = {};
  const stops = [
    system.devOps.onEvent(({ kind }) => {
      if (kind === 'finished') moments.finished = performance.now();
      if (kind === 'agentDeleted') moments.deleted = performance.now();
    }),
    system.cluster.onEvent(({ kind }) => {
      if (kind === 'podEnded') moments.podEnded = performance.now();
      if (kind === 'jobDeleted') moments.jobDeleted = performance.now();
    }),
  ];
  const stop = (): void => {
    for (const each of stops) each();
  };
  return { moments, stop };
}

const isEmpty = ({ system: { cluster } }: Bench): boolean =>
  (['pods', 'jobs', 'secrets'] as const).every((resource) => namesIn(cluster, namespace, resource).length === 0);

async function until(bench: Bench, what: string, holds: () => boolean): Promise<number> {
  const deadline = performance.now() + patienceMs;
  while (!holds()) {
    if (performance.now() > deadline) throw new Error(`${what} did not come: ${bench.complaints.slice(-3).join('; ')}`);
    await bench.system.clock.sleep(1);
  }
  return performance.now();
}

async function runOne(bench: Bench): Promise<Ending> {
  bench.journal.clear();
  const { moments, stop } = watch(bench);
  const queued = bench.system.queueJob(poolName, { demands: [], durationMs });
  if (queued.kind !== 'queued') throw new Error(queued.message);
  await until(bench, 'the end of the job', () => moments.finished !== undefined);
  bench.sockets.clear();
  await until(bench, 'the end of the registration', () => moments.deleted !== undefined);
  const emptyAt = await until(bench, 'the end of the pod', () => isEmpty(bench));
  stop();
  const finished = moments.finished ?? Number.NaN;
  if (values.verbose) {
    const calls = bench.journal.spans.filter(({ from, caller }) => from >= finished && controlPlane.includes(caller));
    console.log(calls.map(({ verb, from }) => `${verb} ${(from - finished).toFixed(1)}`).join(', '));
  }
  const hookAt = bench.sockets.arrivals.find(({ url }) => url === hookPath)?.at ?? Number.NaN;
  return {
    hookMs: hookAt - finished,
    podEndedMs: (moments.podEnded ?? Number.NaN) - finished,
    registrationMs: (moments.deleted ?? Number.NaN) - finished,
    jobMs: (moments.jobDeleted ?? Number.NaN) - finished,
    podMs: emptyAt - finished,
  };
}

interface Measured {
  readonly endings: readonly Ending[];
  readonly bare: readonly BareDeletes[];
}

async function measure(bench: Bench): Promise<Measured> {
  const endings: Ending[] = [];
  const bare: BareDeletes[] = [];
  for (let index = -warmUps; index < count; index++) {
    await bench.quiet();
    const deletes = await bareDeletes(bench);
    if (index >= 0) bare.push(deletes);
    await takeTurn(bench, async () => {});
    const ending = await runOne(bench);
    if (index >= 0) endings.push(ending);
  }
  return { endings, bare };
}

const spread = (all: readonly number[]): readonly [number, number] => [median(all), quantile(all, 0.95)];

function report({ endings, bare }: Measured): void {
  const hook = spread(endings.map(({ hookMs }) => hookMs));
  const podEnded = spread(endings.map(({ podEndedMs }) => podEndedMs));
  const registration = spread(endings.map(({ registrationMs }) => registrationMs));
  const jobGone = spread(endings.map(({ jobMs }) => jobMs));
  const pod = spread(endings.map(({ podMs }) => podMs));
  const bareAgent = spread(bare.map(({ agentMs }) => agentMs));
  const bareSafe = spread(bare.map(({ safeMs }) => safeMs));
  const bareAll = spread(bare.map(({ allMs }) => allMs));
  const bareGone = spread(bare.map(({ goneMs }) => goneMs));
  console.log(pc.bold(`${endings.length} finished jobs`));
  console.log(
    table([
      ['ms', 'median', 'p95'],
      ['finished -> hook arrived', ...hook],
      ['finished -> registration gone', ...registration],
      ['  a DELETE of an agent, bare', ...bareAgent],
      ['  look, mark, disable, ask and DELETE, bare', ...bareSafe],
      ['finished -> pod ended by itself', ...podEnded],
      ['finished -> Job deleted', ...jobGone],
      ['  DELETE of agent, Secret and Job, bare', ...bareAll],
      ['finished -> pod gone', ...pod],
      ['  the same, until the pod was collected', ...bareGone],
    ]),
  );
  console.log(
    JSON.stringify({
      count: endings.length,
      registrationMedianMs: round(registration[0]),
      registrationP95Ms: round(registration[1]),
      podMedianMs: round(pod[0]),
      podP95Ms: round(pod[1]),
      podEndedMedianMs: round(podEnded[0]),
      bareAgentMedianMs: round(bareAgent[0]),
      jobMedianMs: round(jobGone[0]),
      jobP95Ms: round(jobGone[1]),
      bareAllMedianMs: round(bareAll[0]),
      bareGoneMedianMs: round(bareGone[0]),
      bareSafeMedianMs: round(bareSafe[0]),
      ratio: round(registration[0] / bareAgent[0]),
      safeRatio: round(registration[0] / bareSafe[0]),
      jobRatio: round(jobGone[0] / bareAll[0]),
      podRatio: round(pod[0] / bareGone[0]),
    }),
  );
}

const bench = await startBench(1000);
let code = 0;
try {
  report(await measure(bench));
} catch (error) {
  complain(error);
  code = 1;
}
await leave(code, () => bench.close());
