/** npm run queue -- --pool linux --count 20 --demand "size -equals large" --duration 5 */
import { Command, InvalidArgumentError } from 'commander';
import pc from 'picocolors';
import { z } from 'zod';
import { portsFrom } from '../local/start/ports.ts';
import { portBaseOption, say } from './localCommand.ts';

function numberFrom(minimum: number): (text: string) => number {
  return (text) => {
    const number = Number(text);
    if (Number.isFinite(number) && number >= minimum) return number;
    throw new InvalidArgumentError(`A number from ${minimum} is needed.`);
  };
}

const options = new Command('queue')
  .description('Queues pipeline jobs in the local system.')
  .requiredOption('--pool <name>', 'as in mayfly.yaml: linux, web')
  .option('--count <n>', 'how many', numberFrom(1), 1)
  .option(
    '--demand <demand>',
    'name, "name -equals value" or "name -gtVersion 1.2"; may be repeated',
    (one: string, all: readonly string[]) => [...all, one],
    [] as readonly string[],
  )
  .option('--duration <seconds>', 'how long each works', numberFrom(0), 5)
  .addOption(portBaseOption())
  .parse()
  .opts<{ pool: string; count: number; demand: readonly string[]; duration: number; portBase: number }>();

const answerSchema = z.union([
  z.object({ queued: z.array(z.number()), refused: z.array(z.string()) }),
  z.object({ error: z.string() }),
]);

async function post(): Promise<z.infer<typeof answerSchema>> {
  const { pool, count, demand: demands, duration: durationSeconds, portBase } = options;
  const url = `http://127.0.0.1:${portsFrom(portBase).play}/jobs`;
  let answer: Response;
  try {
    answer = await fetch(url, { method: 'POST', body: JSON.stringify({ pool, count, demands, durationSeconds }) });
  } catch {
    return { error: `Nothing runs at ${url}. Begin with \`npm start\`, or name its --port-base.` };
  }
  const parsed = answerSchema.safeParse(await answer.json().catch(() => undefined));
  return parsed.success ? parsed.data : { error: `What runs at ${url} is no local system of Mayfly.` };
}

function tell(answer: z.infer<typeof answerSchema>): number {
  if ('error' in answer) {
    process.stderr.write(`${pc.red(answer.error)}\n`);
    return 1;
  }
  const { queued, refused } = answer;
  const [first, last] = [queued[0], queued.at(-1)];
  if (first !== undefined)
    say(`${queued.length} queued in ${options.pool}: ${first === last ? first : `${first} to ${last}`}`);
  // Azure DevOps fails such a job at once: no registered agent, not even a placeholder, could ever run it.
  for (const message of new Set(refused)) say(pc.red(`refused: ${message}`));
  return refused.length === 0 ? 0 : 1;
}

process.exitCode = tell(await post());
