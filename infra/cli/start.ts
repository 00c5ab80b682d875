/**
 * npm start                    builds, starts everything, plays 25 pipeline jobs and stays up to be played with
 * npm start -- --once          ends after the 25; 0 = all ran and nothing is left behind
 * npm start -- --port-base N   other ports
 */
import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { Command } from 'commander';
import pc from 'picocolors';
import { playDemo } from '../local/start/demo.ts';
import { describeLeftOvers, isClean } from '../local/start/leftOvers.ts';
import { type LocalSystem, repositoryRoot, startLocalSystem } from '../local/start/localSystem.ts';
import { claimPorts, portsFrom } from '../local/start/ports.ts';
import { summaryRows, summaryTable } from '../local/start/summary.ts';
import { complain, interruption, leave, portBaseOption, say } from './localCommand.ts';
import { hints, tellStory } from './story.ts';

const { once, portBase } = new Command('start')
  .description('Runs Mayfly on this machine, with all that surrounds it, and plays a demonstration.')
  .option('--once', 'end after the demonstration; 0 = every job ran and nothing is left', false)
  .addOption(portBaseOption())
  .parse()
  .opts<{ once: boolean; portBase: number }>();

/** For the demonstration as a whole, in ms. It takes some 30 s. */
const timeLimitMs = 150_000;
/** Between two looks at whether something has come true, in ms. */
const lookMs = 100;

async function build(): Promise<void> {
  const { stdout } = await promisify(execFile)(process.execPath, ['infra/build.ts'], { cwd: repositoryRoot });
  say(pc.dim(stdout.trim()));
}

/** Of one kind of line; the fourth of them tells nothing new. */
const linesPerEvent = 3;
const toldEvents = new Map<string, number>();

/** Problems of the functions as they log them; what they log at information is the story told twice. */
function onLog(functionName: string, level: string, text: string): void {
  if (level !== 'warning' && level !== 'error' && level !== 'critical') return;
  const [event = ''] = text.split(' ', 1);
  const told = (toldEvents.get(event) ?? 0) + 1;
  toldEvents.set(event, told);
  if (told > linesPerEvent) return;
  const paint = level === 'warning' ? pc.yellow : pc.red;
  process.stderr.write(paint(`${functionName}: ${text.slice(0, 400)}\n`));
}

async function until(holds: () => boolean, system: LocalSystem, signal: AbortSignal): Promise<void> {
  while (!holds()) await system.clock.sleep(lookMs, signal);
}

/** Whether every template of every pool has its placeholder. */
function hasPlaceholders(system: LocalSystem): boolean {
  const wanted = system.pools.reduce((sum, { templates }) => sum + templates.length, 0);
  return system.leftOvers().placeholders.length >= wanted;
}

/** Plays it and tells what came of it; the reasons why it is not as it should be, none = all is well. */
async function demonstrate(system: LocalSystem, signal: AbortSignal): Promise<readonly string[]> {
  await system.sweep();
  await until(() => hasPlaceholders(system), system, signal);
  const beganAt = system.clock.now();
  const hooks = { rung: 0 };
  const uncount = system.onHook(() => {
    hooks.rung += 1;
  });
  const { requestIds, refused } = await playDemo(system, system.clock, signal);
  // Requests that a person queued meanwhile are not ours to wait for.
  const open = (): boolean => requestIds.some((id) => system.ledger.requests.get(id)?.finishedAt === undefined);
  await until(() => !open() && isClean(system.leftOvers()), system, signal).catch(() => undefined);
  uncount();
  tellSummary(system, requestIds, `${((system.clock.now() - beganAt) / 1000).toFixed(1)} s, ${hooks.rung} hooks`);
  return [...refused.map((message) => `refused: ${message}`), ...problemsOf(system, requestIds)];
}

function tellSummary(system: LocalSystem, requestIds: readonly number[], figures: string): void {
  say();
  say(pc.dim('Seconds from queued to ..., median / longest'));
  say(summaryTable(summaryRows(system.ledger, requestIds)));
  const left = system.leftOvers();
  const rest = isClean(left)
    ? `nothing left but ${left.placeholders.length} placeholders`
    : `still there: ${describeLeftOvers(left)}`;
  say();
  say(`${figures}; ${rest}.`);
}

function problemsOf(system: LocalSystem, requestIds: readonly number[]): readonly string[] {
  const bad = requestIds.filter((id) => system.ledger.requests.get(id)?.result !== 'succeeded');
  const resultOf = (id: number): string => system.ledger.requests.get(id)?.result ?? 'not finished';
  const unrun = [...Map.groupBy(bad, resultOf)].map(([result, ids]) => `${result}: ${ids.join(', ')}`);
  const left = system.leftOvers();
  const failures = system.agentFailures.map((error) => `an agent failed: ${String(error)}`);
  return [...unrun, ...failures, ...(isClean(left) ? [] : [`left behind: ${describeLeftOvers(left)}`])];
}

function introduce({ ports }: LocalSystem): void {
  const { functions, azureDevOps, kubernetes, serviceBus, managedIdentity, keyVault } = ports;
  const doors = `Azure DevOps :${azureDevOps}, Kubernetes :${kubernetes}, Service Bus :${serviceBus}`;
  say(`${doors}, identity :${managedIdentity}, Key Vault :${keyVault}; the functions :${functions}.`);
  say(
    `${pc.bold('25 pipeline jobs')} over two pools in three waves, and one that is cancelled. Each gets an agent of its own.`,
  );
  say();
}

async function run(system: LocalSystem, interrupted: AbortSignal): Promise<number> {
  introduce(system);
  const stopStory = tellStory(system);
  interrupted.addEventListener('abort', stopStory, { once: true });
  const limit = AbortSignal.any([interrupted, AbortSignal.timeout(timeLimitMs)]);
  const problems = await demonstrate(system, limit).catch((error: unknown) => {
    if (!limit.aborted) throw error;
    return [`not over after ${timeLimitMs / 1000} s`];
  });
  if (interrupted.aborted) return once ? 130 : 0;
  if (once) {
    stopStory();
    for (const problem of problems) say(pc.red(problem));
    return problems.length === 0 ? 0 : 1;
  }
  say();
  say(`${pc.bold('It stays up.')} Ctrl-C ends it. Meanwhile:`);
  say(hints(system, portBase));
  say();
  await new Promise((resolve) => interrupted.addEventListener('abort', resolve, { once: true }));
  return 0;
}

// A package below azure-devops-node-api uses url.parse(); nobody who reads this can do anything about it.
process.noDeprecation = true;
const interrupted = interruption();
try {
  await claimPorts(portsFrom(portBase));
  await build();
  const system = await startLocalSystem({ portBase, host: true, onLog });
  const code = await run(system, interrupted).catch((error: unknown) => {
    complain(error);
    return 1;
  });
  await leave(code, () => system.close());
} catch (error) {
  complain(error);
  process.exit(1);
}
