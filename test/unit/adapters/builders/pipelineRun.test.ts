import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { azureDevOpsRest } from '../../../../shared/adapters/azureDevOps/rest.ts';
import { pipelineRunBuilder } from '../../../../shared/adapters/builders/pipelineRun.ts';
import { Secret } from '../../../../shared/domain/secret.ts';
import type { ImageBuilder } from '../../../../shared/ports/images.ts';
import { anOrder } from '../../../contract/imageBuilder.contract.ts';
import type { TheServer } from '../theServer.ts';
import { answering, impatientClock, startServer } from '../theServer.ts';

let server: TheServer;
let builder: ImageBuilder;

beforeEach(async () => {
  server = await startServer();
  const clock = impatientClock();
  const tokens = { getToken: () => Promise.resolve({ token: new Secret('t'), expiresAt: 0 }) };
  const organisationUrl = `${server.url}/contoso`;
  const rest = azureDevOpsRest({ organisationUrl, credential: { kind: 'bearer', tokens }, clock });
  builder = pipelineRunBuilder({ rest, project: 'My Project', pipelineId: 7, branch: 'refs/heads/images', clock });
});

afterEach(() => server[Symbol.asyncDispose]());

const build = (id: number, fields: object = {}) => ({ id, status: 'completed', result: 'succeeded', ...fields });
const builds = (...value: readonly object[]) => answering({ body: { count: value.length, value } });

describe('starting a run', () => {
  it('sends branch, parameters and key, and asks for nothing first', async () => {
    server.respond(answering({ body: { id: 9, state: 'inProgress', _links: { web: { href: 'https://x/9' } } } }));
    expect(await builder.start(anOrder())).toEqual({ id: '9', status: 'queued', url: 'https://x/9' });
    expect(server.asked).toHaveLength(1);
    expect(server.asked[0]).toMatchObject({ method: 'POST', path: '/contoso/My%20Project/_apis/pipelines/7/runs' });
    expect(JSON.parse(server.asked[0]?.body ?? '')).toEqual({
      resources: { repositories: { self: { refName: 'refs/heads/images' } } },
      templateParameters: { agentVersion: '4.260.0', tag: 'linux-2026-w47', mayflyKey: 'linux/2026-W47' },
    });
  });
});

describe('finding a run', () => {
  it('takes the key from the list where the list tells parameters', async () => {
    server.respond(builds(build(9, { templateParameters: { mayflyKey: 'linux/2026-W47' } })));
    expect(await builder.find(anOrder())).toEqual({ id: '9', status: 'succeeded' });
    expect(server.asked).toHaveLength(1);
    expect(Object.fromEntries(server.asked[0]?.query ?? [])).toMatchObject({
      definitions: '7',
      queryOrder: 'queueTimeDescending',
      minTime: '2025-12-21T08:00:00.000Z',
    });
  });

  it('takes the oldest of two that bear the key', async () => {
    const templateParameters = { mayflyKey: 'linux/2026-W47' };
    server.respond(builds(build(11, { templateParameters }), build(10, { templateParameters })));
    expect(await builder.find(anOrder())).toMatchObject({ id: '10' });
  });

  it('refuses a pipeline that runs for everybody, whose runs it could not all ask', async () => {
    server.respond(builds(...Array.from({ length: 41 }, (_, index) => build(index + 1))));
    await expect(builder.find(anOrder())).rejects.toMatchObject({ kind: 'invalid', detail: /pipeline of its own/ });
  });

  it('does not take a project that it cannot see for a pipeline without runs', async () => {
    server.respond(answering({ status: 404, body: { typeKey: 'ProjectDoesNotExistWithNameException', message: 'x' } }));
    await expect(builder.find(anOrder())).rejects.toMatchObject({ kind: 'notFound' });
    await expect(builder.get(anOrder(), '9')).rejects.toMatchObject({ kind: 'notFound' });
  });
});

describe('the state of a run', () => {
  const rows = [
    { given: { status: 'notStarted' }, want: 'queued' },
    { given: { status: 'postponed' }, want: 'queued' },
    { given: { status: 'inProgress' }, want: 'running' },
    { given: { status: 'cancelling' }, want: 'running' },
    { given: { status: 'completed', result: 'succeeded' }, want: 'succeeded' },
    { given: { status: 'completed', result: 'partiallySucceeded' }, want: 'succeeded' },
    { given: { status: 'completed', result: 'canceled' }, want: 'canceled' },
  ];
  it.each(rows)('$given.status $given.result is $want', async ({ given, want }) => {
    server.respond(answering({ body: { id: 9, ...given } }));
    expect(await builder.get(anOrder(), '9')).toEqual({ id: '9', status: want });
  });

  it('is failed without an excerpt where the log cannot be read', async () => {
    server.respond((asked, response) => {
      const failed = { id: 9, status: 'completed', result: 'failed' };
      const script = asked.path.endsWith('/9') ? { body: failed } : { status: 403, body: { message: 'no' } };
      answering(script)(asked, response);
    });
    expect(await builder.get(anOrder(), '9')).toEqual({ id: '9', status: 'failed' });
  });

  it('is unknown where it is in no known state', async () => {
    server.respond(answering({ body: { id: 9, status: 'completed', result: 'marvellous' } }));
    await expect(builder.get(anOrder(), '9')).rejects.toMatchObject({ kind: 'unexpected' });
  });
});
