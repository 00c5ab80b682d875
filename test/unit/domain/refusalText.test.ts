import { describe, expect, it } from 'vitest';
import { signInReasons } from '../../../shared/domain/delegatedUser.ts';
import { type Refusal, refusalText } from '../../../shared/domain/refusalText.ts';
import { tokenReasons } from '../../../shared/domain/token.ts';
import { hookAlarms } from '../../../shared/reconcile/hookSecrets/rotateHookSecret.ts';
import { readSource } from '../../support/sources.ts';

const devOps = (overrides: Partial<Refusal>): Refusal => ({
  upstream: 'azureDevOps',
  operation: 'listing agents',
  kind: 'forbidden',
  ...overrides,
});
const said = (detail: string, overrides: Partial<Refusal> = {}): Refusal => devOps({ detail, ...overrides });

const rows: readonly (readonly [name: string, given: Refusal, lacks: RegExp, fix: RegExp])[] = [
  [
    'TF400813',
    said("VssServiceException: TF400813: The user 'aaaaaaaa-1111' is not authorized to access this resource."),
    /no member of the organisation/,
    /Users > Add users.*access level Basic/,
  ],
  [
    'the same text without its number',
    said('The user is not authorized to access this resource.', { kind: 'unauthorized', status: 401 }),
    /no member of the organisation/,
    /access level Basic/,
  ],
  [
    'VS30063',
    said('VS30063: You are not authorized to access https://dev.azure.com.', { kind: 'unauthorized' }),
    /another tenant/,
    /Microsoft Entra/,
  ],
  ['TF401444', said('TF401444: Please sign-in at least once as x in a web browser'), /never opened/, /in a browser/],
  [
    'VS403463',
    said('VS403463: The conditional access policy defined by your Microsoft Entra administrator has failed.'),
    /Conditional Access/,
    /Sign-in logs/,
  ],
  [
    'an access level that is too low',
    said('AccessCheckException: your access level is Stakeholder'),
    /access level/,
    /raise its access level to Basic/,
  ],
  [
    'a pool that is not administered',
    said('AccessDeniedException: Access denied. mayfly needs Manage permissions for pool linux to perform the action.'),
    /does not administer the pool/,
    /role Administrator.*in a project is not enough/,
  ],
  [
    'pools that are not administered',
    said('Access denied. mayfly needs Manage permissions to perform the action.'),
    /administer agent pools/,
    /role Administrator/,
  ],
  [
    'a pool that may not be used',
    said('Access denied. Project Collection Build Service needs Use permissions for pool MyPool.'),
    /see or use/,
    /role Administrator/,
  ],
  [
    'hooks of a project',
    said('Access denied. mayfly needs Edit Subscriptions permissions.', { operation: 'writing a hook subscription' }),
    /service hooks/,
    /Project Administrators/,
  ],
  [
    'a run that may not be stopped',
    said('Access denied. mayfly needs Stop builds permissions for vstfs:///Build in team project shop.'),
    /permission on builds/,
    /Stop builds/,
  ],
  [
    'VS800075',
    said('VS800075: The project with id x does not exist, or you do not have permission to access it.', {
      kind: 'notFound',
    }),
    /no member of it/,
    /Readers/,
  ],
  ['a sign-in page', devOps({ kind: 'unauthorized', status: 203 }), /not accepted/, /new one into the vault/],
  ['a redirect', devOps({ kind: 'unauthorized', status: 302 }), /not accepted/, /new one into the vault/],
  ['a bare 401', devOps({ kind: 'unauthorized', status: 401 }), /not accepted/, /Users > Add users/],
  ['a 404 on a pool', devOps({ kind: 'notFound', status: 404 }), /both are answered alike/, /role Administrator/],
  [
    'a 404 on a run',
    devOps({ kind: 'notFound', operation: 'getting a build' }),
    /may not see its project/,
    /view builds/,
  ],
  ['a 403 without known words', said('Something new.'), /lacks a right/, /docs\/tokens\.md/],
  [
    'a cluster that does not know the identity',
    { upstream: 'kubernetes', operation: 'listing jobs', kind: 'unauthorized' },
    /does not know the identity/,
    /object id/,
  ],
  [
    'Secrets that may not be written',
    { upstream: 'kubernetes', operation: 'writing a token to a Secret', kind: 'forbidden' },
    /Secrets of the namespace/,
    /Role/,
  ],
  [
    'a verb that is missing',
    { upstream: 'kubernetes', operation: 'creating a job', kind: 'forbidden' },
    /lacks a verb/,
    /infra\/kubernetes\/base/,
  ],
  [
    'a disabled secret',
    { upstream: 'keyVault', operation: 'getting a secret', kind: 'forbidden', detail: 'SecretDisabled' },
    /disabled/,
    /Enable it/,
  ],
  [
    'a vault that is not ours to read',
    { upstream: 'keyVault', operation: 'getting a secret', kind: 'forbidden', detail: 'ForbiddenByRbac' },
    /may not use the vault/,
    /Key Vault Secrets Officer/,
  ],
  [
    'a secret that is not there',
    { upstream: 'keyVault', operation: 'getting a secret', kind: 'notFound', detail: 'SecretNotFound' },
    /no secret of this name/,
    /Put it there/,
  ],
  [
    'a queue that may not be used',
    { upstream: 'serviceBus', operation: 'sending intents', kind: 'unauthorized' },
    /may not use the queue/,
    /Data Sender/,
  ],
];

describe('refusalText', () => {
  it.each(rows)('says what is missing: %s', (_name, given, lacks, fix) => {
    expect(refusalText(given)).toEqual({ lacks: expect.stringMatching(lacks), fix: expect.stringMatching(fix) });
  });

  const none: readonly (readonly [string, Refusal])[] = [
    ['a throttled server', devOps({ kind: 'throttled' })],
    ['a server that is down', devOps({ kind: 'unavailable', status: 503 })],
    ['a conflict', devOps({ kind: 'conflict' })],
    ['a cluster that is out of reach', { upstream: 'kubernetes', operation: 'listing jobs', kind: 'timeout' }],
  ];
  it.each(none)('says nothing of %s', (_name, given) => {
    expect(refusalText(given)).toBeUndefined();
  });

  it('has every text in the documentation', () => {
    const { text } = readSource('docs/tokens.md');
    const plain = text.replaceAll(/\s+/g, ' ');
    const missing = rows.map(([, given]) => refusalText(given)?.lacks ?? '').filter((lacks) => !plain.includes(lacks));
    expect(missing).toEqual([]);
  });

  it.each([...tokenReasons, ...signInReasons, ...hookAlarms, 'cannotBeSetUp'])(
    'has %s in the documentation',
    (reason) => {
      expect(readSource('docs/tokens.md').text).toContain(`| \`${reason}\` |`);
    },
  );
});
