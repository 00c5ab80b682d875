/**
 * Random pools for properties of the plan: overlapping templates, limits, clusters that may be out of reach, agent jobs
 * in every phase with or without pod and agent, foreign agents, ghosts, placeholders and requests in every state.
 * What real systems rule out is left out: an agent is reserved once, names are unique in a pool, and an agent job that is
 * still being created has no pod and no agent that was ever online.
 */
import fc from 'fast-check';
import type { Agent } from '../../shared/domain/agent.ts';
import { type AgentJob, type AgentJobPurpose, type AgentPod, bootCauses } from '../../shared/domain/agentJob.ts';
import type { JobRequest } from '../../shared/domain/jobRequest.ts';
import { agentJobName } from '../../shared/domain/names.ts';
import { offeredCapabilities } from '../../shared/domain/offer.ts';
import { known, unknown } from '../../shared/domain/read.ts';
import type { PoolPolicy, Template } from '../../shared/domain/template.ts';
import type { Observed } from '../../shared/plan/observed.ts';
import { scopeOf } from '../../shared/plan/supply.ts';
import { aJobRequest, anAgent, anAgentJob, aPlaceholder, aPod, noon, withoutAgentId, withoutPod } from './builders.ts';
import { aPoolPolicy, aTemplate } from './policyBuilders.ts';

export interface PoolCase {
  readonly policy: PoolPolicy;
  readonly observed: Observed;
}

const tools = ['a', 'b', 'c'];
const someTools = fc.subarray(tools);

/** Seconds: a moment ago, around the usual limits, and beyond all of them. */
const ago = fc.oneof(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 21, max: 400 }), fc.constant(7200));
const instant = ago.map((seconds) => noon - seconds * 1000);
const limit = fc.oneof(fc.integer({ min: 0, max: 4 }), fc.constant(100));

export const templatesArbitrary: fc.Arbitrary<readonly Template[]> = fc
  .array(fc.record({ offered: someTools, cost: fc.integer({ min: 1, max: 3 }), maxAgents: limit }), {
    minLength: 1,
    maxLength: 4,
  })
  .map((all) =>
    all.map(({ offered, cost, maxAgents }, index) =>
      aTemplate({
        name: `template-${index}`,
        cost,
        maxAgents,
        capabilities: Object.fromEntries(offered.map((tool) => [tool, '1'])),
      }),
    ),
  );

const policyArbitrary: fc.Arbitrary<PoolPolicy> = fc
  .record({
    templates: templatesArbitrary,
    clusters: fc.constantFrom(['primary'], ['primary', 'secondary']),
    maxAgents: fc.oneof(fc.integer({ min: 0, max: 8 }), fc.constant(100)),
    parallelJobs: fc.oneof(
      fc.constant('auto' as const),
      fc.constant('unlimited' as const),
      fc.integer({ min: 0, max: 8 }),
    ),
    foreignAgents: fc.constantFrom('count', 'ignore'),
    maxCreationsPerPass: fc.constantFrom(1, 3, 50),
  })
  .map((overrides) => aPoolPolicy(overrides));

