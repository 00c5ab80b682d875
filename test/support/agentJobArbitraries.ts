/**
 * Random agent jobs in every phase with or without pod and agent, agents that no agent job stands behind, and
 * placeholders. What real systems rule out is left out: an agent is reserved once, names are unique in a pool, and an
 * agent job that is still being created has no pod and no agent that was ever online.
 */
import fc from 'fast-check';
import type { Agent } from '../../shared/domain/agent.ts';
import { type AgentJob, type AgentJobPurpose, type AgentPod, bootCauses } from '../../shared/domain/agentJob.ts';
import type { JobRequest } from '../../shared/domain/jobRequest.ts';
import { agentJobName } from '../../shared/domain/names.ts';
import { promisedCapabilities } from '../../shared/domain/offer.ts';
import type { ChosenParameters, PoolPolicy, Template } from '../../shared/domain/template.ts';
import { scopeOf } from '../../shared/plan/view.ts';
import { aJobRequest, anAgent, anAgentJob, aPlaceholder, aPod, noon, withoutAgentId, withoutPod } from './builders.ts';
import { aTemplate } from './policyBuilders.ts';

/** Capabilities of templates in these pools; each has the value 1. */
export const tools = ['a', 'b', 'c'];
export const someTools = fc.subarray(tools);
export const toolCapabilities = (offered: readonly string[]): Readonly<Record<string, string>> =>
  Object.fromEntries(offered.map((tool) => [tool, '1']));

/** Seconds: a moment ago, around the usual limits, and beyond all of them. */
const ago = fc.oneof(fc.integer({ min: 0, max: 20 }), fc.integer({ min: 21, max: 400 }), fc.constant(7200));
export const instant = ago.map((seconds) => noon - seconds * 1000);

