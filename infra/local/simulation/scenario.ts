/** The random circumstances of one history, drawn from its seed before anything happens. */
import { hoursMs, minutesMs, secondsMs } from '../../../shared/domain/instant.ts';
import { organisationShort } from '../../../shared/domain/names.ts';
import type { BootLimits, PoolPolicy, Template, WarmSchedule } from '../../../shared/domain/template.ts';
import { VirtualClock } from '../world/clock.ts';
import type { Random } from '../world/random.ts';
import { type Affliction, afflictions } from './afflictions.ts';
import { simulatedImage } from './imageTrouble.ts';

export interface Arrival {
  readonly atMs: number;
  readonly poolId: number;
  readonly demands: readonly string[];
  readonly durationMs: number;
  readonly parallelism: 'private' | 'public';
  /** Cancelled so long after it was queued. */
  readonly cancelAfterMs?: number;
}

export interface Scenario {
  readonly seed: number;
  readonly policies: readonly PoolPolicy[];
  readonly clusters: readonly string[];
  readonly parallelJobs: number;
  readonly planes: number;
  readonly arrivals: readonly Arrival[];
  readonly hooks: { readonly lost: number; readonly copies: number; readonly delayMs: number };
  readonly latencyMs: number;
  /** Share of agents and pods that are not sound until the faults end. */
  readonly trouble: number;
  /** Share of calls that fail until the faults end. */
  readonly faultRate: number;
  /** Times at which a random control plane is killed. */
  readonly deaths: readonly number[];
  /** Times at which a pod that is running is evicted, its node is lost, or its process dies. */
  readonly disasters: readonly number[];
  readonly faultsEndMs: number;
  readonly overlapChance: number;
  /** Azure DevOps' clock minus the clusters', in ms. */
  readonly skewMs: number;
  /** How often an agent that is shutting down is given a job all the same. */
  readonly lateAssignmentChance: number;
  /** Agents that are not ours, online from the start. */
  readonly foreignAgents: number;
  readonly affliction: Affliction;
  /** A template that leaves the configuration at this time; the control planes learn of it one after the other. */
  readonly leaving?: { readonly template: string; readonly atMs: number };
}

export const organisationUrl = 'https://dev.azure.example/contoso';

export const bootLimits: BootLimits = {
  none: minutesMs(5),
  noPod: minutesMs(10),
  quota: minutesMs(10),
  admission: minutesMs(1),
  unschedulable: minutesMs(10),
  pulling: minutesMs(10),
  imagePull: minutesMs(3),
  init: minutesMs(3),
  mount: minutesMs(3),
  connecting: minutesMs(3),
};

function template(name: string, cost: number, maxAgents: number, capabilities: Record<string, string>): Template {
  return {
    name,
    image: `registry.example/agent@sha256:${'0'.repeat(64)}`,
    rebuilt: simulatedImage.name,
    agentVersion: '5.278.0',
    os: 'linux',
    architecture: 'amd64',
    capabilities,
    grantedDemands: [],
    parameters: { cpu: [], memory: [], image: {} },
    cost,
    maxAgents,
    cpu: '500m',
    memory: '1Gi',
    terminationGraceSeconds: 3600,
    pod: {},
  };
}

export function policyFor(poolId: number, clusters: readonly string[], templates: readonly Template[]): PoolPolicy {
  return {
    installation: 'sim0',
    organisation: { name: 'contoso', url: organisationUrl, short: organisationShort(organisationUrl) },
    poolId,
    poolName: `pool-${poolId}`,
    mode: 'active',
    registration: 'jit',
    hasRegistrationCredential: false,
    licenceGroup: 'contoso',
    templates,
    warm: [],
    warmMaxAgeMs: hoursMs(12),
    clusters,
    maxAgents: 100,
    parallelJobs: 'auto',
    foreignAgents: 'count',
    maxCreationsPerPass: 50,
    bootLimits,
    idleMinimumMs: secondsMs(60),
    endGraceMs: minutesMs(2),
    assignmentGraceMs: minutesMs(3),
    ghostGraceMs: minutesMs(10),
    notAssignedGraceMs: secondsMs(60),
    backoff: {
      firstMs: secondsMs(10),
      maximumMs: minutesMs(5),
      breakerFailures: 5,
      breakerWindowMs: minutesMs(10),
      breakerProbeMs: minutesMs(1),
    },
    createByMs: secondsMs(120),
    maxGhostsPerPass: 20,
    keepFailed: { forMs: minutesMs(20), most: 3 },
    maxJobAge: { ms: hoursMs(12), ends: false },
    runs: { tellAfterMs: minutesMs(2), rerunLost: false },
  };
}

const demandSets: readonly (readonly string[])[] = [
  [],
  ['docker'],
  ['node -equals 22'],
  ['docker', 'size -equals LARGE'],
  ['Agent.OS -equals linux'],
  ['Agent.ComputerName', 'mayfly.cpu.4'],
  ['mayfly.memory.8gi', 'mayfly.cpu.1', 'size'],
];

/** No request needs it: whoever it could serve, `linux` serves for less. */
const dispensable = 'old';

function drawTemplates(random: Random, leaves: boolean): readonly Template[] {
  const limit = (): number => (random.chance(0.3) ? random.between(1, 3) : 100);
  const fallback = random.chance(0.3)
    ? { fallback: { template: 'node', afterMs: random.between(secondsMs(10), minutesMs(2)) } }
    : {};
  return [
    { ...template('linux', 1, limit(), { docker: '27' }), ...fallback },
    template('node', 2, limit(), { node: '22', docker: '27' }),
    {
      ...template('large', 5, limit(), { docker: '27', size: 'large' }),
      parameters: { cpu: ['1', '4'], memory: ['8Gi'], image: {} },
    },
    ...(leaves ? [template(dispensable, 9, 100, { docker: '26' })] : []),
  ];
}

