/** Service hooks over real sockets: from a job in the world to the receiver's door. */
import { createServer, type IncomingHttpHeaders, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { VirtualClock } from '../../../infra/local/world/clock.ts';
import { startTestAzureDevOps, type TestAzureDevOps, until } from '../../support/azureDevOpsServer.ts';

interface Received {
  readonly headers: IncomingHttpHeaders;
  readonly body: Record<string, unknown> & { readonly resource: { readonly job: { readonly id: string } } };
}

let devOps: TestAzureDevOps<VirtualClock>;
let receiver: Server;
let status: number;
let received: Received[];
let poolId: number;

const subscriptions = '_apis/hooks/subscriptions';

function draft(over: { readonly publisherInputs?: object; readonly consumerInputs?: object } = {}) {
  const { port } = receiver.address() as AddressInfo;
  return {
    publisherId: 'pipelines',
    eventType: 'ms.vss-pipelines.job-state-changed-event',
    resourceVersion: '5.1-preview.1',
    consumerId: 'webHooks',
    consumerActionId: 'httpRequest',
    publisherInputs: { projectId: devOps.world.addProject('shop').id, jobStateId: 'Waiting', ...over.publisherInputs },
    consumerInputs: {
      url: `http://127.0.0.1:${port}/hook`,
      basicAuthUsername: 'hook',
      basicAuthPassword: 'secret word',
      resourceDetailsToSend: 'minimal',
      ...over.consumerInputs,
    },
  };
}

async function subscribe(body: object = draft()): Promise<{ readonly id: string }> {
  const answer = await devOps.call('POST', subscriptions, body);
  expect(answer.status).toBe(200);
  return (await answer.json()) as { id: string };
}

const queueJob = () =>
  devOps.world.queueJob({ poolId, project: 'shop', pipeline: 'build', stage: 'Test', jobName: 'unit' });

beforeEach(async () => {
  devOps = await startTestAzureDevOps({ hooks: { latencyMs: 9000 } });
  poolId = devOps.world.addPool({ name: 'kube' }).id;
  devOps.world.addAgent(poolId, { name: 'placeholder', version: '99.999.9' });
  status = 200;
  received = [];
  receiver = createServer((request, response) => {
    const chunks: Buffer[] = [];
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => {
      received.push({ headers: request.headers, body: JSON.parse(Buffer.concat(chunks).toString('utf8')) });
      response.writeHead(status, status === 302 ? { location: '/elsewhere' } : {}).end();
    });
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
});
afterEach(async () => {
  await devOps.close();
  receiver.closeAllConnections();
  await new Promise((resolve) => receiver.close(resolve));
});

describe('a subscription', () => {
  it('tells its receiver of a waiting job, seconds later and without a word of the pool', async () => {
    const { id } = await subscribe();
    const queued = queueJob();
    await devOps.clock.advance(8999);
    expect(received).toEqual([]);
    await devOps.clock.advance(1);
    await until(() => received.length > 0);
    const [first] = received;
    expect(first?.headers.authorization).toBe(`Basic ${btoa('hook:secret word')}`);
    expect(first?.body).toMatchObject({ subscriptionId: id, notificationId: 1, publisherId: 'pipelines' });
    expect(first?.body.resource.job.id).toBe(queued.jobId);
    expect(JSON.stringify(first?.body)).not.toMatch(/pool|demand|requestId|planId/i);
  });

  it('reads back with its password masked, and keeps it when the mask is written back', async () => {
    const { id } = await subscribe();
    const path = `${subscriptions}/${id}`;
    const read = (await (await devOps.call('GET', path)).json()) as { consumerInputs: Record<string, string> };
    expect(read).toMatchObject({ id, status: 'enabled', consumerInputs: { basicAuthPassword: '********' } });
    await devOps.call('PUT', path, read);
    queueJob();
    await devOps.clock.advance(9000);
    await until(() => received.length > 0);
    expect(received[0]?.headers.authorization).toBe(`Basic ${btoa('hook:secret word')}`);
  });

  it('goes on probation after a 401, shows it, and is enabled again by PUT', async () => {
    status = 401;
    const { id } = await subscribe();
    const path = `${subscriptions}/${id}`;
    queueJob();
    await devOps.clock.advance(9000);
    await until(() => devOps.server.subscriptions.get(id)?.status === 'onProbation');
    expect(await (await devOps.call('GET', path)).json()).toMatchObject({ status: 'onProbation', probationRetries: 0 });
    status = 200;
    await devOps.call('PUT', path, { ...draft(), status: 'enabled' });
    queueJob();
    await devOps.clock.advance(9000);
    await until(() => received.length === 2);
    const { value } = (await (await devOps.call('GET', `${path}/notifications`)).json()) as { value: object[] };
    expect(value).toMatchObject([{ id: 2 }, { id: 1, details: { requestAttempts: 1 } }]);
  });

  it('takes a redirect for an error and does not follow it', async () => {
    status = 302;
    const { id } = await subscribe();
    queueJob();
    await devOps.clock.advance(9000);
    await until(() => devOps.server.subscriptions.get(id)?.status === 'onProbation');
    expect(received).toHaveLength(1);
  });

  it('hears of nothing once it is deleted', async () => {
    const { id } = await subscribe();
    expect((await devOps.call('DELETE', `${subscriptions}/${id}`)).status).toBe(204);
    queueJob();
    await devOps.clock.advance(60_000);
    expect(received).toEqual([]);
    expect((await devOps.call('GET', `${subscriptions}/${id}`)).status).toBe(404);
    expect(await (await devOps.call('GET', subscriptions)).json()).toEqual({ count: 0, value: [] });
  });

  const refused: readonly { readonly name: string; readonly given: () => object; readonly want: number }[] = [
    { name: 'without a project', given: () => draft({ publisherInputs: { projectId: '' } }), want: 400 },
    {
      name: 'for a state that does not exist',
      given: () => draft({ publisherInputs: { jobStateId: 'Done' } }),
      want: 400,
    },
    { name: 'without a URL', given: () => draft({ consumerInputs: { url: 'hook' } }), want: 400 },
    { name: 'for another event', given: () => ({ ...draft(), eventType: 'build.complete' }), want: 501 },
    { name: 'for a storage queue', given: () => ({ ...draft(), consumerId: 'azureStorageQueue' }), want: 501 },
  ];
  it.each(refused)('is refused $name', async ({ given, want }) => {
    expect((await devOps.call('POST', subscriptions, given())).status).toBe(want);
  });
});

describe('the Test button', () => {
  it('sends a made-up event and tells how it went', async () => {
    const { resourceVersion: _, ...details } = draft({ publisherInputs: { jobStateId: 'Completed' } });
    const answer = await devOps.call('POST', '_apis/hooks/testnotifications', { details });
    expect(await answer.json()).toMatchObject({ status: 'completed', result: 'succeeded' });
    expect(received[0]?.body).toMatchObject({
      subscriptionId: '00000000-0000-0000-0000-000000000000',
      resource: { projectId: '00000000-0000-0000-0000-000000000000' },
    });
  });

  it('fails without consequences for a stored subscription', async () => {
    status = 500;
    const { id } = await subscribe();
    const answer = await devOps.call('POST', '_apis/hooks/testnotifications', { subscriptionId: id });
    expect(await answer.json()).toMatchObject({ result: 'failed' });
    expect(devOps.server.subscriptions.get(id)?.status).toBe('enabled');
  });
});
