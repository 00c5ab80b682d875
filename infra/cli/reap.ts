/**
 * npm run reap -- --dry-run --organisation contoso --pool 1                              a pool of mayfly.yaml
 * npm run reap -- --dry-run --organisation contoso --pool 1 --local                      of what `npm start` runs
 * npm run reap -- --dry-run --organisation https://dev.azure.com/contoso --pool 12       any pool, without mayfly.yaml
 *
 * Exit codes: 0 = told, 1 = told, but a cluster could not be read, 2 = nothing could be told, or the command is wrong.
 */
import { Command, InvalidArgumentError } from 'commander';
import pc from 'picocolors';
import { ConfigError, UpstreamError } from '../../shared/domain/errors.ts';
import { minutesMs } from '../../shared/domain/instant.ts';
import type { ReapPreview } from '../../shared/plan/reap.ts';
import { localSettings } from '../local/start/localSettings.ts';
import { portsFrom } from '../local/start/ports.ts';
import { portBaseOption, say } from './localCommand.ts';
import { type AloneOptions, lookAlone } from './reapAlone.ts';
import { Complaint } from './reapComplaint.ts';
import { lookConfigured } from './reapConfigured.ts';
import { exitCodeOf, previewText } from './reapText.ts';

const nothingTold = 2;

function wholeNumber(text: string): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('A whole number from 1 is needed.');
}

const command = new Command('reap')
  .description('Tells what would be removed from a pool and why. The sweep removes; this command touches nothing.')
  .option('--dry-run', 'the only way there is', false)
  .requiredOption('--organisation <name or URL>', 'by name: as in mayfly.yaml; by URL: without any configuration')
  .requiredOption('--pool <id>', 'the number of the agent pool', wholeNumber)
  .option('--all', 'lists online agents and agent jobs that stay, too', false)
  .option('--json', 'all that was found, for programs', false)
  .option('--local', 'by name: with the settings of what `npm start` runs', false)
  .addOption(portBaseOption())
  .optionsGroup('With the URL of an organisation:')
  .option('--name <pattern>', 'agents that may be ghosts, such as "keda-*"; default: the names that Mayfly makes')
  .option('--grace <minutes>', 'how long one has to be offline', wholeNumber, 10)
  .option('--kubeconfig <file>', 'of the cluster that the agents run in')
  .option('--context <name>', 'in that file')
  .option('--namespace <name>', 'of the agents; default: mayfly-agents')
  // Commander's own 1 means "not all could be read" here.
  .exitOverride(({ exitCode }) => process.exit(exitCode === 0 ? 0 : nothingTold))
  .parse();
const options = command.opts<
  Omit<AloneOptions, 'graceMs'> & {
    readonly dryRun: boolean;
    readonly all: boolean;
    readonly json: boolean;
    readonly local: boolean;
    readonly portBase: number;
    readonly grace: number;
  }
>();

const tell = (text: string): void => {
  process.stderr.write(`${text}\n`);
};

/** One line that changes, where somebody watches; lines of their own in a log; nothing for programs. */
function progress(text: string): void {
  if (options.json) return;
  if (process.stderr.isTTY) process.stderr.write(`\r\u001B[K${pc.dim(text)}`);
  else tell(pc.dim(text));
}

const endProgress = (): void => {
  if (!options.json && process.stderr.isTTY) process.stderr.write('\r\u001B[K');
};

async function look(): Promise<ReapPreview> {
  if (!options.dryRun)
    throw new Complaint('Nothing is removed by hand: the sweep does that. With --dry-run this tells what it would do.');
  if (options.organisation.includes('://')) {
    if (URL.parse(options.organisation) === null) throw new Complaint(`${options.organisation} is no URL.`);
    return lookAlone({ ...options, graceMs: minutesMs(options.grace) }, process.env, progress);
  }
  // The Entra SDK reads the address of the identity from the environment itself.
  if (options.local) Object.assign(process.env, localSettings(portsFrom(options.portBase)));
  return lookConfigured(options, process.env, progress);
}

/** In words a person can act on. What nobody foresaw keeps its stack, but not the values of an error of an SDK. */
function complain(error: unknown): void {
  const foreseen = error instanceof Complaint || error instanceof ConfigError || error instanceof UpstreamError;
  const text = error instanceof Error ? (foreseen ? error.message : (error.stack ?? error.name)) : 'no error';
  const hint =
    error instanceof ConfigError
      ? '\nThe settings come from the environment; --local takes those of `npm start`, and a URL does without mayfly.yaml.'
      : '';
  tell(pc.red(`${text}${hint}`));
}

// A package below azure-devops-node-api uses url.parse(); nobody who reads this can do anything about it.
process.noDeprecation = true;
let code = nothingTold;
try {
  const preview = await look();
  endProgress();
  say(options.json ? JSON.stringify(preview, undefined, 2) : previewText(preview, pc, options.all));
  code = exitCodeOf(preview);
} catch (error) {
  endProgress();
  complain(error);
}
// Kept connections would hold the process for as long as the servers keep them.
process.stdout.write('', () => process.exit(code));
