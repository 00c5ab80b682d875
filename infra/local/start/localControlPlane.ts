/** The built control plane in the small Functions host. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isJsonObject } from '../../../shared/domain/json.ts';
import { type FunctionsHost, startFunctionsHost } from '../functionsHost/functionsHost.ts';
import type { LogSink } from '../functionsHost/invocations.ts';
import { localSecrets } from './localSettings.ts';

const root = new URL('../../../', import.meta.url);

export interface ControlPlaneOptions {
  /** Default: what `npm run build` built. */
  readonly main?: string;
  readonly settings: Readonly<Record<string, string>>;
  readonly port: number;
  readonly onLog?: LogSink;
}

/** Rejects when nothing was built, naming the command. */
export async function startControlPlane(options: ControlPlaneOptions): Promise<FunctionsHost> {
  const { main = fileURLToPath(new URL('dist/functions/main.js', root)), settings, port, onLog = () => {} } = options;
  if (!existsSync(main)) throw new Error(`There is no ${main}: run \`npm run build\` first.`);
  const hostJson: unknown = JSON.parse(readFileSync(new URL('host.json', root), 'utf8'));
  if (!isJsonObject(hostJson)) throw new Error('host.json is no object.');
  // The host of Core Tools sets the folder of the app, too; mayfly.yaml is found there.
  const inFolder = { AzureWebJobsScriptRoot: fileURLToPath(root), ...settings };
  return startFunctionsHost({ main, port, settings: inFolder, hostJson, onLog, keys: { host: localSecrets.hostKey } });
}
