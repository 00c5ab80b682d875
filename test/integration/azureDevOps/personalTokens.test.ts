/** The contract of personal access tokens at the other door: our adapters against the server. */
import { describe, expect, it } from 'vitest';
import { administrator } from '../../../infra/local/azureDevOps/wire/tokens.ts';
import { azureDevOpsPersonalTokens, personalTokensUrl } from '../../../shared/adapters/azureDevOps/personalTokens.ts';
import type { AzureDevOpsOptions } from '../../../shared/adapters/azureDevOps/rest.ts';
import { azureDevOpsTokenProof } from '../../../shared/adapters/azureDevOps/tokenProof.ts';
import { Secret } from '../../../shared/domain/secret.ts';
import type { PersonalTokens } from '../../../shared/ports/tokens.ts';
import { personalTokensContract } from '../../contract/personalTokens.contract.ts';
import { startTestAzureDevOps } from '../../support/azureDevOpsServer.ts';
import { answering, inTurn, startServer } from '../../unit/adapters/theServer.ts';

const delegated = 'delegated-token-of-the-service-user';

async function open() {
  const devOps = await startTestAzureDevOps();
  const { clock, server, tokens } = devOps;
  const identity = { kind: 'user', name: 'service-user', rights: administrator } as const;
  tokens.add({ token: delegated, kind: 'entra', identity, delegated: true });
  // The pauses between repetitions take no time here.
  const base = {
    organisationUrl: server.url,
    clock: { now: () => clock.now(), sleep: () => Promise.resolve() },
    timeoutMs: 2_000,
  };
  const as = (token: string, kind: AzureDevOpsOptions['credential']['kind'] = 'bearer'): PersonalTokens => {
    const source = { getToken: async () => ({ token: new Secret(token), expiresAt: Number.POSITIVE_INFINITY }) };
    return azureDevOpsPersonalTokens({ ...base, credential: { kind, tokens: source } });
  };
  return { devOps, as, proof: azureDevOpsTokenProof(base) };
}

personalTokensContract('over HTTP', async () => {
  const { devOps, as, proof } = await open();
  const { clock, server, faults } = devOps;
  return {
    world: server.personalTokens,
    tokens: as(delegated),
    signedOut: as('expired'),
    proof,
    faults,
    now: () => clock.now(),
    advance: (ms) => clock.advance(ms),
    close: () => server.close(),
  };
});

describe('who may manage personal access tokens', () => {
  it('is a user who signed in: no app, no PAT, not even one of that user', async () => {
    const { devOps, as } = await open();
    const { token } = await as(delegated).create({
      displayName: 'one',
      scope: 'app_token',
      validTo: devOps.clock.now() + 1000,
    });
    const others = [
      as(devOps.entraToken),
      as(devOps.pat, 'personalAccessToken'),
      as(token.reveal(), 'personalAccessToken'),
    ];
    for (const other of others) await expect(other.list()).rejects.toMatchObject({ kind: 'unauthorized' });
    await devOps.close();
  });

  it('sees and revokes its own tokens only', async () => {
    const { devOps, as } = await open();
    const identity = { kind: 'user', name: 'somebody-else', rights: administrator } as const;
    devOps.tokens.add({ token: 'other', kind: 'entra', identity, delegated: true });
    const made = await as(delegated).create({
      displayName: 'one',
      scope: 'vso.agentpools',
      validTo: devOps.clock.now() + 60_000,
    });
    expect((await as('other').list()).value).toEqual([]);
    expect(await as('other').revoke(made.authorizationId)).toBe('absent');
    expect((await as(delegated).list()).value).toHaveLength(1);
    await devOps.close();
  });
});

