/** The adapter for hook subscriptions over sockets, down to a receiver that really is called. */
import { createServer, type Server } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { reader } from '../../../infra/local/azureDevOps/wire/tokens.ts';
import type { VirtualClock } from '../../../infra/local/world/clock.ts';
import { azureDevOpsRest } from '../../../shared/adapters/azureDevOps/rest.ts';
import { hookSubscriptions } from '../../../shared/adapters/azureDevOps/subscriptions.ts';
import { hookUserName } from '../../../shared/domain/hookSecret.ts';
import { Secret } from '../../../shared/domain/secret.ts';
import { hookVerifier, markOf } from '../../../shared/hooks/verify.ts';
import type { HookSubscriptions } from '../../../shared/ports/hooks.ts';
import { startTestAzureDevOps, type TestAzureDevOps } from '../../support/azureDevOpsServer.ts';

const former = 'what the subscriptions sent so far';
const latest = 'what they are to send from now on';
const mark = markOf(latest) ?? '';
const credential = { userName: hookUserName(mark), password: new Secret(latest) };

let devOps: TestAzureDevOps<VirtualClock>;
let receiver: Server;
let url: string;
let projectId: string;

function port(token = devOps.pat): HookSubscriptions {
  const tokens = { getToken: async () => ({ token: new Secret(token), expiresAt: Number.POSITIVE_INFINITY }) };
  const rest = azureDevOpsRest({
    organisationUrl: devOps.url,
    credential: { kind: 'personalAccessToken', tokens },
    clock: devOps.clock,
    retry: { maxRetries: 0 },
  });
  return hookSubscriptions(rest, url, { sleep: async () => undefined });
}

function subscribe(jobStateId: string, consumerInputs: Readonly<Record<string, string>> = {}, project = projectId) {
  return devOps.server.subscriptions.create(
    {
      resourceVersion: '5.1-preview.1',
      publisherInputs: { projectId: project, jobStateId },
      consumerInputs: {
        url,
        httpHeaders: `x-mayfly-secret:${former}`,
        resourceDetailsToSend: 'minimal',
        messagesToSend: 'none',
        ...consumerInputs,
      },
    },
    devOps.clock.now(),
  );
}

beforeEach(async () => {
  devOps = await startTestAzureDevOps();
  projectId = devOps.world.addProject('shop').id;
  const current = { current: new Secret(latest), previous: new Secret(former) };
  const verifier = hookVerifier({ initial: current, read: async () => current, now: () => devOps.clock.now() });
  receiver = createServer((request, response) => {
    const headers = new Headers(request.headers as Record<string, string>);
    request.resume().on('end', () => {
      void verifier.verify(headers).then((verdict) => {
        response.writeHead(verdict === 'accepted' ? 202 : 401, { 'content-type': 'application/json' });
        response.end(JSON.stringify({ outcome: 'ignored', secretMark: verifier.mark(headers) }));
      });
    });
  });
  await new Promise<void>((resolve) => receiver.listen(0, '127.0.0.1', resolve));
  url = `http://127.0.0.1:${(receiver.address() as AddressInfo).port}/api/hooks/azure-devops`;
});

afterEach(async () => {
  await devOps.close();
  receiver.closeAllConnections();
  await new Promise((resolve) => receiver.close(resolve));
});

