import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { AcrTasksStandIn } from '../../../../infra/local/azure/acrTasks.ts';
import { startAcrTasks } from '../../../../infra/local/azure/acrTasks.ts';
import { VirtualClock } from '../../../../infra/local/world/clock.ts';
import { armRest } from '../../../../shared/adapters/azure/armRest.ts';
import { readLogTail } from '../../../../shared/adapters/builders/acrLog.ts';
import type { AcrTaskOptions } from '../../../../shared/adapters/builders/acrTask.ts';
import { acrTaskBuilder } from '../../../../shared/adapters/builders/acrTask.ts';
import { Secret } from '../../../../shared/domain/secret.ts';
import type { ImageBuilder } from '../../../../shared/ports/images.ts';
import { anOrder } from '../../../contract/imageBuilder.contract.ts';
import { answering, startServer } from '../theServer.ts';

const place = { subscriptionId: 's-1', resourceGroup: 'agents', registry: 'contoso' };
const registry = '/subscriptions/s-1/resourceGroups/agents/providers/Microsoft.ContainerRegistry/registries/contoso';

const clock = new VirtualClock();
let standIn: AcrTasksStandIn;

beforeEach(async () => {
  standIn = await startAcrTasks({ ...place, clock, accepts: (token) => token === 'good' });
});

afterEach(() => standIn.close());

function builderOf(changes: Partial<AcrTaskOptions> = {}, token = 'good', endpoint = standIn.url): ImageBuilder {
  const tokens = { getToken: () => Promise.resolve({ token: new Secret(token), expiresAt: 0 }) };
  const arm = armRest({ tokens, endpoint, clock, retry: { maxRetries: 0 } });
  return acrTaskBuilder({ ...place, arm, request: { kind: 'task', task: 'agent-image' }, ...changes });
}

describe('what is asked of ACR', () => {
  const values = [
    { name: 'agentVersion', value: '4.260.0', isSecret: false },
    { name: 'tag', value: 'linux-2026-w47', isSecret: false },
  ];

  const buildArgs = [
    { name: 'AGENT_VERSION', value: '4.260.0', isSecret: false },
    { name: 'TAG', value: 'linux-2026-w47', isSecret: false },
  ];

  it('is a run of a task of the registry, with the parameters as arguments and as values', async () => {
    await builderOf().start(anOrder());
    expect(standIn.runs.list()[0]?.request).toEqual({
      type: 'TaskRunRequest',
      taskId: `${registry}/tasks/agent-image`,
      overrideTaskStepProperties: { arguments: buildArgs, values },
    });
  });

  it('is a build of a Dockerfile, which is pushed', async () => {
    const context = 'https://git.example/agents.git#main:linux';
    const request = { kind: 'dockerfile', context, dockerfile: 'Dockerfile', imageNames: ['agents/linux:x'] } as const;
    await builderOf({ request, timeoutSeconds: 1800 }).start(anOrder());
    expect(standIn.runs.list()[0]?.request).toEqual({
      type: 'DockerBuildRequest',
      sourceLocation: context,
      dockerFilePath: 'Dockerfile',
      imageNames: ['agents/linux:x'],
      isPushEnabled: true,
      arguments: buildArgs,
      platform: { os: 'Linux', architecture: 'amd64' },
      timeout: 1800,
    });
  });

  it('is told where a person can look', async () => {
    const { url, id } = await builderOf().start(anOrder());
    expect(url).toBe(`https://portal.azure.com/#resource${registry}/taskRuns/${id}`);
  });
});

describe('states of a run', () => {
  const ends = [
    { end: 'Failed', want: 'failed' },
    { end: 'Error', want: 'failed' },
    { end: 'Timeout', want: 'failed' },
    { end: 'Succeeded', want: 'succeeded' },
  ] as const;
  it.each(ends)('$end is $want', async ({ end, want }) => {
    standIn.runs.end = end;
    const builder = builderOf();
    const { id, status } = await builder.start(anOrder());
    expect(status).toBe('queued');
    await clock.advance(10_000);
    expect(await builder.get(anOrder(), id)).toMatchObject({ status: 'running' });
    await clock.advance(60_000);
    expect(await builder.get(anOrder(), id)).toMatchObject({ status: want });
  });

  it('is failed, with what the run itself says, where the log cannot be had', async () => {
    standIn.runs.end = 'Failed';
    const builder = builderOf();
    const { id } = await builder.start(anOrder());
    await clock.advance(120_000);
    standIn.faults.add({ kind: 'status', status: 403 }, ({ target }) => target.endsWith('/listLogSasUrl'));
    expect(await builder.get(anOrder(), id)).toMatchObject({
      status: 'failed',
      excerpt: 'failed to run step ID: build: exit status 1',
    });
  });
});

describe('refusals', () => {
  const rows: readonly { name: string; given: () => ImageBuilder; want: object }[] = [
    { name: 'a token that may not', given: () => builderOf({}, 'bad'), want: { kind: 'unauthorized' } },
    {
      name: 'a subscription that is not there',
      given: () => builderOf({ subscriptionId: 's-2' }),
      want: { kind: 'notFound', detail: /^SubscriptionNotFound/ },
    },
    { name: 'a group that is not there', given: () => builderOf({ resourceGroup: 'x' }), want: { kind: 'notFound' } },
    { name: 'a registry that is not there', given: () => builderOf({ registry: 'x' }), want: { kind: 'notFound' } },
    {
      name: 'an address without TLS',
      given: () => builderOf({}, 'good', 'http://arm.example'),
      want: { kind: 'invalid', detail: 'not https' },
    },
  ];
  it.each(rows)('takes $name for no absence', async ({ given, want }) => {
    await expect(given().find(anOrder())).rejects.toMatchObject({ ...want, upstream: 'azureResourceManager' });
  });

  it("takes a gateway's 404 for no absence", async () => {
    await using server = await startServer();
    server.respond(answering({ status: 404, type: 'text/html', raw: '<html></html>' }));
    await expect(builderOf({}, 'good', server.url).find(anOrder())).rejects.toMatchObject({ kind: 'unexpected' });
  });

  it('takes an answer of another form for no answer', async () => {
    await using server = await startServer();
    server.respond(answering({ body: { name: 'x', properties: { provisioningState: 'Succeeded' } } }));
    await expect(builderOf({}, 'good', server.url).find(anOrder())).rejects.toMatchObject({
      kind: 'unexpected',
      detail: expect.stringContaining('without a run'),
    });
  });

  it('reads no log without TLS, and tells nobody its URL', async () => {
    const error = await readLogTail('http://logs.example/x?sig=secret').catch((thrown: unknown) => thrown);
    expect(error).toMatchObject({ kind: 'invalid' });
    expect(String(error)).not.toContain('secret');
  });
});
