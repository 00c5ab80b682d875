import { describe, expect, it } from 'vitest';
import { parseConfig } from '../../../shared/config/parseConfig.ts';
import { poolPolicies, poolRoutes } from '../../../shared/config/poolPolicies.ts';
import { bootCauses } from '../../../shared/domain/agentJob.ts';
import { agentJobName, maxNameLength, organisationShort, placeholderName } from '../../../shared/domain/names.ts';
import {
  aClusterDocument,
  aConfigText,
  anOrganisationDocument,
  aPoolDocument,
  aTemplateDocument,
} from '../../support/configText.ts';
import { aPoolPolicy, aTemplate } from '../../support/policyBuilders.ts';

const parse = (overrides: object = {}) => parseConfig(aConfigText(overrides), 'mayfly.yaml');
const image = `registry.contoso.example/agent@sha256:${'b'.repeat(64)}`;

describe('poolPolicies', () => {
  it('fills in the defaults', () => {
    expect(poolPolicies(parse())).toEqual([aPoolPolicy({ poolId: 1, templates: [aTemplate({ image })] })]);
  });

  it('carries every setting to its place', () => {
    const limits = {
      assignmentGrace: '1m',
      createBy: '40s',
      idleMinimum: '2s',
      endGrace: '3s',
      ghostGrace: '4m',
      notAssignedGrace: '25s',
      maxCreationsPerPass: 6,
      maxGhostsPerPass: 7,
      boot: Object.fromEntries(bootCauses.map((cause, index) => [cause, `${index + 1}m`])),
      backoff: { first: '8s', maximum: '9s', breakerFailures: 10, breakerWindow: '11s', breakerProbe: '1500ms' },
    };
    const templateFields = {
      os: 'windows',
      architecture: 'arm64',
      capabilities: { a: 'b' },
      grantedDemands: ['c'],
      cost: 2.5,
      maxAgents: 3,
      cpu: 2,
      memory: '512Mi',
      terminationGrace: '90s',
      pod: { priorityClassName: 'ci' },
      image: 'agent:1',
      allowTags: true,
    };
    const config = parse({
      organisations: [anOrganisationDocument({ parallelJobs: 5 })],
      clusters: [aClusterDocument(), aClusterDocument({ name: 'second' })],
      templates: [aTemplateDocument(), aTemplateDocument({ name: 'big', ...templateFields })],
      pools: [
        aPoolDocument({
          templates: ['big', 'linux'],
          clusters: ['second'],
          maxAgents: 8,
          foreignAgents: 'ignore',
          limits,
        }),
      ],
    });
    const { allowTags: _, terminationGrace: __, ...fields } = templateFields;
    expect(poolPolicies(config)).toEqual([
      aPoolPolicy({
        poolId: 1,
        templates: [
          {
            ...aTemplate(),
            ...fields,
            name: 'big',
            cpu: '2',
            terminationGraceSeconds: 90,
            os: 'windows',
            architecture: 'arm64',
          },
          aTemplate({ image }),
        ],
        clusters: ['second'],
        maxAgents: 8,
        parallelJobs: 5,
        foreignAgents: 'ignore',
        assignmentGraceMs: 60_000,
        createByMs: 40_000,
        idleMinimumMs: 2000,
        endGraceMs: 3000,
        ghostGraceMs: 240_000,
        notAssignedGraceMs: 25_000,
        maxCreationsPerPass: 6,
        maxGhostsPerPass: 7,
        bootLimits: Object.fromEntries(bootCauses.map((cause, index) => [cause, (index + 1) * 60_000])) as never,
        backoff: { firstMs: 8000, maximumMs: 9000, breakerFailures: 10, breakerWindowMs: 11_000, breakerProbeMs: 1500 },
      }),
    ]);
  });

  it('lets no configuration make a name of more than 63 characters', () => {
    const scope = {
      installation: 'test',
      organisation: organisationShort('https://dev.azure.com/x'),
      poolId: 2 ** 31 - 1,
    };
    const template = 'x'.repeat(63);
    const names = [
      agentJobName(scope, { kind: 'request', requestId: 2 ** 31 - 1, attempt: 999_999 }, template),
      agentJobName(scope, { kind: 'warm', slot: 9999, minute: 99_999_999 }, template),
      placeholderName(scope, template),
    ];
    expect(Math.max(...names.map((name) => name.length))).toBeLessThanOrEqual(maxNameLength);
  });
});

describe('poolRoutes', () => {
  it.each([
    { name: 'puts the pools of an organisation into one session', given: {}, session: 'contoso' },
    {
      name: 'puts organisations that share licences into one session',
      given: { licenceGroup: 'shared' },
      session: 'shared',
    },
  ])('$name', ({ given, session }) => {
    const organisationUrl = 'https://dev.azure.com/contoso';
    expect(poolRoutes(parse({ organisations: [anOrganisationDocument(given)] }))).toEqual([
      { session, organisation: organisationShort(organisationUrl), organisationUrl, poolId: 1 },
    ]);
  });
});

describe('references', () => {
  const keyVault = { url: 'https://contoso.vault.azure.net' };
  const clientId = '11111111-2222-3333-4444-555555555555';
  it.each([
    { name: 'in cluster', given: { kind: 'inCluster' }, want: { kind: 'inCluster' } },
    {
      name: 'a kubeconfig file',
      given: { kind: 'kubeconfig', path: '/k', context: 'c' },
      want: { kind: 'kubeconfigFile', path: '/k', context: 'c' },
    },
    {
      name: 'a kubeconfig in the vault',
      given: { kind: 'kubeconfig', keyVaultSecret: 'k' },
      want: { kind: 'kubeconfig', secret: { kind: 'keyVault', name: 'k' } },
    },
    {
      name: 'AKS with Entra',
      given: { kind: 'aks', server: 'https://a.example', caCertificate: 'QQ==', clientId },
      want: { kind: 'aks', server: 'https://a.example', caData: 'QQ==', clientId },
    },
    {
      name: 'a token and a PEM certificate',
      given: { kind: 'token', server: 'http://127.0.0.1:1', environment: 'T', caCertificate: '-----BEGIN X' },
      want: {
        kind: 'token',
        server: 'http://127.0.0.1:1',
        caData: btoa('-----BEGIN X'),
        secret: { kind: 'environment', name: 'T' },
      },
    },
  ])('reads access: $name', ({ given, want }) => {
    expect(parse({ clusters: [aClusterDocument({ access: given })], keyVault }).clusters[0]?.access).toEqual(want);
  });

  it('reads where credentials and hook secrets are, never the secrets', () => {
    const config = parse({
      keyVault,
      organisations: [anOrganisationDocument({ credential: { kind: 'pat', keyVaultSecret: 'ado' } })],
      hooks: { secret: { current: { keyVaultSecret: 'hook' }, previous: { environment: 'OLD' } } },
      generation: 3,
    });
    expect([config.organisations[0]?.credential, config.hooks, config.generation, config.serviceBus]).toEqual([
      { kind: 'pat', secret: { kind: 'keyVault', name: 'ado' } },
      { current: { kind: 'keyVault', name: 'hook' }, previous: { kind: 'environment', name: 'OLD' } },
      3,
      { queue: 'mayfly-intents' },
    ]);
  });
});