const demand = fc.oneof(
  { weight: 12, arbitrary: fc.constantFrom('a', 'B', 'c', 'a -equals 1', 'Agent.Version -gtVersion 5.0') },
  { weight: 1, arbitrary: fc.constantFrom('mainframe', 'a -equals 2', 'a -like 1') },
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

const requestArbitrary = fc.record({
  demands: fc.array(demand, { maxLength: 2 }),
  queuedAt: fc.constantFrom(noon - 60_000, noon - 30_000, noon - 5000),
  parallelism: fc.constantFrom('private' as const, 'private' as const, 'public' as const),
  state: requestState,
});

const podArbitrary: fc.Arbitrary<AgentPod | undefined> = fc.oneof(
  fc.constant(undefined),
  fc
    .record({
      phase: fc.constantFrom('Pending', 'Running', 'Succeeded', 'Failed', 'Unknown'),
      cause: fc.constantFrom(...bootCauses),
      at: instant,
      mainStarted: fc.boolean(),
    })
    .map(({ phase, cause, at, mainStarted }) => {
      const { mainStartedAt: _, ...pod } = aPod({ phase, cause, createdAt: at });
      return mainStarted ? { ...pod, mainStartedAt: at } : pod;
    }),
);

/** An agent behind an agent job, and the request that may reserve it. */
const behindArbitrary = fc.record({
  agent: fc.constantFrom(
    'none',
    'neverOnline',
    'online',
    'online',
    'offline',
    'disabled',
    'spent',
    'justFinished',
    'updatePending',
  ),
  registeredAt: instant,
  reserved: fc.constantFrom('no', 'no', 'assigned', 'received'),
  reservedAt: instant,
  idKnown: fc.boolean(),
});

type Behind = typeof behindArbitrary extends fc.Arbitrary<infer T> ? T : never;

const agentJobArbitrary = fc.record({
  requestId: fc.option(fc.integer({ min: 1, max: 12 }), { nil: undefined, freq: 5 }),
  template: fc.integer({ min: 0, max: 4 }),
  cluster: fc.integer({ min: 0, max: 1 }),
  phase: fc.constantFrom(
    'creating',
    'started',
    'started',
    'started',
    'retiring',
    'rolledBack',
    'tombstone',
    'unreadable',
  ),
  phaseAt: instant,
  createBy: fc.constantFrom(noon - 1000, noon + 60_000),
  reason: fc.constantFrom(undefined, 'surplus', 'neverStarted', 'finished', 'create-by passed', 'refused'),
  served: fc.boolean(),
  suspended: fc.boolean(),
  pod: podArbitrary,
  behind: behindArbitrary,
});

type AgentJobChoice = typeof agentJobArbitrary extends fc.Arbitrary<infer T> ? T : never;

interface Built {
  readonly agentJob: AgentJob;
  readonly agents: readonly Agent[];
  readonly requests: readonly JobRequest[];
}

/** Phases in which nothing that Mayfly makes can have an agent that came online. */
const offlinePhases: ReadonlySet<string> = new Set(['creating', 'rolledBack', 'tombstone']);

function agentBehind(name: string, id: number, behind: Behind, template: Template): Agent {
  const online = behind.agent !== 'neverOnline' && behind.agent !== 'offline';
  const agent = anAgent({
    id,
    name,
    online,
    enabled: behind.agent !== 'disabled',
    updatePending: behind.agent === 'updatePending',
    createdAt: behind.registeredAt - 5000,
    statusChangedAt: behind.registeredAt,
    capabilities: offeredCapabilities(template),
    ...(behind.agent === 'justFinished' ? { assignedRequestId: 1 } : {}),
    ...(behind.agent === 'spent' ? { lastCompletedRequest: { id: 1, finishedAt: behind.registeredAt } } : {}),
  });
  if (behind.agent !== 'neverOnline') return agent;
  const { statusChangedAt: _, ...never } = agent;
  return never;
}

function reservation(agent: Agent, index: number, { reserved, reservedAt }: Behind): readonly JobRequest[] {
  if (reserved === 'no') return [];
  const assigned = { assignedAt: reservedAt, reservedAgent: { id: agent.id, name: agent.name } };
  return [
    aJobRequest({ id: 100 + index, ...assigned, ...(reserved === 'received' ? { receivedAt: reservedAt } : {}) }),
  ];
}

function purposeOf({ requestId }: AgentJobChoice, index: number): AgentJobPurpose {
  return requestId === undefined
    ? { kind: 'warm', slot: index, minute: 1 }
    : { kind: 'request', requestId, attempt: index + 1 };
}

/** A Job is suspended until it is started, and again only at its end. */
function isSuspended({ phase, suspended, pod }: AgentJobChoice): boolean {
  if (phase === 'creating') return true;
  return phase === 'started' ? suspended && pod !== undefined : suspended;
}

/** Annotations that are not always there. */
function noted({ reason, served }: AgentJobChoice): Partial<AgentJob> {
  return { ...(reason === undefined ? {} : { reason }), ...(served ? { served: 1 } : {}) };
}

function jobOf(policy: PoolPolicy, choice: AgentJobChoice, index: number): AgentJob {
  const { phase, phaseAt, createBy, behind } = choice;
  const template = policy.templates[choice.template]?.name ?? 'left-the-configuration';
  const purpose = purposeOf(choice, index);
  const pod = phase === 'creating' || phase === 'rolledBack' ? undefined : choice.pod;
  const whole = anAgentJob({
    cluster: policy.clusters[choice.cluster] ?? 'primary',
    name: agentJobName(scopeOf(policy), purpose, template),
    uid: `uid-${index}`,
    template,
    purpose,
    phase,
    phaseAt,
    createBy,
    createdAt: phaseAt - 1000,
    agentId: 500 + index,
    suspended: isSuspended(choice),
    ...noted(choice),
  });
  const identified = behind.idKnown ? whole : withoutAgentId(whole);
  return pod === undefined ? withoutPod(identified) : { ...identified, pod };
}

function build(policy: PoolPolicy, choice: AgentJobChoice, index: number): Built {
  const agentJob = jobOf(policy, choice, index);
  const { behind } = choice;
  const cameOnline = behind.agent !== 'none' && behind.agent !== 'neverOnline';
  if (behind.agent === 'none' || (cameOnline && offlinePhases.has(agentJob.phase)))
    return { agentJob, agents: [], requests: [] };
  const template = policy.templates[choice.template] ?? aTemplate();
  const agent = agentBehind(agentJob.name, 500 + index, behind, template);
  return { agentJob, agents: [agent], requests: cameOnline ? reservation(agent, index, behind) : [] };
}

/** Agents that no agent job stands behind: foreign ones, those of another installation, and ghosts. */
const strayArbitrary = fc.record({
  kind: fc.constantFrom('foreign', 'otherMark', 'ghost', 'ghost'),
  offered: someTools,
  behind: behindArbitrary,
});

function strayOf(policy: PoolPolicy, { kind, offered, behind }: StrayChoice, index: number): Omit<Built, 'agentJob'> {
  const scope = kind === 'otherMark' ? { ...scopeOf(policy), installation: 'othr' } : scopeOf(policy);
  const purpose = { kind: 'request', requestId: index + 1, attempt: 50 } as const;
  const name = kind === 'foreign' ? `build-server-${index}` : agentJobName(scope, purpose, '');
  const template = aTemplate({ capabilities: Object.fromEntries(offered.map((tool) => [tool, '1'])) });
  const agent = agentBehind(name, 800 + index, behind, template);
  return { agents: [agent], requests: agent.online ? reservation(agent, 300 + index, behind) : [] };
}

type StrayChoice = typeof strayArbitrary extends fc.Arbitrary<infer T> ? T : never;

type PlaceholderState = 'sound' | 'missing' | 'disabled' | 'stale';

const placeholderArbitrary = fc.constantFrom<PlaceholderState[]>(
  'sound',
  'sound',
  'sound',
  'missing',
  'disabled',
  'stale',
);

function placeholdersOf(policy: PoolPolicy, states: readonly PlaceholderState[]): readonly Agent[] {
  const stale = { capabilities: {}, createdAt: noon - 7_200_000 };
  return policy.templates.flatMap((template, index): readonly Agent[] => {
    const state = states[index];
    const overrides = state === 'stale' ? stale : { enabled: state !== 'disabled' };
    return state === 'missing' ? [] : [aPlaceholder(template, { id: 11 + index, ...overrides })];
  });
}

/** A pool whose agents and requests are known; each of its clusters may be out of reach. */
export const poolArbitrary: fc.Arbitrary<PoolCase> = fc
  .record({
    policy: policyArbitrary,
    requests: fc.array(requestArbitrary, { maxLength: 10 }),
    agentJobs: fc.array(agentJobArbitrary, { maxLength: 8 }),
    strays: fc.array(strayArbitrary, { maxLength: 4 }),
    placeholders: fc.array(placeholderArbitrary, { minLength: 4, maxLength: 4 }),
    outOfReach: fc.constantFrom(undefined, undefined, undefined, 'primary', 'secondary'),
    parallelJobs: fc.oneof(
      fc.constant({ value: undefined, error: 'timeout' as const }),
      fc.record({ value: fc.record({ total: fc.integer({ min: 0, max: 20 }), used: fc.integer({ min: 0, max: 5 }) }) }),
    ),
    paused: fc.constantFrom(false, false, false, false, undefined, true),
  })
  .map(({ policy, ...given }) => {
    const built = given.agentJobs.map((choice, index) => build(policy, choice, index));
    const strays = given.strays.map((choice, index) => strayOf(policy, choice, index));
    const own = given.requests.map(({ state, ...request }, index) =>
      aJobRequest({ id: index + 1, ...request, ...state }),
    );
    const agents = [...built, ...strays].flatMap((each) => each.agents);
    const observed: Observed = {
      at: noon,
      requests: known([...own, ...[...built, ...strays].flatMap((each) => each.requests)]),
      agents: known([...placeholdersOf(policy, given.placeholders), ...agents]),
      clusters: policy.clusters.map((name) => ({
        name,
        agentJobs:
          name === given.outOfReach
            ? unknown('timeout')
            : known(built.map(({ agentJob }) => agentJob).filter(({ cluster }) => cluster === name)),
      })),
      parallelJobs: given.parallelJobs,
      paused: { value: given.paused },
    };
    return { policy, observed };
  });

/** A pool without faults in which requests only wait: some room in every limit, everything readable, no agents yet. */
export const quietPoolArbitrary: fc.Arbitrary<PoolCase> = fc
  .record({
    policy: policyArbitrary,
    requests: fc.array(requestArbitrary, { maxLength: 8 }),
    total: fc.integer({ min: 1, max: 20 }),
  })
  .map(({ policy, requests, total }) => ({
    policy: {
      ...policy,
      maxAgents: Math.max(1, policy.maxAgents),
      parallelJobs: 'auto',
      templates: policy.templates.map((each) => ({ ...each, maxAgents: Math.max(1, each.maxAgents) })),
    },
    observed: {
      at: noon,
      requests: known(
        requests.map(({ demands, queuedAt, parallelism }, index) =>
          aJobRequest({ id: index + 1, demands, queuedAt, parallelism }),
        ),
      ),
      agents: known([]),
      clusters: policy.clusters.map((name) => ({ name, agentJobs: known([]) })),
      parallelJobs: { value: { total, used: 0 } },
      paused: { value: false },
    },
  }));
