/**
 * What a cold start costs: the built entry against the bare `@azure/functions`, each in ten fresh processes that take
 * turns, so that a busy machine weighs on both. The last line is the result as JSON.
 */
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildFunctions, entryPath } from '../../infra/build.ts';
import { forbiddenPackages, loadCold } from '../support/coldStart.ts';

const runs = 10;

function median(values: readonly number[]): number {
  const sorted = values.toSorted((a, b) => a - b);
  const middle = Math.floor(sorted.length / 2);
  const [low = 0, high = 0] =
    sorted.length % 2 === 0 ? sorted.slice(middle - 1, middle + 1) : [sorted[middle], sorted[middle]];
  return (low + high) / 2;
}

const round = (value: number): number => Math.round(value * 100) / 100;

const directory = await mkdtemp(join(tmpdir(), 'mayfly-cold-'));
try {
  const metafile = await buildFunctions(directory);
  const entry = join(directory, entryPath);
  const first = await loadCold(entry);
  const own: number[] = [];
  const bare: number[] = [];
  for (let run = 0; run < runs; run++) {
    own.push((await loadCold(entry)).ms);
    bare.push((await loadCold('@azure/functions')).ms);
  }
  const medianMs = median(own);
  const bareMs = median(bare);
  console.log(`functions: ${first.functions.join(', ')}`);
  console.log(
    JSON.stringify({
      medianMs: round(medianMs),
      bareMs: round(bareMs),
      ratio: round(medianMs / bareMs),
      modulesBeforeFirstInvocation: first.files.length,
      forbidden: forbiddenPackages(metafile, first),
    }),
  );
} finally {
  await rm(directory, { recursive: true, force: true });
}
