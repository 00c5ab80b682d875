import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../../shared/config/parseConfig.ts';
import { poolPolicies } from '../../../shared/config/poolPolicies.ts';
import { aConfigText, aPoolDocument, aTemplateDocument, problemsOf } from '../../support/configText.ts';

const digest = `sha256:${'c'.repeat(64)}`;
const guid = '11111111-1111-1111-1111-111111111111';

const byPipeline = {
  kind: 'pipeline',
  organisation: 'contoso',
  project: 'Platform',
  pipeline: 42,
  runsOn: 'hosted',
};

const byTask = {
  kind: 'acrTask',
  subscription: guid,
  resourceGroup: 'agents',
  context: 'https://git.example/a.git#main',
};

const byCluster = {
  kind: 'cluster',
  cluster: 'primary',
  engineImage: `registry.contoso.example/buildah@${digest}`,
  toolsImage: `contoso.azurecr.io/agents/linux@${digest}`,
  context: { git: 'https://dev.azure.com/contoso/p/_git/agents' },
  identity: { tenantId: guid, clientId: guid },
};

const anImage = (fields: object = {}): object => ({
  name: 'linux',
  repository: 'contoso.azurecr.io/agents/linux',
  builder: byPipeline,
  ...fields,
});

const text = (images: readonly object[], more: object = {}): string =>
  aConfigText({ images, templates: [aTemplateDocument({ image: { name: 'linux' } })], ...more });

const imageOf = (fields: object) => parseConfig(text([anImage(fields)]), 'mayfly.yaml', {}).images[0];

describe('images that are rebuilt', () => {
  it('are rebuilt weekly, tried on one agent and watched, unless something else is said', () => {
    expect(imageOf({})).toEqual({
      policy: {
        name: 'linux',
        reference: 'contoso.azurecr.io/agents/linux:stable',
        allowedRepositories: ['contoso.azurecr.io/agents/linux'],
        schedule: { weekday: 0, hour: 3, zone: 'UTC' },
        parameters: {},
        provenAgents: 1,
        keptImages: 5,
        maxAgeMs: 14 * 86_400_000,
        buildTimeoutMs: 7_200_000,
        followTag: false,
      },
      builder: byPipeline,
      prePull: false,
    });
  });

  it('say when, of what and how often', () => {
    const said = {
      tag: 'v1',
      schedule: { weekday: 'tue', hour: 22, zone: 'Europe/Berlin' },
      baseImage: 'docker.io/library/debian:13-slim',
      agentPackage: 'linux-x64',
      parameters: { flavour: 'node' },
      candidate: { prove: 3 },
      keep: 2,
      maxAge: '21d',
      buildTimeout: '30m',
      followTag: true,
      prePull: true,
    };
    expect(imageOf(said)).toMatchObject({
      policy: {
        reference: 'contoso.azurecr.io/agents/linux:v1',
        schedule: { weekday: 2, hour: 22, zone: 'Europe/Berlin' },
        baseImage: 'docker.io/library/debian:13-slim',
        agentPackage: 'linux-x64',
        parameters: { flavour: 'node' },
        provenAgents: 3,
        keptImages: 2,
        maxAgeMs: 21 * 86_400_000,
        buildTimeoutMs: 1_800_000,
        followTag: true,
      },
      prePull: true,
    });
    expect(imageOf({ schedule: 'never' })?.policy.schedule).toBeUndefined();
  });

  it('are built in the registry of their repository', () => {
    expect(imageOf({ builder: byTask })?.builder).toEqual({
      kind: 'acrTask',
      subscriptionId: guid,
      resourceGroup: 'agents',
      registry: 'contoso',
      timeoutSeconds: 7200,
      request: {
        kind: 'dockerfile',
        context: 'https://git.example/a.git#main',
        dockerfile: 'Dockerfile',
        imageNames: ['agents/linux:stable'],
      },
    });
  });

  it('are built in a namespace of a cluster that no pipeline reaches', () => {
    expect(imageOf({ builder: byCluster })?.builder).toEqual({
      kind: 'cluster',
      cluster: 'primary',
      build: {
        namespace: 'mayfly-image-builds',
        serviceAccount: 'image-builder',
        engine: 'buildah',
        image: byCluster.engineImage,
        toolsImage: byCluster.toolsImage,
        context: { kind: 'git', url: 'https://dev.azure.com/contoso/p/_git/agents', ref: 'main' },
        dockerfile: 'Dockerfile',
        target: 'contoso.azurecr.io/agents/linux:stable',
        identity: { tenantId: guid, clientId: guid },
        deadlineSeconds: 7200,
      },
    });
  });

  it('are run by the templates that name them, and known to the pools of those', () => {
    const config = parseConfig(text([anImage()]), 'mayfly.yaml', {});
    expect(config.templates[0]).toMatchObject({ image: 'contoso.azurecr.io/agents/linux:stable', rebuilt: 'linux' });
    expect(poolPolicies(config)[0]?.images?.map(({ name }) => name)).toEqual(['linux']);
    const templates = [aTemplateDocument(), aTemplateDocument({ name: 'rebuilt', image: { name: 'linux' } })];
    const other = parseConfig(text([anImage()], { templates }), 'mayfly.yaml', {});
    expect(poolPolicies(other)[0]?.images).toBeUndefined();
  });

  it('tell each of their pools which others run them, those in shadow aside', () => {
    const templates = [aTemplateDocument({ image: { name: 'linux' } }), aTemplateDocument({ name: 'other' })];
    const pools = [
      aPoolDocument(),
      aPoolDocument({ id: 2, name: 'two' }),
      aPoolDocument({ id: 3, name: 'three', templates: ['other'] }),
      aPoolDocument({ id: 4, name: 'four', mode: 'shadow' }),
    ];
    const config = parseConfig(text([anImage()], { templates, pools }), 'mayfly.yaml', {});
    expect(poolPolicies(config).map(({ imagePools }) => imagePools)).toEqual([[2], [1], undefined, [1, 2]]);
  });
});

