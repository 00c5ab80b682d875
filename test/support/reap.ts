/** `npm run reap` as a process of its own, and a pool on virtual time with an agent for each verdict. */
import { spawn } from 'node:child_process';
import { chmod, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import type { VirtualClock } from '../../infra/local/world/clock.ts';
import { minutesMs } from '../../shared/domain/instant.ts';
import { organisationShort } from '../../shared/domain/names.ts';
import { startTestAzureDevOps, type TestAzureDevOps } from './azureDevOpsServer.ts';
import { adminToken, agentNamespace, aJob, startTestKubernetes, type TestKubernetes } from './kubernetesServer.ts';

const command = fileURLToPath(new URL('../../infra/cli/reap.ts', import.meta.url));
const root = fileURLToPath(new URL('../..', import.meta.url));

export interface Told {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

export function reap(parameters: readonly string[], settings: Readonly<Record<string, string>>): Promise<Told> {
  const env = { PATH: process.env['PATH'], HOME: '/nowhere', NO_COLOR: '1', ...settings };
  const child = spawn(process.execPath, [command, ...parameters], { cwd: root, env });
  let [out, err] = ['', ''];
  child.stdout.on('data', (chunk: Buffer) => {
    out += chunk.toString();
  });
  child.stderr.on('data', (chunk: Buffer) => {
    err += chunk.toString();
  });
  return new Promise((resolve) => child.once('close', (code) => resolve({ code, out, err })));
}

export const poolId = 12;

export interface ReapWorld {
  readonly devOps: TestAzureDevOps<VirtualClock>;
  readonly kubernetes: TestKubernetes<VirtualClock>;
  /** The name of an agent of somebody's Mayfly: `rest` is what follows the pool. */
  readonly nameOf: (rest: string) => string;
  /** A file for --kubeconfig. */
  readonly kubeconfig: string;
  /** A PATH with an Azure CLI in it that prints this, or fails. */
  azureCli(prints: string | undefined): Promise<string>;
  close(): Promise<void>;
}

const kubeconfigFor = (server: string): string =>
  JSON.stringify({
    apiVersion: 'v1',
    kind: 'Config',
    // The SDK takes plain HTTP only where TLS is not asked for.
    clusters: [{ name: 'c', cluster: { server, 'insecure-skip-tls-verify': true } }],
    users: [{ name: 'u', user: { token: adminToken } }],
    contexts: [{ name: 'east', context: { cluster: 'c', user: 'u' } }],
    'current-context': 'east',
  });

/** Two hours old, but for what has only just been registered. */
export async function startReapWorld(): Promise<ReapWorld> {
  const devOps = await startTestAzureDevOps();
  const kubernetes = await startTestKubernetes();
  const directory = await mkdtemp(join(tmpdir(), 'mayfly-reap-'));
  const { world, clock } = devOps;
  const nameOf = (rest: string): string => `mf-demo-${organisationShort(devOps.url)}-${poolId}-${rest}`;
  world.addPool({ id: poolId, name: 'linux' });
  const add = (name: string): number =>
    world.addAgent(poolId, { name, version: '5.278.0', publicKey: { exponent: 'AQAB', modulus: 'pQ==' } }).id;
  const connect = (id: number): string => world.openSession(poolId, id, { ownerName: 'pod', attached: true }).id;

  add(nameOf('p-abc123'));
  add(nameOf('1001-1'));
  add(nameOf('1002-1'));
  add('build-box');
  add('keda-never');
  const gone = add('keda-gone');
  const session = connect(gone);
  await clock.advance(minutesMs(1));
  world.closeSession(session);
  const busy = connect(add(nameOf('1004-1')));
  world.queueJob({ poolId, durationMs: minutesMs(600) });
  world.deleteMessage(busy, world.takeMessage(busy)?.messageId ?? 0);
  connect(add(nameOf('1003-1')));
  await clock.advance(minutesMs(113));
  // The server gives it up only after minutes: until then it is offline and busy.
  world.crash(busy);
  await clock.advance(minutesMs(6));
  add(nameOf('1005-1'));
  kubernetes.world.create('jobs', agentNamespace, aJob(nameOf('1002-1')));

  const kubeconfig = join(directory, 'kubeconfig');
  await writeFile(kubeconfig, kubeconfigFor(kubernetes.url));
  return {
    devOps,
    kubernetes,
    nameOf,
    kubeconfig,
    azureCli: async (prints) => {
      const script = prints === undefined ? 'exit 1' : `cat <<'END'\n${prints}\nEND`;
      await writeFile(join(directory, 'az'), `#!/bin/sh\n${script}\n`);
      await chmod(join(directory, 'az'), 0o755);
      return [directory, dirname(process.execPath), '/usr/bin', '/bin'].join(delimiter);
    },
    close: async () => {
      await Promise.all([devOps.close(), kubernetes.close()]);
      await rm(directory, { recursive: true, force: true });
    },
  };
}
