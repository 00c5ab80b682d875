import { describe, expect, it } from 'vitest';
import { hoursMs, minutesMs } from '../../../../shared/domain/instant.ts';
import { known, unknown } from '../../../../shared/domain/read.ts';
import { type TokenPolicy, tokenTags } from '../../../../shared/domain/token.ts';
import type { ObservedToken, TokenAction } from '../../../../shared/plan/tokens/observedToken.ts';
import { planToken } from '../../../../shared/plan/tokens/planToken.ts';
import { noon } from '../../../support/builders.ts';
import {
  aCopy,
  ago,
  ahead,
  anObservedToken,
  aPersonalToken,
  aVersion,
  aVersionByHand,
  days,
  ending,
  observedVersions,
  tokenPolicy,
} from '../../../support/tokenBuilders.ts';

/** An action in a few words. */
function words(action: TokenAction): string {
  switch (action.kind) {
    case 'create':
      return `create ${action.cause}`;
    case 'revoke':
      return `revoke ${action.authorizationId}`;
    case 'note':
      return `note ${action.version}${action.notice === undefined ? '' : ` ${action.notice.kind}`}`;
    case 'spread':
      return `spread ${action.version} to ${action.copies.map(({ cluster }) => cluster).join(' ')}`;
    default:
      return action satisfies never;
  }
}

interface Row {
  readonly name: string;
  readonly policy?: Partial<TokenPolicy>;
  readonly given: ObservedToken;
  readonly want: readonly string[];
}

function tells(rows: readonly Row[]): void {
  it.each(rows)('$name', ({ policy, given, want }) => {
    expect(planToken({ ...tokenPolicy, ...policy }, given).actions.map(words)).toEqual(want);
  });
}

const nothingYet = Number.POSITIVE_INFINITY;
const absent: Partial<ObservedToken> = { latest: known(undefined), versions: known([]), proof: undefined, copies: [] };
const byHand = aVersionByHand(1, { expiresAt: ahead(days(60)) });

/** A token of two days, of which so much is over. */
const short = (agoMs: number): ObservedToken => {
  const version = aVersion(1, { createdAt: ago(agoMs), expiresAt: ahead(days(2) - agoMs), provenAgoMs: agoMs });
  return observedVersions([version], [aPersonalToken(1, { validFrom: ago(agoMs), validTo: ahead(days(2) - agoMs) })]);
};

const young = (number: number, ageMs: number) => aPersonalToken(number, { validFrom: ago(ageMs) });

describe('whether a token is replaced', () => {
  tells([
    { name: 'leaves a whole token alone', given: anObservedToken(), want: [] },
    { name: 'leaves one alone with more than a third of its lifespan', given: ending(days(11)), want: [] },
    { name: 'replaces one with less than a third', given: ending(days(9)), want: ['create expiring'] },
    {
      name: 'goes by the end that the server lists, not by tags',
      given: observedVersions([aVersion(1)], [aPersonalToken(1, { validTo: ahead(days(1)) })]),
      want: ['note version-1 expiresSoon', 'create expiring'],
    },
    {
      name: 'leaves one of two days alone before half of it is over, although three days are wanted',
      given: short(hoursMs(23)),
      want: [],
    },
    { name: 'replaces it then', given: short(hoursMs(25)), want: ['create expiring'] },
    {
      name: 'leaves one alone that the server cut to less than twice what the policy wants to be left',
      policy: { rotateBeforeMs: days(10) },
      given: short(hoursMs(23)),
      want: [],
    },
    {
      name: 'makes the first where there is none',
      given: anObservedToken({ ...absent, personal: known([]) }),
      want: ['create absent'],
    },
    {
      name: 'makes none where old PATs of ours show that the secret was deleted',
      given: anObservedToken({ ...absent, personal: known([aPersonalToken(1)]) }),
      want: [],
    },
    {
      name: 'makes another where only young ones show a first rotation cut short',
      given: anObservedToken({ ...absent, personal: known([young(1, minutesMs(5))]) }),
      want: ['create absent'],
    },
    {
      name: 'replaces what a person stored',
      given: observedVersions([byHand], []),
      want: ['note version-1', 'create unmarked'],
    },
    {
      name: 'replaces what is rejected',
      given: anObservedToken({ proof: known('rejected') }),
      want: ['create rejected'],
    },
    {
      name: 'makes none while the proof is unknown',
      given: anObservedToken({ ...ending(days(9)), proof: unknown('unavailable') }),
      want: [],
    },
    {
      name: 'makes none while the PATs are unknown',
      given: anObservedToken({ ...ending(days(9)), personal: unknown('timeout') }),
      want: [],
    },
    {
      name: 'makes none while nobody is signed in',
      given: anObservedToken({ ...ending(days(9)), personal: undefined }),
      want: [],
    },
    {
      name: 'makes none while the vault is unreadable',
      given: anObservedToken({ latest: unknown('throttled'), versions: unknown('throttled'), proof: undefined }),
      want: [],
    },
    {
      name: 'replaces one on demand',
      given: anObservedToken({ cause: 'asked', askedId: 'a' }),
      want: ['create asked'],
    },
    {
      name: 'replaces none for a request that a version answers already',
      given: observedVersions([aVersion(1, { tags: { [tokenTags.asked]: 'a' } })], [aPersonalToken(1)], {
        cause: 'asked',
        askedId: 'a',
      }),
      want: [],
    },
    {
      name: 'takes no near-expiry event at its word before half of the lifespan',
      given: anObservedToken({ cause: 'nearExpiry' }),
      want: [],
    },
    { name: 'takes it after half', given: { ...ending(days(14)), cause: 'nearExpiry' }, want: ['create nearExpiry'] },
    {
      name: 'waits after three rotations cut short within the hour',
      given: anObservedToken({
        cause: 'asked',
        askedId: 'a',
        personal: known([aPersonalToken(1), ...[2, 3, 4].map((n) => young(n, minutesMs(10)))]),
      }),
      want: [],
    },
    {
      name: 'makes none in watch mode',
      policy: { mode: 'watch' },
      given: anObservedToken({ proof: known('rejected') }),
      want: [],
    },
  ]);

  it("asks for the lifespan of the policy, from the server's time on", () => {
    const { actions } = planToken(tokenPolicy, anObservedToken({ cause: 'asked', askedId: 'a' }));
    expect(actions).toEqual([{ kind: 'create', cause: 'asked', validTo: noon + days(30), askedId: 'a' }]);
  });
});