describe('hookSubscriptions', () => {
  it('lists those of a project that call this address', async () => {
    const one = subscribe('Waiting');
    subscribe('Waiting', { url: 'https://elsewhere.example/hook' });
    subscribe('Waiting', {}, devOps.world.addProject('other').id);
    expect(await port().list(projectId.toUpperCase())).toEqual([
      { id: one.id, projectId: projectId.toUpperCase(), status: 'enabled', userName: '' },
    ]);
  });

  it('lists those that people wrote in another way, and that reach this address all the same', async () => {
    const { origin, pathname } = new URL(url);
    const ways = [`${url}/`, `${origin}/API/Hooks/Azure-DevOps`, `${url}?from=shop`, `${url}#x`];
    const ids = ways.map((way) => subscribe('Waiting', { url: way }).id);
    for (const other of [`${url}s`, `${origin}/api/hooks`, `https://other.example${pathname}`, 'no address'])
      subscribe('Waiting', { url: other });
    expect((await port().list(projectId)).map(({ id }) => id)).toEqual(ids);
  });

  it('writes all inputs anew, so that nothing masked is left', async () => {
    const { id } = subscribe('Completed');
    const [listed] = await port().list(projectId);
    if (listed === undefined) throw new Error('nothing was listed');
    await port().write(listed, credential);
    expect(devOps.server.subscriptions.get(id)).toMatchObject({
      publisherInputs: { projectId, jobStateId: 'Completed' },
      consumerInputs: {
        url,
        resourceDetailsToSend: 'minimal',
        messagesToSend: 'none',
        basicAuthUsername: `mayfly-${mark}`,
        basicAuthPassword: latest,
      },
    });
    expect(devOps.server.subscriptions.get(id)?.consumerInputs['httpHeaders']).toBeUndefined();
    expect(await port().list(projectId)).toMatchObject([{ userName: `mayfly-${mark}` }]);
  });

  it.each(['onProbation', 'disabledBySystem'] as const)('enables one that is %s', async (status) => {
    const subscription = subscribe('Waiting');
    subscription.status = status;
    const [listed] = await port().list(projectId);
    expect(listed?.status).toBe(status);
    if (listed !== undefined) await port().write(listed, credential);
    expect(subscription.status).toBe('enabled');
  });

  it('leaves one disabled that a person disabled', async () => {
    const subscription = subscribe('Waiting');
    subscription.status = 'disabledByUser';
    const [listed] = await port().list(projectId);
    if (listed !== undefined) await port().write(listed, credential);
    expect(subscription.status).toBe('disabledByUser');
  });

  const stored = async () => {
    const [listed] = await port().list(projectId);
    if (listed === undefined) throw new Error('nothing was listed');
    return listed;
  };

  it('rehearses with the new credential while the old one is stored', async () => {
    subscribe('Waiting');
    expect(await port().rehearse(await stored(), credential)).toEqual({ delivered: true, mark });
    const wrong = { ...credential, password: new Secret('which the receiver does not know yet') };
    expect(await port().rehearse(await stored(), wrong)).toEqual({
      delivered: false,
      detail: 'the receiver answered 401',
    });
  });

  it('tests what is stored, by the word of the receiver', async () => {
    subscribe('Waiting');
    expect(await port().test(await stored(), credential)).toEqual({ delivered: true, mark: markOf(former) });
    await port().write(await stored(), credential);
    expect(await port().test(await stored(), credential)).toEqual({ delivered: true, mark });
  });

  it('rejects what the server refuses, by kind', async () => {
    subscribe('Waiting');
    const listed = await stored();
    const mere = port(devOps.addPat('reader', reader));
    await expect(mere.list(projectId)).rejects.toMatchObject({ kind: 'forbidden' });
    await expect(port('nobody').write(listed, credential)).rejects.toMatchObject({ kind: 'unauthorized' });
    devOps.server.subscriptions.delete(listed.id);
    await expect(port().write(listed, credential)).rejects.toMatchObject({ kind: 'notFound' });
  });
});

describe('a server that answers tests before it has sent them', () => {
  it('is asked until it knows', async () => {
    const slow = await startTestAzureDevOps({ hooks: { slowTests: true } });
    await devOps.close();
    devOps = slow;
    subscribe('Waiting');
    const [listed] = await port().list(projectId);
    if (listed === undefined) throw new Error('nothing was listed');
    const clock = { sleep: () => new Promise<void>((resolve) => setImmediate(resolve)) };
    const tokens = { getToken: async () => ({ token: new Secret(slow.pat), expiresAt: Number.POSITIVE_INFINITY }) };
    const rest = azureDevOpsRest({
      organisationUrl: slow.url,
      credential: { kind: 'personalAccessToken', tokens },
    });
    expect(await hookSubscriptions(rest, url, clock).test(listed, credential)).toMatchObject({ delivered: true });
  });
});
