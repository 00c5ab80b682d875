/**
 * The built control plane against all stand-ins over sockets, with a mayfly.yaml of its own: the repository's, but for
 * who registers agents and how patient it is.
 */
import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { parse, stringify } from 'yaml';
import { buildFunctions, entryPath } from '../../infra/build.ts';
import { isClean } from '../../infra/local/start/leftOvers.ts';
import { localSecrets, registrationClientId, vaultNames } from '../../infra/local/start/localSettings.ts';
import {
  type LocalSystem,
  type LocalSystemOptions,
  repositoryRoot,
  startLocalSystem,
} from '../../infra/local/start/localSystem.ts';
import type { PodTimes } from '../../infra/local/start/podTimes.ts';
import { findSecrets } from './secretWalk.ts';
import { agentKeys, poolSecrets, Recorder } from './secretWalkPlaces.ts';

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
  const limits = {
    idleMinimum: '1s',
    endGrace: '5s',
    backoff: { first: '1s', breakerFailures: 100, breakerWindow: '2s' },
    // What a failed agent leaves for people to look at would be left over.
    keepFailed: { most: 0 },
  };
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
  /** Has taken down all that was held and printed since the start. */
  readonly recorder: Recorder;
  /** What an operator is told of a request, in words; on one line, as the breaks depend on the lengths of names. */
  explain(pool: string, requestId: number): Promise<string>;
  /** Polls until it holds; the test's own limit ends it. */
  until(holds: () => boolean): Promise<void>;
  /** Queues jobs and answers the ids of their requests. */
  queue(pool: string, howMany: number, durationMs?: number): readonly number[];
  /** Until each has ended. */
  served(ids: readonly number[]): Promise<readonly (string | undefined)[]>;
  /** Until nothing but placeholders is left. */
  clean(): Promise<void>;
  close(): Promise<void>;
}

/** A GET of the function app, with its host key. */
export async function ask({ host }: LocalSystem, path: string): Promise<string> {
  const headers = { 'x-functions-key': localSecrets.hostKey };
  return (await fetch(`${host?.url}/api/${path}`, { headers })).text();
}

export async function aRegistrationSystem(
  mode: RegistrationMode,
  options: Partial<LocalSystemOptions> = {},
  change: TemplateChange = (template) => template,
): Promise<RegistrationSystem> {
  const directory = await mkdtemp(join(tmpdir(), 'mayfly-registration-'));
  const config = join(directory, 'mayfly.yaml');
  await writeFile(config, await configText(mode, change));
  await buildFunctions(directory);
  const recorder = new Recorder();
  recorder.watchConsole();
  const system = await startLocalSystem({
    ...recorder.options,
    portBase: 0,
    host: true,
    main: join(directory, entryPath),
    seed: 1,
    podTimes,
    hooks: { latencyMs: 50 },
    ...options,
    settings: { MAYFLY_CONFIG: config, MAYFLY_SWEEP: '*/2 * * * * *', ...options.settings },
  });
  recorder.watch(system);
  const until = async (holds: () => boolean): Promise<void> => {
    while (!holds()) await system.clock.sleep(20);
  };
  await system.sweep();
  await until(() => system.leftOvers().placeholders.length === 4);
  return {
    system,
    recorder,
    explain: async (pool, requestId) => {
      const poolId = system.pools.find(({ name }) => name === pool)?.id;
      const answers = await Promise.all(
        ['json', 'text'].map((as) => ask(system, `explain/contoso/${poolId}/${requestId}?format=${as}`)),
      );
      for (const text of answers) recorder.add({ kind: 'answer', where: `explain ${requestId}`, text });
      return (answers[1] ?? '').replaceAll(/\s+/g, ' ');
    },
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
    close: async () => {
      recorder.stop();
      await system.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** What the command prints of a request that is known, whatever its exit code. */
async function explainCommand({ host, ledger }: LocalSystem): Promise<string> {
  const [request] = [...ledger.requests.values()];
  const { poolId = 0, id = 0 } = request ?? {};
  const args = [
    'infra/cli/explain.ts',
    '--pool',
    `${poolId}`,
    '--request',
    `${id}`,
    '--url',
    host?.url ?? '',
    '--json',
  ];
  const env = { ...process.env, MAYFLY_FUNCTION_KEY: localSecrets.hostKey };
  const run = promisify(execFile)(process.execPath, args, { cwd: repositoryRoot, env });
  const { stdout, stderr } = await run.catch((error: { readonly stdout: string; readonly stderr: string }) => error);
  return `${stdout}\n${stderr}`;
}

/** Secrets that stand, or once stood, where they do not belong, in all that was held, printed and answered. */
export async function strayedSecrets({ system, recorder }: RegistrationSystem): Promise<readonly string[]> {
  for (const path of ['health', 'health/details']) {
    recorder.add({ kind: 'answer', where: path, text: await ask(system, path) });
  }
  recorder.add({ kind: 'log', where: 'npm run explain', text: await explainCommand(system) });
  const invocations = system.host?.invocations ?? [];
  recorder.addValue(
    { kind: 'log', where: 'invocations' },
    invocations.map(({ error }) => String(error)),
  );
  const { places } = recorder;
  const kinds = new Set(places.map(({ kind }) => kind));
  // A walk over nothing would find nothing.
  for (const kind of ['pod', 'job', 'secret', 'event', 'mainFile', 'log', 'intent', 'agent', 'answer'] as const) {
    if (!kinds.has(kind)) throw new Error(`nothing of the kind ${kind} was taken down`);
  }
  const keys = agentKeys(places);
  if (keys.length === 0) throw new Error('no agent key was taken down');
  return findSecrets(places, [...poolSecrets(system), ...keys]);
}

/** Kinds of places in which what init containers register with was seen: where it may be, and the walk sees it there. */
export function placesOfRegistration({ system, recorder }: RegistrationSystem): ReadonlySet<string> {
  const everywhere = poolSecrets(system)
    .filter(({ mayStandIn }) => mayStandIn !== undefined)
    .map(({ name, bytes }) => ({ name, bytes }));
  const found = findSecrets(recorder.places, everywhere);
  return new Set(found.map((sentence) => / in (\w+) /.exec(sentence)?.[1] ?? sentence));
}
