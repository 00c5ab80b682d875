/**
 * Many random hook calls at one handler: the statuses it answers, and whether its memory grows. The last line is the
 * result as JSON; memory is taken after a collection, in MiB.
 * Usage: node test/bench/fuzz.ts [--count 100000] [--seed 1]
 */
import '../support/functionsCore.ts';
import { parseArgs } from 'node:util';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';

const { values } = parseArgs({
  options: { count: { type: 'string', default: '100000' }, seed: { type: 'string', default: '1' } },
});
const count = Number(values.count);

setFlagsFromString('--expose-gc');
const collect: unknown = runInNewContext('gc');
const mebibytes = (bytes: number): number => Math.round((bytes / 1024 / 1024) * 10) / 10;

function memory(): { readonly heap: number; readonly resident: number } {
  if (typeof collect === 'function') collect();
  const { heapUsed, rss } = process.memoryUsage();
  return { heap: mebibytes(heapUsed), resident: mebibytes(rss) };
}

const { aFuzzWorld, isRight } = await import('../support/fuzzWorld.ts');
const world = aFuzzWorld(Number(values.seed));
const statuses: Record<string, number> = {};
const wrong: unknown[] = [];

async function run(calls: number): Promise<void> {
  for (let done = 0; done < calls; done++) {
    const result = await world.once();
    const status = String(result.status);
    statuses[status] = (statuses[status] ?? 0) + 1;
    if (!isRight(result) && wrong.length < 5) wrong.push({ status, headers: result.call.headers });
  }
}

await run(Math.min(1000, Math.floor(count / 10)));
const start = memory();
await run(Math.floor(count / 2));
const middle = memory();
await run(count - Math.floor(count / 2));
const end = memory();
console.log(JSON.stringify({ count, statuses, wrong, memory: { start, middle, end } }));
