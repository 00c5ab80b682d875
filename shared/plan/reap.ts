/**
 * What a pass would take away, and why the rest stays: the plan read as a list of objects. Nothing in it is a second
 * opinion. Of what the plan leaves alone an agent is told by the ghost rule, an agent job by its phase.
 */
import type { Agent } from '../domain/agent.ts';
import { type AgentJob, createByPassed } from '../domain/agentJob.ts';
import type { EpochMs } from '../domain/instant.ts';
import type { PoolPolicy } from '../domain/template.ts';
import { type KeepReason, offlineSince, whyKept } from './ghostRule.ts';
import { ghostFacts } from './ghosts.ts';
import type { Observed } from './observed.ts';
import type { Action, ActionKind, Alarm } from './plan.ts';
import { planPool } from './planPool.ts';
import { type View, viewOf } from './view.ts';

export interface ReapRow {
  readonly verdict: 'reap' | 'keep';
  readonly object: 'agent' | 'agentJob' | 'placeholder' | 'leftover';
  readonly name: string;
  readonly agentId?: number;
  readonly cluster?: string;
  /** What would be done; absent = nothing. */
  readonly step?: ActionKind;
  /** A reason to retire, a reason of the ghost rule, the phase of an agent job, or a word for the step. */
  readonly reason: string;
  readonly detail?: string;
  readonly online?: boolean;
  /** Of an offline agent: at the earliest since when. */
  readonly offlineSince?: EpochMs;
}

export interface ReapPreview {
  readonly organisation: string;
  readonly poolId: number;
  readonly pool: string;
  /** Azure DevOps' own time of the look. */
  readonly at: EpochMs;
  /** What is to go first, then the longest offline. */
  readonly rows: readonly ReapRow[];
  /** What could not be read, or somebody should know. */
  readonly alarms: readonly Alarm[];
  /** Clusters whose agent jobs are not in it, because they did not answer. */
  readonly clustersUnknown: readonly string[];
  /** False = nobody named a cluster: what may run there is not known, and nothing is proven to be a ghost. */
  readonly clustersAsked: boolean;
  /** The pool only plans: nothing of this will happen. */
  readonly shadow: boolean;
}

type Told = Pick<ReapRow, 'object' | 'reason'> & { readonly detail?: string };
type TellingOf = { readonly [K in ActionKind]: ((action: Extract<Action, { kind: K }>) => Told) | undefined };

const detailed = (detail: string | undefined): { readonly detail?: string } => (detail === undefined ? {} : { detail });

/** undefined = it takes nothing away. */
const tellings: TellingOf = {
  createPlaceholder: undefined,
  repairPlaceholder: undefined,
  create: undefined,
  noteAgent: undefined,
  noteControl: undefined,
  noteImage: undefined,
  noteLost: undefined,
  rerun: undefined,
  tellRun: undefined,
  cancelRun: undefined,
  disable: ({ requestId }) => ({ object: 'agent', reason: 'singleUse', detail: `works on request ${requestId}` }),
  retire: ({ reason, detail }) => ({ object: 'agentJob', reason, ...detailed(detail) }),
  rollBack: () => ({ object: 'agentJob', reason: 'createByPassed', detail: createByPassed }),
  endOverAge: ({ requestId }) => ({ object: 'agentJob', reason: 'jobTooOld', detail: `works on request ${requestId}` }),
  bury: ({ agentJob }) => ({ object: 'agentJob', reason: 'forgettable', ...detailed(agentJob.reason) }),
  deleteLeftover: ({ leftover }) => ({ object: 'leftover', reason: 'ownerGone', detail: leftover.kind }),
  deleteGhost: () => ({ object: 'agent', reason: 'ghost' }),
  deletePlaceholder: () => ({ object: 'placeholder', reason: 'leftTheConfiguration' }),
};

function tellingOf<K extends ActionKind>(action: Extract<Action, { kind: K }>): Told | undefined {
  const tell: TellingOf[K] = tellings[action.kind as K];
  return tell?.(action);
}

