/** A template and a pool policy: valid by default, overridable in any field, equal to the defaults of mayfly.yaml. */
import { hoursMs, minutesMs, secondsMs } from '../../shared/domain/instant.ts';
import { organisationShort } from '../../shared/domain/names.ts';
import type { PoolPolicy, Template } from '../../shared/domain/template.ts';

const organisationUrl = 'https://dev.azure.com/contoso';

export function aTemplate(overrides: Partial<Template> = {}): Template {
  return {
    name: 'linux',
    image: `registry.contoso.example/agent@sha256:${'a'.repeat(64)}`,
    agentVersion: '5.278.0',
    os: 'linux',
    architecture: 'amd64',
    capabilities: {},
    grantedDemands: [],
    cost: 1,
    parameters: { cpu: [], memory: [], image: {} },
    maxAgents: 100,
    cpu: '1',
    memory: '2Gi',
    terminationGraceSeconds: 3600,
    pod: {},
    ...overrides,
  };
}

export function aPoolPolicy(overrides: Partial<PoolPolicy> = {}): PoolPolicy {
  return {
    installation: 'test',
    organisation: { name: 'contoso', url: organisationUrl, short: organisationShort(organisationUrl) },
    poolId: 7,
    poolName: 'linux',
    mode: 'active',
    registration: 'jit',
    hasRegistrationCredential: false,
    licenceGroup: 'contoso',
    templates: [aTemplate()],
    warm: [],
    warmMaxAgeMs: hoursMs(12),
    clusters: ['primary'],
    maxAgents: 20,
    parallelJobs: 'auto',
    foreignAgents: 'count',
    maxCreationsPerPass: 50,
    bootLimits: {
      none: minutesMs(2),
      noPod: minutesMs(2),
      quota: minutesMs(10),
      admission: minutesMs(1),
      unschedulable: minutesMs(10),
      pulling: minutesMs(10),
      imagePull: minutesMs(5),
      init: minutesMs(5),
      mount: minutesMs(5),
      connecting: minutesMs(3),
    },
    idleMinimumMs: secondsMs(60),
    endGraceMs: minutesMs(2),
    assignmentGraceMs: minutesMs(3),
    ghostGraceMs: minutesMs(10),
    notAssignedGraceMs: secondsMs(60),
    backoff: {
      firstMs: secondsMs(30),
      maximumMs: minutesMs(15),
      breakerFailures: 3,
      breakerWindowMs: minutesMs(15),
      breakerProbeMs: minutesMs(5),
    },
    createByMs: secondsMs(120),
    maxGhostsPerPass: 10,
    keepFailed: { forMs: hoursMs(6), most: 5 },
    maxJobAge: { ms: hoursMs(24), ends: false },
    runs: { tellAfterMs: minutesMs(2), rerunLost: false },
    ...overrides,
  };
}