describe('what copies get', () => {
  tells([
    {
      name: 'the latest version, where one holds something else',
      given: anObservedToken({ copies: [aCopy(known('other'))] }),
      want: ['note version-1', 'spread version-1 to east'],
    },
    {
      name: 'the latest version, where there is no copy',
      given: anObservedToken({ copies: [aCopy(known('nothing'))] }),
      want: ['note version-1', 'spread version-1 to east'],
    },
    {
      name: 'nothing while the latest version is unproven',
      given: anObservedToken({ proof: unknown('timeout'), copies: [aCopy(known('other'))] }),
      want: [],
    },
    {
      name: 'the latest version in every cluster that can be reached',
      given: anObservedToken({ copies: [aCopy(unknown('unavailable')), aCopy(known('other'), 'west')] }),
      want: ['note version-1', 'spread version-1 to west'],
    },
    {
      name: 'what a person stored, in watch mode',
      policy: { mode: 'watch' },
      given: observedVersions([aVersionByHand(2), aVersion(1)], [], { copies: [aCopy(known('other'))] }),
      want: ['spread version-2 to east'],
    },
    {
      name: 'nothing that Azure DevOps rejects, in watch mode',
      policy: { mode: 'watch' },
      given: observedVersions([aVersionByHand(2), aVersion(1)], [], {
        proof: known('rejected'),
        copies: [aCopy(known('other'))],
      }),
      want: [],
    },
  ]);

  it('are noted once all hold the latest version', () => {
    const version = aVersion(1, { provenAgoMs: nothingYet });
    const { actions, nextLookAt } = planToken(tokenPolicy, observedVersions([version], [aPersonalToken(1)]));
    const tags = { ...version.tags, [tokenTags.proven]: String(noon) };
    expect(actions).toEqual([{ kind: 'note', version: 'version-1', tags }]);
    expect(nextLookAt).toBe(noon + tokenPolicy.graceMs);
  });

  it('are noted as strayed before they are written again', () => {
    const [note] = planToken(tokenPolicy, anObservedToken({ copies: [aCopy(known('other'))] })).actions;
    expect(note).toEqual({
      kind: 'note',
      version: 'version-1',
      tags: { ...aVersion(1).tags, [tokenTags.strayed]: String(noon) },
    });
  });
});

const two = [aPersonalToken(2), aPersonalToken(1)];
/** Version 2 has been everywhere for so long. */
const superseded = (provenAgoMs: number, overrides: Partial<ObservedToken> = {}): ObservedToken =>
  observedVersions([aVersion(2, { provenAgoMs, createdAt: ago(provenAgoMs + 2000) }), aVersion(1)], two, overrides);
const over = minutesMs(21);