/** The age of an agent as far as anybody can tell. */
const presence = (agent: Agent | undefined): Pick<ReapRow, 'agentId' | 'online' | 'offlineSince'> => {
  if (agent === undefined) return {};
  const since = agent.online ? undefined : offlineSince(agent);
  return { agentId: agent.id, online: agent.online, ...(since === undefined ? {} : { offlineSince: since }) };
};

function reaped(view: View, action: Action): readonly ReapRow[] {
  const told = tellingOf(action);
  if (told === undefined) return [];
  const { name, cluster } = 'agentJob' in action ? action.agentJob : { cluster: undefined, ...action };
  const row = { verdict: 'reap', name, step: action.kind, ...told, ...presence(view.agentsByName.get(name)) } as const;
  return [cluster === undefined ? row : { ...row, cluster }];
}

const isKept = ({ verdict }: ReapRow): boolean => verdict === 'keep';

/** What the pass leaves alone: agents without a step of their own, and agent jobs whose agent tells nothing of them. */
function unplanned(view: View, rows: readonly ReapRow[]): readonly ReapRow[] {
  const goes = new Set(rows.map(({ name }) => name));
  const facts = ghostFacts(view);
  const agents = view.agents.filter(({ name }) => !goes.has(name));
  const listed = new Set(agents.map(({ name }) => name));
  const agentJobs = view.agentJobs.filter(({ name }) => !goes.has(name) && !listed.has(name));
  return [
    ...agents.map((agent): ReapRow => {
      const reason = whyKept(agent, facts);
      // One that no rule keeps is a ghost beyond the budget of a pass.
      return reason === undefined ? { ...ghostRow(agent), detail: 'in a later pass' } : keptAgent(agent, reason);
    }),
    ...agentJobs.map(keptAgentJob),
  ];
}

export const ghostRow = (agent: Agent): ReapRow => ({
  verdict: 'reap',
  object: 'agent',
  name: agent.name,
  step: 'deleteGhost',
  reason: 'ghost',
  ...presence(agent),
});

const keptAgentJob = ({ name, cluster, phase, reason }: AgentJob): ReapRow => ({
  verdict: 'keep',
  object: 'agentJob',
  name,
  cluster,
  reason: phase,
  ...detailed(reason),
});

export const keptAgent = (agent: Agent, reason: KeepReason): ReapRow => ({
  verdict: 'keep',
  object: reason === 'placeholder' ? 'placeholder' : 'agent',
  name: agent.name,
  reason,
  ...(agent.assignedRequestId === undefined ? {} : { detail: `request ${agent.assignedRequestId}` }),
  ...presence(agent),
});

/** The longest offline first, then what tells no age; equal ones by name. */
export const byAge = (a: ReapRow, b: ReapRow): number =>
  (a.offlineSince ?? Number.POSITIVE_INFINITY) - (b.offlineSince ?? Number.POSITIVE_INFINITY) ||
  a.name.localeCompare(b.name);

/** undefined = the agents or the requests are unknown: then nothing is taken away. */
export function previewReap(policy: PoolPolicy, observed: Observed): ReapPreview | undefined {
  const { requests, agents, at } = observed;
  if (!requests.known || !agents.known) return undefined;
  const plan = planPool(policy, observed);
  const view = viewOf(policy, observed, requests.value, agents.value);
  const rows = plan.actions.flatMap((action) => reaped(view, action));
  return {
    organisation: policy.organisation.name,
    poolId: policy.poolId,
    pool: policy.poolName,
    at,
    rows: [...rows, ...unplanned(view, rows)].toSorted((a, b) => Number(isKept(a)) - Number(isKept(b)) || byAge(a, b)),
    alarms: plan.alarms,
    clustersUnknown: observed.clusters.flatMap(({ name, agentJobs }) => (agentJobs.known ? [] : [name])),
    clustersAsked: true,
    shadow: policy.mode === 'shadow',
  };
}
