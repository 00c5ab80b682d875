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
    expect(poolPolicies(parse())).toEqual([
      aPoolPolicy({ poolId: 1, registration: 'auto', templates: [aTemplate({ image })] }),
    ]);
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
      keepFailed: { for: '2h', most: 8 },
      maxJobAge: '48h',
      endHung: true,
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
          runs: { tellAfter: '1m', cancelAfter: '10m', rerunLost: true },
        }),
      ],
    });
    const { allowTags: _, terminationGrace: __, ...fields } = templateFields;
    expect(poolPolicies(config)).toEqual([
      aPoolPolicy({
        poolId: 1,
        registration: 'auto',
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
        keepFailed: { forMs: 7_200_000, most: 8 },
        maxJobAge: { ms: 172_800_000, ends: true },
        runs: { tellAfterMs: 60_000, cancelAfterMs: 600_000, rerunLost: true },
        bootLimits: Object.fromEntries(bootCauses.map((cause, index) => [cause, (index + 1) * 60_000])) as never,
        backoff: { firstMs: 8000, maximumMs: 9000, breakerFailures: 10, breakerWindowMs: 11_000, breakerProbeMs: 1500 },
      }),
    ]);
  });

  it('carries parameters, fallback and warm capacity', () => {
    const config = parse({
      generation: 12,
      organisations: [anOrganisationDocument({ licenceGroup: 'shared' })],
      templates: [
        aTemplateDocument({
          name: 'spot',
          parameters: { cpu: ['500m', 1, 1.5], memory: ['2Gi', 1073741824], image: { node22: image } },
          fallback: { template: 'linux', after: '90s' },
        }),
        aTemplateDocument({
          parameters: { cpu: ['500m', '1', '1.5'], memory: ['2Gi', '1073741824'], image: { node22: image } },
        }),
      ],
      pools: [
        aPoolDocument({
          templates: ['spot', 'linux'],
          mode: 'shadow',
          defaultTemplate: 'linux',
          warm: [
            {
              template: 'spot',
              count: 3,
              weekdays: ['sat', 'sun', 'mon'],
              hours: '22:15-06:30',
              zone: 'Europe/Berlin',
            },
          ],
          warmMaxAge: '5m',
        }),
      ],
    });
    const parameters = { cpu: ['500m', '1', '1.5'], memory: ['2Gi', '1073741824'], image: { node22: image } };
    expect(poolPolicies(config)).toEqual([
      aPoolPolicy({
        poolId: 1,
        registration: 'auto',
        licenceGroup: 'shared',
        generation: 12,
        mode: 'shadow',
        defaultTemplate: 'linux',
        templates: [
          aTemplate({ name: 'spot', image, parameters, fallback: { template: 'linux', afterMs: 90_000 } }),
          aTemplate({ image, parameters }),
        ],
        warm: [{ template: 'spot', count: 3, weekdays: [6, 0, 1], from: 1335, to: 390, zone: 'Europe/Berlin' }],
        warmMaxAgeMs: 300_000,
      }),
    ]);
  });

  it('carries who registers agents, and with what', () => {
    const credential = { kind: 'managedIdentity', clientId: '00000000-0000-0000-0000-0000000000aa' };
    const config = parse({
      organisations: [anOrganisationDocument({ registration: { credential } })],
      pools: [aPoolDocument({ registration: 'initConfig' })],
    });
    expect([config.organisations[0]?.registration, poolPolicies(config)]).toEqual([
      credential,
      [
        aPoolPolicy({
          poolId: 1,
          registration: 'initConfig',
          hasRegistrationCredential: true,
          templates: [aTemplate({ image })],
        }),
      ],
    ]);
  });

  it('carries a PAT that only registers', () => {
    const credential = { kind: 'pat', environment: 'POOL_PAT' };
    const config = parse({ organisations: [anOrganisationDocument({ registration: { credential } })] });
    expect(config.organisations[0]?.registration).toEqual({
      kind: 'pat',
      secret: { kind: 'environment', name: 'POOL_PAT' },
    });
  });

  it('carries what shapes the pod of a template', () => {
    const parts = {
      inject: { image },
      proxy: { url: 'http://proxy.contoso.example:3128', bypass: ['.contoso.example'], secret: 'proxy' },
      caBundle: { configMap: 'roots', key: 'all.pem' },
      podLabels: { team: 'web', 'app.kubernetes.io/part-of': 'shop', 'azure.workload.identity/use': 'true' },
      podAnnotations: { 'contoso.example/note': 'any text at all' },
    };
    const config = parse({ templates: [aTemplateDocument(parts)] });
    expect(config.templates).toEqual([aTemplate({ image, ...parts })]);
  });

  it('fills in what shapes the pod where little is said', () => {
    const given = { proxy: { url: 'https://proxy.contoso.example/' }, caBundle: { configMap: 'roots' } };
    const config = parse({ templates: [aTemplateDocument(given)] });
    expect(config.templates).toEqual([
      aTemplate({
        image,
        proxy: { url: 'https://proxy.contoso.example/', bypass: [] },
        caBundle: { configMap: 'roots', key: 'ca.pem' },
      }),
    ]);
  });

  it('waits two minutes for a node before it falls back', () => {
    const config = parse({
      templates: [aTemplateDocument({ fallback: { template: 'other' } }), aTemplateDocument({ name: 'other' })],
      pools: [aPoolDocument({ templates: ['linux', 'other'] })],
    });
    expect(poolPolicies(config)[0]?.templates[0]?.fallback).toEqual({ template: 'other', afterMs: 120_000 });
  });

  it.each([
    { name: 'all day and every day, in UTC', given: {}, want: {} },
    { name: 'until the end of the day', given: { hours: '20:00-24:00' }, want: { from: 1200, to: 1440 } },
    { name: 'from one morning to the next', given: { hours: '08:00-08:00' }, want: { from: 480, to: 480 } },
    { name: 'on one day', given: { weekdays: ['wed'] }, want: { weekdays: [3] } },
    { name: 'in a zone without regard to case', given: { zone: 'asia/kolkata' }, want: { zone: 'asia/kolkata' } },
  ])('keeps agents warm $name', ({ given, want }) => {
    const config = parse({ pools: [aPoolDocument({ warm: [{ template: 'linux', count: 2, ...given }] })] });
    const always = { template: 'linux', count: 2, weekdays: [1, 2, 3, 4, 5, 6, 0], from: 0, to: 1440, zone: 'UTC' };
    expect(poolPolicies(config)[0]?.warm).toEqual([{ ...always, ...want }]);
  });

  it.each([
    { name: 'nothing', own: [], ofPool: [], want: [] },
    { name: 'those of the pool beside its own', own: ['a'], ofPool: ['b', 'c'], want: ['a', 'b', 'c'] },
    { name: 'each once', own: ['a'], ofPool: ['A', 'b', 'b'], want: ['a', 'b'] },
    { name: 'its own value of two', own: ['a -equals 1'], ofPool: ['A -equals 2'], want: ['a -equals 1'] },
    { name: 'its own existence rather than a value', own: ['a'], ofPool: ['a -equals 2'], want: ['a'] },
  ])('lets a template grant $name', ({ own, ofPool, want }) => {
    const config = parse({
      templates: [aTemplateDocument({ grantedDemands: own })],
      pools: [aPoolDocument({ grantedDemands: ofPool }), aPoolDocument({ id: 2, name: 'other' })],
    });
    const granted = poolPolicies(config).map(({ templates }) => templates.map(({ grantedDemands }) => grantedDemands));
    expect(granted).toEqual([[want], [own]]);
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
      {
        current: { kind: 'keyVault', name: 'hook' },
        previous: { kind: 'environment', name: 'OLD' },
        rotateAfter: 7_776_000_000,
        subscriptions: [],
      },
      3,
      { queue: 'mayfly-intents' },
    ]);
  });
});
