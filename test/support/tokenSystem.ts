/**
 * The built control plane against all stand-ins over sockets, in an organisation that it knows by PATs only: one that it
 * rotates, one that a person renews, twenty more, and the secret of the hooks.
 */
import { mkdtemp, readFile, rm, utimes, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parse, stringify } from 'yaml';
import { buildFunctions, entryPath } from '../../infra/build.ts';
import type { SecretVersion } from '../../infra/local/azure/vaultSecrets.ts';
import { webhookPath } from '../../infra/local/functionsHost/eventGridDoor.ts';
import { list, nameOf } from '../../infra/local/kubernetes/object.ts';
import { projectName } from '../../infra/local/start/localOrganisation.ts';
import { hookPath, localSecrets, localSignIn, vaultNames } from '../../infra/local/start/localSettings.ts';
import { type LocalSystem, repositoryRoot, startLocalSystem } from '../../infra/local/start/localSystem.ts';
import type { PodTimes } from '../../infra/local/start/podTimes.ts';
import { Journal } from '../../infra/local/world/faults.ts';
import { delegatedUserEndpoint } from '../../shared/adapters/azure/delegatedUserEndpoint.ts';
import { redirectSignIn } from '../../shared/adapters/azure/userSignIn.ts';
import { azureDevOpsScope } from '../../shared/adapters/azureDevOps/scope.ts';
import { hookTags } from '../../shared/domain/hookSecret.ts';
import type { JsonObject } from '../../shared/domain/json.ts';
import { tokenTags } from '../../shared/domain/token.ts';
import { ask } from './registrationSystem.ts';
import { aSecret, findSecrets, type KnownSecret, leavesOf, type Place } from './secretWalk.ts';
import { agentKeys, ofRegistration, poolSecrets, Recorder } from './secretWalkPlaces.ts';

/** Names in the vault. */
export const agentsPat = 'mayfly-agents-pat';
const signIn = 'mayfly-service-user';
export const copies = 'mayfly-token';
export const many: readonly string[] = Array.from({ length: 20 }, (_, index) => `many-${index + 1}`);

const podTimes: PodTimes = { schedule: [5, 50], pull: [10, 80], start: [5, 30], agent: [5, 50] };

interface Document {
  readonly organisations: readonly object[];
  readonly pools: readonly { readonly name: string }[];
}

interface Addresses {
  readonly projectId: string;
  readonly hookUrl: string;
}

const rotated = (name: string, keyVaultSecret: string): object => ({
  name,
  organisation: 'contoso',
  keyVaultSecret,
  mode: 'rotate',
  secrets: [{ cluster: 'primary', secret: copies, key: name }],
});

async function configText(addresses: Addresses | undefined): Promise<string> {
  const document = parse(await readFile(join(repositoryRoot, 'mayfly.yaml'), 'utf8')) as Document;
  const pat = (keyVaultSecret: string): object => ({ kind: 'pat', keyVaultSecret });
  const limits = {
    idleMinimum: '1s',
    endGrace: '5s',
    backoff: { first: '1s', breakerFailures: 100, breakerWindow: '2s' },
  };
  const watched = { ...rotated('registration', vaultNames.registration), mode: 'watch' };
  return stringify({
    ...document,
    keyVault: { url: `\${MAYFLY_VAULT_URL}` },
    organisations: document.organisations.map((each) => ({
      ...each,
      credential: pat(agentsPat),
      registration: { credential: pat(vaultNames.registration) },
    })),
    pools: document.pools.map((each) => ({
      ...each,
      registration: each.name === 'web' ? 'initConfig' : 'jit',
      limits,
    })),
    ...(addresses !== undefined && {
      tokens: [rotated('agents', agentsPat), watched, ...many.map((name) => rotated(name, `mayfly-${name}`))],
      delegatedUser: { tenantId: localSignIn.tenantId, clientId: localSignIn.clientId, keyVaultSecret: signIn },
      hooks: {
        secret: { current: { keyVaultSecret: vaultNames.hook } },
        subscriptions: [{ organisation: 'contoso', projects: [addresses.projectId], url: addresses.hookUrl }],
      },
    }),
  });
}

/** As `npm run sign-in` does it; the vault's back door saves the identity for that. */
async function signInOnce({ azure, settings }: LocalSystem): Promise<void> {
  const { tenantId, clientId } = localSignIn;
  const entra = { tenantId, clientId, authority: settings['MAYFLY_ENTRA_URL'] ?? '' };
  const signing = redirectSignIn(delegatedUserEndpoint(entra), azureDevOpsScope, 'http://localhost:1');
  const visited = await fetch(signing.url, { redirect: 'manual' });
  const { refreshToken } = await signing.redeem(new URL(visited.headers.get('location') ?? 'about:blank').searchParams);
  azure.vault.secrets.set(signIn, refreshToken?.reveal() ?? '');
}

