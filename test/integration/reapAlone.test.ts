/** `npm run reap -- --dry-run` on a pool that no configuration knows, over real sockets. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import type { FaultKind } from '../../infra/local/world/faults.ts';
import type { ReapPreview } from '../../shared/plan/reap.ts';
import { poolId, type ReapWorld, reap, startReapWorld, type Told } from '../support/reap.ts';

let world: ReapWorld;
beforeAll(async () => {
  world = await startReapWorld();
});
afterEach(() => {
  world.devOps.faults.clear();
  world.kubernetes.faults.clear();
});
afterAll(() => world.close());

const pool = (): readonly string[] => ['--dry-run', '--organisation', world.devOps.url, '--pool', `${poolId}`];
const withPat = (): Readonly<Record<string, string>> => ({ AZURE_DEVOPS_EXT_PAT: world.devOps.pat });
const run = (...more: readonly string[]): Promise<Told> => reap([...pool(), ...more], withPat());

/** "reap 1001-1 ghost": verdict, name without the stem, reason. */
function verdicts({ out }: Told): readonly string[] {
  const preview = JSON.parse(out) as ReapPreview;
  return preview.rows.map(({ verdict, name, reason }) => `${verdict} ${name.replace(world.nameOf(''), '')} ${reason}`);
}

const others = ['keep 1003-1 online', 'keep build-box notNamed', 'keep keda-gone notNamed', 'keep keda-never notNamed'];
const ours = ['keep 1004-1 busy', 'keep 1005-1 withinGrace', 'keep p-abc123 placeholder'];

describe('npm run reap -- --dry-run, alone', () => {
  it('asks the cluster that it is given, and tells each agent why it goes or stays', async () => {
    const told = await run('--json', '--kubeconfig', world.kubeconfig);
    expect([told.code, told.err]).toEqual([0, '']);
    const [first, ...rest] = verdicts(told);
    expect(first).toBe('reap 1001-1 ghost');
    expect(rest.toSorted()).toEqual([...others, ...ours, 'keep 1002-1 agentJobThere'].toSorted());
  });

  it('proves nothing to be a ghost where no cluster was named, and says what would', async () => {
    const told = await run('--json');
    expect(verdicts(told).filter((line) => line.startsWith('reap'))).toEqual([]);
    expect(verdicts(told).filter((line) => line.endsWith('clustersUnknown'))).toEqual([
      'keep 1001-1 clustersUnknown',
      'keep 1002-1 clustersUnknown',
    ]);
    expect((await run()).out).toMatch(/Whether 2 of them are ghosts .* --kubeconfig\./);
  });

  it('looks at the names of a pattern, and never at what was never online', async () => {
    const told = await run('--json', '--kubeconfig', world.kubeconfig, '--name', 'keda-*');
    expect(verdicts(told).filter((line) => line.includes('keda'))).toEqual([
      'reap keda-gone ghost',
      'keep keda-never placeholder',
    ]);
    expect(verdicts(told)).toContain('keep 1001-1 notNamed');
  });

  it('keeps for as long as it is told to', async () => {
    const told = await run('--json', '--kubeconfig', world.kubeconfig, '--grace', '180');
    expect(verdicts(told)).toContain('keep 1001-1 withinGrace');
  });

  it('prints totals, a table with ages, what it leaves out, and that nothing was touched', async () => {
    const before = world.devOps.world.listAgents(poolId).length;
    const { code, out, err } = await run('--kubeconfig', world.kubeconfig);
    expect(code).toBe(0);
    const lines = out.trimEnd().split('\n');
    expect(lines[0]).toMatch(/^Pool 12 of \S+: 1 would go, 8 stay\.$/);
    expect(lines[1]?.split(/ {2,}/).filter(Boolean)).toEqual(['name', 'offline', 'why']);
    expect(lines[2]).toMatch(/^delete {2}agent {7,}mf-demo-\S+-1001-1 +2 h {2}ghost$/);
    expect(lines.at(-2)).toBe('Also there: 1 online; --all lists them.');
    expect(lines.at(-1)).toBe('Nothing was touched.');
    expect(err.trimEnd().split('\n').toSorted()).toEqual([
      '1 Jobs and pods that are not over',
      '1 unfinished requests',
      '9 agents',
      'reading Jobs and pods of mayfly-agents',
      'reading agents of pool 12',
      'reading unfinished requests of pool 12',
    ]);
    expect(world.devOps.world.listAgents(poolId)).toHaveLength(before);
    const writes = [...world.devOps.journal.calls, ...world.kubernetes.journal.calls].filter(
      ({ verb }) => !/^(get|list|read|find|OPTIONS)/i.test(verb),
    );
    expect(writes.map(({ verb }) => verb)).toEqual([]);
  });

  it('ends with 1 where the cluster does not answer, and keeps what may run there', async () => {
    world.kubernetes.faults.add({ kind: 'status', status: 403 }, () => true, Number.POSITIVE_INFINITY);
    const { code, out } = await run('--kubeconfig', world.kubeconfig, '--context', 'east');
    expect([code, out]).toEqual([1, expect.stringMatching(/0 would go[\s\S]*Cluster east did not answer/)]);
  });

  it('signs in with the Azure CLI where no token is set', async () => {
    const cli = JSON.stringify({
      accessToken: world.devOps.entraToken,
      expiresOn: '2999-01-01 00:00:00.000000',
      expires_on: 32_472_144_000,
      tokenType: 'Bearer',
    });
    const told = await reap([...pool(), '--json'], { PATH: await world.azureCli(cli) });
    expect([told.code, told.err, verdicts(told).length]).toEqual([0, '', 9]);
  });
});

