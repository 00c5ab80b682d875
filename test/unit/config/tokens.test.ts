import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../../shared/config/parseConfig.ts';
import { aConfigText, problemsOf } from '../../support/configText.ts';

const guid = '11111111-1111-4111-8111-111111111111';
const hourMs = 3_600_000;
const dayMs = 24 * hourMs;
const keyVault = { url: 'https://contoso.vault.azure.net' };
const delegatedUser = { tenantId: guid, clientId: guid, keyVaultSecret: 'mayfly-user' };
const aToken = (overrides: object = {}): object => ({
  name: 'agents',
  organisation: 'contoso',
  keyVaultSecret: 'mayfly-agents',
  ...overrides,
});
const tokens = (...all: readonly object[]): object => ({ keyVault, delegatedUser, tokens: all.map(aToken) });
const aSource = { organisation: 'contoso', projects: [guid], url: 'https://app.example/api/hooks/azure-devops' };
const hooks = (overrides: object = {}): object => ({
  keyVault,
  hooks: { secret: { current: { keyVaultSecret: 'mayfly-hook' } }, subscriptions: [aSource], ...overrides },
});

describe('tokens of mayfly.yaml', () => {
  it('are watched unless told otherwise, with least scopes', () => {
    const config = parseConfig(aConfigText(tokens({})), 'mayfly.yaml');
    expect(config.delegatedUser).toEqual(delegatedUser);
    expect(config.tokens).toEqual([
      {
        name: 'agents',
        organisation: 'contoso',
        keyVaultSecret: 'mayfly-agents',
        mode: 'watch',
        scopes: ['vso.agentpools_manage', 'vso.build'],
        lifetime: 30 * dayMs,
        grace: dayMs,
        secrets: [],
      },
    ]);
  });

  it('say all that a rotation needs to know', () => {
    const copy = { cluster: 'primary', secret: 'registration' };
    const given = { mode: 'rotate', scopes: ['vso.agentpools'], lifetime: '7d', rotateBefore: '36h', grace: '1h' };
    expect(parseConfig(aConfigText(tokens({ ...given, secrets: [copy] })), 'mayfly.yaml').tokens).toEqual([
      {
        name: 'agents',
        organisation: 'contoso',
        keyVaultSecret: 'mayfly-agents',
        mode: 'rotate',
        scopes: ['vso.agentpools'],
        lifetime: 7 * dayMs,
        rotateBefore: 36 * hourMs,
        grace: hourMs,
        secrets: [{ ...copy, key: 'token' }],
      },
    ]);
  });

  it('are none by default', () => {
    const config = parseConfig(aConfigText(), 'mayfly.yaml');
    expect([config.tokens, config.delegatedUser]).toEqual([[], undefined]);
  });
});

describe('hooks of mayfly.yaml', () => {
  it('name the projects whose subscriptions are written', () => {
    expect(parseConfig(aConfigText(hooks()), 'mayfly.yaml').hooks).toEqual({
      current: { kind: 'keyVault', name: 'mayfly-hook' },
      rotateAfter: 90 * dayMs,
      subscriptions: [aSource],
    });
  });
});

