import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { delegatedUserEndpoint } from '../../../../shared/adapters/azure/delegatedUserEndpoint.ts';
import type { UpstreamErrorKind } from '../../../../shared/domain/errors.ts';
import { Secret } from '../../../../shared/domain/secret.ts';
import type { Scripted, TheServer } from '../theServer.ts';
import { answering, startServer } from '../theServer.ts';

const refreshToken = 'planted-refresh-token';
const accessToken = 'planted-access-token';
let server: TheServer;
beforeEach(async () => {
  server = await startServer();
});
afterEach(() => server.stop());

const redeem = (timeoutMs = 2000) =>
  delegatedUserEndpoint({ tenantId: 'the tenant', clientId: 'app', authority: `${server.url}/`, timeoutMs }).redeem(
    'trying',
    { grant_type: 'refresh_token', refresh_token: new Secret(refreshToken), scope: 'a b' },
  );

describe('the token endpoint', () => {
  it('is asked with a form below the tenant, and without anything secret in the address', async () => {
    server.respond(answering({ body: { access_token: accessToken, expires_in: 3600 } }));
    const tokens = await redeem();
    expect(tokens).toMatchObject({ refreshToken: undefined, expiresInMs: 3_600_000, user: undefined });
    expect(tokens.accessToken.reveal()).toBe(accessToken);
    const [asked] = server.asked;
    expect([asked?.method, asked?.path, [...(asked?.query ?? [])]]).toEqual([
      'POST',
      '/the%20tenant/oauth2/v2.0/token',
      [],
    ]);
    expect(Object.fromEntries(new URLSearchParams(asked?.body))).toEqual({
      client_id: 'app',
      grant_type: 'refresh_token',
      refresh_token: refreshToken,
      scope: 'a b',
    });
  });

  const odd: readonly (Scripted & { name: string; want: UpstreamErrorKind })[] = [
    { name: 'a page instead of JSON', raw: '<html>sign in</html>', type: 'text/html', want: 'unexpected' },
    { name: 'no token', body: { expires_in: 3600, refresh_token: 'x' }, want: 'unexpected' },
    { name: 'an empty token', body: { access_token: '', expires_in: 3600 }, want: 'unexpected' },
    { name: 'no lifespan', body: { access_token: accessToken }, want: 'unexpected' },
    { name: 'null', raw: 'null', want: 'unexpected' },
    { name: 'half an answer', raw: `{"access_token":"${accessToken}",`, want: 'unexpected' },
    { name: '400 without words', status: 400, raw: 'no', type: 'text/plain', want: 'invalid' },
    { name: 'a busy server', status: 503, raw: '', want: 'unavailable' },
    {
      name: 'a server that is busy in words',
      status: 400,
      body: { error: 'temporarily_unavailable' },
      want: 'unavailable',
    },
    { name: 'no app', status: 401, body: { error: 'invalid_client' }, want: 'unauthorized' },
    { name: 'a broken grant', status: 400, body: { error: 'invalid_grant' }, want: 'unauthorized' },
    {
      name: 'a broken grant that is told in the description only',
      status: 400,
      body: { error: 'invalid_grant', error_description: `AADSTS50173: ${refreshToken}` },
      want: 'unauthorized',
    },
  ];
  it.each(odd)('$name is $want, and nothing of it is shown', async ({ want, name: _name, ...script }) => {
    server.respond(answering(script));
    const failure: unknown = await redeem().catch((error: unknown) => error);
    expect(failure).toMatchObject({ upstream: 'entra', kind: want });
    const printed = inspect(failure, { depth: 20, showHidden: true });
    expect([accessToken, refreshToken].filter((secret) => printed.includes(secret))).toEqual([]);
  });

  it('is a timeout where it never answers', async () => {
    server.respond(() => undefined);
    await expect(redeem(100)).rejects.toMatchObject({ upstream: 'entra', kind: 'timeout' });
  });
});
