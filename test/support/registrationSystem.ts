/**
 * The built control plane against all stand-ins over sockets, with a mayfly.yaml of its own: the repository's, but for
 * who registers agents and how patient it is.
 */
import { mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { buildFunctions, entryPath } from '../../infra/build.ts';
import { isClean } from '../../infra/local/start/leftOvers.ts';
import { registrationClientId, vaultNames } from '../../infra/local/start/localSettings.ts';
import {
  type LocalSystem,
  type LocalSystemOptions,
  repositoryRoot,
  startLocalSystem,
} from '../../infra/local/start/localSystem.ts';
import type { PodTimes } from '../../infra/local/start/podTimes.ts';

export type RegistrationMode = 'jit' | 'entra' | 'pat';

/** What init containers register with, in mayfly.yaml. */
const credentials: Readonly<Record<RegistrationMode, object | undefined>> = {
  jit: undefined,
  entra: { kind: 'managedIdentity', clientId: registrationClientId },
  pat: { kind: 'pat', keyVaultSecret: vaultNames.registration },
};

/** Everything in a blink; what is decided is the same. */
const podTimes: PodTimes = { schedule: [5, 50], pull: [10, 80], start: [5, 30], agent: [5, 50] };

interface Document {
  readonly organisations: readonly object[];
  readonly templates: readonly object[];
  readonly pools: readonly object[];
}

/** Changes one template by its name. */
export type TemplateChange = (template: Readonly<Record<string, unknown>>) => object;

async function configText(mode: RegistrationMode, change: TemplateChange): Promise<string> {
  const document = parse(await readFile(join(repositoryRoot, 'mayfly.yaml'), 'utf8')) as Document;
  const credential = credentials[mode];
  const limits = { idleMinimum: '1s', endGrace: '5s', backoff: { first: '1s', breakerFailures: 100 } };
  return stringify({
    ...document,
    keyVault: { url: `\${MAYFLY_VAULT_URL}` },
    organisations: document.organisations.map((each) => ({
      ...each,
      ...(credential === undefined ? {} : { registration: { credential } }),
    })),
    templates: document.templates.map((each) => change(each as Readonly<Record<string, unknown>>)),
    pools: document.pools.map((each) => ({
      ...each,
      registration: credential === undefined ? 'jit' : 'initConfig',
      limits,
    })),
  });
}

export interface RegistrationSystem {
  readonly system: LocalSystem;
  /** Polls until it holds; the test's own limit ends it. */
  until(holds: () => boolean): Promise<void>;
  /** Queues jobs and answers the ids of their requests. */
  queue(pool: string, howMany: number, durationMs?: number): readonly number[];
  /** Until each has ended. */
  served(ids: readonly number[]): Promise<readonly (string | undefined)[]>;
  /** Until nothing but placeholders is left. */
  clean(): Promise<void>;
  /** Writes mayfly.yaml anew, with each template changed. */
  configure(change: TemplateChange): Promise<void>;
  close(): Promise<void>;
}

export async function aRegistrationSystem(
  mode: RegistrationMode,
  options: Partial<LocalSystemOptions> = {},
): Promise<RegistrationSystem> {
  const directory = await mkdtemp(join(tmpdir(), 'mayfly-registration-'));
  const config = join(directory, 'mayfly.yaml');
  await writeFile(config, await configText(mode, (template) => template));
  await buildFunctions(directory);
  const system = await startLocalSystem({
    portBase: 0,
    host: true,
    main: join(directory, entryPath),
    seed: 1,
    podTimes,
    hooks: { latencyMs: 50 },
    ...options,
    settings: { MAYFLY_CONFIG: config, MAYFLY_SWEEP: '*/2 * * * * *', ...options.settings },
  });
  const until = async (holds: () => boolean): Promise<void> => {
    while (!holds()) await system.clock.sleep(20);
  };
  await system.sweep();
  await until(() => system.leftOvers().placeholders.length === 4);
  let changes = 0;
  return {
    system,
    until,
    queue: (pool, howMany, durationMs = 200) =>
      Array.from({ length: howMany }, () => {
        const queued = system.queueJob(pool, { demands: [], durationMs });
        if (queued.kind === 'refused') throw new Error(queued.message);
        return queued.requestId;
      }),
    served: async (ids) => {
      await until(() => ids.every((id) => system.ledger.requests.get(id)?.finishedAt !== undefined));
      return ids.map((id) => system.ledger.requests.get(id)?.result);
    },
    clean: async () => {
      await until(() => isClean(system.leftOvers()));
      await system.host?.idle();
    },
    configure: async (change) => {
      await writeFile(config, await configText(mode, change));
      // Versions are ordered by the file's time of change, which counts whole milliseconds.
      const later = new Date(Date.now() + ++changes);
      await utimes(config, later, later);
    },
    close: async () => {
      await system.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
