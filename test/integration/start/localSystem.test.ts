/** The stand-ins together, without the Functions host: addresses, rights, and the door for people. */
import { execFile } from 'node:child_process';
import { readFile } from 'node:fs/promises';
import { createServer, type Server } from 'node:net';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { projectName } from '../../../infra/local/start/localOrganisation.ts';
import { localSettings, registrationClientId, vaultNames } from '../../../infra/local/start/localSettings.ts';
import { type LocalSystem, repositoryRoot, startLocalSystem } from '../../../infra/local/start/localSystem.ts';
import { claimPorts, defaultPortBase, PortsTaken, portsFrom } from '../../../infra/local/start/ports.ts';

let system: LocalSystem;

beforeAll(async () => {
  system = await startLocalSystem({ portBase: 0, host: false, seed: 1 });
  for (const { id } of system.pools) system.devOps.addAgent(id, { name: `any-${id}`, version: '5.278.0' });
});
afterAll(() => system.close());

async function play(body: unknown): Promise<{ readonly status: number; readonly answer: unknown }> {
  const url = `http://127.0.0.1:${system.ports.play}/jobs`;
  const answer = await fetch(url, { method: 'POST', body: JSON.stringify(body) });
  return { status: answer.status, answer: await answer.json() };
}

describe('the settings', () => {
  it('of the sample file are those of the default ports', async () => {
    const sample: unknown = JSON.parse(await readFile(`${repositoryRoot}/local.settings.sample.json`, 'utf8'));
    expect(sample).toMatchObject({ Values: localSettings(portsFrom(defaultPortBase)) });
  });

  it('lead the control plane to a token for Azure DevOps that administers its pools', async () => {
    const { IDENTITY_ENDPOINT = '', IDENTITY_HEADER = '', MAYFLY_ADO_URL } = system.settings;
    const query = 'api-version=2019-08-01&resource=499b84ac-1321-427f-aa17-267ca6975798';
    const granted = await fetch(`${IDENTITY_ENDPOINT}?${query}`, { headers: { 'x-identity-header': IDENTITY_HEADER } });
    const { access_token: token } = (await granted.json()) as { readonly access_token: string };
    const answer = await fetch(`${MAYFLY_ADO_URL}/_apis/distributedtask/pools/1/agents`, {
      headers: { authorization: `Bearer ${token}`, accept: 'application/json;api-version=7.1' },
    });
    expect(answer.status).toBe(200);
  });

  it('hold an identity that administers the pools and may do nothing else', async () => {
    const { IDENTITY_ENDPOINT = '', IDENTITY_HEADER = '', MAYFLY_ADO_URL, MAYFLY_VAULT_URL } = system.settings;
    const tokenFor = async (resource: string): Promise<string> => {
      const query = `api-version=2019-08-01&resource=${resource}&client_id=${registrationClientId}`;
      const granted = await fetch(`${IDENTITY_ENDPOINT}?${query}`, {
        headers: { 'x-identity-header': IDENTITY_HEADER },
      });
      return ((await granted.json()) as { readonly access_token: string }).access_token;
    };
    const get = async (url: string, token: string): Promise<number> => {
      const headers = { authorization: `Bearer ${token}`, accept: 'application/json;api-version=7.1' };
      return (await fetch(url, { headers })).status;
    };
    const project = system.devOps.addProject(projectName).id;
    const token = await tokenFor('499b84ac-1321-427f-aa17-267ca6975798');
    const vaultToken = await tokenFor('https://vault.azure.net');
    const statuses = await Promise.all([
      get(`${MAYFLY_ADO_URL}/_apis/distributedtask/pools/1/agents`, token),
      get(`${MAYFLY_ADO_URL}/${project}/_apis/build/builds/1`, token),
      get(`${MAYFLY_ADO_URL}/_apis/hooks/subscriptions`, token),
      get(`${MAYFLY_VAULT_URL}/secrets/${vaultNames.registration}?api-version=7.5`, vaultToken),
    ]);
    expect(statuses).toEqual([200, 404, 403, 401]);
  });

  it('lead it to a cluster that refuses what its Role does not name', async () => {
    const { MAYFLY_KUBERNETES_URL, MAYFLY_KUBERNETES_TOKEN } = system.settings;
    const get = async (resource: string): Promise<number> => {
      const url = `${MAYFLY_KUBERNETES_URL}/${resource}`;
      return (await fetch(url, { headers: { authorization: `Bearer ${MAYFLY_KUBERNETES_TOKEN}` } })).status;
    };
    expect(await get('apis/batch/v1/namespaces/mayfly-agents/jobs')).toBe(200);
    expect(await get('api/v1/namespaces/mayfly-agents/secrets')).toBe(403);
  });
});

