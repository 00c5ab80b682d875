/** The agent's side of the stand-in: token, session, messages, lease, with the cryptography of the real agent. */
import { afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest';
import type { VirtualClock } from '../../../infra/local/world/clock.ts';
import { startTestAzureDevOps, type TestAzureDevOps, until } from '../../support/azureDevOpsServer.ts';
import {
  aKeyPair,
  type Claims,
  claimsOf,
  decrypted,
  type KeyPair,
  signed,
  tokenForm,
  unwrapKey,
} from '../../support/wireListener.ts';

let keys: KeyPair;
let otherKeys: KeyPair;
let devOps: TestAzureDevOps<VirtualClock>;
let poolId: number;
let agent: Registration;

interface Registration {
  readonly id: number;
  readonly name: string;
  readonly authorization: { readonly clientId: string; readonly authorizationUrl: string };
  readonly properties: unknown;
}

interface Session {
  readonly sessionId: string;
  readonly encryptionKey: { readonly encrypted: boolean; readonly value: string };
}

interface Message {
  readonly messageId: number;
  readonly messageType: string;
  readonly iv: string;
  readonly body: string;
}

const pool = (): string => `_apis/distributedtask/pools/${poolId}`;

async function register(name: string): Promise<Registration> {
  const body = {
    name,
    version: '5.278.0',
    osDescription: 'Linux',
    authorization: { publicKey: keys.publicKey },
    systemCapabilities: { 'Agent.Version': '5.278.0' },
  };
  return (await (await devOps.call('POST', `${pool()}/agents`, body)).json()) as Registration;
}

function requestToken(assertion: string): Promise<Response> {
  return fetch(agent.authorization.authorizationUrl, { method: 'POST', body: tokenForm(assertion) });
}

async function token(): Promise<string> {
  const { clientId, authorizationUrl } = agent.authorization;
  const answer = await requestToken(signed(claimsOf(clientId, authorizationUrl, devOps.clock.now()), keys.privateKey));
  return ((await answer.json()) as { access_token: string }).access_token;
}

const asAgent = (bearer: string) => ({ headers: { authorization: `Bearer ${bearer}` } });

const sessionBody = (of: Registration = agent) => ({
  ownerName: 'pod',
  agent: { id: of.id, name: of.name, version: '5.278.0' },
  systemCapabilities: { 'Agent.Version': '5.278.0', scanned: 'yes' },
});

async function openSession(bearer: string): Promise<Session> {
  const answer = await devOps.call('POST', `${pool()}/sessions`, sessionBody(), asAgent(bearer));
  expect(answer.status).toBe(200);
  return (await answer.json()) as Session;
}

function poll(bearer: string, sessionId: string, last = ''): Promise<Response> {
  return devOps.call(
    'GET',
    `${pool()}/messages?sessionId=${sessionId}&lastMessageId=${last}`,
    undefined,
    asAgent(bearer),
  );
}

const queueJob = (): number => {
  const queued = devOps.world.queueJob({ poolId, durationMs: 5000 });
  return queued.kind === 'queued' ? queued.requestId : 0;
};

const held = (): Promise<void> =>
  until(() => devOps.journal.calls.some((call) => call.verb.endsWith('/messages') && call.outcome === 'open'));

beforeAll(() => {
  keys = aKeyPair();
  otherKeys = aKeyPair();
});
beforeEach(async () => {
  devOps = await startTestAzureDevOps();
  poolId = devOps.world.addPool({ name: 'pool' }).id;
  agent = await register('agent-1');
});
afterEach(() => devOps.close());

describe('a registration with a key', () => {
  it('is answered with client id, token address and server URL', () => {
    expect(agent).toMatchObject({
      authorization: { clientId: expect.any(String), authorizationUrl: `${devOps.url}/_apis/oauth2/token` },
      properties: { ServerUrl: { $type: 'System.String', $value: devOps.url } },
    });
  });
});

describe('the token endpoint', () => {
  it('gives a token for an assertion that the registered key signed', async () => {
    const { clientId, authorizationUrl } = agent.authorization;
    const answer = await requestToken(
      signed(claimsOf(clientId, authorizationUrl, devOps.clock.now()), keys.privateKey),
    );
    expect(answer.status).toBe(200);
    expect(await answer.json()).toEqual({ access_token: expect.any(String), token_type: 'jwt', expires_in: 3000 });
  });

  const table: readonly {
    readonly name: string;
    readonly given: (claims: Claims) => string;
    readonly want: string;
  }[] = [
    { name: 'what is no JWT', given: () => 'nonsense', want: 'not a JWT' },
    { name: 'another key', given: (claims) => signed(claims, otherKeys.privateKey), want: 'signature' },
    { name: 'another algorithm', given: (claims) => signed(claims, keys.privateKey, 'none'), want: 'RS256' },
    {
      name: 'an unknown client',
      given: (claims) => signed({ ...claims, iss: 'x' }, keys.privateKey),
      want: 'not known',
    },
    { name: 'another subject', given: (claims) => signed({ ...claims, sub: 'x' }, keys.privateKey), want: 'differ' },
    { name: 'another audience', given: (claims) => signed({ ...claims, aud: 'x' }, keys.privateKey), want: 'audience' },
    {
      name: 'a clock that is ahead',
      given: (claims) => signed({ ...claims, nbf: claims.nbf + 60, exp: claims.exp + 60 }, keys.privateKey),
      want: 'not valid yet',
    },
    {
      name: 'a clock that is behind',
      given: (claims) => signed({ ...claims, nbf: claims.nbf - 300, exp: claims.exp - 300 }, keys.privateKey),
      want: 'expired',
    },
    {
      name: 'a life of more than five minutes',
      given: (claims) => signed({ ...claims, exp: claims.exp + 1 }, keys.privateKey),
      want: 'longer',
    },
    {
      name: 'an assertion without times',
      given: (claims) => signed({ ...claims, nbf: undefined }, keys.privateKey),
      want: 'no nbf',
    },
  ];
  it.each(table)('refuses $name with 400', async ({ given, want }) => {
    const { clientId, authorizationUrl } = agent.authorization;
    const answer = await requestToken(given(claimsOf(clientId, authorizationUrl, devOps.clock.now())));
    expect(answer.status).toBe(400);
    expect(await answer.json()).toMatchObject({ error_description: expect.stringContaining(want) });
  });

  it('refuses an assertion that was used before', async () => {
    const { clientId, authorizationUrl } = agent.authorization;
    const assertion = signed(claimsOf(clientId, authorizationUrl, devOps.clock.now()), keys.privateKey);
    expect((await requestToken(assertion)).status).toBe(200);
    expect((await requestToken(assertion)).status).toBe(400);
  });

  it('knows a deleted agent no more', async () => {
    devOps.world.deleteAgent(poolId, agent.id);
    const { clientId, authorizationUrl } = agent.authorization;
    const answer = await requestToken(
      signed(claimsOf(clientId, authorizationUrl, devOps.clock.now()), keys.privateKey),
    );
    expect([answer.status, (await answer.json()) as unknown]).toMatchObject([400, { error: 'invalid_client' }]);
  });
});

describe("an agent's token", () => {
  it('opens nothing but its own queue', async () => {
    const bearer = await token();
    const other = await register('agent-2');
    const calls: readonly (readonly [string, string, unknown?])[] = [
      ['GET', `${pool()}/agents`],
      ['DELETE', `${pool()}/agents/${other.id}`],
      ['GET', `${pool()}/jobrequests`],
      ['POST', `${pool()}/sessions`, sessionBody(other)],
      ['GET', '_apis/hooks/subscriptions'],
    ];
    const answers = await Promise.all(
      calls.map(([method, path, body]) => devOps.call(method, path, body, asAgent(bearer))),
    );
    expect(answers.map((answer) => answer.status)).toEqual([403, 403, 403, 403, 403]);
  });

  it('ends after fifty minutes', async () => {
    const bearer = await token();
    await devOps.clock.advance(50 * 60_000);
    const answer = await devOps.call('GET', `${pool()}/messages?sessionId=x`, undefined, asAgent(bearer));
    expect(answer.status).toBe(203);
  });
});

describe('a session', () => {
  it('brings the agent online with freshly scanned capabilities', async () => {
    await openSession(await token());
    const seen = devOps.world.getAgent(poolId, agent.id);
    expect([seen.online, seen.systemCapabilities['scanned']]).toEqual([true, 'yes']);
  });

  it('is refused with 409 while an older one lives', async () => {
    const bearer = await token();
    await openSession(bearer);
    const again = await devOps.call('POST', `${pool()}/sessions`, sessionBody(), asAgent(bearer));
    expect([again.status, await again.json()]).toMatchObject([409, { typeKey: 'TaskAgentSessionConflictException' }]);
  });

  it('takes the agent offline when it is deleted', async () => {
    const bearer = await token();
    const { sessionId } = await openSession(bearer);
    expect((await devOps.call('DELETE', `${pool()}/sessions/${sessionId}`, undefined, asAgent(bearer))).status).toBe(
      204,
    );
    expect(devOps.world.getAgent(poolId, agent.id).online).toBe(false);
    expect((await (await poll(bearer, sessionId)).json()) as unknown).toMatchObject({
      typeKey: 'TaskAgentSessionExpiredException',
    });
  });
});

describe('the message queue', () => {
  it('hands over a job request that only the agent can read', async () => {
    const bearer = await token();
    const { sessionId, encryptionKey } = await openSession(bearer);
    const requestId = queueJob();
    const message = (await (await poll(bearer, sessionId)).json()) as Message;
    expect([encryptionKey.encrypted, message.messageType]).toEqual([true, 'PipelineAgentJobRequest']);
    expect(decrypted(unwrapKey(keys.privateKey, encryptionKey.value), message)).toMatchObject({
      requestId,
      jobId: devOps.world.getJobRequest(poolId, requestId).jobId,
    });
  });

  it('holds a poll until something comes', async () => {
    const bearer = await token();
    const { sessionId } = await openSession(bearer);
    const answer = poll(bearer, sessionId);
    await held();
    queueJob();
    expect((await answer).status).toBe(200);
  });

  it('answers an empty poll with 202 after fifty seconds', async () => {
    const bearer = await token();
    const { sessionId } = await openSession(bearer);
    const answer = poll(bearer, sessionId);
    await held();
    await devOps.clock.advance(50_000);
    expect([(await answer).status, await (await answer).text()]).toEqual([202, '']);
  });

  it('tells a waiting listener that its agent was deleted', async () => {
    const bearer = await token();
    const { sessionId } = await openSession(bearer);
    const answer = poll(bearer, sessionId);
    await held();
    devOps.world.deleteAgent(poolId, agent.id);
    expect([(await answer).status, await (await answer).json()]).toMatchObject([
      404,
      { typeKey: 'TaskAgentNotFoundException' },
    ]);
  });

  it('keeps a message until it is deleted, which marks the request as received', async () => {
    const bearer = await token();
    const { sessionId } = await openSession(bearer);
    const requestId = queueJob();
    const first = (await (await poll(bearer, sessionId)).json()) as Message;
    const again = (await (await poll(bearer, sessionId)).json()) as Message;
    expect(again.messageId).toBe(first.messageId);
    expect(devOps.world.getJobRequest(poolId, requestId).receivedAt).toBeUndefined();
    const path = `${pool()}/messages/${first.messageId}?sessionId=${sessionId}`;
    expect((await devOps.call('DELETE', path, undefined, asAgent(bearer))).status).toBe(204);
    expect(devOps.world.getJobRequest(poolId, requestId).receivedAt).toBe(devOps.clock.now());
  });

  it('does not repeat what the listener says it has', async () => {
    const bearer = await token();
    const { sessionId } = await openSession(bearer);
    queueJob();
    const first = (await (await poll(bearer, sessionId)).json()) as Message;
    const answer = poll(bearer, sessionId, String(first.messageId));
    await held();
    await devOps.clock.advance(50_000);
    expect((await answer).status).toBe(202);
  });
});

describe('the lease of a request', () => {
  const lock = 'lockToken=00000000-0000-0000-0000-000000000000';

  it('begins with the first renewal and is told in the answer', async () => {
    const bearer = await token();
    await openSession(bearer);
    const requestId = queueJob();
    const path = `${pool()}/jobrequests/${requestId}?${lock}`;
    const answer = await devOps.call('PATCH', path, { requestId }, asAgent(bearer));
    expect(await answer.json()).toMatchObject({
      receiveTime: new Date(devOps.clock.now()).toISOString(),
      lockedUntil: new Date(devOps.clock.now() + 600_000).toISOString(),
      reservedAgent: { id: agent.id, status: 'online' },
    });
  });

  it('ends with a PATCH that carries a result', async () => {
    const bearer = await token();
    await openSession(bearer);
    const requestId = queueJob();
    const path = `${pool()}/jobrequests/${requestId}?${lock}`;
    await devOps.call('PATCH', path, { requestId }, asAgent(bearer));
    await devOps.call('PATCH', path, { requestId, result: 'failed', finishTime: 'now' }, asAgent(bearer));
    expect(devOps.world.getJobRequest(poolId, requestId).result).toBe('failed');
    expect((await devOps.call('PATCH', path, { requestId }, asAgent(bearer))).status).toBe(400);
  });

  it('ends with the event of a completed job, after which a closing agent gets nothing more', async () => {
    const bearer = await token();
    await openSession(bearer);
    const requestId = queueJob();
    await devOps.call('PATCH', `${pool()}/jobrequests/${requestId}?${lock}`, { requestId }, asAgent(bearer));
    const { jobId, planId, project } = devOps.world.getJobRequest(poolId, requestId);
    const path = `${project.id}/_apis/distributedtask/hubs/build/plans/${planId}/events`;
    const event = { name: 'JobCompleted', requestId, jobId, result: 'succeeded', agentShuttingDown: true };
    expect((await devOps.call('POST', path, event, asAgent(bearer))).status).toBe(204);
    expect(devOps.world.getJobRequest(poolId, requestId)).toMatchObject({ result: 'succeeded', ranBy: 'agent-1' });
    const second = queueJob();
    expect(devOps.world.getJobRequest(poolId, second).assignedAt).toBeUndefined();
  });

  it('belongs to the agent that the request is reserved for', async () => {
    const bearer = await token();
    devOps.world.queueJob({ poolId });
    const [request] = devOps.world.snapshot(poolId).requests;
    const path = `${pool()}/jobrequests/${request?.id}?${lock}`;
    expect((await devOps.call('PATCH', path, {}, asAgent(bearer))).status).toBe(400);
  });

  it('guards the agent from deletion', async () => {
    const bearer = await token();
    await openSession(bearer);
    queueJob();
    const answer = await devOps.call('DELETE', `${pool()}/agents/${agent.id}`);
    expect([answer.status, await answer.json()]).toMatchObject([400, { typeKey: 'TaskAgentJobStillRunningException' }]);
  });
});
