/**
 * From a hook to an agent job: pipeline jobs one at a time, through real HTTP and AMQP against the stand-ins, all in
 * this one process. The last line is the result as JSON.
 * Usage: node test/bench/spawn.ts [--count 100]
 */
import { parseArgs } from 'node:util';
import pc from 'picocolors';
import { complain, leave } from '../../infra/cli/localCommand.ts';
import type { JsonObject } from '../../shared/domain/json.ts';
import { bareRoundTrips } from './bare.ts';
import { type Bench, controlPlane, startBench } from './benchSystem.ts';
import { mean, median, quantile, round, table } from './figures.ts';
import { keyCosts } from './keys.ts';
import { type Leg, runSingle, type Single, takeTurn } from './single.ts';

// A package below azure-devops-node-api uses url.parse().
process.noDeprecation = true;
const { values } = parseArgs({
  options: { count: { type: 'string', default: '100' }, verbose: { type: 'boolean', default: false } },
});
const count = Number(values.count);

/** Before the first measured one: modules are loaded, connections opened, code compiled. */
const warmUps = 3;
/** Singles whose calls are held up, so that calls under way at the same time overlap for certain. */
const stretched = 5;
const stretchMs = 25;

async function singles(bench: Bench, number: number, before: () => Promise<void>): Promise<readonly Single[]> {
  const measured: Single[] = [];
  while (measured.length < number) {
    await takeTurn(bench, before);
    const single = await runSingle(bench);
    measured.push(single);
    if (values.verbose) console.log(single.toCreated.elapsedMs.toFixed(1), single.calls.join(', '));
  }
  return measured;
}

async function roundTrips(bench: Bench): Promise<readonly Single[]> {
  const lift = bench.faults.add(
    { kind: 'slow', ms: stretchMs },
    ({ caller }) => controlPlane.includes(caller),
    Number.POSITIVE_INFINITY,
  );
  const measured = await singles(bench, stretched, async () => {});
  lift();
  return measured;
}

interface Measured {
  readonly measured: readonly Single[];
  readonly slowed: readonly Single[];
  readonly bare: readonly number[];
}

async function measure(bench: Bench): Promise<Measured> {
  const bare: number[] = [];
  let job: JsonObject | undefined;
  bench.system.cluster.onEvent((event) => {
    if (event.kind === 'jobCreated') job = event.object;
  });
  await singles(bench, warmUps, async () => {});
  const goBare = async (): Promise<void> => {
    if (job !== undefined) bare.push(await bareRoundTrips(bench, job));
  };
  for (let warm = 0; warm < warmUps; warm++) await goBare();
  bare.length = 0;
  return { measured: await singles(bench, count, goBare), bare, slowed: await roundTrips(bench) };
}

const spread = (values: readonly number[]): readonly number[] => [median(values), quantile(values, 0.95)];
const most = (values: readonly number[]): number => Math.max(...values);

const own = ({ elapsedMs, doorsMs }: Leg): number => elapsedMs - doorsMs;
const beyondCalls = ({ elapsedMs, callsMs }: Leg): number => elapsedMs - callsMs;

function report({ measured, bare, slowed }: Measured, keyMs: number): void {
  const each = (figure: (single: Single) => number): readonly number[] => spread(measured.map(figure));
  const created = each(({ toCreated }) => toCreated.elapsedMs);
  const started = each(({ toStarted }) => toStarted.elapsedMs);
  const ownCreated = each(({ toCreated }) => own(toCreated));
  const ownStarted = each(({ toStarted, keyWaitMs }) => own(toStarted) - keyWaitMs);
  const queueMeanMs = mean(measured.map(({ queueMs }) => queueMs));
  const keyWait = each(({ keyWaitMs }) => keyWaitMs);
  const bareMs = median(bare);
  const rows: readonly (readonly (string | number)[])[] = [
    ['ms', 'median', 'p95'],
    ['hook -> Job created', ...created],
    ['  own time', ...ownCreated],
    ['  own time without the sockets of its calls', ...each(({ toCreated }) => beyondCalls(toCreated))],
    ['hook -> Job started', ...started],
    ['  own time, without the key', ...ownStarted],
    ['  own time without sockets and key', ...each((one) => beyondCalls(one.toStarted) - one.keyWaitMs)],
    ['  waiting for the key', ...keyWait],
    ['message sent -> function called (mean)', queueMeanMs, ''],
    ['a 2048-bit key by itself', keyMs, ''],
    ['the same round trips, bare', ...spread(bare)],
  ];
  console.log(pc.bold(`${measured.length} singles`));
  console.log(table(rows));
  const trips = (leg: 'toCreated' | 'toStarted', side: 'azureDevOps' | 'kubernetes'): number =>
    most(slowed.map((single) => single[leg][side]));
  const jobTrips = { azureDevOps: trips('toCreated', 'azureDevOps'), kubernetes: trips('toCreated', 'kubernetes') };
  const allTrips = { azureDevOps: trips('toStarted', 'azureDevOps'), kubernetes: trips('toStarted', 'kubernetes') };
  console.log(
    `sequential round trips: ${JSON.stringify(jobTrips)} to the Job, ${JSON.stringify(allTrips)} to its start`,
  );
  const [createdMedianMs = Number.NaN, createdP95Ms = Number.NaN] = created;
  const [startedMedianMs = Number.NaN, startedP95Ms = Number.NaN] = started;
  console.log(
    JSON.stringify({
      count: measured.length,
      createdMedianMs: round(createdMedianMs),
      createdP95Ms: round(createdP95Ms),
      startedMedianMs: round(startedMedianMs),
      startedP95Ms: round(startedP95Ms),
      azureDevOpsRoundTrips: allTrips.azureDevOps,
      kubernetesRoundTrips: allTrips.kubernetes,
      ownCreatedMedianMs: round(ownCreated[0] ?? Number.NaN),
      ownMedianMs: round(ownStarted[0] ?? Number.NaN),
      queueMeanMs: round(queueMeanMs),
      keyMedianMs: round(keyMs),
      keyWaitMedianMs: round(keyWait[0] ?? Number.NaN),
      bareMedianMs: round(bareMs),
      ratio: round(createdMedianMs / bareMs),
      disturbed: measured.filter(({ passes }) => passes !== 1).length,
    }),
  );
}

const keys = await keyCosts(15);
const bench = await startBench(1000);
let code = 0;
try {
  report(await measure(bench), median(keys.map(({ elapsedMs }) => elapsedMs)));
} catch (error) {
  complain(error);
  code = 1;
}
await leave(code, () => bench.close());
