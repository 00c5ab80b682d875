import { execFile } from 'node:child_process';
import { createServer, type IncomingMessage, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { promisify } from 'node:util';
import { afterAll, afterEach, beforeAll, describe, expect, it, vi } from 'vitest';
import { registrations } from '../../support/functionsCore.ts';
import '../../../functions/main.ts';
import { HttpRequest, type HttpResponseInit } from '@azure/functions';
import { explainRequest } from '../../../functions/explain.ts';
import { type LocalSystem, repositoryRoot, startLocalSystem } from '../../../infra/local/start/localSystem.ts';
import { partsOf } from '../../../shared/app.ts';
import { createApp } from '../../../shared/application.ts';
import { ConfigError, UpstreamError } from '../../../shared/domain/errors.ts';
import { unknown } from '../../../shared/domain/read.ts';
import { aContext, aTestApp } from '../../support/app.ts';
import { aJobRequest, anObserved, nameFor } from '../../support/builders.ts';

interface Asked {
  readonly organisation?: string;
  readonly poolId?: string;
  readonly requestId?: string;
  readonly format?: string;
}

const path = ({ organisation = 'contoso', poolId = '7', requestId = '1001' }: Asked): string =>
  `${organisation}/${poolId}/${requestId}`;

function aQuestion(asked: Asked = {}): HttpRequest {
  const [organisation = '', poolId = '', requestId = ''] = path(asked).split('/');
  return new HttpRequest({
    url: `http://127.0.0.1/api/explain/${path(asked)}`,
    method: 'GET',
    params: { organisation, poolId, requestId },
    query: asked.format === undefined ? {} : { format: asked.format },
  });
}

describe('the explain function', () => {
  it('is behind a function key', () => {
    const [binding] = Object.values(registrations().find(({ name }) => name === 'explain')?.bindings ?? {});
    expect(binding).toMatchObject({
      authLevel: 'function',
      methods: ['GET'],
      route: 'explain/{organisation}/{poolId}/{requestId}',
    });
  });

  it('answers with the whole explanation', async () => {
    const world = aTestApp();
    world.explained = anObserved({ requests: [aJobRequest()] });
    const { status, jsonBody } = await explainRequest(aQuestion(), aContext().context, world.get);
    expect({ status, jsonBody }).toMatchObject({
      status: 200,
      jsonBody: { organisation: 'contoso', poolId: 7, requestId: 1001, fate: { kind: 'created', name: nameFor(1001) } },
    });
    expect(JSON.parse(JSON.stringify(jsonBody))).toEqual(jsonBody);
  });

  it('answers with lines for people', async () => {
    const world = aTestApp();
    world.explained = anObserved({ requests: [aJobRequest()] });
    const answer = await explainRequest(aQuestion({ format: 'text' }), aContext().context, world.get);
    expect(answer).toEqual({
      status: 200,
      headers: { 'content-type': 'text/plain; charset=utf-8' },
      body: expect.stringMatching(/^Request 1001 of pool linux \(contoso\) gets a new agent: /),
    });
  });

  const bad: readonly { name: string; given: Asked; want: string }[] = [
    {
      name: 'a pool by name',
      given: { poolId: 'linux' },
      want: 'poolId must be a whole number from 1; found "linux".',
    },
    { name: 'pool 0', given: { poolId: '0' }, want: 'poolId must be a whole number from 1; found "0".' },
    {
      name: 'half a request',
      given: { requestId: '1.5' },
      want: 'requestId must be a whole number from 1; found "1.5".',
    },
    { name: 'more than any id', given: { requestId: '9'.repeat(50) }, want: `found "${'9'.repeat(40)}".` },
    { name: 'an unknown format', given: { format: 'xml' }, want: 'format must be json or text; found "xml".' },
  ];
  it.each(bad)('refuses $name with one sentence', async ({ given, want }) => {
    const answer = await explainRequest(aQuestion(given), aContext().context, aTestApp().get);
    expect(answer).toEqual({ status: 400, jsonBody: { error: expect.stringContaining(want) } });
  });

  it.each([{ poolId: '8' }, { organisation: 'fabrikam' }])(
    'knows no pool that is not configured: %o',
    async (given) => {
      const { status, jsonBody } = await explainRequest(aQuestion(given), aContext().context, aTestApp().get);
      expect({ status, jsonBody }).toEqual({
        status: 404,
        jsonBody: { error: expect.stringMatching(/^Pool [78] of organisation "\w+" is not configured\.$/) },
      });
    },
  );

  it('answers 404 and says why for a request that nobody knows', async () => {
    const { status, jsonBody } = await explainRequest(aQuestion(), aContext().context, aTestApp().get);
    expect({ status, jsonBody }).toMatchObject({ status: 404, jsonBody: { fate: { kind: 'notInPool' } } });
  });

  it('answers 503 while the pool cannot be read', async () => {
    const world = aTestApp();
    world.explained = { ...anObserved(), agents: unknown('throttled') };
    const { status, jsonBody } = await explainRequest(aQuestion(), aContext().context, world.get);
    expect({ status, jsonBody }).toMatchObject({ status: 503, jsonBody: { fate: { kind: 'poolUnknown' } } });
  });

  const failures: readonly { name: string; given: Error; want: unknown }[] = [
    {
      name: 'an upstream, without its own words',
      given: new UpstreamError({
        upstream: 'azureDevOps',
        operation: 'getting a job request',
        kind: 'timeout',
        detail: 'x',
      }),
      want: { status: 503, jsonBody: { error: 'azureDevOps timeout while getting a job request.' } },
    },
    {
      name: 'the configuration',
      given: new ConfigError('mayfly.yaml', [{ path: 'pools', rule: 'must be a list', found: 'text' }]),
      want: { status: 503, jsonBody: { error: expect.stringContaining('pools: must be a list; found text') } },
    },
    {
      name: 'anything else',
      given: new Error('internal'),
      want: { status: 500, jsonBody: { error: expect.any(String) } },
    },
  ];
  it.each(failures)('tells what failed: $name', async ({ given, want }) => {
    const world = aTestApp();
    world.explained = given;
    const { context, lines } = aContext('explain');
    const answer = await explainRequest(aQuestion(), context, world.get);
    expect(answer).toEqual(want);
    expect(JSON.stringify(answer)).not.toContain('internal');
    expect(lines).toEqual([expect.stringMatching(/^error explain\.failed/)]);
  });
});

describe('against the stand-ins', () => {
  let system: LocalSystem;
  beforeAll(async () => {
    system = await startLocalSystem({ portBase: 0, host: false, seed: 1 });
    system.devOps.addAgent(1, { name: 'build-server', version: '5.278.0', userCapabilities: { gpu: '1' } });
    // The identity library looks for the identity's address in the process itself.
    for (const name of ['IDENTITY_ENDPOINT', 'IDENTITY_HEADER']) vi.stubEnv(name, system.settings[name] ?? '');
  });
  afterAll(async () => {
    vi.unstubAllEnvs();
    await system.close();
  });

  async function ask(requestId: number): Promise<readonly [number | undefined, string]> {
    const app = createApp(partsOf({ AzureWebJobsScriptRoot: repositoryRoot, ...system.settings }));
    const question = aQuestion({ poolId: '1', requestId: String(requestId), format: 'text' });
    const { status, body } = await explainRequest(question, aContext('explain').context, async () => app);
    return [status, typeof body === 'string' ? body : ''];
  }

  it('explains requests that wait, end and never were, and touches nothing', async () => {
    const queued = system.queueJob('linux', { demands: ['gpu'], durationMs: 1000 });
    const requestId = queued.kind === 'queued' ? queued.requestId : 0;
    const [status, text] = await ask(requestId);
    expect(status).toBe(200);
    expect(text).toMatch(new RegExp(`^Request ${requestId} of pool linux \\(contoso\\) waits: noTemplate\\.\n`));
    expect(text).toMatch(/^ {2}templates {3}linux +lacks gpu$/m);
    system.devOps.cancelJob(requestId);
    expect(await ask(requestId)).toEqual([
      200,
      expect.stringContaining(`Request ${requestId} of pool linux (contoso) is over: canceled`),
    ]);
    expect(await ask(4711)).toEqual([404, expect.stringContaining('is not in the pool.')]);
    expect(system.leftOvers().jobs).toEqual([]);
  });
});

describe('npm run explain', () => {
  let door: Server | undefined;
  afterEach(() => {
    door?.close();
  });

  const run = (args: readonly string[], env: Record<string, string> = {}) =>
    promisify(execFile)(process.execPath, ['infra/cli/explain.ts', '--pool', '7', '--request', '1001', ...args], {
      cwd: repositoryRoot,
      env: { ...process.env, MAYFLY_FUNCTION_KEY: '', ...env },
    });

  /** Answers as the function does, behind the key `k`. */
  async function aDoor(): Promise<string> {
    const world = aTestApp();
    world.explained = anObserved({ requests: [aJobRequest()] });
    const answer = async ({ url = '', headers }: IncomingMessage): Promise<HttpResponseInit> => {
      if (headers['x-functions-key'] !== 'k') return { status: 401 };
      const { pathname, searchParams } = new URL(url, 'http://door');
      const [, , , organisation = '', poolId = '', requestId = ''] = pathname.split('/');
      const question = aQuestion({ organisation, poolId, requestId, format: searchParams.get('format') ?? '' });
      return explainRequest(question, aContext().context, world.get);
    };
    door = createServer((request, response) => {
      void answer(request).then(({ status = 500, body, jsonBody }) => {
        response.writeHead(status).end(typeof body === 'string' ? body : JSON.stringify(jsonBody));
      });
    });
    await new Promise<void>((resolve) => door?.listen(0, '127.0.0.1', resolve));
    return `http://127.0.0.1:${(door.address() as AddressInfo).port}`;
  }

  it('prints the lines, or JSON, of a function app whose key it is given', async () => {
    const url = await aDoor();
    const text = await run(['--url', `${url}/`], { MAYFLY_FUNCTION_KEY: 'k' });
    expect(text.stdout).toMatch(/^Request 1001 of pool linux \(contoso\) gets a new agent: /);
    const json = await run(['--url', url, '--json'], { MAYFLY_FUNCTION_KEY: 'k' });
    expect(JSON.parse(json.stdout)).toMatchObject({ requestId: 1001, fate: { kind: 'created' } });
  });

  it('says in a line what is wrong and ends with 1', async () => {
    const url = await aDoor();
    const env = { MAYFLY_FUNCTION_KEY: 'k' };
    const cases: readonly [readonly string[], Record<string, string>, string][] = [
      [['--url', url], {}, 'Set MAYFLY_FUNCTION_KEY to a function or host key'],
      [['--url', url], { MAYFLY_FUNCTION_KEY: 'x' }, 'refuses the key (401).'],
      [['--url', url, '--organisation', 'fabrikam'], env, 'Pool 7 of organisation "fabrikam" is not configured.'],
      [['--port-base', '1024'], {}, 'Nothing answers at http://127.0.0.1:1024. Begin with `npm start`'],
      [['--url', 'contoso'], env, 'An address is needed that begins with https://.'],
      [['--request', 'abc'], env, 'A whole number from 1 is needed.'],
    ];
    for (const [args, given, want] of cases) {
      await expect(run(args, given)).rejects.toMatchObject({ code: 1, stderr: expect.stringContaining(want) });
    }
  });
});
