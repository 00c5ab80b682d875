/**
 * What every door to personal access tokens must do alike: in process, and over HTTP through our adapters. With them
 * the proof of a token, because what is made must be taken and what is revoked must not.
 */
import { inspect } from 'node:util';
import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import type { PersonalTokenWorld } from '../../infra/local/azureDevOps/personalTokenWorld.ts';
import type { FaultKind, FaultRule, Faults } from '../../infra/local/world/faults.ts';
import { UpstreamError, type UpstreamErrorKind } from '../../shared/domain/errors.ts';
import { personalTokenErrors, personalTokenRefusal } from '../../shared/domain/personalTokenErrors.ts';
import { Secret } from '../../shared/domain/secret.ts';
import type { NewPersonalToken, PersonalTokens, TokenProof } from '../../shared/ports/tokens.ts';

export interface PersonalTokensDoor {
  readonly world: PersonalTokenWorld;
  readonly tokens: PersonalTokens;
  /** The same with nobody signed in any more. */
  readonly signedOut: PersonalTokens;
  readonly proof: TokenProof;
  readonly faults: Faults;
  readonly now: () => number;
  readonly advance: (ms: number) => Promise<void>;
  readonly close?: () => Promise<void>;
}

const dayMs = 86_400_000;
const verbs = {
  list: 'listPersonalTokens',
  create: 'createPersonalToken',
  revoke: 'revokePersonalToken',
  prove: 'GET distributedtask/pools',
} as const;
const callsOf =
  (method: keyof typeof verbs): FaultRule['matches'] =>
  ({ verb }) =>
    verb === verbs[method];

export function personalTokensContract(
  doorName: string,
  makeDoor: () => Promise<PersonalTokensDoor> | PersonalTokensDoor,
): void {
  describe(`personal access tokens ${doorName}`, () => {
    let door: PersonalTokensDoor;
    beforeEach(async () => {
      door = await makeDoor();
    });
    afterEach(() => door.close?.());
    lives(() => door);
    refusals(() => door);
    proofs(() => door);
  });
}

type Get = () => PersonalTokensDoor;
const aToken = ({ now }: PersonalTokensDoor, overrides: Partial<NewPersonalToken> = {}): NewPersonalToken => ({
  displayName: 'mayfly-ab12-pat-0000beef',
  scope: 'vso.agentpools_manage',
  validTo: now() + 30 * dayMs,
  ...overrides,
});

async function failureOf(promise: Promise<unknown>): Promise<unknown> {
  try {
    return await promise;
  } catch (error) {
    return error;
  }
}

function lives(get: Get): void {
  it('makes a token that is listed without its value and taken at once', async () => {
    const door = get();
    const { token, ...made } = await door.tokens.create(aToken(door));
    expect(made).toEqual({
      authorizationId: made.authorizationId,
      displayName: 'mayfly-ab12-pat-0000beef',
      scope: 'vso.agentpools_manage',
      validFrom: door.now(),
      validTo: door.now() + 30 * dayMs,
    });
    expect(await door.tokens.list()).toEqual({ value: [made], at: door.now() });
    expect(await door.proof.prove(token)).toBe('accepted');
  });

  it('tells the lifespan that the server gave, not the one that was asked for', async () => {
    const door = get();
    door.world.policy.maxLifespanMs = 7 * dayMs;
    expect((await door.tokens.create(aToken(door))).validTo).toBe(door.now() + 7 * dayMs);
  });

  it('takes a token no more once it is revoked, and revokes it once', async () => {
    const door = get();
    const { token, authorizationId } = await door.tokens.create(aToken(door));
    expect(await door.tokens.revoke(authorizationId)).toBe('revoked');
    expect(await door.proof.prove(token)).toBe('rejected');
    expect((await door.tokens.list()).value).toEqual([]);
    expect(await door.tokens.revoke(authorizationId)).toBe('absent');
  });

  it('takes a token no more once it has ended', async () => {
    const door = get();
    const { token } = await door.tokens.create(aToken(door, { validTo: door.now() + dayMs }));
    await door.advance(dayMs - 1000);
    expect(await door.proof.prove(token)).toBe('accepted');
    await door.advance(1000);
    expect([await door.proof.prove(token), (await door.tokens.list()).value]).toEqual(['rejected', []]);
  });

  it('lists all of many', async () => {
    const door = get();
    const made: string[] = [];
    for (let index = 0; index < 230; index++) made.push((await door.tokens.create(aToken(door))).authorizationId);
    const { value } = await door.tokens.list();
    expect(value.map(({ authorizationId }) => authorizationId)).toEqual(made);
  });
}

