/**
 * A fresh process that loads a module as the Functions worker would, and says how long that took and which files it
 * read. Usage: node coldChild.ts MODULE [HEADERS]. With headers, as JSON, it then calls the hook with them and a waiting
 * job, and the files are those of load and call together. One JSON line on standard output.
 */
import { pathToFileURL } from 'node:url';
import { loadedFiles, registrations } from './functionsCore.ts';
import { hookFixture } from './hooks.ts';

async function callHook(headers: Record<string, string>): Promise<unknown> {
  const hook = registrations().find(({ name }) => name === 'hook');
  const quiet = (): void => {};
  const context = { invocationId: 'i-1', debug: quiet, info: quiet, warn: quiet, error: quiet };
  const request = { headers: new Headers(headers), body: new Response(hookFixture('waiting')).body };
  return hook?.handler(request, context);
}

const [module = '', headers] = process.argv.slice(2);
const url = module.startsWith('/') ? pathToFileURL(module).href : module;
const before = loadedFiles.length;
const begin = performance.now();
await import(url);
const ms = performance.now() - begin;
const answer = headers === undefined ? undefined : await callHook(JSON.parse(headers));
const functions = registrations().map(({ name }) => name);
process.stdout.write(`${JSON.stringify({ ms, files: loadedFiles.slice(before), functions, answer })}\n`, () =>
  process.exit(),
);
