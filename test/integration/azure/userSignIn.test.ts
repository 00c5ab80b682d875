import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { delegatedUserEndpoint, SignInRefused } from '../../../shared/adapters/azure/delegatedUserEndpoint.ts';
import type { DevicePrompt } from '../../../shared/adapters/azure/userSignIn.ts';
import { deviceCodeSignIn, redirectSignIn } from '../../../shared/adapters/azure/userSignIn.ts';
import { azureDevOpsScope } from '../../../shared/adapters/azureDevOps/scope.ts';
import type { Clock } from '../../../shared/ports.ts';
import { startTestEntra, type TestEntra } from '../../support/entra.ts';
import { answering, impatientClock, inTurn, startServer } from '../../unit/adapters/theServer.ts';

let test: TestEntra;
beforeEach(async () => {
  test = await startTestEntra();
});
afterEach(() => test.close());

async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    return await promise;
  } catch (error) {
    return error;
  }
}

describe('a sign-in by redirect', () => {
  const redirectUri = 'http://localhost:12345';
  const begin = (endpoint = delegatedUserEndpoint(test.endpoint)) =>
    redirectSignIn(endpoint, azureDevOpsScope, redirectUri);
  /** What a browser would be sent to. */
  const browse = async (url: string): Promise<URL> => {
    const answer = await fetch(url, { redirect: 'manual' });
    return new URL(answer.headers.get('location') ?? 'about:blank');
  };

  it('brings a refresh token and the name of the user', async () => {
    const signIn = begin();
    const visited = await browse(signIn.url);
    expect([visited.origin, signIn.isMine(visited.searchParams)]).toEqual([redirectUri, true]);
    const tokens = await signIn.redeem(visited.searchParams);
    const grant = test.world.grants.at(-1);
    expect([tokens.user, tokens.refreshToken?.reveal()]).toEqual(['mayfly-service@contoso.com', grant?.refreshToken]);
    expect(grant?.scope).toBe(`${azureDevOpsScope} offline_access openid profile`);
  });

  it('takes a code once, and only from the program that asked for it', async () => {
    const [mine, other] = [begin(), begin()];
    const { searchParams } = await browse(mine.url);
    expect(other.isMine(searchParams)).toBe(false);
    expect(await failureOf(other.redeem(searchParams))).toMatchObject({
      detail: expect.stringMatching(/^AADSTS501481/),
    });
    await mine.redeem(searchParams);
    expect(await failureOf(mine.redeem(searchParams))).toMatchObject({ detail: expect.stringMatching(/^AADSTS54005/) });
  });

  it('takes a code for ten minutes', async () => {
    const signIn = begin();
    const { searchParams } = await browse(signIn.url);
    await test.clock.advance(600_000);
    expect(await failureOf(signIn.redeem(searchParams))).toMatchObject({ kind: 'unauthorized' });
  });

  it('is unauthorized where the person cancels', async () => {
    test.browser.user = undefined;
    const signIn = begin();
    const failure = await failureOf(signIn.redeem((await browse(signIn.url)).searchParams));
    expect(failure).toMatchObject({ kind: 'unauthorized', detail: expect.stringMatching(/^AADSTS65004: .*cancelled/) });
  });

  it('is sent back to this machine only', async () => {
    const signIn = redirectSignIn(delegatedUserEndpoint(test.endpoint), azureDevOpsScope, 'https://attacker.example');
    const answer = await fetch(signIn.url, { redirect: 'manual' });
    expect([answer.status, answer.headers.get('location')]).toEqual([400, null]);
  });
});