describe('the adapter of personal access tokens', () => {
  const urls = [
    { given: 'https://dev.azure.com/contoso', want: 'https://vssps.dev.azure.com/contoso' },
    { given: 'https://dev.azure.com/contoso/', want: 'https://vssps.dev.azure.com/contoso' },
    { given: 'https://contoso.visualstudio.com', want: 'https://contoso.vssps.visualstudio.com' },
    { given: 'http://127.0.0.1:7071/contoso', want: 'http://127.0.0.1:7071/contoso' },
  ];
  it.each(urls)('finds the host of tokens for $given', ({ given, want }) => {
    expect(personalTokensUrl(given)).toBe(want);
  });

  const token = {
    authorizationId: 'a',
    displayName: 'n',
    validFrom: '2026-01-05T08:00:00Z',
    validTo: '2026-02-05T08:00:00Z',
    scope: 'vso.agentpools',
  };
  const bodies: readonly { name: string; status?: number; body: unknown; want: object }[] = [
    { name: 'no verdict at all', body: { patToken: { ...token, token: 'x' } }, want: { kind: 'unexpected' } },
    {
      name: 'no error and no token',
      body: { patToken: { ...token, token: '' }, patTokenError: 'none' },
      want: { kind: 'unexpected' },
    },
    {
      name: 'no error and a null token',
      body: { patToken: { ...token, token: null }, patTokenError: 'none' },
      want: { kind: 'unexpected' },
    },
    {
      name: 'an error beside a token',
      body: { patToken: { ...token, token: 'x' }, patTokenError: 'patLifespanPolicyViolation' },
      want: { kind: 'forbidden', detail: expect.stringMatching(/^patLifespanPolicyViolation: The tenant limits/) },
    },
    {
      name: 'an error with status 400',
      status: 400,
      body: { patToken: null, patTokenError: 'invalidScope', patTokenErrorMessage: 'words' },
      want: { kind: 'invalid', detail: expect.stringMatching(/^invalidScope: .*Azure DevOps says: words$/) },
    },
    {
      name: 'an error that nobody knows',
      body: { patToken: null, patTokenError: 'brandNewPolicy' },
      want: { kind: 'unexpected', detail: expect.stringMatching(/^brandNewPolicy: /) },
    },
  ];
  it.each(bodies)('does not trust $name', async ({ body, status, want }) => {
    await using server = await startServer();
    server.respond(answering({ body, ...(status !== undefined && { status }) }));
    const source = { getToken: async () => ({ token: new Secret('t'), expiresAt: Number.POSITIVE_INFINITY }) };
    const tokens = azureDevOpsPersonalTokens({
      organisationUrl: server.url,
      credential: { kind: 'bearer', tokens: source },
    });
    const draft = { displayName: 'n', scope: 'vso.agentpools', validTo: Date.UTC(2026, 1, 5) };
    await expect(tokens.create(draft)).rejects.toMatchObject(want);
    expect(server.asked).toHaveLength(1);
    expect(JSON.parse(server.asked[0]?.body ?? '')).toEqual({
      displayName: 'n',
      scope: 'vso.agentpools',
      validTo: '2026-02-05T00:00:00.000Z',
      allOrgs: false,
    });
  });

  it('gives up on a list that never ends', async () => {
    await using server = await startServer();
    const body = { continuationToken: 'same', patTokens: [] };
    server.respond(inTurn(answering({ body })));
    const source = { getToken: async () => ({ token: new Secret('t'), expiresAt: Number.POSITIVE_INFINITY }) };
    const tokens = azureDevOpsPersonalTokens({
      organisationUrl: server.url,
      credential: { kind: 'bearer', tokens: source },
    });
    await expect(tokens.list()).rejects.toMatchObject({ kind: 'unexpected' });
    expect(server.asked.length).toBeLessThan(5);
  });
});

describe('the proof of a token', () => {
  it.each(['', ' \r\n'])('rejects %j without a call: what answers to nobody proves nothing', async (blank) => {
    await using server = await startServer();
    server.respond(answering({ body: { count: 0, value: [] } }));
    const proof = azureDevOpsTokenProof({ organisationUrl: server.url });
    expect(await proof.prove(new Secret(blank))).toBe('rejected');
    expect(server.asked).toEqual([]);
  });
});