describe('what is refused of images', () => {
  const rows: readonly { name: string; given: string; want: { path: string; rule: string } }[] = [
    {
      name: 'a pipeline on agents of the image that it repairs',
      given: text([anImage({ builder: { ...byPipeline, runsOn: { pool: 1 } } })]),
      want: { path: 'images[0].builder.runsOn.pool', rule: 'whose agents are made of this image' },
    },
    {
      name: 'a pipeline that does not say where it runs',
      given: text([anImage({ builder: { ...byPipeline, runsOn: undefined } })]),
      want: { path: 'images[0].builder.runsOn', rule: 'is required' },
    },
    {
      name: 'a pipeline of two images',
      given: text([anImage(), anImage({ name: 'other' })]),
      want: { path: 'images[1].builder.pipeline', rule: 'each image has its own' },
    },
    {
      name: 'a template that names no image',
      given: text([anImage()], { templates: [aTemplateDocument({ image: { name: 'linx' } })] }),
      want: { path: 'templates[0].image.name', rule: 'must be one of the images, did you mean "linux"?' },
    },
    {
      name: 'a template that names one where there are none',
      given: text([]),
      want: { path: 'templates[0].image.name', rule: 'there are none' },
    },
    {
      name: 'an image that no template runs',
      given: aConfigText({ images: [anImage()] }),
      want: { path: 'images[0].name', rule: 'must be run by a template' },
    },
    {
      name: 'an organisation that is not there',
      given: text([anImage({ builder: { ...byPipeline, organisation: 'x' } })]),
      want: { path: 'images[0].builder.organisation', rule: 'must be one of the organisations' },
    },
    {
      name: 'a cluster that is not there',
      given: text([anImage({ builder: { ...byCluster, cluster: 'x' } })]),
      want: { path: 'images[0].builder.cluster', rule: 'must be one of the clusters' },
    },
    {
      name: 'a task for an image of another registry',
      given: text([anImage({ builder: byTask, repository: 'docker.io/contoso/linux' })]),
      want: { path: 'images[0].repository', rule: 'must be in an Azure Container Registry' },
    },
    {
      name: 'a task and a context',
      given: text([anImage({ builder: { ...byTask, task: 'agents' } })]),
      want: { path: 'images[0].builder', rule: 'must have exactly one of task and context' },
    },
    {
      name: 'a repository that is not allowed',
      given: text([anImage()], { allowedRepositories: ['registry.contoso.example/agent'] }),
      want: { path: 'images[0].repository', rule: 'must come from one of allowedRepositories' },
    },
    {
      name: 'a repository with a tag',
      given: text([anImage({ repository: 'contoso.azurecr.io/agents/linux:x' })]),
      want: { path: 'images[0].repository', rule: 'without tag and digest' },
    },
    {
      name: 'two images of one name',
      given: text([anImage(), anImage({ builder: byTask })]),
      want: { path: 'images[1].name', rule: 'must not repeat images[0]' },
    },
    {
      name: 'a build that nobody could push',
      given: text([anImage({ builder: { ...byCluster, identity: undefined } })]),
      want: { path: 'images[0].builder', rule: 'nobody may push' },
    },
    {
      name: 'a folder outside of the context',
      given: text([anImage({ builder: { ...byCluster, folder: '../../etc' } })]),
      want: { path: 'images[0].builder.folder', rule: 'must be a path below the context' },
    },
    {
      name: 'a git address with a password',
      given: text([anImage({ builder: { ...byCluster, context: { git: 'https://u:p@git.example/a' } } })]),
      want: { path: 'images[0].builder.context.git', rule: 'must be an https URL without a user' },
    },
    {
      name: "a parameter of Mayfly's own",
      given: text([anImage({ parameters: { mayflyKey: 'x' } })]),
      want: { path: 'images[0].parameters.mayflyKey', rule: 'must not be mayflyKey' },
    },
  ];
  it.each(rows)('$name', ({ given, want }) => {
    expect(problemsOf(given)).toContainEqual({
      path: want.path,
      rule: expect.stringContaining(want.rule),
      found: expect.any(String),
    });
  });

  it('is not a pipeline on another pool of its own organisation', () => {
    const pools = [aPoolDocument(), aPoolDocument({ id: 2, name: 'builds', templates: ['plain'] })];
    const templates = [aTemplateDocument({ image: { name: 'linux' } }), aTemplateDocument({ name: 'plain' })];
    const given = text([anImage({ builder: { ...byPipeline, runsOn: { pool: 2 } } })], { pools, templates });
    expect(problemsOf(given)).toEqual([]);
  });
});
