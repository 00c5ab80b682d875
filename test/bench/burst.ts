/**
 * Many requests at once, each an agent job with an agent that speaks to Azure DevOps over HTTP with a key of its own:
 * how fast they are made, and what keeps them from being made faster. Everything runs in this one process, so its
 * stand-ins and agents compete with the control plane for the machine. The last line is the result as JSON; 1 = a
 * request got no Job, more than one, or was not served.
 * Usage: node test/bench/burst.ts [--counts 100,500]
 */
import { availableParallelism } from 'node:os';
import { parseArgs } from 'node:util';
import pc from 'picocolors';
import { complain, leave } from '../../infra/cli/localCommand.ts';
import { startBench } from './benchSystem.ts';
import { type Burst, runBurst } from './burstRun.ts';
import { median, round, table } from './figures.ts';
import { keyCosts } from './keys.ts';

// A package below azure-devops-node-api uses url.parse().
process.noDeprecation = true;
const { values } = parseArgs({ options: { counts: { type: 'string', default: '100,500' } } });
const counts = values.counts.split(',').map(Number);
const cores = availableParallelism();
/** Of one burst, in ms. */
const limitMs = 150_000;
/** Creations that one pass may begin (design), and calls that each has to wait for. */
const passLimit = 50;

interface Verdict {
  readonly name: string;
  /** Of the time until the last Job was started. */
  readonly share: number;
}

/** How much of the time each of these accounts for. They overlap, all but the first. */
function verdicts(burst: Burst, keyCpuMs: number): readonly Verdict[] {
  const { startedMs, inPassesMs, mainThreadMs, creatingMs, keyWaitMs, callsMs, requests } = burst;
  return [
    { name: 'between passes', share: (startedMs - inPassesMs) / startedMs },
    { name: 'main thread busy', share: mainThreadMs / startedMs },
    { name: `keys, on all ${cores} cores`, share: (requests * keyCpuMs) / cores / startedMs },
    { name: 'creations waiting for keys', share: ((keyWaitMs / creatingMs) * inPassesMs) / startedMs },
    { name: 'creations in calls', share: ((callsMs / creatingMs) * inPassesMs) / startedMs },
  ];
}

const perMinute = (requests: number, ms: number): number => (requests / ms) * 60_000;
const percent = (share: number): string => `${Math.round(share * 100)} %`;

function tell(burst: Burst, keyCpuMs: number): void {
  const { requests, jobs, served, startedMs, servedMs, passes, cpuMs } = burst;
  const least = Math.ceil(requests / passLimit);
  console.log(pc.bold(`${requests} requests at once: ${jobs} Jobs, ${served} served`));
  console.log(
    table([
      [
        'last Job started after',
        `${(startedMs / 1000).toFixed(1)} s`,
        `${perMinute(requests, startedMs).toFixed(0)}/min`,
      ],
      [
        'last request served after',
        `${(servedMs / 1000).toFixed(1)} s`,
        `${perMinute(requests, servedMs).toFixed(0)}/min`,
      ],
      ['passes until then', `${passes}`, `at least ${least}`],
      ['CPU time', `${(cpuMs / 1000).toFixed(1)} s`, `${percent(cpuMs / cores / startedMs)} of ${cores} cores`],
      ...verdicts(burst, keyCpuMs).map(({ name, share }) => [name, percent(share), '']),
    ]),
  );
  const first = verdicts(burst, keyCpuMs).toSorted((a, b) => b.share - a.share)[0];
  console.log(`bounded most by: ${first?.name ?? ''}\n`);
}

function figures(burst: Burst, keyCpuMs: number): Readonly<Record<string, unknown>> {
  const { requests, jobs, served, startedMs, servedMs, passes } = burst;
  return {
    requests,
    jobs,
    served,
    startedMs,
    servedMs,
    startedPerMinute: round(perMinute(requests, startedMs)),
    servedPerMinute: round(perMinute(requests, servedMs)),
    passes,
    shares: Object.fromEntries(verdicts(burst, keyCpuMs).map(({ name, share }) => [name, round(share)])),
  };
}

async function measure(): Promise<number> {
  const keys = await keyCosts(15);
  const keyCpuMs = median(keys.map(({ cpuMs }) => cpuMs));
  const bench = await startBench(1000);
  close = () => bench.close();
  const bursts: Burst[] = [];
  for (const count of counts) {
    const burst = await runBurst(bench, count, limitMs);
    tell(burst, keyCpuMs);
    bursts.push(burst);
  }
  for (const failure of bench.system.agentFailures.slice(0, 3))
    console.log(pc.red(`an agent failed: ${String(failure)}`));
  for (const complaint of bench.complaints.slice(0, 3)) console.log(pc.yellow(complaint.slice(0, 300)));
  const sound = bursts.every(({ requests, jobs, served }) => jobs === requests && served === requests);
  const complaints = bench.complaints.length;
  const bursted = bursts.map((burst) => figures(burst, keyCpuMs));
  console.log(JSON.stringify({ agents: 'wire', cores, keyCpuMs: round(keyCpuMs), complaints, bursts: bursted }));
  return sound ? 0 : 1;
}

let close: () => Promise<void> = async () => {};
const code = await measure().catch((error: unknown) => {
  complain(error);
  return 1;
});
await leave(code, close);
