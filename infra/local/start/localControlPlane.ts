/** The built control plane in the small Functions host. */
import { existsSync, readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { isJsonObject } from '../../../shared/domain/json.ts';
import { type FunctionsHost, startFunctionsHost } from '../functionsHost/functionsHost.ts';
import type { LogSink } from '../functionsHost/invocations.ts';

const root = new URL('../../../', import.meta.url);

/** Rejects when nothing was built, naming the command. */
export async function startControlPlane(
  settings: Readonly<Record<string, string>>,
  port: number,
  onLog: LogSink = () => {},
): Promise<FunctionsHost> {
  const main = fileURLToPath(new URL('dist/functions/main.js', root));
  if (!existsSync(main)) throw new Error('There is no dist/functions/main.js: run `npm run build` first.');
  const hostJson: unknown = JSON.parse(readFileSync(new URL('host.json', root), 'utf8'));
  if (!isJsonObject(hostJson)) throw new Error('host.json is no object.');
  return startFunctionsHost({
    main,
    port,
    settings: { AzureWebJobsScriptRoot: fileURLToPath(root), ...settings },
    hostJson,
    onLog,
  });
}