describe('a sign-in by device code', () => {
  /** `onSleep` is what people do while the program waits. */
  const signIn = async (onSleep: (prompt: DevicePrompt, turn: number) => unknown) => {
    let prompt: DevicePrompt | undefined;
    const slept: number[] = [];
    const clock: Clock = {
      now: () => test.clock.now(),
      sleep: async (ms) => {
        slept.push(ms);
        await test.clock.advance(ms);
        if (prompt !== undefined) await onSleep(prompt, slept.length);
      },
    };
    const tokens = deviceCodeSignIn(delegatedUserEndpoint(test.endpoint), azureDevOpsScope, {
      clock,
      onPrompt: (asked) => {
        prompt = asked;
      },
    });
    return { slept, outcome: await failureOf(tokens) };
  };
  const enter = ({ verificationUri, userCode }: DevicePrompt) => fetch(`${verificationUri}?code=${userCode}`);

  it('asks every five seconds until the person has signed in', async () => {
    const { slept, outcome } = await signIn((prompt, turn) => (turn === 4 ? enter(prompt) : undefined));
    expect(slept).toEqual([5000, 5000, 5000, 5000]);
    expect(outcome).toMatchObject({ user: 'mayfly-service@contoso.com' });
  });

  it('slows down where it is told to, by five seconds for good', async () => {
    await using server = await startServer();
    const begun = { device_code: 'd', user_code: 'u', verification_uri: 'v', expires_in: 900, interval: 5 };
    const refused = (error: string) => answering({ status: 400, body: { error } });
    const given = { access_token: 'a', refresh_token: 'r', expires_in: 4500 };
    server.respond(
      inTurn(
        answering({ body: begun }),
        refused('authorization_pending'),
        refused('slow_down'),
        refused('authorization_pending'),
        answering({ body: given }),
      ),
    );
    const clock = impatientClock();
    const endpoint = delegatedUserEndpoint({ ...test.endpoint, authority: server.url });
    const tokens = await deviceCodeSignIn(endpoint, azureDevOpsScope, { clock, onPrompt: () => undefined });
    expect([clock.slept, tokens.refreshToken?.reveal()]).toEqual([[5000, 5000, 10_000, 10_000], 'r']);
  });

  it('is answered slow_down by the stand-in where it asks too soon', async () => {
    const { deviceCode } = test.world.beginDevice('scope');
    const poll = async () => {
      const form = { grant_type: 'urn:ietf:params:oauth:grant-type:device_code', device_code: deviceCode };
      const failure = await failureOf(delegatedUserEndpoint(test.endpoint).redeem('polling', form));
      return failure instanceof SignInRefused ? failure.error : undefined;
    };
    expect([await poll(), await poll()]).toEqual(['authorization_pending', 'slow_down']);
    await test.clock.advance(test.world.deviceIntervalMs);
    expect(await poll()).toBe('authorization_pending');
  });

  it('goes on where an answer is lost', async () => {
    const { outcome } = await signIn((prompt, turn) => {
      if (turn === 1) test.entra.faults.add({ kind: 'lostBefore' }, () => true);
      if (turn === 2) test.entra.faults.add({ kind: 'status', status: 503 }, () => true);
      return turn === 3 ? enter(prompt) : undefined;
    });
    expect(outcome).toMatchObject({ user: 'mayfly-service@contoso.com' });
  });

  it('ends when the code has expired', async () => {
    const { slept, outcome } = await signIn(() => undefined);
    expect(slept).toHaveLength(180);
    expect(outcome).toMatchObject({
      kind: 'unauthorized',
      detail: expect.stringMatching(/^AADSTS70020: .*15 minutes/),
    });
  });

  it('ends when the person declines', async () => {
    test.browser.user = undefined;
    const { slept, outcome } = await signIn(enter);
    expect(slept).toHaveLength(1);
    expect(outcome).toMatchObject({ kind: 'unauthorized', detail: expect.stringMatching(/^AADSTS70019: .*declined/) });
  });

  it('does not begin where the app is not known', async () => {
    const endpoint = delegatedUserEndpoint({ ...test.endpoint, clientId: 'other' });
    const failure = await failureOf(deviceCodeSignIn(endpoint, azureDevOpsScope, { onPrompt: () => undefined }));
    expect(failure).toMatchObject({ kind: 'unauthorized', detail: expect.stringMatching(/^AADSTS700016/) });
  });
});
