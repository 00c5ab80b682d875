/**
 * Why a request waits, or who serves it: the whole trail, made from the same values and functions that plan. Nothing in
 * it is a second opinion, and nothing in it is secret: of agents it tells names, and which demands they do not meet.
 */
import { type Demand, parseDemand } from '../domain/demand.ts';
import type { EpochMs } from '../domain/instant.ts';
import type { JobRequest } from '../domain/jobRequest.ts';
import type { AlarmReason } from '../domain/reasons.ts';
import type { PoolPolicy } from '../domain/template.ts';
import { retryAt } from './backoff.ts';
import { whatHelps } from './explainAdvice.ts';
import { type AgentsTrail, agentsTrail } from './explainAgents.ts';
import { type AttemptTrail, attemptTrails } from './explainAttempts.ts';
import { type Cap, capsOf } from './explainCaps.ts';
import { type Fate, fateOf, type Told } from './explainFate.ts';
import { type TemplateTrail, templateTrails } from './explainTemplates.ts';
import { withImages } from './images/judge.ts';
import { isPrivate } from './licence.ts';
import type { Observed } from './observed.ts';
import type { Alarm } from './plan.ts';
import { planPool } from './planPool.ts';
import { planProvision } from './provision.ts';
import { viewOf } from './view.ts';

export interface DemandTrail {
  readonly text: string;
  /** Absent = not of the grammar. */
  readonly parsed?: Demand;
}

/** What is known of a request that Azure DevOps knows. */
export interface Trail {
  readonly queuedAt: EpochMs;
  /** Until it was taken, or is still waiting: until now. In ms. */
  readonly waitedMs: number;
  readonly parallelism: JobRequest['parallelism'];
  readonly pipeline?: string;
  readonly run?: string;
  readonly demands: readonly DemandTrail[];
  /** Oldest first; absent = it does not wait. */
  readonly waiting?: { readonly position: number; readonly of: number };
  readonly templates: readonly TemplateTrail[];
  readonly agents: AgentsTrail;
  /** The limits that cut it. */
  readonly caps: readonly Cap[];
  readonly attempts: readonly AttemptTrail[];
  /** Its failed attempts forbid another one until then. */
  readonly retryAt?: EpochMs;
  /** The next look that is planned already; absent = the next sweep. */
  readonly nextLookAt?: EpochMs;
}

export interface Explanation {
  readonly organisation: string;
  readonly poolId: number;
  readonly pool: string;
  readonly requestId: number;
  /** Azure DevOps' own time of the look. All instants are in milliseconds since the Unix epoch. */
  readonly at: EpochMs;
  /** The pool only plans. */
  readonly shadow: boolean;
  readonly fate: Fate;
  readonly whatHelps: readonly string[];
  readonly alarms: readonly Alarm[];
  /** Absent = the pool could not be read, or the request is not in it. */
  readonly trail?: Trail;
}

/** Alarms of the whole look, and of whom they are the business. */
const lookAlarms: Readonly<Partial<Record<AlarmReason, 'everybody' | 'private'>>> = {
  requestsUnknown: 'everybody',
  agentsUnknown: 'everybody',
  clusterUnknown: 'everybody',
  controlUnknown: 'everybody',
  controlUnreadable: 'everybody',
  quotaUnknown: 'everybody',
  parallelJobsUnknown: 'private',
  groupUnknown: 'private',
};

/** Its detail compares all that an agent reports with its template, and capabilities are nobody else's business. */
const withoutCapabilities = (alarm: Alarm): Alarm =>
  alarm.reason === 'notAssignedByServer' ? { reason: alarm.reason, subject: alarm.subject } : alarm;

function alarmsFor(told: Told, fate: Fate, fitting: ReadonlySet<string>): readonly Alarm[] {
  const { plan, request, provision } = told;
  const attempts = provision.shared.attempts.of(request.id);
  const names = new Set([
    `request ${request.id}`,
    ...attempts.map(({ name }) => name),
    ...(fate.kind === 'served' || fate.kind === 'taken' ? [fate.agent] : []),
  ]);
  const isOurs = ({ reason, subject, detail = '' }: Alarm): boolean => {
    const audience = lookAlarms[reason];
    if (audience !== undefined) return audience === 'everybody' || isPrivate(request);
    if (reason === 'breakerOpen') return fitting.has(subject);
    return names.has(subject) || detail.startsWith(`request ${request.id}:`);
  };
  return plan.alarms.filter(isOurs).map(withoutCapabilities);
}

function demandTrail(text: string): DemandTrail {
  const parsed = parseDemand(text);
  return { text, ...(parsed === undefined ? {} : { parsed }) };
}

function basicsOf({ request, view }: Told, fate: Fate) {
  const { queuedAt, parallelism, pipeline, run, demands } = request;
  const ended = fate.kind === 'taken' ? fate.since : (request.receivedAt ?? request.finishedAt ?? view.now);
  return {
    queuedAt,
    waitedMs: Math.max(0, ended - queuedAt),
    parallelism,
    ...(pipeline === undefined ? {} : { pipeline: pipeline.name }),
    ...(run === undefined ? {} : { run: run.name }),
    demands: demands.map(demandTrail),
  };
}

function trailOf(told: Told, fate: Fate, templates: readonly TemplateTrail[]): Trail {
  const { view, provision, plan, request } = told;
  const position = provision.waiting.findIndex(({ id }) => id === request.id) + 1;
  const again = retryAt(provision.shared.attempts.of(request.id), view.policy);
  return {
    ...basicsOf(told, fate),
    ...(position === 0 ? {} : { waiting: { position, of: provision.waiting.length } }),
    templates,
    agents: agentsTrail(told),
    caps: capsOf(told, fate),
    attempts: attemptTrails(told),
    ...(again === undefined || again <= view.now ? {} : { retryAt: again }),
    ...(plan.nextLookAt === undefined ? {} : { nextLookAt: plan.nextLookAt }),
  };
}

function unread({ requests, agents }: Observed): Fate | undefined {
  if (!agents.known) return { kind: 'poolUnknown', unread: 'agents', error: agents.error };
  return requests.known ? undefined : { kind: 'poolUnknown', unread: 'requests', error: requests.error };
}

/** Total, like the plan it explains, and as deterministic. */
export function explain(policy: PoolPolicy, observed: Observed, requestId: number): Explanation {
  const shadow = policy.mode === 'shadow';
  const plan = planPool(policy, observed);
  const about = (fate: Fate) => ({
    organisation: policy.organisation.name,
    poolId: policy.poolId,
    pool: policy.poolName,
    requestId,
    at: observed.at,
    shadow,
    fate,
    whatHelps: whatHelps(fate, shadow),
  });
  const unknown = unread(observed);
  if (unknown !== undefined || !observed.requests.known || !observed.agents.known)
    return { ...about(unknown ?? { kind: 'notInPool' }), alarms: plan.alarms };
  const request = observed.requests.value.find(({ id }) => id === requestId);
  if (request === undefined) return { ...about({ kind: 'notInPool' }), alarms: [] };
  const view = withImages(viewOf(policy, observed, observed.requests.value, observed.agents.value));
  const told: Told = { view, plan, provision: planProvision(view), request };
  const fate = fateOf(told);
  const templates = templateTrails(told, fate);
  const fitting = new Set(templates.filter(({ verdict }) => verdict !== 'unfit').map(({ template }) => template));
  return { ...about(fate), alarms: alarmsFor(told, fate, fitting), trail: trailOf(told, fate, templates) };
}