describe('the door for people', () => {
  it('queues jobs', async () => {
    const { status, answer } = await play({ pool: 'linux', count: 2, durationSeconds: 1 });
    expect({ status, answer }).toEqual({ status: 201, answer: { queued: [1001, 1002], refused: [] } });
    expect(system.devOps.getJobRequest(1, 1002)).toMatchObject({ durationMs: 1000 });
  });

  it('tells what Azure DevOps refused', async () => {
    const { status, answer } = await play({ pool: 'web', demands: ['gpu'] });
    expect({ status, answer }).toEqual({
      status: 201,
      answer: { queued: [], refused: [expect.stringContaining('No agent found in pool web')] },
    });
  });

  const wrong: readonly { readonly name: string; readonly given: unknown; readonly want: unknown }[] = [
    { name: 'an unknown pool', given: { pool: 'x' }, want: [404, 'There is no pool "x". There are: linux, web.'] },
    { name: 'no body', given: undefined, want: [400, expect.stringContaining('The body')] },
    { name: 'a count of nothing', given: { pool: 'web', count: 0 }, want: [400, expect.stringContaining('count')] },
    {
      name: 'what is no demand',
      given: { pool: 'web', demands: ['a -likes b'] },
      want: [400, expect.stringContaining('demands.0: is no demand')],
    },
  ];
  it.each(wrong)('refuses $name', async ({ given, want }) => {
    const { status, answer } = await play(given);
    expect([status, (answer as { readonly error?: string }).error]).toEqual(want);
  });

  it('shows what goes on', async () => {
    const answer = await fetch(`http://127.0.0.1:${system.ports.play}/state`);
    expect(await answer.json()).toMatchObject({
      pools: [
        { id: 1, name: 'linux', running: 0 },
        { id: 2, name: 'web', running: 0 },
      ],
      jobs: [],
    });
  });
});

describe('ports', () => {
  let squatter: Server;
  let port: number;

  beforeAll(async () => {
    squatter = createServer();
    await new Promise<void>((resolve) => squatter.listen(0, '127.0.0.1', resolve));
    const address = squatter.address();
    port = typeof address === 'object' && address !== null ? address.port : 0;
  });
  afterAll(() => {
    squatter.close();
  });

  it('that are taken are named before anything starts', async () => {
    const ports = { ...portsFrom(0), serviceBus: port, keyVault: port };
    await expect(claimPorts(ports)).rejects.toThrow(new PortsTaken([port, port]).message);
    expect(new PortsTaken([7]).message).toMatch(/^Port 7 is in use on 127\.0\.0\.1\. Choose others with --port-base N/);
  });

  it('that are taken end npm start with 1 and that line', async () => {
    const run = promisify(execFile)(process.execPath, ['infra/cli/start.ts', '--port-base', String(port)], {
      cwd: repositoryRoot,
    });
    await expect(run).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining(`${port}`) });
  });

  it('where nothing runs are named by npm run queue', async () => {
    const run = promisify(execFile)(
      process.execPath,
      ['infra/cli/queue.ts', '--pool', 'linux', '--port-base', '1024'],
      { cwd: repositoryRoot },
    );
    await expect(run).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining('Nothing runs at http://127.0.0.1:1030/jobs. Begin with `npm start`'),
    });
  });
});
