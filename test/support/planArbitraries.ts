/**
 * Random pools for properties of the plan: overlapping templates with parameters, limits, licence groups, quotas, warm
 * schedules, control maps, clusters that may be out of reach, and all that agentJobArbitraries makes.
 */
import fc from 'fast-check';
import { type Control, noControl, type Switch } from '../../shared/domain/control.ts';
import type { JobRequest } from '../../shared/domain/jobRequest.ts';
import { templateShort } from '../../shared/domain/names.ts';
import type { Amounts } from '../../shared/domain/quota.ts';
import { known, type Remembered, unknown } from '../../shared/domain/read.ts';
import type { PoolPolicy, Template, WarmSchedule } from '../../shared/domain/template.ts';
import type { GroupMember, Observed, ObservedCluster } from '../../shared/plan/observed.ts';
import {
  agentJobArbitrary,
  type Built,
  built,
  instant,
  placeholderArbitrary,
  placeholdersOf,
  someTools,
  strayArbitrary,
  strayOf,
  toolCapabilities,
} from './agentJobArbitraries.ts';
import { aJobRequest, aPlaceholder, noon } from './builders.ts';
import { aPoolPolicy, aTemplate } from './policyBuilders.ts';

export interface PoolCase {
  readonly policy: PoolPolicy;
  readonly observed: Observed;
  /** Idle agents that the schedules want at noon, by template: known to whoever drew them up. */
  readonly wanted: ReadonlyMap<string, number>;
}

const limit = fc.oneof(fc.integer({ min: 0, max: 4 }), fc.constant(100));
const images = { node22: `registry.contoso.example/node@sha256:${'b'.repeat(64)}` };

const templateArbitrary = fc.record({
  offered: someTools,
  cost: fc.integer({ min: 1, max: 3 }),
  maxAgents: limit,
  cpu: fc.constantFrom('1', '4'),
  cpus: fc.subarray(['2', '4']),
  hasImages: fc.boolean(),
  /** Nobody can say which agent its image holds. */
  isUnread: fc.integer({ min: 0, max: 7 }).map((drawn) => drawn === 7),
  /** Of its fallback, counted on from its own. */
  fallback: fc.option(fc.integer({ min: 1, max: 3 }), { freq: 2 }),
});

type TemplateChoice = typeof templateArbitrary extends fc.Arbitrary<infer T> ? T : never;

function templateOf(choice: TemplateChoice, index: number, count: number): Template {
  const { offered, cpus, hasImages, isUnread, fallback, ...plain } = choice;
  const stand = fallback === null ? index : (index + fallback) % count;
  return aTemplate({
    name: `template-${index}`,
    ...plain,
    capabilities: toolCapabilities(offered),
    parameters: { cpu: cpus, memory: [], image: hasImages ? images : {} },
    ...(isUnread ? { agentVersion: undefined } : {}),
    ...(stand === index ? {} : { fallback: { template: `template-${stand}`, afterMs: 60_000 } }),
  });
}

export const templatesArbitrary: fc.Arbitrary<readonly Template[]> = fc
  .array(templateArbitrary, { minLength: 1, maxLength: 4 })
  .map((all) => all.map((choice, index) => templateOf(choice, index, all.length)));

/** Noon is on a Monday. */
type Hours = Pick<WarmSchedule, 'weekdays' | 'from' | 'to' | 'zone'>;
const insideNoon: readonly Hours[] = [
  { weekdays: [1], from: 660, to: 780, zone: 'UTC' },
  { weekdays: [0], from: 1380, to: 780, zone: 'UTC' },
  { weekdays: [1, 3], from: 1200, to: 1440, zone: 'Asia/Tokyo' },
];
const outsideNoon: readonly Hours[] = [
  { weekdays: [2, 3, 4, 5], from: 0, to: 1440, zone: 'UTC' },
  { weekdays: [1], from: 600, to: 720, zone: 'UTC' },
  { weekdays: [1], from: 660, to: 780, zone: 'Asia/Tokyo' },
];

const warmArbitrary = fc.array(
  fc.record({
    template: fc.integer({ min: 0, max: 3 }),
    count: fc.integer({ min: 1, max: 3 }),
    inside: fc.constantFrom(true, true, false),
    hours: fc.integer({ min: 0, max: 2 }),
  }),
  { maxLength: 2 },
);

type WarmChoice = typeof warmArbitrary extends fc.Arbitrary<infer T> ? T : never;

function schedulesOf(choices: WarmChoice, templates: readonly Template[]) {
  const schedules: WarmSchedule[] = [];
  const wanted = new Map<string, number>();
  for (const { template: place, count, inside, hours } of choices) {
    const template = templates[place]?.name;
    const period = (inside ? insideNoon : outsideNoon)[hours];
    if (template === undefined || period === undefined) continue;
    schedules.push({ template, count, ...period });
    if (inside) wanted.set(template, Math.max(count, wanted.get(template) ?? 0));
  }
  return { warm: schedules, wanted };
}