describe('which PATs end', () => {
  tells([
    { name: 'the one before, after the grace', given: superseded(over), want: ['revoke authorization-1'] },
    { name: 'none within the grace', given: superseded(minutesMs(19)), want: [] },
    {
      name: 'none within a quarter of an hour, whatever the policy says',
      policy: { graceMs: 0 },
      given: superseded(minutesMs(14)),
      want: [],
    },
    { name: 'none while the latest is unproven', given: superseded(over, { proof: unknown('unavailable') }), want: [] },
    {
      name: 'none while a cluster is out of reach',
      given: superseded(over, { copies: [aCopy(), aCopy(unknown('unavailable'), 'west')] }),
      want: [],
    },
    {
      name: 'none while a copy holds anything else',
      given: superseded(over, { copies: [aCopy(known('other'))] }),
      want: ['note version-2', 'spread version-2 to east'],
    },
    { name: 'none while the vault cannot be read', given: superseded(over, { latest: unknown('timeout') }), want: [] },
    { name: 'none while the PATs are unknown', given: superseded(over, { personal: unknown('timeout') }), want: [] },
    {
      name: 'none where the latest is not the listed PAT that its tags name',
      given: superseded(over, { personal: known([aPersonalToken(1)]) }),
      want: [],
    },
    {
      name: 'the one before, when any newer version has been everywhere for the grace',
      given: observedVersions(
        [
          aVersion(3, { provenAgoMs: nothingYet, createdAt: ago(1000) }),
          aVersion(2, { provenAgoMs: over }),
          aVersion(1),
        ],
        [aPersonalToken(3), ...two],
      ),
      want: ['revoke authorization-1', 'note version-3'],
    },
    {
      name: 'none within the grace after a copy strayed, under whichever version',
      given: observedVersions(
        [
          aVersion(3, { provenAgoMs: minutesMs(30), createdAt: ago(minutesMs(31)) }),
          aVersion(2, { tags: { [tokenTags.strayed]: String(ago(minutesMs(5))) } }),
        ],
        [aPersonalToken(3), aPersonalToken(2)],
      ),
      want: [],
    },
    {
      name: 'not the one that a person put back',
      given: observedVersions(
        [
          aVersion(3, { tags: aVersion(1, { provenAgoMs: over }).tags, createdAt: ago(over + 1000) }),
          aVersion(2),
          aVersion(1),
        ],
        two,
      ),
      want: ['revoke authorization-2'],
    },
    {
      name: 'none that a latest version without tags may hold',
      policy: { mode: 'watch' },
      given: observedVersions(
        [
          aVersionByHand(2, { createdAt: ago(hoursMs(2)), tags: { [tokenTags.proven]: String(ago(hoursMs(1))) } }),
          aVersion(1),
        ],
        two,
      ),
      want: [],
    },
    {
      name: 'one that no version tells of, when it is an hour old',
      given: anObservedToken({ personal: known([aPersonalToken(1), young(9, hoursMs(1))]) }),
      want: ['revoke authorization-9'],
    },
    {
      name: 'none that no version tells of and that is younger',
      given: anObservedToken({ personal: known([aPersonalToken(1), young(9, hoursMs(1) - 1)]) }),
      want: [],
    },
    {
      name: 'none of another token, installation or person',
      given: anObservedToken({
        personal: known([
          aPersonalToken(1),
          ...['mayfly-a1b2-other-00000009', 'mayfly-zzzz-registration-00000009', 'by hand'].map((displayName, index) =>
            aPersonalToken(9 + index, { displayName }),
          ),
        ]),
      }),
      want: [],
    },
    {
      name: "that of a person's old version, where its tag names it",
      policy: { mode: 'watch' },
      given: observedVersions(
        [
          aVersionByHand(2, {
            createdAt: ago(over + 2000),
            tags: { [tokenTags.authorization]: 'authorization-2', [tokenTags.proven]: String(ago(over)) },
          }),
          aVersionByHand(1, { tags: { [tokenTags.authorization]: 'authorization-1' } }),
        ],
        two.map((pat) => ({ ...pat, displayName: 'by hand' })),
      ),
      want: ['revoke authorization-1'],
    },
    {
      name: 'none where nobody is signed in: people are told, once',
      policy: { mode: 'watch' },
      given: superseded(over, { personal: undefined }),
      want: ['note version-1 oldTokenLeft'],
    },
    {
      name: 'none, and nobody is told twice',
      policy: { mode: 'watch' },
      given: observedVersions(
        [aVersion(2, { provenAgoMs: over }), aVersion(1, { tags: { [tokenTags.retired]: '1' } })],
        two,
        { personal: undefined },
      ),
      want: [],
    },
  ]);

  it('are looked at again when the grace or the hour is over', () => {
    expect(planToken(tokenPolicy, superseded(minutesMs(19))).nextLookAt).toBe(noon + minutesMs(1));
    const leftover = anObservedToken({ personal: known([aPersonalToken(1), young(9, minutesMs(50))]) });
    expect(planToken(tokenPolicy, leftover).nextLookAt).toBe(noon + minutesMs(10));
  });
});