const copy = { cluster: 'primary', secret: 'pat', key: 'token' };
const rows: readonly (readonly [name: string, given: object, problem: readonly [path: string, rule: string]])[] = [
  [
    'a token of an unknown organisation',
    tokens({ organisation: 'contosa' }),
    ['tokens[0].organisation', 'must be one of the organisations, did you mean "contoso"?'],
  ],
  [
    'a copy in an unknown cluster',
    tokens({ secrets: [{ ...copy, cluster: 'second' }] }),
    ['tokens[0].secrets[0].cluster', 'must be one of the clusters, known are primary'],
  ],
  ['two tokens of one name', tokens({}, { keyVaultSecret: 'other' }), ['tokens[1].name', 'must not repeat tokens[0]']],
  [
    'two tokens in one secret of the vault',
    tokens({}, { name: 'second', keyVaultSecret: 'Mayfly-Agents' }),
    ['tokens[1].keyVaultSecret', 'must not be the secret of tokens[0].keyVaultSecret'],
  ],
  [
    'a token in the secret of the delegated user',
    tokens({ keyVaultSecret: 'mayfly-user' }),
    ['delegatedUser.keyVaultSecret', 'must not be the secret of tokens[0].keyVaultSecret'],
  ],
  [
    'a token in the secret of the hooks',
    { ...tokens({ keyVaultSecret: 'mayfly-hook' }), ...hooks() },
    ['hooks.secret.current.keyVaultSecret', 'must not be the secret of tokens[0].keyVaultSecret'],
  ],
  [
    'two copies in one place',
    tokens({ secrets: [copy, { cluster: 'primary', secret: 'pat' }] }),
    ['tokens[0].secrets[1]', 'must not be the place of tokens[0].secrets[0]'],
  ],
  [
    'a rotation without anybody to rotate as',
    { keyVault, tokens: [aToken({ mode: 'rotate' })] },
    ['tokens[0].mode', 'must be watch as long as there is no delegatedUser'],
  ],
  [
    'a full-access scope',
    tokens({ scopes: ['app_token'] }),
    ['tokens[0].scopes[0]', 'must be a scope such as vso.agentpools_manage; full access is never asked for'],
  ],
  [
    'a token that is called like the upkeep of hooks',
    tokens({ name: 'hooks' }),
    ['tokens[0].name', 'must not be hooks or sign-in, which have another meaning'],
  ],
  [
    'an organisation that signs in with the token of another',
    {
      ...tokens({ mode: 'rotate' }),
      organisations: [
        { name: 'contoso', url: 'https://dev.azure.com/contoso' },
        {
          name: 'fabrikam',
          url: 'https://dev.azure.com/fabrikam',
          credential: { kind: 'pat', keyVaultSecret: 'Mayfly-Agents' },
        },
      ],
    },
    [
      'organisations[1].credential.keyVaultSecret',
      'must not be the secret of tokens[0], which is for the organisation contoso only',
    ],
  ],
  [
    'an organisation whose agents register with the token of another',
    {
      ...tokens({}),
      organisations: [
        { name: 'contoso', url: 'https://dev.azure.com/contoso' },
        {
          name: 'fabrikam',
          url: 'https://dev.azure.com/fabrikam',
          registration: { credential: { kind: 'pat', keyVaultSecret: 'mayfly-agents' } },
        },
      ],
    },
    [
      'organisations[1].registration.credential.keyVaultSecret',
      'must not be the secret of tokens[0], which is for the organisation contoso only',
    ],
  ],
  ['no scope', tokens({ scopes: [] }), ['tokens[0].scopes', 'must not be empty']],
  ['a lifetime in minutes', tokens({ lifetime: '90m' }), ['tokens[0].lifetime', 'must be a time such as 12h or 30d']],
  ['a lifetime of two years', tokens({ lifetime: '730d' }), ['tokens[0].lifetime', 'must be between 2d and 365d']],
  ['a short grace', tokens({ grace: '0h' }), ['tokens[0].grace', 'must be between 1h and 7d']],
  [
    'a rotation before the token is half over',
    tokens({ lifetime: '10d', rotateBefore: '6d' }),
    ['tokens[0].rotateBefore', 'must be at most half of lifetime'],
  ],
  [
    'a Secret with capitals',
    tokens({ secrets: [{ ...copy, secret: 'Pat' }] }),
    ['tokens[0].secrets[0].secret', 'must be the name of a Secret: a-z, 0-9, - and .'],
  ],
  ['no vault', { tokens: [aToken()] }, ['keyVault', 'is required where a keyVaultSecret is named']],
  [
    'a tenant by name',
    { keyVault, delegatedUser: { ...delegatedUser, tenantId: 'contoso' } },
    ['delegatedUser.tenantId', 'must be a GUID such as the client id of an identity'],
  ],
  [
    'subscriptions with a secret of the settings',
    hooks({ secret: { current: { environment: 'HOOK' } } }),
    ['hooks.secret.current', 'must be a keyVaultSecret where subscriptions are named'],
  ],
  [
    'subscriptions of an unknown organisation',
    hooks({ subscriptions: [{ ...aSource, organisation: 'fabrikam' }] }),
    ['hooks.subscriptions[0].organisation', 'must be one of the organisations, known are contoso'],
  ],
  [
    'subscriptions without a project',
    hooks({ subscriptions: [{ ...aSource, projects: [] }] }),
    ['hooks.subscriptions[0].projects', 'must not be empty'],
  ],
];

describe('tokens that are refused', () => {
  it.each(rows)('%s', (_name, given, [path, rule]) => {
    expect(problemsOf(aConfigText(given)).map((problem) => [problem.path, problem.rule])).toEqual([[path, rule]]);
  });

  it('never show what was pasted where the name of a secret belongs', () => {
    const pasted = 'abc123_this is the token itself';
    const problems = problemsOf(aConfigText(tokens({ keyVaultSecret: pasted })));
    expect(problems).toHaveLength(1);
    expect(JSON.stringify(problems)).not.toContain(pasted);
  });
});
