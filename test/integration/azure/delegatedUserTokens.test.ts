import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { delegatedUserTokens } from '../../../shared/adapters/azure/delegatedUserTokens.ts';
import { azureDevOpsScope } from '../../../shared/adapters/azureDevOps/scope.ts';
import { signInIdleMs } from '../../../shared/domain/delegatedUser.ts';
import { signInSecret, startTestEntra, type TestEntra } from '../../support/entra.ts';
import { answering, startServer } from '../../unit/adapters/theServer.ts';

const dayMs = 86_400_000;
let test: TestEntra;
beforeEach(async () => {
  test = await startTestEntra();
});
afterEach(() => test.close());

const get = (tokens = test.aProcess()) => tokens.getToken(azureDevOpsScope);
const versions = () => test.keyVault.secrets.versions(signInSecret);
const enabled = () => versions().filter(({ attributes }) => attributes.enabled);

async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    return await promise;
  } catch (error) {
    return error;
  }
}

describe('a token of the service user', () => {
  it('is got with the refresh token in the vault, for the scope that is asked for', async () => {
    test.signIn();
    const { token, expiresAt } = await get();
    expect(token.reveal()).toBe(test.world.grants.at(-1)?.accessToken);
    expect(expiresAt).toBe(test.clock.now() + 75 * 60_000);
    expect(test.world.grants.at(-1)?.scope).toBe('499b84ac-1321-427f-aa17-267ca6975798/.default offline_access');
  });

  it('leaves one usable version: the new one, with the time of its roll and all that was known', async () => {
    const first = test.signIn();
    await get();
    expect(enabled().map(({ value, tags }) => [value, tags])).toEqual([
      [
        test.world.grants.at(-1)?.refreshToken,
        { 'mayfly-user': 'mayfly-service@contoso.com', 'mayfly-rolled-at': String(test.clock.now()) },
      ],
    ]);
    expect(versions().map(({ value }) => value)).toContain(first);
  });

  it('is got once by callers at the same time, and kept while it lasts', async () => {
    test.signIn();
    const tokens = test.aProcess();
    await Promise.all([get(tokens), get(tokens), get(tokens)]);
    await get(tokens);
    expect(versions()).toHaveLength(2);
  });

  it('rolls on and on, each time from the version before', async () => {
    test.signIn();
    for (let turn = 0; turn < 5; turn++) {
      await get();
      await test.clock.advance(60 * dayMs);
    }
    expect([versions().length, enabled().length]).toEqual([6, 1]);
  });

  it('is got by two processes at once, of which neither puts the version of the other out of use', async () => {
    test.signIn();
    await Promise.all([get(), get(), get()]);
    expect(test.keyVault.secrets.latest(signInSecret)?.attributes.enabled).toBe(true);
    await get();
  });
});

describe('a process that dies', () => {
  const places: readonly { name: string; verb: string; path: RegExp; fault: 'lostBefore' | 'lostAfter' }[] = [
    { name: 'before the vault is read', verb: 'GET', path: /^\/secrets/, fault: 'lostBefore' },
    { name: 'before the new one is stored', verb: 'PUT', path: /^\/secrets/, fault: 'lostBefore' },
    { name: 'after the new one is stored', verb: 'PUT', path: /^\/secrets/, fault: 'lostAfter' },
    { name: 'before the old one is put out of use', verb: 'PATCH', path: /^\/secrets/, fault: 'lostBefore' },
    { name: 'after the old one is put out of use', verb: 'PATCH', path: /^\/secrets/, fault: 'lostAfter' },
  ];
  it.each(places)('$name leaves a sign-in that works', async ({ verb, path, fault }) => {
    test.signIn();
    await test.vault.listVersions('warm-up');
    const heal = test.keyVault.faults.add(
      { kind: fault },
      (call) => call.verb === verb && path.test(call.target),
      Number.POSITIVE_INFINITY,
    );
    await failureOf(get());
    heal();
    expect((await get()).token.reveal()).toBe(test.world.grants.at(-1)?.accessToken);
    expect(test.keyVault.secrets.latest(signInSecret)?.attributes.enabled).toBe(true);
  });

  it.each(['lostBefore', 'lostAfter'] as const)('at Entra (%s) leaves a sign-in that works', async (kind) => {
    test.signIn();
    const heal = test.entra.faults.add({ kind }, () => true, Number.POSITIVE_INFINITY);
    expect(await failureOf(get())).toMatchObject({ upstream: 'entra', kind: 'unavailable' });
    heal();
    await get();
  });
});

