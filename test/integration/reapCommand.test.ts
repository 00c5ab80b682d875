/** `npm run reap -- --dry-run` on a pool of mayfly.yaml, against all that `npm start` opens. */
import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest';
import { localSecrets } from '../../infra/local/start/localSettings.ts';
import { type LocalSystem, startLocalSystem } from '../../infra/local/start/localSystem.ts';
import { Faults, Journal } from '../../infra/local/world/faults.ts';
import { minutesMs } from '../../shared/domain/instant.ts';
import { organisationShort } from '../../shared/domain/names.ts';
import { reap, type Told } from '../support/reap.ts';

const faults = new Faults();
const journal = new Journal();
let system: LocalSystem;
let stem: string;

beforeAll(async () => {
  system = await startLocalSystem({ portBase: 0, host: false, watched: { faults, journal } });
  stem = `mf-demo-${organisationShort(system.settings['MAYFLY_ADO_URL'] ?? '')}-1-`;
  for (const rest of ['901-1', '902-1']) system.devOps.addAgent(1, { name: `${stem}${rest}`, version: '5.278.0' });
  // What is old now was registered long ago by the server's clock; the next one only just.
  system.devOps.setSkew(minutesMs(30));
  system.devOps.addAgent(1, { name: `${stem}903-1`, version: '5.278.0' });
});
afterEach(() => {
  faults.clear();
  journal.clear();
});
afterAll(() => system.close());

const pool = ['--dry-run', '--organisation', 'contoso', '--pool', '1'];
const run = (parameters: readonly string[], settings = system.settings): Promise<Told> => reap(parameters, settings);

describe('npm run reap -- --dry-run', () => {
  it('tells what the plan of a pass would remove, and touches nothing', async () => {
    const { code, out } = await run(pool);
    const lines = out.trimEnd().split('\n');
    expect([code, lines[0]]).toEqual([0, 'Pool 1 (linux) of contoso: 2 would go, 1 stays.']);
    expect(lines.slice(2).map((line) => line.replace(stem, '').split(/ {2,}/))).toEqual([
      ['delete', 'agent', '901-1', '30 min', 'ghost'],
      ['delete', 'agent', '902-1', '30 min', 'ghost'],
      ['keep', 'agent', '903-1', '0 min', 'younger than the grace'],
      ['Nothing was touched.'],
    ]);
    expect(journal.calls.map(({ verb }) => verb).filter((verb) => !/^(list|get|find|OPTIONS)/.test(verb))).toEqual([]);
    expect(system.devOps.listAgents(1)).toHaveLength(3);
  });

  it('gives a program the value and nothing else, with no credential in it', async () => {
    const { code, out, err } = await run([...pool, '--json']);
    expect([code, err]).toEqual([0, '']);
    expect(JSON.parse(out)).toMatchObject({ organisation: 'contoso', poolId: 1, clustersAsked: true, shadow: false });
    const secrets = [localSecrets.kubernetesToken, localSecrets.identityHeader, localSecrets.hook, 'eyJ'];
    expect(secrets.filter((secret) => out.includes(secret))).toEqual([]);
  });

  it('calls no agent a ghost while a cluster does not answer, and ends with 1', async () => {
    faults.add({ kind: 'status', status: 403 }, ({ verb }) => verb === 'list jobs', Number.POSITIVE_INFINITY);
    const { code, out } = await run(pool);
    expect([code, out]).toEqual([
      1,
      expect.stringMatching(/0 would go, 3 stay\.[\s\S]*Cluster primary did not answer/),
    ]);
  });

  it.each([
    { name: 'the agents', verb: 'listAgents' },
    { name: 'the requests', verb: 'listJobRequests' },
  ])('ends with 2 and one sentence where $name cannot be read', async ({ verb }) => {
    faults.add({ kind: 'status', status: 403 }, (call) => call.verb === verb, Number.POSITIVE_INFINITY);
    const { code, out, err } = await run(pool);
    expect([code, out, err]).toEqual([
      2,
      '',
      expect.stringMatching(/With the credential in mayfly\.yaml pool 1 cannot/),
    ]);
  });

  it.each([
    {
      name: 'a pool that is not configured',
      parameters: [...pool.slice(0, 4), '9'],
      says: /has no pool 9 of contoso; it/,
    },
    {
      name: 'no settings',
      parameters: pool,
      settings: {},
      says: /MAYFLY_ADO_URL[\s\S]*a URL does without mayfly\.yaml/,
    },
  ])('ends with 2 and says what is wrong for $name', async ({ parameters, settings, says }) => {
    const { code, out, err } = await run(parameters, settings);
    expect([code, out, err]).toEqual([2, '', expect.stringMatching(says)]);
  });
});