const policyArbitrary = fc
  .record({
    templates: templatesArbitrary,
    defaultTemplate: fc.option(fc.integer({ min: 0, max: 3 }), { freq: 2 }),
    warm: warmArbitrary,
    clusters: fc.constantFrom(['primary'], ['primary', 'secondary']),
    maxAgents: fc.oneof(fc.integer({ min: 0, max: 8 }), fc.constant(100)),
    parallelJobs: fc.oneof(
      fc.constant('auto' as const),
      fc.constant('unlimited' as const),
      fc.integer({ min: 0, max: 8 }),
    ),
    foreignAgents: fc.constantFrom('count', 'ignore'),
    maxCreationsPerPass: fc.constantFrom(1, 3, 50),
    generation: fc.integer({ min: 1, max: 3 }),
  })
  .map(({ warm: schedules, defaultTemplate, ...plain }) => {
    const { warm, wanted } = schedulesOf(schedules, plain.templates);
    const preferred = plain.templates[defaultTemplate ?? -1]?.name;
    const warmMaxAgeMs = 600_000;
    const overrides = { ...plain, warm, warmMaxAgeMs };
    return {
      policy: aPoolPolicy(preferred === undefined ? overrides : { ...overrides, defaultTemplate: preferred }),
      wanted,
    };
  });

const demand = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom('a', 'B', 'c', 'a -equals 1', 'Agent.Version -gtVersion 5.0') },
  { weight: 3, arbitrary: fc.constantFrom('mayfly.cpu.4', 'Mayfly.cpu.2', 'mayfly.image.node22') },
  { weight: 1, arbitrary: fc.constantFrom('mainframe', 'a -equals 2', 'a -like 1', 'mayfly.cpu.64') },
);

/** What else is true of a request; those that reserve an agent of ours come with that agent. */
const requestState = fc.oneof(
  { weight: 8, arbitrary: fc.constant<Partial<JobRequest>>({}) },
  { weight: 1, arbitrary: fc.constant<Partial<JobRequest>>({ userDelayed: true }) },
  { weight: 1, arbitrary: fc.constant<Partial<JobRequest>>({ result: 'succeeded', finishedAt: noon }) },
  {
    weight: 1,
    arbitrary: fc.record({ assignedAt: instant, reservedAgent: fc.constant({ id: 99_999, name: 'gone' }) }),
  },
);

export const requestArbitrary = fc.record({
  demands: fc.array(demand, { maxLength: 2 }),
  queuedAt: fc.constantFrom(noon - 300_000, noon - 60_000, noon - 30_000, noon - 5000),
  parallelism: fc.constantFrom('private' as const, 'private' as const, 'public' as const),
  state: requestState,
  isRunOver: fc.constantFrom(...Array.from({ length: 11 }, () => false), true),
});

const rarely = fc.constantFrom(...Array.from({ length: 11 }, () => false), true);
const someTemplates = fc.oneof(
  { weight: 5, arbitrary: fc.constant<string[]>([]) },
  { weight: 1, arbitrary: fc.subarray(['template-0', 'template-1', 'template-2']) },
);
const switchArbitrary: fc.Arbitrary<Switch> = fc
  .record({ pool: rarely, templates: someTemplates })
  .map(({ pool, templates }) => ({ pool, templates: new Set(templates) }));

/** Of a template that was there once, noted long ago, just now or not yet. */
export const leftTemplate = 'left-the-configuration';
const absences = fc.constantFrom(undefined, noon - 1_200_000, noon - 1000);

const controlArbitrary: fc.Arbitrary<Remembered<Control>> = fc.oneof(
  { weight: 1, arbitrary: fc.constant({ value: undefined, error: 'timeout' as const }) },
  {
    weight: 9,
    arbitrary: fc
      .record({
        paused: switchArbitrary,
        drained: switchArbitrary,
        generation: fc.integer({ min: 1, max: 3 }),
        absent: absences,
      })
      .map(({ absent, ...control }) => {
        const absentSince = new Map(absent === undefined ? [] : [[templateShort(leftTemplate), absent]]);
        return { value: { ...noControl, ...control, absentSince } };
      }),
  },
);

const gibi = 2 ** 30;
const few = fc.integer({ min: 0, max: 6 });
const quotasArbitrary: fc.Arbitrary<readonly Amounts[]> = fc.oneof(
  { weight: 5, arbitrary: fc.constant([]) },
  { weight: 1, arbitrary: few.map((pods) => [{ pods }]) },
  { weight: 1, arbitrary: few.map((cores) => [{ 'requests.cpu': cores }]) },
  { weight: 1, arbitrary: few.map((jobs) => [{ jobs }, { 'limits.memory': 5 * gibi, pods: 7 }]) },
);

