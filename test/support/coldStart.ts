/** Loads built functions in fresh processes and tells what they read before their first invocation. */
import { execFile } from 'node:child_process';
import { resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import type { Metafile } from 'esbuild';

export const repository = fileURLToPath(new URL('../..', import.meta.url));
const child = fileURLToPath(new URL('./coldChild.ts', import.meta.url));

export interface ColdLoad {
  readonly ms: number;
  /** URLs of the files that were read. */
  readonly files: readonly string[];
  /** Names of the functions that were registered. */
  readonly functions: readonly string[];
  /** What the hook answered, if it was called. */
  readonly answer?: unknown;
}

export interface HookCall {
  readonly headers: Readonly<Record<string, string>>;
  /** The settings of the process. */
  readonly settings: Readonly<Record<string, string>>;
}

/** Imports a file (absolute path) or a package in a process of its own, and calls the hook there if asked to. */
export async function loadCold(module: string, call?: HookCall): Promise<ColdLoad> {
  const headers = call === undefined ? [] : [JSON.stringify(call.headers)];
  const { stdout } = await promisify(execFile)(process.execPath, ['--no-warnings', child, module, ...headers], {
    cwd: repository,
    timeout: 60_000,
    env: { PATH: process.env['PATH'], ...call?.settings },
  });
  // The app may have logged before; what the child has to say is its last line.
  const load: ColdLoad = JSON.parse(stdout.trimEnd().split('\n').at(-1) ?? '');
  return load;
}

/** The library that registers functions and what it brings; anything else in node_modules has to wait for a call. */
const allowed = new Set(['@azure/functions', '@azure/functions-extensions-base', 'cookie', 'long']);

function packageOf(input: string): string | undefined {
  return /(?:^|\/)node_modules\/((?:@[^/]+\/)?[^/]+)\/(?!.*node_modules\/)/.exec(input)?.[1];
}

/** The packages inside the given files of a build, by its own account. */
export function packagesIn(metafile: Metafile, files: readonly string[]): ReadonlySet<string> {
  const read = new Set(files.map((url) => fileURLToPath(url)));
  const packages = new Set<string>();
  for (const [output, { inputs }] of Object.entries(metafile.outputs)) {
    if (!read.has(resolve(repository, output))) continue;
    for (const [input, { bytesInOutput }] of Object.entries(inputs)) {
      const name = bytesInOutput > 0 ? packageOf(input) : undefined;
      if (name !== undefined) packages.add(name);
    }
  }
  return packages;
}

/** What is loaded too early: packages in the files read, other than the registering library's own. */
export function forbiddenPackages(metafile: Metafile, load: ColdLoad): readonly string[] {
  return [...packagesIn(metafile, load.files)].filter((name) => !allowed.has(name)).toSorted();
}