export interface TokenState {
  readonly name: string;
  readonly state: string;
  readonly alarms: readonly { readonly reason: string }[];
}

export interface TokenSystem {
  readonly system: LocalSystem;
  readonly recorder: Recorder;
  /** Calls to Azure DevOps and to the cluster. */
  readonly journal: Journal;
  /** Answers to hooks that subscriptions delivered. */
  readonly hookStatuses: readonly (number | undefined)[];
  until(holds: () => boolean | Promise<boolean>): Promise<void>;
  queue(pool: string, howMany: number, durationMs?: number): readonly number[];
  served(ids: readonly number[]): Promise<readonly (string | undefined)[]>;
  /** Asks for a rotation as a person does. */
  rotate(name: string): Promise<number>;
  /** Runs the timer of the upkeep now. */
  tick(): Promise<void>;
  states(): Promise<readonly TokenState[]>;
  latest(secret: string): SecretVersion | undefined;
  /** What the cluster's Secret holds under a key. */
  copyOf(key: string): string | undefined;
  /** Lets all that is known of a secret, and the PATs in it, look older, as if so much time had passed. */
  age(secret: string, ms: number): void;
  /** What Event Grid would say of a secret's latest version. */
  vaultEvent(eventType: string, secret: string): Promise<number>;
  close(): Promise<void>;
}

function secretNamed({ cluster }: LocalSystem, name: string): JsonObject | undefined {
  const all = list(cluster.list('secrets', 'mayfly-agents').body, 'items') as readonly JsonObject[];
  return all.find((each) => nameOf(each) === name);
}

const instants: ReadonlySet<string> = new Set([tokenTags.proven, tokenTags.begins, hookTags.provenAt]);
const earlier = (text: string, ms: number): string => String(Number(text) - ms);

/** Runs every 2 s, but not before the year is over: the test sweeps itself, and sweeps are spread over 2 s. */
const never = '*/2 0 0 1 1 *';

