/**
 * The local system for a measurement: a fresh build of the control plane, one pool with one template and room for all,
 * quick pods and agents, and hooks that are sent at once. The sweep is kept away: every pass has a cause we know.
 */
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildFunctions, entryPath } from '../../infra/build.ts';
import { list } from '../../infra/local/kubernetes/object.ts';
import { hookPath, localSecrets, queueName } from '../../infra/local/start/localSettings.ts';
import { type LocalSystem, repositoryRoot, startLocalSystem } from '../../infra/local/start/localSystem.ts';
import type { PodTimes } from '../../infra/local/start/podTimes.ts';
import { Faults } from '../../infra/local/world/faults.ts';
import { secretHeader } from '../../shared/hooks/verify.ts';
import { listenToSockets, type Sockets } from './sockets.ts';
import { SpanJournal } from './spans.ts';

export interface Bench {
  readonly system: LocalSystem;
  readonly journal: SpanJournal;
  readonly sockets: Sockets;
  readonly faults: Faults;
  /** Errors and warnings that the functions logged. */
  readonly complaints: readonly string[];
  /** POSTs a body to the hook as Azure DevOps would; the HTTP status. */
  hook(body: string): Promise<number>;
  /** Resolves when no function runs and no message is due. */
  quiet(): Promise<void>;
  close(): Promise<void>;
}

export const poolName = 'linux';
export const poolId = 1;
export const namespace = 'mayfly-agents';

/** The names under which the journal knows the control plane. */
export const controlPlane: readonly string[] = ['mayfly', 'mayfly-local'];

/** Shorter than any real pod's, so that the machine's time goes into what is measured. */
export const quickPods: PodTimes = { schedule: [5, 15], pull: [5, 15], start: [5, 15], agent: [5, 15] };

function configOf(text: string, maxAgents: number): string {
  const [head = ''] = text.split(/^pools:$/m);
  const roomy = head.replace(/(- name: linux\n)/, `$1    maxAgents: ${maxAgents}\n`);
  const pool = `  - { organisation: contoso, id: ${poolId}, name: ${poolName}, templates: [linux], maxAgents: ${maxAgents} }`;
  return `${roomy}pools:\n${pool}\n`;
}

/** The quota of the deployed namespace holds 100 pods; here it must not be what is measured. */
function liftQuota({ cluster }: LocalSystem): void {
  for (const quota of list(cluster.list('resourcequotas', namespace).body, 'items')) {
    const { name } = (quota as { readonly metadata: { readonly name: string } }).metadata;
    cluster.delete('resourcequotas', namespace, name);
  }
}

/** An event that nobody waits for, from a project that is not ours: it rings for all pools. */
async function makePlaceholder(bench: Bench): Promise<void> {
  await bench.hook(await readFile(join(repositoryRoot, 'test/fixtures/hooks/waiting.json'), 'utf8'));
  const deadline = performance.now() + 20_000;
  while (bench.system.leftOvers().placeholders.length === 0) {
    if (performance.now() > deadline) throw new Error(`no placeholder came up: ${bench.complaints.join('; ')}`);
    await bench.system.clock.sleep(20);
  }
}

async function settle(system: LocalSystem): Promise<void> {
  do {
    await system.host?.idle();
    await system.clock.sleep(5);
  } while (system.serviceBus.queue(queueName).active.length > 0);
}

/** Starts all of it and waits for the pool's placeholder; without it Azure DevOps would accept no job. */
export async function startBench(maxAgents: number): Promise<Bench> {
  const directory = await mkdtemp(join(tmpdir(), 'mayfly-bench-'));
  await buildFunctions(directory);
  const config = join(directory, 'mayfly.yaml');
  await writeFile(config, configOf(await readFile(join(repositoryRoot, 'mayfly.yaml'), 'utf8'), maxAgents));
  const journal = new SpanJournal();
  const faults = new Faults();
  const sockets = listenToSockets();
  const complaints: string[] = [];
  const system = await startLocalSystem({
    portBase: 0,
    host: true,
    main: join(directory, entryPath),
    settings: { MAYFLY_CONFIG: config, MAYFLY_SWEEP: '0 0 0 1 1 *' },
    podTimes: quickPods,
    hooks: { latencyMs: 0 },
    parallelJobs: maxAgents,
    seed: 1,
    watched: { journal, faults },
    onLog: (name, level, text) => {
      if (['warning', 'error', 'critical'].includes(level)) complaints.push(`${name}: ${text}`);
    },
  });
  Object.assign(system.devOps.limits, { assignDelayMs: { min: 0, max: 0 } });
  liftQuota(system);
  const bench: Bench = {
    system,
    journal,
    sockets,
    faults,
    complaints,
    hook: async (body) => {
      const headers = { 'content-type': 'application/json; charset=utf-8', [secretHeader]: localSecrets.hook };
      const answer = await fetch(`http://127.0.0.1:${system.ports.functions}${hookPath}`, {
        method: 'POST',
        headers,
        body,
      });
      await answer.text();
      return answer.status;
    },
    quiet: () => settle(system),
    close: async () => {
      sockets.close();
      await rm(directory, { recursive: true, force: true });
      await system.close();
    },
  };
  await makePlaceholder(bench);
  return bench;
}
