/**
 * A fresh process that loads a module as the Functions worker would, and says how long that took and which files it
 * read. Usage: node coldChild.ts MODULE. One JSON line on standard output.
 */
import { pathToFileURL } from 'node:url';
import { loadedFiles, registrations } from './functionsCore.ts';

const module = process.argv[2] ?? '';
const url = module.startsWith('/') ? pathToFileURL(module).href : module;
const begin = performance.now();
await import(url);
const ms = performance.now() - begin;
const functions = registrations().map(({ name }) => name);
process.stdout.write(`${JSON.stringify({ ms, files: loadedFiles, functions })}\n`);
