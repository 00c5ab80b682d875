import { describe, expect, it } from 'vitest';
import { minutesMs } from '../../../../shared/domain/instant.ts';
import { known, unknown } from '../../../../shared/domain/read.ts';
import { type TokenPolicy, tokenTags } from '../../../../shared/domain/token.ts';
import type { ObservedToken } from '../../../../shared/plan/tokens/observedToken.ts';
import { planToken } from '../../../../shared/plan/tokens/planToken.ts';
import {
  aCopy,
  ahead,
  anObservedToken,
  aVersion,
  days,
  ending,
  observedVersions,
  tokenPolicy,
} from '../../../support/tokenBuilders.ts';

interface Row {
  readonly name: string;
  readonly policy?: Partial<TokenPolicy>;
  readonly given: ObservedToken;
  readonly want: readonly string[];
}

const absent: Partial<ObservedToken> = { latest: known(undefined), versions: known([]), proof: undefined, copies: [] };

const watched = (inMs: number, warned?: string): ObservedToken => {
  const tags = warned === undefined ? {} : { [tokenTags.warned]: warned };
  return observedVersions([aVersion(1, { expiresAt: ahead(inMs), tags })], [], { personal: undefined });
};

describe('what people are told of the end', () => {
  const rows = [
    { name: 'nothing 31 days ahead', given: watched(days(31)), want: undefined },
    { name: '30 days ahead', given: watched(days(30)), want: 30 },
    { name: '14 days ahead', given: watched(days(14), '30'), want: 14 },
    { name: '7 days ahead', given: watched(days(7), '14'), want: 7 },
    { name: '3 days ahead', given: watched(days(3), '7'), want: 3 },
    { name: '1 day ahead', given: watched(days(1), '3'), want: 1 },
    { name: 'each once', given: watched(days(2), '3'), want: undefined },
    { name: 'only the last of several that have passed', given: watched(days(2)), want: 3 },
    {
      name: '30 days ahead, whatever day the tags of a former version bring along',
      given: watched(days(30), '1'),
      want: 30,
    },
    { name: '7 days ahead, whatever a person made of the tag', given: watched(days(7), 'soon'), want: 7 },
    { name: 'nothing when it is over: that is another alarm', given: watched(-1), want: undefined },
  ];
  it.each(rows)('is $name', ({ given, want }) => {
    const { actions } = planToken({ ...tokenPolicy, mode: 'watch' }, given);
    const told = actions.flatMap((action) => (action.kind === 'note' ? (action.notice ?? []) : []));
    expect(told.map((notice) => (notice.kind === 'expiresSoon' ? notice.days : notice.kind))).toEqual(
      want === undefined ? [] : [want],
    );
  });

  it('is remembered on the version, so that a new one starts afresh', () => {
    const { actions } = planToken({ ...tokenPolicy, mode: 'watch' }, watched(days(7), '14'));
    expect(actions.map((action) => (action.kind === 'note' ? action.tags[tokenTags.warned] : action))).toEqual(['7']);
  });

  it('is nothing where Mayfly rotates, before the rotation is overdue', () => {
    expect(planToken(tokenPolicy, ending(days(11))).actions).toEqual([]);
    const { actions } = planToken(tokenPolicy, { ...ending(days(6)), personal: unknown('timeout') });
    expect(actions.map((action) => (action.kind === 'note' ? action.notice?.kind : action))).toEqual(['expiresSoon']);
  });
});

describe('what is wrong with a token', () => {
  const disabled = aVersion(1, { enabled: false });
  const rows: readonly Row[] = [
    { name: 'nothing', given: anObservedToken(), want: [] },
    { name: 'rejected', given: anObservedToken({ proof: known('rejected') }), want: ['tokenRejected'] },
    { name: 'unproven', given: anObservedToken({ proof: unknown('unavailable') }), want: ['tokenUnproven'] },
    { name: 'throttled vault', given: anObservedToken({ latest: unknown('throttled') }), want: ['vaultThrottled'] },
    { name: 'unreachable vault', given: anObservedToken({ latest: unknown('timeout') }), want: ['vaultUnreachable'] },
    {
      name: 'no right to the vault',
      given: anObservedToken({ latest: unknown('forbidden') }),
      want: ['vaultForbidden'],
    },
    {
      name: 'disabled secret',
      given: anObservedToken({ latest: unknown('forbidden'), versions: known([disabled]) }),
      want: ['secretDisabled'],
    },
    { name: 'missing secret', policy: { mode: 'watch' }, given: anObservedToken(absent), want: ['secretMissing'] },
    { name: 'deleted secret', given: anObservedToken(absent), want: ['secretDeleted'] },
    { name: 'broken sign-in', given: anObservedToken({ personal: unknown('unauthorized') }), want: ['signInBroken'] },
    { name: 'nobody signed in', given: anObservedToken({ personal: undefined }), want: ['personalTokensUnknown'] },
    { name: 'a PAT that is not listed', given: anObservedToken({ personal: known([]) }), want: ['tokenUnlisted'] },
    {
      name: 'a cluster out of reach',
      given: anObservedToken({ copies: [aCopy(unknown('timeout'))] }),
      want: ['clusterUnreachable'],
    },
    {
      name: 'no right to a copy',
      given: anObservedToken({ copies: [aCopy(unknown('forbidden'))] }),
      want: ['copyRefused'],
    },
    { name: 'expired', policy: { mode: 'watch' }, given: watched(-1), want: ['tokenExpired'] },
    { name: 'expiring', policy: { mode: 'watch' }, given: watched(days(7), '7'), want: ['tokenExpiresSoon'] },
    { name: 'a clock that is off', given: anObservedToken({ skewMs: -minutesMs(6) }), want: ['clockSkew'] },
  ];
  it.each(rows)('is told: $name', ({ policy, given, want }) => {
    expect(planToken({ ...tokenPolicy, ...policy }, given).alarms.map(({ reason }) => reason)).toEqual(want);
  });
});
