/** The story on the terminal, and what there is to play with. */
import pc from 'picocolors';
import type { LocalSystem } from '../local/start/localSystem.ts';
import { narrate } from '../local/start/narrator.ts';
import { defaultPortBase } from '../local/start/ports.ts';
import { storyLine } from '../local/start/storyLine.ts';
import { say } from './localCommand.ts';

const colors = pc.createColors(pc.isColorSupported && process.stdout.isTTY);

/** Tells every step from now on; seconds count from now. The returned function ends it. */
export function tellStory(system: LocalSystem): () => void {
  const poolNames = new Map(system.pools.map(({ id, name }) => [id, name]));
  const startedAt = system.clock.now();
  return narrate(system, (step) => say(storyLine(step, { startedAt, poolNames, colors })));
}

/** One line per thing to try. */
export function hints({ ports, pools, settings }: LocalSystem, portBase = ports.functions): string {
  const more = portBase === defaultPortBase ? '' : ` --port-base ${portBase}`;
  const [pool] = pools;
  const lines = [
    ['queue jobs', `npm run queue -- --pool ${pool?.name ?? ''} --count 20 --duration 5${more}`],
    ['why it waits', `npm run explain -- --pool ${pool?.id ?? ''} --request <number>${more}`],
    ['look inside', `kubectl --server http://127.0.0.1:${ports.kubernetes} -n mayfly-agents get jobs,pods`],
    ['', `curl -s http://127.0.0.1:${ports.play}/state`],
    ['Azure DevOps', `curl -s -u :local-admin ${settings['MAYFLY_ADO_URL'] ?? ''}/_apis/distributedtask/pools`],
    ['functions', `curl -s -H 'x-functions-key: local' http://127.0.0.1:${ports.functions}/api/health/details`],
  ];
  return lines.map(([what = '', how = '']) => `  ${colors.dim(what.padEnd(12))}  ${how}`).join('\n');
}
