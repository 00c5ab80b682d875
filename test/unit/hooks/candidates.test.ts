import { describe, expect, it } from 'vitest';
import { candidatePools } from '../../../shared/hooks/candidates.ts';
import { aRoute } from '../../support/hooks.ts';

const birch = aRoute();
const birchToo = aRoute({ poolId: 8, organisationUrl: 'https://birch.visualstudio.com/' });
const oak = aRoute({ session: 'oak0', organisation: 'oak0', organisationUrl: 'https://dev.azure.com/Oak' });
const own = aRoute({ session: 'own0', organisation: 'own0', organisationUrl: 'http://127.0.0.1:4711/ash' });
const all = [birch, oak, own];

describe('candidatePools', () => {
  const rows = [
    { name: 'takes the pools of the organisation', given: ['https://dev.azure.com/birch/'], want: [birch] },
    { name: 'ignores case and the rest of the path', given: ['https://dev.azure.com/OAK/project'], want: [oak] },
    { name: 'tells organisations on other hosts apart', given: ['http://127.0.0.1:4711/ash/'], want: [own] },
    { name: 'takes all for an unknown organisation', given: ['https://dev.azure.com/elm/'], want: all },
    { name: 'takes all when none is named', given: [], want: all },
    { name: 'takes all for what is no URL', given: ['not a url'], want: all },
  ];
  it.each(rows)('$name', ({ given, want }) => {
    expect(candidatePools({ kind: 'jobEvent', state: 'waiting', organisationUrls: given }, all)).toEqual(want);
  });

  it('knows the old form of an organisation URL for the same', () => {
    const event = { kind: 'jobEvent', state: 'waiting', organisationUrls: ['https://dev.azure.com/birch/'] } as const;
    expect(candidatePools(event, [oak, birch, birchToo])).toEqual([birch, birchToo]);
  });
});