const wishArbitrary = fc.record({
  requestId: fc.integer({ min: 1000, max: 1100 }),
  queuedAt: fc.constantFrom(noon - 60_000, noon - 30_000, noon - 4000),
});
const memberArbitrary = fc.oneof(
  { weight: 1, arbitrary: fc.constant(unknown('timeout')) },
  {
    weight: 4,
    arbitrary: fc
      .record({ claims: fc.integer({ min: 0, max: 2 }), wishes: fc.array(wishArbitrary, { maxLength: 3 }) })
      .map(({ claims, wishes }) =>
        known({ claims, wishes: wishes.toSorted((a, b) => a.queuedAt - b.queuedAt || a.requestId - b.requestId) }),
      ),
  },
);
const groupArbitrary: fc.Arbitrary<readonly GroupMember[]> = fc
  .array(memberArbitrary, { maxLength: 2 })
  .map((members) => members.map((needs, index) => ({ organisation: 'contoso', poolId: 20 + index, needs })));

const parallelJobsArbitrary = fc.oneof(
  { weight: 1, arbitrary: fc.constant({ value: undefined, error: 'timeout' as const }) },
  {
    weight: 3,
    arbitrary: fc.record({
      value: fc.record({ total: fc.integer({ min: 0, max: 20 }), used: fc.integer({ min: 0, max: 5 }) }),
    }),
  },
);

function clustersOf(
  policy: PoolPolicy,
  all: readonly Built[],
  outOfReach: string | undefined,
  quotas: readonly (readonly Amounts[])[],
): readonly ObservedCluster[] {
  const agentJobs = all.flatMap((each) => each.agentJobs);
  return policy.clusters.map((name, index) => ({
    name,
    agentJobs: name === outOfReach ? unknown('timeout') : known(agentJobs.filter(({ cluster }) => cluster === name)),
    quotas: { value: quotas[index] ?? [] },
  }));
}

/** A pool whose agents and requests are known; each of its clusters may be out of reach. */
export const poolArbitrary: fc.Arbitrary<PoolCase> = fc
  .record({
    drawn: policyArbitrary,
    requests: fc.array(requestArbitrary, { maxLength: 10 }),
    agentJobs: fc.array(agentJobArbitrary, { maxLength: 8 }),
    strays: fc.array(strayArbitrary, { maxLength: 4 }),
    placeholders: fc.array(placeholderArbitrary, { minLength: 4, maxLength: 4 }),
    hasOrphan: rarely,
    outOfReach: fc.constantFrom(undefined, undefined, undefined, 'primary', 'secondary'),
    parallelJobs: parallelJobsArbitrary,
    quotas: fc.array(quotasArbitrary, { minLength: 2, maxLength: 2 }),
    control: controlArbitrary,
    group: groupArbitrary,
  })
  .map(({ drawn: { policy, wanted }, requests, parallelJobs, control, group, ...given }) => {
    const all = [
      ...given.agentJobs.map((choice, index) => built(policy, choice, index)),
      ...given.strays.map((choice, index) => strayOf(policy, choice, index)),
    ];
    const own = requests.map(({ demands, queuedAt, parallelism, state }, index) =>
      aJobRequest({ id: index + 1, demands, queuedAt, parallelism, ...state }),
    );
    const orphan = aPlaceholder(aTemplate({ name: leftTemplate }), { id: 19 });
    const agents = [...(given.hasOrphan ? [orphan] : []), ...all.flatMap((each) => each.agents)];
    const observed: Observed = {
      at: noon,
      requests: known([...own, ...all.flatMap((each) => each.requests)]),
      agents: known([...placeholdersOf(policy, given.placeholders), ...agents]),
      clusters: clustersOf(policy, all, given.outOfReach, given.quotas),
      parallelJobs,
      group,
      control,
      runsOver: new Set(requests.flatMap(({ isRunOver }, index) => (isRunOver ? [index + 1] : []))),
    };
    return { policy, observed, wanted };
  });

/**
 * A pool without faults in which requests only wait: some room in every limit, everything readable, no agents yet. Warm
 * agents are wanted only where the limits leave room for all, because what they hold they keep.
 */
export const quietPoolArbitrary: fc.Arbitrary<PoolCase> = fc
  .record({
    drawn: policyArbitrary,
    requests: fc.array(requestArbitrary, { maxLength: 8 }),
    total: fc.integer({ min: 1, max: 20 }),
  })
  .map(({ drawn: { policy, wanted }, requests, total }) => ({
    wanted,
    policy: {
      ...policy,
      warm: [policy, ...policy.templates].every(({ maxAgents }) => maxAgents === 100) ? policy.warm : [],
      maxAgents: Math.max(1, policy.maxAgents),
      parallelJobs: 'auto',
      templates: policy.templates.map((each) => ({
        ...each,
        agentVersion: '5.278.0',
        maxAgents: Math.max(1, each.maxAgents),
      })),
    },
    observed: {
      at: noon,
      requests: known(
        requests.map(({ demands, queuedAt, parallelism }, index) =>
          aJobRequest({ id: index + 1, demands, queuedAt, parallelism }),
        ),
      ),
      agents: known([]),
      clusters: policy.clusters.map((name) => ({ name, agentJobs: known([]), quotas: { value: [] } })),
      parallelJobs: { value: { total, used: 0 } },
      group: [],
      control: { value: noControl },
      runsOver: new Set<number>(),
    },
  }));
