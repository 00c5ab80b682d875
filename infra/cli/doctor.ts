/**
 * npm run doctor -- --organisation contoso --pool 1             with the settings of this environment
 * npm run doctor -- --organisation contoso --pool 1 --local     against what `npm start` runs
 *
 * Exit codes: 0 = jit works, 1 = it does not, 2 = not known, or not recorded, or the command is wrong.
 */
import { hostname } from 'node:os';
import { Command, InvalidArgumentError } from 'commander';
import pc from 'picocolors';
import { configuredPoolParts } from '../../shared/app.ts';
import { ConfigError, UpstreamError } from '../../shared/domain/errors.ts';
import { type PoolParts, withVersions } from '../../shared/pools.ts';
import { probePool } from '../../shared/reconcile/probe.ts';
import type { ProbeReport, ProbeStep } from '../../shared/reconcile/probeReport.ts';
import { localSettings } from '../local/start/localSettings.ts';
import { portsFrom } from '../local/start/ports.ts';
import { wireListener } from './doctorListener.ts';
import { exitCodeOf, stepLine, verdictText } from './doctorText.ts';
import { portBaseOption, say } from './localCommand.ts';

const inconclusive = 2;

function wholeNumber(text: string): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('A whole number from 1 is needed.');
}

const options = new Command('doctor')
  .description('Tries in a pool whether agents can be registered just in time, and records the outcome.')
  .requiredOption('--organisation <name>', 'as in mayfly.yaml')
  .requiredOption('--pool <id>', 'the number of the agent pool, as in mayfly.yaml', wholeNumber)
  .option('--json', 'all that was found, for programs', false)
  .option('--local', 'with the settings of what `npm start` runs', false)
  .addOption(portBaseOption())
  // Commander's own 1 means "fails" here.
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : inconclusive))
  .parse()
  .opts<{ organisation: string; pool: number; json: boolean; local: boolean; portBase: number }>();

const tell = (text: string): void => {
  process.stderr.write(`${text}\n`);
};

// `doctor | head`: whoever reads no further has seen enough, but the agent must go all the same. The other commands end.
for (const stream of [process.stdout, process.stderr]) stream.removeAllListeners('error').on('error', () => undefined);

class Complaint extends Error {}

/** Ctrl-C ends the probe, which then still takes its agent away; a second one ends the process at once. */
function interruption(): AbortSignal {
  const interrupted = new AbortController();
  const onSignal = (): void => {
    if (interrupted.signal.aborted) process.exit(130);
    tell(pc.dim('Taking the agent away. Once more ends it at once and leaves that to the next run.'));
    interrupted.abort();
  };
  for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, onSignal);
  return interrupted.signal;
}

function policyOf({ policies }: PoolParts) {
  const { organisation, pool } = options;
  const found = policies.find((policy) => policy.organisation.name === organisation && policy.poolId === pool);
  if (found !== undefined) return found;
  const known = policies.map((policy) => `${policy.organisation.name} ${policy.poolId}`).join(', ');
  throw new Complaint(`mayfly.yaml has no pool ${pool} of ${organisation}; it has ${known || 'none'}.`);
}

async function examine(signal: AbortSignal): Promise<ProbeReport> {
  // The Entra SDK reads the address of the identity from the environment itself.
  if (options.local) Object.assign(process.env, localSettings(portsFrom(options.portBase)));
  const parts = await configuredPoolParts(process.env);
  const policy = await withVersions(parts, policyOf(parts));
  const onStep = (step: ProbeStep): void => say(stepLine(step, pc));
  return probePool({
    policy,
    pools: await parts.agentPools(policy.organisation.url),
    clusters: policy.clusters.map((name) => parts.cluster(name)),
    keys: await parts.keys(),
    nonces: parts.nonces,
    clock: parts.clock,
    connect: wireListener(hostname()),
    signal,
    ...(!options.json && { onStep }),
  });
}

function print(report: ProbeReport): void {
  if (options.json) say(JSON.stringify(report, undefined, 2));
  else say(verdictText(report, pc));
  if (report.leftBehind !== undefined) tell(pc.red(report.leftBehind));
}

/** In words a person can act on. What nobody foresaw keeps its stack, but not the values of an error of an SDK. */
function complain(error: unknown): void {
  const foreseen = error instanceof Complaint || error instanceof ConfigError || error instanceof UpstreamError;
  const text = error instanceof Error ? (foreseen ? error.message : (error.stack ?? error.name)) : 'no error';
  const hint =
    error instanceof ConfigError ? '\nThe settings come from the environment; --local takes those of `npm start`.' : '';
  tell(pc.red(`${text}${hint}`));
}

// A package below azure-devops-node-api uses url.parse(); nobody who reads this can do anything about it.
process.noDeprecation = true;
let code = inconclusive;
try {
  const report = await examine(interruption());
  print(report);
  code = exitCodeOf(report);
} catch (error) {
  complain(error);
}
// Kept connections would hold the process for as long as the servers keep them.
process.stdout.write('', () => process.exit(code));
