import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../../shared/config/parseConfig.ts';
import { aConfigText, aTemplateDocument, problemsOf } from '../../support/configText.ts';

const digest = `sha256:${'c'.repeat(64)}`;
const parse = (overrides: object) => parseConfig(aConfigText(overrides), 'mayfly.yaml');

describe('registries', () => {
  it('are read anonymously, with a password or with a managed identity', () => {
    const registries = [
      { host: 'docker.io' },
      { host: 'ghcr.io', credential: { kind: 'basic', username: 'me', environment: 'GHCR' } },
      { host: 'contoso.azurecr.io', credential: { kind: 'acr' } },
      { host: 'localhost:5000', credential: { kind: 'anonymous' } },
    ];
    expect(parse({ registries }).registries).toEqual([
      { host: 'docker.io', credential: { kind: 'anonymous' } },
      {
        host: 'ghcr.io',
        credential: { kind: 'basic', username: 'me', secret: { kind: 'environment', name: 'GHCR' } },
      },
      { host: 'contoso.azurecr.io', credential: { kind: 'acr' } },
      { host: 'localhost:5000', credential: { kind: 'anonymous' } },
    ]);
  });

  it('are none where none is given', () => {
    expect(parse({}).registries).toEqual([]);
  });
});

describe('allowedRepositories', () => {
  it('are those that the templates name where none are given', () => {
    const templates = [
      aTemplateDocument({
        image: `node@${digest}`,
        parameters: { image: { java: `ghcr.io/contoso/java:21@${digest}`, again: `docker.io/library/node@${digest}` } },
        inject: { image: `contoso.azurecr.io/agents/inject@${digest}` },
      }),
    ];
    expect(parse({ templates }).allowedRepositories).toEqual([
      'contoso.azurecr.io/agents/inject',
      'docker.io/library/node',
      'ghcr.io/contoso/java',
    ]);
  });

  it('are what is given', () => {
    const allowedRepositories = ['registry.contoso.example/*', 'ghcr.io/contoso/*'];
    expect(parse({ allowedRepositories }).allowedRepositories).toEqual(allowedRepositories);
  });
});

const hostRule = 'must be a host in lower case as images name it, such as contoso.azurecr.io or docker.io';
const repositoryRule = 'must be registry/repository, registry/* or registry/path/*, without tag and digest';
const elsewhere = 'must come from one of allowedRepositories';

describe('registries and repositories: refusals', () => {
  it.each<{ name: string; given: object; want: readonly (readonly [string, string])[] }>([
    {
      name: 'a host with a scheme, one with a path, one in capitals, and an older name',
      given: {
        registries: ['https://ghcr.io', 'ghcr.io/contoso', 'GHCR.io', 'index.docker.io'].map((host) => ({ host })),
      },
      want: [0, 1, 2, 3].map((index) => [`registries[${index}].host`, hostRule] as const),
    },
    {
      name: 'a registry that is listed twice',
      given: { registries: [{ host: 'ghcr.io' }, { host: 'ghcr.io' }] },
      want: [['registries[1].host', 'must be listed once']],
    },
    {
      name: 'a password from nowhere, and one of a user with a colon',
      given: {
        registries: [
          { host: 'ghcr.io', credential: { kind: 'basic', username: 'a' } },
          { host: 'quay.io', credential: { kind: 'basic', username: 'a:b', environment: 'X' } },
        ],
      },
      want: [
        ['registries[0].credential', 'must have exactly one of keyVaultSecret and environment'],
        ['registries[1].credential.username', 'must not hold a colon or spaces'],
      ],
    },
    {
      name: 'a password in a vault that is not named',
      given: { registries: [{ host: 'ghcr.io', credential: { kind: 'basic', username: 'a', keyVaultSecret: 'b' } }] },
      want: [['keyVault', 'is required where a keyVaultSecret is named']],
    },
    {
      name: 'a repository with a tag, and a star inside',
      given: { allowedRepositories: ['registry.contoso.example/agent:v1', 'registry.contoso.example/*', 'a/*/b'] },
      want: [
        ['allowedRepositories[0]', repositoryRule],
        ['allowedRepositories[2]', repositoryRule],
      ],
    },
    { name: 'an empty list', given: { allowedRepositories: [] }, want: [['allowedRepositories', 'must not be empty']] },
    {
      name: 'images from elsewhere',
      given: {
        allowedRepositories: ['registry.contoso.example/agents/*'],
        templates: [
          aTemplateDocument({
            parameters: { image: { java: `registry.contoso.example/agents/java@${digest}`, own: `node@${digest}` } },
            inject: { image: `registry.contoso.example/inject@${digest}` },
          }),
        ],
      },
      want: [
        ['templates[0].image', elsewhere],
        ['templates[0].inject.image', elsewhere],
        ['templates[0].parameters.image.own', elsewhere],
      ],
    },
    {
      name: 'a name that no image can have',
      given: { templates: [aTemplateDocument({ image: `registry.contoso.example/Agent@${digest}` })] },
      want: [['templates[0].image', 'must be an image reference']],
    },
  ])('refuse $name', ({ given, want }) => {
    expect(problemsOf(aConfigText(given)).map(({ path, rule }) => [path, rule])).toEqual(want);
  });
});
