/** Where the private key of an agent may be: in the Secret of its agent job, and nowhere else. */
import { generateKeyPairSync } from 'node:crypto';
import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import type { ResourceName } from '../../../infra/local/kubernetes/resource.ts';
import type { FaultKind } from '../../../infra/local/world/faults.ts';
import { agentKeyOf } from '../../../shared/adapters/azureDevOps/agentKeys.ts';
import { reconcilePool } from '../../../shared/reconcile/reconcilePool.ts';
import { policy } from '../../support/builders.ts';
import { namespace, Worlds } from '../../support/pass.ts';

const key = agentKeyOf(generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' }));
const { exponent: _, modulus: __, ...parameters } = JSON.parse(key.rsaParameters.reveal()) as Record<string, unknown>;
/** All that only the agent may know. Exponent and modulus are its public key. */
const privateParts = Object.values(parameters).filter((value) => typeof value === 'string' && value.length > 20);

/** A text and whatever is in it in base64, three layers deep: a Secret may hold a file that holds it encoded once more. */
function readings(text: string, layers = 3): readonly string[] {
  if (layers === 0) return [text];
  const runs = text.match(/[A-Za-z0-9+/]{40,}={0,2}/g) ?? [];
  return [text, ...runs.flatMap((run) => readings(Buffer.from(run, 'base64').toString(), layers - 1))];
}

const isLeak = (text: string): boolean =>
  readings(text).some((reading) => privateParts.some((part) => reading.includes(String(part))));

/** Paths of all strings, keys included, that hold a private part, as it is or in base64. */
function leaks(value: unknown, path: string): readonly string[] {
  if (typeof value === 'string') return isLeak(value) ? [path] : [];
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, child]) => [
    ...leaks(name, `${path} (key)`),
    ...leaks(child, `${path}/${name}`),
  ]);
}

const resources = [
  'jobs',
  'pods',
  'secrets',
  'configmaps',
  'events',
  'resourcequotas',
] as const satisfies ResourceName[];

/** Everything that exists or was said: both worlds, the journal, the log. */
function everything(worlds: Worlds): Record<string, unknown> {
  const lists = resources.map((resource) => [resource, worlds.world().list(resource, namespace).body['items']]);
  return {
    ...Object.fromEntries(lists),
    azureDevOps: worlds.ado.snapshot(policy.poolId),
    journal: worlds.journal.calls,
    log: worlds.log,
  };
}

const onlyPlace = '/secrets/0/data/.credentials_rsaparams';

async function sweep(worlds: Worlds, forMs: number, onPass: (report: unknown) => void): Promise<void> {
  const { deps } = worlds.plane();
  for (const end = worlds.clock.now() + forMs; worlds.clock.now() < end; await worlds.clock.advance(5000)) {
    const intent = { cause: 'sweep', correlationId: 'c-1', deadlineAt: worlds.clock.now() + 60_000 };
    onPass(await worlds.until(reconcilePool(deps, intent)));
  }
}

describe('the private key of an agent', () => {
  it('has parts to look for', () => {
    expect(Object.keys(parameters).sort()).toEqual(['ContainerName', 'UseCng', 'd', 'dp', 'dq', 'inverseQ', 'p', 'q']);
    expect(privateParts).toHaveLength(6);
  });

  it('is in its Secret alone while the agent lives, and nowhere after', async () => {
    const worlds = new Worlds({ key });
    const requestId = worlds.queueJob(30_000);
    const reports: unknown[] = [];
    await sweep(worlds, 20_000, (report) => reports.push(report));
    expect(worlds.existing().agents.at(-1)).toBe(`2 1001-1 online disabled request=${requestId}`);
    expect(leaks(everything(worlds), '')).toEqual([onlyPlace]);
    await sweep(worlds, 60_000, (report) => reports.push(report));
    expect([worlds.ran, worlds.existing().secrets]).toEqual([[requestId], []]);
    expect(leaks({ ...everything(worlds), reports, inspected: inspect(reports, { depth: 12 }) }, '')).toEqual([]);
  });

  const verbs = ['create jobs', 'addAgent', 'create secrets', 'patch jobs'];
  const faults: readonly FaultKind[] = [
    { kind: 'status', status: 422 },
    { kind: 'lostBefore' },
    { kind: 'lostAfter' },
    { kind: 'hang' },
  ];
  it.each(verbs)('is in no error, outcome or log line when %s fails', async (verb) => {
    for (const fault of faults) {
      const worlds = new Worlds({ key });
      worlds.queueJob(30_000);
      worlds.fail(verb, fault);
      const reports: unknown[] = [];
      await sweep(worlds, 10_000, (report) => reports.push(report));
      const { secrets: __, ...rest } = everything(worlds);
      const said = { ...rest, reports, inspected: inspect(reports, { depth: 12, showHidden: true }) };
      expect(leaks(said, ''), `after ${fault.kind}`).toEqual([]);
      expect(worlds.log.some(({ event }) => event.startsWith('create.'))).toBe(true);
    }
  });

  it('is no part of the answer when a Secret is refused for its content', async () => {
    const worlds = new Worlds({ key });
    worlds.queueJob(30_000);
    // The name is taken, so that the world itself refuses the Secret, in its own words.
    worlds.meanwhile('create secrets', () => {
      const metadata = { name: worlds.ado.listAgents(policy.poolId).at(-1)?.name ?? '' };
      worlds.world().create('secrets', namespace, { apiVersion: 'v1', kind: 'Secret', metadata });
    });
    const reports: unknown[] = [];
    await sweep(worlds, 5000, (report) => reports.push(report));
    expect(worlds.log.map(({ event }) => event)).toContain('create.undone');
    expect(leaks({ ...everything(worlds), reports }, '')).toEqual([]);
  });

  const [part] = privateParts.map(String);
  const plants: readonly { readonly name: string; readonly plant: (worlds: Worlds) => void; readonly at: string }[] = [
    {
      name: 'a ConfigMap',
      plant: (worlds) => {
        const map = { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name: 'x' }, data: { note: `d=${part}` } };
        worlds.world().create('configmaps', namespace, map);
      },
      at: '/configmaps/0/data/note',
    },
    {
      name: 'another Secret, in base64',
      plant: (worlds) => {
        const data = { key: Buffer.from(`{"d":"${part}"}`).toString('base64') };
        worlds
          .world()
          .create('secrets', namespace, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'x' }, data });
      },
      at: '/secrets/0/data/key',
    },
    {
      name: 'a file of another Secret, encoded twice',
      plant: (worlds) => {
        const twice = Buffer.from(`NOTE=1\n${Buffer.from(`{"d":"${part}"}`).toString('base64')}\n`).toString('base64');
        const data = { '.capabilities': twice };
        worlds
          .world()
          .create('secrets', namespace, { apiVersion: 'v1', kind: 'Secret', metadata: { name: 'x' }, data });
      },
      at: '/secrets/0/data/.capabilities',
    },
    {
      name: 'a capability',
      plant: (worlds) => {
        worlds.ado.updateAgent(policy.poolId, 1, { userCapabilities: { leaked: String(part) } });
      },
      at: '/azureDevOps/agents/0/userCapabilities/leaked',
    },
    {
      name: 'a log line',
      plant: (worlds) => worlds.log.push({ level: 'info', event: 'create.done', fields: { detail: `key ${part}` } }),
      at: '/log/0/fields/detail',
    },
  ];
  it.each(plants)('is found when it is planted in $name', ({ plant, at }) => {
    const worlds = new Worlds({ key, control: false });
    plant(worlds);
    expect(leaks(everything(worlds), '')).toEqual([at]);
  });
});