export async function aTokenSystem(): Promise<TokenSystem> {
  const directory = await mkdtemp(join(tmpdir(), 'mayfly-tokens-'));
  const config = join(directory, 'mayfly.yaml');
  await writeFile(config, await configText(undefined));
  await buildFunctions(directory);
  const recorder = new Recorder();
  const journal = new Journal();
  recorder.watchConsole();
  const system = await startLocalSystem({
    ...recorder.options,
    portBase: 0,
    host: true,
    main: join(directory, entryPath),
    seed: 1,
    podTimes,
    hooks: { latencyMs: 50 },
    watched: { journal },
    // Nothing reads the configuration before it is complete: its addresses are known only now.
    settings: { MAYFLY_CONFIG: config, MAYFLY_SWEEP: never, MAYFLY_ROTATION: never, MAYFLY_REBUILD: never },
  });
  recorder.watch(system);
  const hookUrl = `${system.host?.url}${hookPath}`;
  await writeFile(config, await configText({ projectId: system.devOps.addProject(projectName).id, hookUrl }));
  const later = new Date(Date.now() + 1);
  await utimes(config, later, later);
  await signInOnce(system);
  const sweeps = setInterval(() => void system.sweep().catch(() => undefined), 1000);

  const { secrets } = system.azure.vault;
  const hookStatuses: (number | undefined)[] = [];
  const stop = system.onHook(({ status }) => hookStatuses.push(status));
  const until = async (holds: () => boolean | Promise<boolean>): Promise<void> => {
    while (!(await holds())) await system.clock.sleep(20);
  };
  const post = async (path: string, key: string, body?: string, more: object = {}): Promise<number> => {
    const headers = { ...(key !== '' && { 'x-functions-key': key }), 'content-type': 'application/json', ...more };
    const answer = await fetch(`${system.host?.url}${path}`, { method: 'POST', headers, ...(body && { body }) });
    recorder.add({ kind: 'answer', where: path.replace(/\?.*/, ''), text: await answer.text() });
    return answer.status;
  };
  return {
    system,
    recorder,
    journal,
    hookStatuses,
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
    rotate: (name) => post(`/api/rotate/${name}`, localSecrets.hostKey),
    tick: async () => {
      await post('/admin/functions/rotateTokens', system.host?.keys.master ?? '', '{"input":""}');
    },
    states: async () => {
      const text = await ask(system, 'health/details');
      recorder.add({ kind: 'answer', where: 'health/details', text });
      return (JSON.parse(text) as { readonly tokens: readonly TokenState[] }).tokens;
    },
    latest: (secret) => secrets.latest(secret),
    copyOf: (key) => {
      const data = leavesOf(secretNamed(system, copies)).find(([path]) => path === `data.${key}`)?.[1];
      return data === undefined ? undefined : Buffer.from(data, 'base64').toString('utf8');
    },
    age: (secret, ms) => {
      for (const version of secrets.versions(secret)) {
        const tags = Object.entries(version.tags).map(([tag, text]) => [
          tag,
          instants.has(tag) ? earlier(text, ms) : text,
        ]);
        Object.assign(version, { createdAt: version.createdAt - ms, tags: Object.fromEntries(tags) });
      }
      const { records } = system.devOpsServer.personalTokens;
      const ids = new Set(secrets.versions(secret).map(({ tags }) => tags[tokenTags.authorization]));
      for (const record of records.filter(({ authorizationId }) => ids.has(authorizationId))) {
        Object.assign(record, { validFrom: record.validFrom - ms });
      }
    },
    vaultEvent: async (eventType, secret) => {
      const { version = '' } = secrets.latest(secret) ?? {};
      const event = { id: '1', eventType, subject: secret, data: { ObjectName: secret, Version: version } };
      const query = `functionName=rotateOnVaultEvent&code=${system.host?.keys.eventGrid}`;
      return post(`${webhookPath}?${query}`, '', JSON.stringify([event]), { 'aeg-event-type': 'Notification' });
    },
    close: async () => {
      clearInterval(sweeps);
      stop();
      recorder.stop();
      await system.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}

/** In a copy, and for the PAT with which agents register where that may stand anyway. */
const inCopies = ({ kind, where }: Place): boolean => kind === 'secret' && where.startsWith(`secrets/${copies} data.`);
const ofRegistrationOrCopies = (place: Place): boolean => ofRegistration(place) || inCopies(place);

/** Every value that the vault ever held, and every token of the service user. */
function vaultSecrets({ system }: TokenSystem): readonly KnownSecret[] {
  const { vault, entra } = system.azure;
  const values = vault.secrets.names().flatMap((name) =>
    vault.secrets.versions(name).map(({ value }, index): KnownSecret => {
      const mayStandIn = name === vaultNames.registration ? ofRegistrationOrCopies : inCopies;
      const isPat = name === agentsPat || name === vaultNames.registration || name.startsWith('mayfly-many-');
      return aSecret(`version ${index} of ${name}`, value, isPat ? mayStandIn : undefined);
    }),
  );
  const grants = entra.grants.flatMap(({ accessToken, refreshToken }, index) => [
    aSecret(`access token ${index} of the service user`, accessToken),
    ...(refreshToken === undefined ? [] : [aSecret(`refresh token ${index} of the service user`, refreshToken)]),
  ]);
  return [...values, ...grants];
}

/** All that was held, printed, stored and sent, but for what rightly holds secrets: the vault's values. */
export async function walk(world: TokenSystem): Promise<readonly string[]> {
  const { system, recorder } = world;
  for (const path of ['health', 'health/details']) {
    recorder.add({ kind: 'answer', where: path, text: await ask(system, path) });
  }
  const { vault } = system.azure;
  for (const name of vault.secrets.names()) {
    const about = vault.secrets.versions(name).map((version) => ({ ...version, value: '' }));
    recorder.addValue({ kind: 'vault', where: name }, about);
  }
  for (const { calls } of [vault.journal, world.journal]) {
    for (const { door, verb, target, outcome } of calls) {
      recorder.add({ kind: 'call', where: door, text: `${verb} ${target} ${outcome}` });
    }
  }
  const listed = await fetch(`${system.devOpsServer.url}/_apis/hooks/subscriptions`, {
    headers: { authorization: `Basic ${Buffer.from(':local-admin').toString('base64')}` },
  });
  recorder.add({ kind: 'answer', where: 'subscriptions', text: await listed.text() });
  const failures = (system.host?.invocations ?? []).map(({ error }) => String(error));
  recorder.addValue({ kind: 'log', where: 'invocations' }, failures);
  const { places } = recorder;
  const kinds = new Set(places.map(({ kind }) => kind));
  // A walk over nothing would find nothing.
  for (const kind of ['pod', 'secret', 'event', 'mainFile', 'log', 'intent', 'answer', 'vault', 'call'] as const) {
    if (!kinds.has(kind)) throw new Error(`nothing of the kind ${kind} was taken down`);
  }
  const secrets = [...poolSecrets(system).filter(({ name }) => name !== 'registration PAT'), ...vaultSecrets(world)];
  return findSecrets(places, [...secrets, ...agentKeys(places)]);
}
