/**
 * npm run explain -- --pool 1 --request 1004                        why it waits, asked of what `npm start` runs
 * npm run explain -- --pool 1 --request 1004 --organisation contoso --url https://<app>.azurewebsites.net
 *
 * The key of a deployed function app is read from MAYFLY_FUNCTION_KEY: arguments can be seen by every process.
 */
import { Command, InvalidArgumentError } from 'commander';
import pc from 'picocolors';
import { organisationName } from '../local/start/localOrganisation.ts';
import { localSecrets } from '../local/start/localSettings.ts';
import { portsFrom } from '../local/start/ports.ts';
import { portBaseOption, say } from './localCommand.ts';

function wholeNumber(text: string): number {
  if (/^[1-9]\d{0,14}$/.test(text)) return Number(text);
  throw new InvalidArgumentError('A whole number from 1 is needed.');
}

function urlOf(text: string): string {
  const url = URL.parse(text);
  if (url?.protocol === 'https:' || url?.protocol === 'http:') return text.replace(/\/+$/, '');
  throw new InvalidArgumentError('An address is needed that begins with https://.');
}

const command = new Command('explain')
  .description('Tells why a job request waits, or who serves it.')
  .requiredOption('--pool <id>', 'the number of the agent pool', wholeNumber)
  .requiredOption('--request <id>', "the number of an entry of the pool's request list", wholeNumber)
  .option('--organisation <name>', 'as in mayfly.yaml', organisationName)
  .option('--url <url>', 'of a deployed function app; its key is read from MAYFLY_FUNCTION_KEY', urlOf)
  .option('--json', 'all of it, for programs', false)
  .addOption(portBaseOption())
  .parse();
const options = command.opts<{
  pool: number;
  request: number;
  organisation: string;
  url?: string;
  json: boolean;
  portBase: number;
}>();

/** Reading agents and clusters may take a while where an upstream is slow, in ms. */
const timeoutMs = 60_000;

class Complaint extends Error {}

function keyOf(): string {
  if (options.url === undefined) return localSecrets.hostKey;
  const key = process.env['MAYFLY_FUNCTION_KEY'];
  if (key !== undefined && key !== '') return key;
  throw new Complaint('Set MAYFLY_FUNCTION_KEY to a function or host key of that function app.');
}

async function ask(base: string, key: string): Promise<Response> {
  const { organisation, pool, request, json } = options;
  const path = `api/explain/${encodeURIComponent(organisation)}/${pool}/${request}?format=${json ? 'json' : 'text'}`;
  try {
    return await fetch(`${base}/${path}`, {
      headers: { 'x-functions-key': key },
      signal: AbortSignal.timeout(timeoutMs),
    });
  } catch (error) {
    if (error instanceof DOMException) throw new Complaint(`${base} did not answer within ${timeoutMs / 1000} s.`);
    const hint = options.url === undefined ? ' Begin with `npm start`, or name its --port-base.' : '';
    throw new Complaint(`Nothing answers at ${base}.${hint}`);
  }
}

/** The sentence of a refusal; an explanation is none, whatever its status. */
function refusalIn(body: string): string | undefined {
  try {
    const parsed: unknown = JSON.parse(body);
    const isRefusal = typeof parsed === 'object' && parsed !== null && 'error' in parsed;
    return isRefusal ? String(parsed.error) : undefined;
  } catch {
    return undefined;
  }
}

/** 0 = explained; 1 = the pool, the request or an answer could not be had. */
async function run(): Promise<number> {
  const base = options.url ?? `http://127.0.0.1:${portsFrom(options.portBase).functions}`;
  const answer = await ask(base, keyOf());
  const body = await answer.text();
  if (answer.status === 401 || answer.status === 403)
    throw new Complaint(`${base} refuses the key (${answer.status}).`);
  const refusal = refusalIn(body);
  if (refusal !== undefined) throw new Complaint(refusal);
  const isExplanation = body.startsWith(options.json ? '{' : 'Request ');
  if (!isExplanation)
    throw new Complaint(`${base} answered ${answer.status} without an explanation: no Mayfly, or an older one.`);
  say(options.json ? JSON.stringify(JSON.parse(body), undefined, 2) : body.trimEnd());
  return answer.ok ? 0 : 1;
}

try {
  process.exitCode = await run();
} catch (error) {
  if (!(error instanceof Complaint)) throw error;
  process.stderr.write(`${pc.red(error.message)}\n`);
  process.exitCode = 1;
}