describe('a sign-in that is broken', () => {
  const rows: readonly { name: string; given: (all: TestEntra) => unknown; want: RegExp }[] = [
    {
      name: 'not used for 90 days',
      given: ({ clock }) => clock.advance(signInIdleMs),
      want: /^AADSTS700082: .*90 days.*npm run sign-in/,
    },
    {
      name: 'from before a change of the password',
      given: ({ user, clock }) => Object.assign(user, { passwordChangedAt: clock.now() }),
      want: /^AADSTS50173: .*password.*npm run sign-in/,
    },
    { name: 'MFA', given: ({ user }) => Object.assign(user, { refusal: 50076 }), want: /^AADSTS50076: Multifactor/ },
    {
      name: 'MFA set-up',
      given: ({ user }) => Object.assign(user, { refusal: 50079 }),
      want: /^AADSTS50079: .*set up/,
    },
    {
      name: 'Conditional Access',
      given: ({ user }) => Object.assign(user, { refusal: 53003 }),
      want: /^AADSTS53003: Conditional Access.*Exempt/,
    },
    {
      name: 'a number without words',
      given: ({ user }) => Object.assign(user, { refusal: 999_999 }),
      want: /^AADSTS999999: See https:\/\/login\.microsoftonline\.com\/error\?code=999999/,
    },
    {
      name: 'what is no refresh token',
      given: ({ keyVault }) => keyVault.secrets.set(signInSecret, 'planted-nonsense'),
      want: /^AADSTS70000: /,
    },
  ];
  it.each(rows)('is unauthorized, in words with the fix: $name', async ({ given, want }) => {
    const first = test.signIn();
    await given(test);
    const failure = await failureOf(get());
    expect(failure).toMatchObject({ upstream: 'entra', kind: 'unauthorized', detail: expect.stringMatching(want) });
    const printed = inspect(failure, { depth: 20, showHidden: true });
    expect([first, 'planted-nonsense'].filter((secret) => printed.includes(secret))).toEqual([]);
  });

  it('is told where nobody has signed in yet', async () => {
    expect(await failureOf(get())).toMatchObject({ kind: 'unauthorized', detail: expect.stringContaining('sign-in') });
  });

  it('is told where the app or the tenant is wrong', async () => {
    test.signIn();
    const other = (more: object) =>
      delegatedUserTokens({ ...test.endpoint, ...more, vault: test.vault, secretName: signInSecret });
    expect(await failureOf(get(other({ clientId: 'x' })))).toMatchObject({
      kind: 'unauthorized',
      detail: expect.stringMatching(/^AADSTS700016: .*client id/),
    });
    expect(await failureOf(get(other({ tenantId: 'x' })))).toMatchObject({
      kind: 'unauthorized',
      detail: expect.stringMatching(/^AADSTS90002: .*tenant id/),
    });
  });

  it('is what it is where Entra cannot be asked, and the sign-in stays as it was', async () => {
    const first = test.signIn();
    test.entra.faults.add({ kind: 'status', status: 503 }, () => true, 10);
    expect(await failureOf(get())).toMatchObject({ upstream: 'entra', kind: 'unavailable' });
    test.entra.faults.clear();
    test.entra.faults.add({ kind: 'status', status: 429, retryAfterSeconds: 120 }, () => true, 10);
    expect(await failureOf(get())).toMatchObject({ kind: 'throttled', retryAfterMs: 120_000 });
    expect(versions().map(({ value }) => value)).toEqual([first]);
  });

  it('is told by a vault that is out of reach as what that is, and nothing is asked of Entra', async () => {
    test.signIn();
    test.keyVault.secrets.enable(signInSecret, false);
    expect(await failureOf(get())).toMatchObject({ upstream: 'keyVault', kind: 'forbidden', detail: 'SecretDisabled' });
    expect(test.entra.journal.calls).toEqual([]);
  });

  it('never crosses plain HTTP to another machine, and follows no redirect', async () => {
    test.signIn();
    const plain = { ...test.endpoint, authority: 'http://login.example', vault: test.vault, secretName: signInSecret };
    expect(() => delegatedUserTokens(plain)).toThrow(/is not https/);
    await using server = await startServer();
    server.respond(answering({ status: 307, headers: { location: `${test.entra.url}/elsewhere` } }));
    const redirected = delegatedUserTokens({ ...plain, authority: server.url, clock: test.impatient });
    expect(await failureOf(get(redirected))).toMatchObject({ kind: 'unavailable' });
    expect(test.entra.journal.calls).toEqual([]);
  });
});

describe('keeping a sign-in alive', () => {
  it('says that nobody has signed in', async () => {
    expect(await test.aProcess().keepAlive(azureDevOpsScope)).toBeUndefined();
  });

  it('rolls one that was not used for a week, and no other', async () => {
    test.signIn();
    const signedInAt = test.clock.now();
    await test.clock.advance(6 * dayMs);
    expect(await test.aProcess().keepAlive(azureDevOpsScope)).toMatchObject({ rolledAt: signedInAt });
    await test.clock.advance(dayMs);
    expect(await test.aProcess().keepAlive(azureDevOpsScope)).toEqual({
      user: 'mayfly-service@contoso.com',
      rolledAt: test.clock.now(),
      endsAt: test.clock.now() + signInIdleMs,
    });
    expect(enabled()).toHaveLength(1);
  });
});