function refusals(get: Get): void {
  const rows: readonly { name: string; given: Partial<NewPersonalToken>; want: [UpstreamErrorKind, RegExp] }[] = [
    { name: 'a token without name', given: { displayName: ' ' }, want: ['invalid', /^displayNameRequired: /] },
    { name: 'a scope that does not exist', given: { scope: 'everything' }, want: ['invalid', /^invalidScope: /] },
    { name: 'an end that has passed', given: { validTo: 1 }, want: ['invalid', /^invalidValidTo: /] },
  ];
  it.each(rows)('refuses $name, in words', async ({ given, want: [kind, detail] }) => {
    const door = get();
    const failure = await failureOf(door.tokens.create(aToken(door, given)));
    expect(failure).toMatchObject({ upstream: 'azureDevOps', kind, detail: expect.stringMatching(detail) });
    expect(door.world.records).toEqual([]);
  });

  it('refuses full access where the tenant forbids it, and any token where the organisation does', async () => {
    const door = get();
    Object.assign(door.world.policy, { refusesFullScope: true });
    const full = failureOf(door.tokens.create(aToken(door, { scope: 'app_token' })));
    expect(await full).toMatchObject({
      kind: 'forbidden',
      detail: expect.stringMatching(/^fullScopePatPolicyViolation: .*Name the scopes/),
    });
    Object.assign(door.world.policy, { restrictsCreation: true });
    const any = failureOf(door.tokens.create(aToken(door)));
    expect(await any).toMatchObject({
      kind: 'forbidden',
      detail: expect.stringMatching(/^disablePatCreationPolicyViolation: .*allow list/),
    });
  });

  it('tells every refusal that the service knows with its code, its kind and the fix', async () => {
    const door = get();
    for (const code of personalTokenErrors) {
      door.world.policy.refusal = code;
      const failure = await failureOf(door.tokens.create(aToken(door)));
      const { kind, text } = personalTokenRefusal(code);
      expect(failure).toMatchObject({ kind, detail: expect.stringContaining(`${code}: ${text}`) });
    }
    expect(door.world.records).toEqual([]);
  });

  it('refuses everything to one who has not signed in', async () => {
    const door = get();
    const calls = [
      door.signedOut.list(),
      door.signedOut.create(aToken(door)),
      door.signedOut.revoke('4ab5764f-4193-4f1d-b995-64144880b7d7'),
    ];
    for (const call of calls) expect(await failureOf(call)).toMatchObject({ kind: 'unauthorized' });
    expect(door.world.records).toEqual([]);
  });

  const faults: readonly { name: string; fault: FaultKind; want: UpstreamErrorKind; made: number }[] = [
    { name: 'a lost reply', fault: { kind: 'lostAfter' }, want: 'unavailable', made: 1 },
    { name: 'a lost request', fault: { kind: 'lostBefore' }, want: 'unavailable', made: 0 },
    { name: 'a broken server', fault: { kind: 'status', status: 500 }, want: 'unavailable', made: 0 },
    { name: 'a null body', fault: { kind: 'nullBody' }, want: 'unexpected', made: 0 },
    { name: 'a sign-in page', fault: { kind: 'signInPage' }, want: 'unauthorized', made: 0 },
    { name: 'half an answer', fault: { kind: 'truncated' }, want: 'unexpected', made: 1 },
  ];
  it.each(faults)('asks for a token once only: $name is $want', async ({ fault, want, made }) => {
    const door = get();
    door.faults.add(fault, callsOf('create'), 10);
    const failure = await failureOf(door.tokens.create(aToken(door)));
    expect(failure).toBeInstanceOf(UpstreamError);
    expect(failure).toMatchObject({ kind: want });
    expect(door.world.records).toHaveLength(made);
    const printed = inspect(failure, { depth: 20, showHidden: true });
    for (const { token } of door.world.records) expect(printed).not.toContain(token);
  });

  it('never takes a list that cannot be read for an empty one', async () => {
    const door = get();
    for (const fault of [{ kind: 'nullBody' }, { kind: 'signInPage' }, { kind: 'status', status: 404 }] as const) {
      door.faults.add(fault, callsOf('list'), 1);
      expect(await failureOf(door.tokens.list())).toBeInstanceOf(UpstreamError);
    }
  });
}

function proofs(get: Get): void {
  it('rejects a token that nobody knows and one without the scope', async () => {
    const door = get();
    const { token } = await door.tokens.create(aToken(door, { scope: 'vso.code' }));
    expect([await door.proof.prove(new Secret('stranger')), await door.proof.prove(token)]).toEqual([
      'rejected',
      'rejected',
    ]);
  });

  const rows: readonly { name: string; fault: FaultKind; want: 'rejected' | UpstreamErrorKind }[] = [
    { name: '401', fault: { kind: 'status', status: 401 }, want: 'rejected' },
    { name: 'a sign-in page', fault: { kind: 'signInPage' }, want: 'rejected' },
    { name: 'a redirect', fault: { kind: 'status', status: 302 }, want: 'rejected' },
    { name: '403', fault: { kind: 'status', status: 403 }, want: 'forbidden' },
    { name: '429', fault: { kind: 'status', status: 429, retryAfterSeconds: 60 }, want: 'throttled' },
    { name: '500', fault: { kind: 'status', status: 500 }, want: 'unavailable' },
    { name: 'a broken connection', fault: { kind: 'lostBefore' }, want: 'unavailable' },
    { name: 'a null body', fault: { kind: 'nullBody' }, want: 'unexpected' },
  ];
  it.each(rows)('$name proves: $want', async ({ fault, want }) => {
    const door = get();
    const { token } = await door.tokens.create(aToken(door));
    door.faults.add(fault, callsOf('prove'), 10);
    const outcome = await door.proof.prove(token).catch((error: unknown) => (error as UpstreamError).kind);
    expect(outcome).toBe(want);
  });
}