/** Kept warm until the faults end: what is warm for ever would never be gone. */
function drawWarm(random: Random, faultsEndMs: number): readonly WarmSchedule[] {
  if (!random.chance(0.3)) return [];
  const from = simulationStartsAtMinute;
  const to = from + Math.ceil(faultsEndMs / minutesMs(1));
  const weekdays = [0, 1, 2, 3, 4, 5, 6] as const;
  return [{ template: random.pick(['linux', 'large']), count: random.between(1, 3), weekdays, from, to, zone: 'UTC' }];
}

/** Of the day on which the virtual clock starts. */
const simulationStartsAtMinute = new Date(new VirtualClock().now()).getUTCHours() * 60;

function drawArrivals(random: Random, pools: readonly number[]): readonly Arrival[] {
  const burst = random.chance(0.3);
  return Array.from({ length: random.between(1, burst ? 25 : 12) }, () => ({
    atMs: burst ? random.between(0, secondsMs(5)) : random.between(0, minutesMs(8)),
    poolId: random.pick(pools),
    demands: random.pick(demandSets),
    durationMs: random.between(secondsMs(2), random.chance(0.2) ? minutesMs(15) : minutesMs(2)),
    parallelism: random.chance(0.8) ? 'private' : 'public',
    ...(random.chance(0.1) ? { cancelAfterMs: random.between(0, minutesMs(3)) } : {}),
  }));
}

function drawPolicies(
  random: Random,
  pools: readonly number[],
  clusters: readonly string[],
  leaves: boolean,
  faultsEndMs: number,
): readonly PoolPolicy[] {
  const templates = drawTemplates(random, leaves);
  const warm = drawWarm(random, faultsEndMs);
  return pools.map((pool) => ({
    ...policyFor(pool, clusters, templates),
    images: [simulatedImage],
    warm,
    warmMaxAgeMs: random.pick([minutesMs(3), hoursMs(12)]),
    registration: random.pick(['jit', 'jit', 'initConfig'] as const),
    ...(random.chance(0.2) ? { defaultTemplate: 'node' } : {}),
    maxAgents: random.chance(0.3) ? random.between(2, 6) : 100,
    // So short that creators and those who roll back meet.
    createByMs: random.pick([secondsMs(120), secondsMs(120), secondsMs(5)]),
    keepFailed: { forMs: random.pick([0, minutesMs(10), minutesMs(40)]), most: random.pick([0, 1, 5]) },
    maxJobAge: { ms: random.between(minutesMs(2), minutesMs(10)), ends: random.chance(0.15) },
    runs: { tellAfterMs: minutesMs(2), rerunLost: random.chance(0.5) },
  }));
}

type Troubles = Pick<Scenario, 'trouble' | 'faultRate' | 'deaths' | 'disasters' | 'affliction'>;

/** Some histories have none: what they need is then all that a pool needs. */
function drawTroubles(random: Random, faultsEndMs: number): Troubles {
  if (random.chance(0.15)) return { trouble: 0, faultRate: 0, deaths: [], disasters: [], affliction: 'none' };
  const moments = (most: number): number[] =>
    Array.from({ length: random.between(0, most) }, () => random.between(0, faultsEndMs));
  return {
    trouble: random.pick([0, 0.2, 0.6]),
    faultRate: random.pick([0, 0.02, 0.1, 0.3]),
    deaths: moments(4),
    disasters: moments(4),
    affliction: random.pick(afflictions),
  };
}

/** Passes that overlap, of one control plane or of several, see each other's creations only afterwards. */
export function mostTrialsIn({ planes, overlapChance, deaths }: Scenario): number {
  const passes = planes * (overlapChance > 0 ? 2 : 1);
  return Math.max(passes, deaths.length > 0 ? 2 : 1);
}

export function drawScenario(seed: number, random: Random): Scenario {
  const clusters = random.chance(0.4) ? ['east', 'west'] : ['east'];
  const pools = random.chance(0.3) ? [7, 8] : [7];
  const faultsEndMs = random.between(minutesMs(3), minutesMs(15));
  const leaves = random.chance(0.15);
  return {
    seed,
    policies: drawPolicies(random, pools, clusters, leaves, faultsEndMs),
    clusters,
    parallelJobs: random.chance(0.3) ? random.between(2, 5) : 100,
    planes: random.chance(0.5) ? 2 : 1,
    arrivals: drawArrivals(random, pools),
    hooks: {
      lost: random.pick([0, 0.3, 1]),
      copies: random.pick([1, 1, 3]),
      delayMs: random.pick([0, 2000, 30_000]),
    },
    latencyMs: random.pick([0, 50, 400, 3000]),
    ...drawTroubles(random, faultsEndMs),
    faultsEndMs,
    overlapChance: random.pick([0, 0.2]),
    skewMs: random.pick([0, 0, secondsMs(40), -secondsMs(40), minutesMs(4), -minutesMs(4)]),
    lateAssignmentChance: random.pick([0, 0, 0.3]),
    foreignAgents: random.pick([0, 0, 0, 1, 2]),
    ...(leaves ? { leaving: { template: dispensable, atMs: random.between(0, faultsEndMs) } } : {}),
  };
}