const podArbitrary: fc.Arbitrary<AgentPod | undefined> = fc.oneof(
  fc.constant(undefined),
  fc
    .record({
      phase: fc.constantFrom('Pending', 'Running', 'Succeeded', 'Failed', 'Unknown'),
      cause: fc.constantFrom('unschedulable' as const, ...bootCauses),
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
  /** It reports less than its template promised. */
  poorer: fc.constantFrom(false, false, false, true),
  registeredAt: instant,
  reserved: fc.constantFrom('no', 'no', 'assigned', 'received'),
  reservedAt: instant,
  idKnown: fc.boolean(),
});

type Behind = typeof behindArbitrary extends fc.Arbitrary<infer T> ? T : never;

const phase = fc.constantFrom(
  'creating' as const,
  'started' as const,
  'started' as const,
  'started' as const,
  'retiring' as const,
  'rolledBack' as const,
  'tombstone' as const,
  'unreadable' as const,
);

export const chosenArbitrary = fc.constantFrom<(ChosenParameters | undefined)[]>(
  undefined,
  undefined,
  undefined,
  {},
  { cpu: '4' },
  { image: 'node22' },
  { cpu: '2', image: 'node22' },
);

export const agentJobArbitrary = fc.record({
  requestId: fc.option(fc.integer({ min: 1, max: 12 }), { nil: undefined, freq: 5 }),
  template: fc.integer({ min: 0, max: 4 }),
  parameters: chosenArbitrary,
  /** Of the image in its pod; undefined = that of its template. */
  image: fc.constantFrom(undefined, undefined, 'registry.contoso.example/agent@sha256:old'),
  cluster: fc.integer({ min: 0, max: 1 }),
  phase,
  phaseAt: instant,
  createBy: fc.constantFrom(noon - 1000, noon + 60_000),
  reason: fc.constantFrom(
    undefined,
    'surplus',
    'neverStarted',
    'neverStarted',
    'finished',
    'create-by passed',
    'refused',
    'fellBack',
    'notAssignedByServer',
  ),
  served: fc.boolean(),
  suspended: fc.boolean(),
  pod: podArbitrary,
  behind: behindArbitrary,
  /** Another Job of the same name in the other cluster. */
  twin: fc.option(fc.record({ phase, pod: podArbitrary, idKnown: fc.boolean(), suspended: fc.boolean() }), { freq: 6 }),
});

export type AgentJobChoice = typeof agentJobArbitrary extends fc.Arbitrary<infer T> ? T : never;

export interface Built {
  readonly agentJobs: readonly AgentJob[];
  readonly agents: readonly Agent[];
  readonly requests: readonly JobRequest[];
}

/** Phases in which nothing that Mayfly makes can have an agent that came online. */
const offlinePhases: ReadonlySet<string> = new Set(['creating', 'rolledBack', 'tombstone']);

function agentBehind(name: string, id: number, behind: Behind, template: Template, chosen?: ChosenParameters): Agent {
  const online = behind.agent !== 'neverOnline' && behind.agent !== 'offline';
  const { a: _missing, ...poorer } = promisedCapabilities(template, chosen);
  const agent = anAgent({
    id,
    name,
    online,
    enabled: behind.agent !== 'disabled',
    updatePending: behind.agent === 'updatePending',
    createdAt: behind.registeredAt - 5000,
    statusChangedAt: behind.registeredAt,
    capabilities: behind.poorer && online ? poorer : promisedCapabilities(template, chosen),
    ...(behind.agent === 'justFinished' ? { assignedRequestId: 1 } : {}),
    ...(behind.agent === 'spent' ? { lastCompletedRequest: { id: 1, finishedAt: behind.registeredAt } } : {}),
  });
  if (behind.agent !== 'neverOnline') return agent;
  const { statusChangedAt: _, ...never } = agent;
  return never;
}

function reservation(agent: Agent, id: number, { reserved, reservedAt }: Behind): readonly JobRequest[] {
  if (reserved === 'no') return [];
  const assigned = { assignedAt: reservedAt, reservedAgent: { id: agent.id, name: agent.name } };
  return [aJobRequest({ id, ...assigned, ...(reserved === 'received' ? { receivedAt: reservedAt } : {}) })];
}

function purposeOf({ requestId }: AgentJobChoice, index: number): AgentJobPurpose {
  return requestId === undefined
    ? { kind: 'warm', slot: index, minute: 1 }
    : { kind: 'request', requestId, attempt: index + 1 };
}

/** A Job is suspended until it is started, and again only at its end. */
function isSuspended({ phase: now, suspended, pod }: Pick<AgentJobChoice, 'phase' | 'suspended' | 'pod'>): boolean {
  if (now === 'creating') return true;
  return now === 'started' ? suspended && pod !== undefined : suspended;
}

/** Annotations that are not always there. */
function noted({ reason, served, parameters, image }: AgentJobChoice, template?: Template): Partial<AgentJob> {
  const written = image ?? template?.image;
  return {
    ...(reason === undefined ? {} : { reason }),
    ...(served ? { served: 1 } : {}),
    ...(parameters === undefined ? {} : { parameters }),
    ...(written === undefined ? {} : { image: written }),
  };
}

function withPod(agentJob: AgentJob, pod: AgentPod | undefined): AgentJob {
  const podless = agentJob.phase === 'creating' || agentJob.phase === 'rolledBack' || pod === undefined;
  return podless ? withoutPod(agentJob) : { ...agentJob, pod };
}

function jobOf(policy: PoolPolicy, choice: AgentJobChoice, index: number): AgentJob {
  const { phaseAt, createBy, behind } = choice;
  const template = policy.templates[choice.template];
  const purpose = purposeOf(choice, index);
  const whole = anAgentJob({
    cluster: policy.clusters[choice.cluster] ?? 'primary',
    name: agentJobName(scopeOf(policy), purpose, template?.name ?? 'left-the-configuration'),
    uid: `uid-${index}`,
    template: template?.name ?? 'left-the-configuration',
    purpose,
    phase: choice.phase,
    phaseAt,
    createBy,
    createdAt: phaseAt - 1000,
    agentId: 500 + index,
    suspended: isSuspended(choice),
    ...noted(choice, template),
  });
  const isTold = behind.idKnown && choice.phase !== 'creating';
  return withPod(isTold ? whole : withoutAgentId(whole), choice.pod);
}

/** The Job of the same name that another control plane made in the other cluster; its agent, if any, had another id. */
function twinOf(policy: PoolPolicy, agentJob: AgentJob, { twin }: AgentJobChoice): readonly AgentJob[] {
  const cluster = policy.clusters.find((name) => name !== agentJob.cluster);
  if (cluster === undefined || twin === null) return [];
  const { served: _, reason: __, ...plain } = agentJob;
  const other: AgentJob = {
    ...plain,
    cluster,
    uid: `${agentJob.uid}-twin`,
    phase: twin.phase,
    suspended: isSuspended(twin),
    agentId: 700 + (agentJob.agentId ?? 0),
  };
  // The id is written when it is started.
  const isTold = twin.idKnown && twin.phase !== 'creating';
  return [withPod(isTold ? other : withoutAgentId(other), twin.pod)];
}

export function built(policy: PoolPolicy, choice: AgentJobChoice, index: number): Built {
  const agentJob = jobOf(policy, choice, index);
  const agentJobs = [agentJob, ...twinOf(policy, agentJob, choice)];
  const { behind } = choice;
  const cameOnline = behind.agent !== 'none' && behind.agent !== 'neverOnline';
  if (behind.agent === 'none' || (cameOnline && offlinePhases.has(agentJob.phase)))
    return { agentJobs, agents: [], requests: [] };
  const template = policy.templates[choice.template] ?? aTemplate();
  const agent = agentBehind(agentJob.name, 500 + index, behind, template, choice.parameters);
  return { agentJobs, agents: [agent], requests: cameOnline ? reservation(agent, 100 + index, behind) : [] };
}

/** Agents that no agent job stands behind: foreign ones, those of another installation, and ghosts. */
export const strayArbitrary = fc.record({
  kind: fc.constantFrom('foreign', 'otherMark', 'ghost', 'ghost'),
  offered: someTools,
  behind: behindArbitrary,
});

type StrayChoice = typeof strayArbitrary extends fc.Arbitrary<infer T> ? T : never;

export function strayOf(policy: PoolPolicy, { kind, offered, behind }: StrayChoice, index: number): Built {
  const scope = kind === 'otherMark' ? { ...scopeOf(policy), installation: 'othr' } : scopeOf(policy);
  const purpose = { kind: 'request', requestId: index + 1, attempt: 50 } as const;
  const name = kind === 'foreign' ? `build-server-${index}` : agentJobName(scope, purpose, '');
  const agent = agentBehind(name, 800 + index, behind, aTemplate({ capabilities: toolCapabilities(offered) }));
  return { agentJobs: [], agents: [agent], requests: agent.online ? reservation(agent, 400 + index, behind) : [] };
}

type PlaceholderState = 'sound' | 'missing' | 'disabled' | 'stale';

export const placeholderArbitrary = fc.constantFrom<PlaceholderState[]>(
  'sound',
  'sound',
  'sound',
  'missing',
  'disabled',
  'stale',
);

export function placeholdersOf(policy: PoolPolicy, states: readonly PlaceholderState[]): readonly Agent[] {
  const stale = { capabilities: {}, createdAt: noon - 7_200_000 };
  return policy.templates.flatMap((template, index): readonly Agent[] => {
    const state = states[index];
    const overrides = state === 'stale' ? stale : { enabled: state !== 'disabled' };
    return state === 'missing' ? [] : [aPlaceholder(template, { id: 11 + index, ...overrides })];
  });
}
