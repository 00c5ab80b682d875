/**
 * npm run images                                                     how images stand in what `npm start` runs
 * npm run images -- --rebuild linux --url https://<app>.azurewebsites.net
 *
 * The key of a deployed function app is read from MAYFLY_FUNCTION_KEY: arguments can be seen by every process.
 */
import { Command } from 'commander';
import pc from 'picocolors';
import type { ImageStatus } from '../../shared/images.ts';
import { localSecrets } from '../local/start/localSettings.ts';
import { portsFrom } from '../local/start/ports.ts';
import { imageTable } from './imagesText.ts';
import { portBaseOption, say } from './localCommand.ts';

const command = new Command('images')
  .description('Tells how the images that are rebuilt stand, and asks for a build or a step back.')
  .option('--rebuild <image>', 'builds this image as soon as possible')
  .option('--rollback <image>', 'goes back to the last good one')
  .option('--url <url>', 'of a deployed function app; its key is read from MAYFLY_FUNCTION_KEY')
  .option('--json', 'all of it, for programs', false)
  .addOption(portBaseOption())
  .parse();
const options = command.opts<{
  rebuild?: string;
  rollback?: string;
  url?: string;
  json: boolean;
  portBase: number;
}>();

const timeoutMs = 60_000;

class Complaint extends Error {}

function keyOf(): string {
  if (options.url === undefined) return localSecrets.hostKey;
  const key = process.env['MAYFLY_FUNCTION_KEY'];
  if (key !== undefined && key !== '') return key;
  throw new Complaint('Set MAYFLY_FUNCTION_KEY to a function or host key of that function app.');
}

const base = options.url?.replace(/\/+$/, '') ?? `http://127.0.0.1:${portsFrom(options.portBase).functions}`;

async function call(method: 'GET' | 'POST', path: string): Promise<unknown> {
  const init = { method, headers: { 'x-functions-key': keyOf() }, signal: AbortSignal.timeout(timeoutMs) };
  const answer = await fetch(`${base}/api/${path}`, init).catch(() => undefined);
  const hint = options.url === undefined ? ' Begin with `npm start`, or name its --port-base.' : '';
  if (answer === undefined) throw new Complaint(`Nothing answers at ${base}.${hint}`);
  if (answer.status === 401 || answer.status === 403)
    throw new Complaint(`${base} refuses the key (${answer.status}).`);
  const body: unknown = await answer.json().catch(() => undefined);
  if (answer.ok) return body;
  const refusal = typeof body === 'object' && body !== null && 'error' in body ? String(body.error) : '';
  throw new Complaint(refusal || `${base} answered ${answer.status}: no Mayfly, or an older one.`);
}

function statesIn(body: unknown): readonly ImageStatus[] {
  if (typeof body === 'object' && body !== null && 'images' in body && Array.isArray(body.images)) return body.images;
  throw new Complaint(`${base} told no images: no Mayfly, or an older one.`);
}

async function run(): Promise<void> {
  const { rebuild, rollback } = options;
  if (rebuild !== undefined) await call('POST', `rebuild/${encodeURIComponent(rebuild)}`);
  if (rollback !== undefined) await call('POST', `rollback/${encodeURIComponent(rollback)}`);
  const states = statesIn(await call('GET', 'images'));
  if (options.json) say(JSON.stringify(states, undefined, 2));
  else say(states.length === 0 ? 'No images are configured.' : imageTable(states));
}

try {
  await run();
} catch (error) {
  if (!(error instanceof Complaint)) throw error;
  process.stderr.write(`${pc.red(error.message)}\n`);
  process.exitCode = 1;
}