describe('npm run reap that cannot tell', () => {
  const all = (fault: FaultKind): void => {
    world.devOps.faults.add(fault, () => true, Number.POSITIVE_INFINITY);
  };
  const unknownPat = { AZURE_DEVOPS_EXT_PAT: 'x'.repeat(52) };
  const rows: readonly {
    readonly name: string;
    readonly given?: () => void;
    readonly parameters?: () => readonly string[];
    readonly settings?: () => Promise<Readonly<Record<string, string>>>;
    readonly says: RegExp;
  }[] = [
    {
      name: 'a token that the server does not know',
      settings: async () => unknownPat,
      says: /refuses the token in AZURE_DEVOPS_EXT_PAT .*: it is wrong, expired, or of another organisation\.$/m,
    },
    {
      name: 'a token that MAYFLY_PAT has, which comes first',
      settings: async () => ({ ...withPat(), MAYFLY_PAT: 'y'.repeat(52) }),
      says: /refuses the token in MAYFLY_PAT/,
    },
    {
      name: 'no token and no sign-in',
      settings: async () => ({ PATH: await world.azureCli(undefined) }),
      says: /^Neither AZURE_DEVOPS_EXT_PAT nor MAYFLY_PAT is set, and the Azure CLI gives no token: `az login`/m,
    },
    {
      name: 'a pool that is none',
      parameters: () => ['--dry-run', '--organisation', world.devOps.url, '--pool', '99'],
      says: /has no pool 99, or hides it from the token in AZURE_DEVOPS_EXT_PAT\.$/m,
    },
    {
      name: 'a missing right',
      given: () => all({ kind: 'status', status: 403 }),
      says: /it takes the scope "Agent Pools \(read\)"/,
    },
    {
      name: 'a server that asks for patience',
      given: () => all({ kind: 'status', status: 429, retryAfterSeconds: 30 }),
      says: /asks to be left alone for 30 s\.$/m,
    },
    { name: 'a sign-in page', given: () => all({ kind: 'signInPage' }), says: /refuses the token/ },
    { name: 'a body that is null', given: () => all({ kind: 'nullBody' }), says: /gives no usable answer/ },
    {
      name: 'an address at which nobody listens',
      parameters: () => ['--dry-run', '--organisation', 'http://127.0.0.1:9/contoso', '--pool', '12'],
      says: /^http:\/\/127\.0\.0\.1:9\/contoso gives no usable answer \(ECONNREFUSED\)\.$/m,
    },
    {
      name: 'a token that would travel in the open',
      parameters: () => ['--dry-run', '--organisation', 'http://dev.azure.com/contoso', '--pool', '12'],
      says: /^A token is sent to https only, not to http:\/\/dev\.azure\.com\/contoso\.$/m,
    },
    {
      name: 'a URL that is none',
      parameters: () => ['--dry-run', '--organisation', 'https://', '--pool', '12'],
      says: /^https:\/\/ is no URL\.$/m,
    },
    {
      name: 'the wish to act',
      parameters: () => pool().slice(1),
      says: /^Nothing is removed by hand: the sweep does that\. With --dry-run/m,
    },
    { name: 'no pool', parameters: () => pool().slice(0, 3), says: /--pool/ },
    {
      name: 'no number',
      parameters: () => [...pool().slice(0, 4), 'x'],
      says: /A whole number from 1 is needed/,
    },
  ];

  it.each(rows)('ends with 2 and one sentence for $name', async ({ given, parameters = pool, settings, says }) => {
    given?.();
    const { code, out, err } = await reap(parameters(), (await settings?.()) ?? withPat());
    expect([code, out, err]).toEqual([2, '', expect.stringMatching(says)]);
    expect(err).not.toMatch(/\n {4}at /);
    expect(err).not.toContain(world.devOps.pat);
  });
});
