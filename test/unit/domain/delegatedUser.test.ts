import { describe, expect, it } from 'vitest';
import { isRollDue, signInOf, signInWarning } from '../../../shared/domain/delegatedUser.ts';
import { signInErrorCodes, signInErrorText } from '../../../shared/domain/signInErrors.ts';

const dayMs = 86_400_000;
const now = Date.UTC(2026, 0, 5, 8);

describe('a sign-in', () => {
  it('is read from the tags of its version', () => {
    const tags = { 'mayfly-user': 'a@b.c', 'mayfly-signed-in-at': '1000', 'mayfly-rolled-at': '2000' };
    expect(signInOf({ createdAt: 3000, tags })).toEqual({
      user: 'a@b.c',
      signedInAt: 1000,
      rolledAt: 2000,
      endsAt: 2000 + 90 * dayMs,
    });
  });

  it('counts from its version where the tag is missing or cannot be read', () => {
    expect(signInOf({ createdAt: 3000, tags: { 'mayfly-rolled-at': 'yesterday' } })).toEqual({
      rolledAt: 3000,
      endsAt: 3000 + 90 * dayMs,
    });
  });

  const rows: readonly { idleDays: number; want: number | undefined; due: boolean }[] = [
    { idleDays: 0, want: undefined, due: false },
    { idleDays: 7, want: undefined, due: true },
    { idleDays: 59.9, want: undefined, due: true },
    { idleDays: 60, want: 30, due: true },
    { idleDays: 76, want: 14, due: true },
    { idleDays: 83, want: 7, due: true },
    { idleDays: 87, want: 3, due: true },
    { idleDays: 89.5, want: 1, due: true },
    { idleDays: 90, want: 0, due: true },
  ];
  it.each(rows)('that was idle for $idleDays days warns: $want', ({ idleDays, want, due }) => {
    const signIn = signInOf({ createdAt: now - idleDays * dayMs, tags: {} });
    expect([signInWarning(signIn, now), isRollDue(signIn, now)]).toEqual([want, due]);
  });
});

describe('the refusals of a sign-in', () => {
  it.each(signInErrorCodes)('tell what is the matter and what to do: %s', (code) => {
    expect(signInErrorText(code)).toMatch(new RegExp(`^AADSTS${code}: [A-Z].+[.:] [A-Z\`].+`));
  });
});
