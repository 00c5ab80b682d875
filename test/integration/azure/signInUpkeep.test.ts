import { afterEach, beforeEach, describe, expect, it } from 'vitest';
import { signInRollMs } from '../../../shared/domain/delegatedUser.ts';
import { hoursMs, minutesMs } from '../../../shared/domain/instant.ts';
import type { LogFields } from '../../../shared/ports.ts';
import { signInTargetOf } from '../../../shared/signInUpkeep.ts';
import type { TokenFinding } from '../../../shared/tokens.ts';
import { signInSecret, startTestEntra, type TestEntra } from '../../support/entra.ts';

const nudge = { token: 'sign-in', cause: 'timer', correlationId: 'c' } as const;
let test: TestEntra;
let lines: (readonly [string, LogFields | undefined])[];
beforeEach(async () => {
  test = await startTestEntra();
  lines = [];
});
afterEach(() => test.close());

const log = { write: (_level: string, event: string, fields?: LogFields) => void lines.push([event, fields]) };
const target = () =>
  signInTargetOf({
    vaultSecret: signInSecret,
    user: async () => test.aProcess(),
    vault: async () => test.vault,
    clock: test.clock,
  });
const pass = (): Promise<TokenFinding> => target().pass(nudge, test.clock.now() + minutesMs(1), log);
const reasons = ({ alarms }: TokenFinding): readonly string[] => alarms.map(({ reason }) => reason);

interface Row {
  readonly name: string;
  readonly given: () => unknown;
  readonly want: readonly string[];
}

/** Each is a week after the sign-in, so that it has to be used. */
const rows: readonly Row[] = [
  { name: 'one that works', given: () => undefined, want: [] },
  { name: 'one that is not there', given: () => test.keyVault.secrets.remove(signInSecret), want: ['signInMissing'] },
  {
    name: 'one that is refused',
    given: async () => {
      test.keyVault.secrets.set(signInSecret, 'x');
      await test.clock.advance(signInRollMs);
    },
    want: ['signInBroken'],
  },
  {
    name: 'one that is disabled',
    given: () => test.keyVault.secrets.enable(signInSecret, false),
    want: ['secretDisabled'],
  },
  {
    name: 'Entra that is down',
    given: () => test.entra.faults.add({ kind: 'status', status: 503 }, () => true, 99),
    want: ['signInUnknown'],
  },
  {
    name: 'a vault that is down',
    given: () => test.keyVault.faults.add({ kind: 'status', status: 503 }, () => true, 99),
    want: ['vaultUnreachable'],
  },
  {
    name: 'a vault that throttles',
    given: () => test.keyVault.faults.add({ kind: 'status', status: 429, retryAfterSeconds: 60 }, () => true, 99),
    want: ['vaultThrottled'],
  },
  {
    name: 'a vault that refuses',
    given: () => test.keyVault.faults.add({ kind: 'status', status: 403 }, () => true, 99),
    want: ['vaultForbidden'],
  },
];

describe('the upkeep of a sign-in', () => {
  it.each(rows)('tells $name as what it is', async ({ given, want }) => {
    test.signIn();
    await test.vault.readLatest(signInSecret);
    await test.clock.advance(signInRollMs);
    await given();
    expect(reasons(await pass())).toEqual(want);
  });

  it('logs a refusal with what to do, and no secret', async () => {
    test.signIn();
    await test.clock.advance(signInRollMs);
    test.keyVault.faults.add({ kind: 'status', status: 403 }, ({ verb }) => verb === 'PUT', 99);
    await pass();
    expect(lines).toEqual([
      [
        'token.signIn.failed',
        expect.objectContaining({ hint: expect.stringContaining('Key Vault Secrets Officer'), kind: 'forbidden' }),
      ],
    ]);
    const text = JSON.stringify(lines);
    for (const { value } of test.keyVault.secrets.versions(signInSecret)) expect(text).not.toContain(value);
  });

  it('warns ahead of the end of one that nobody could use', async () => {
    test.signIn();
    await test.clock.advance(hoursMs(24) * 84);
    const { alarms, expiresAt } = await target().look(log);
    expect(alarms).toEqual([{ reason: 'signInEnds', subject: signInSecret, detail: 'in 7 days' }]);
    expect(expiresAt).toBe(test.clock.now() + hoursMs(24) * 6);
  });
});
