/** Observe, plan, apply, report: one pass over one pool. Two control planes may run it at once and do no harm. */
import { UpstreamError } from '../domain/errors.ts';
import type { EpochMs } from '../domain/instant.ts';
import { hintOf } from '../domain/refusalText.ts';
import { bootCause } from '../plan/boot.ts';
import { imageFields } from '../plan/images/planImages.ts';
import type { Observed } from '../plan/observed.ts';
import type { Action, ActionKind, Plan } from '../plan/plan.ts';
import { planPool } from '../plan/planPool.ts';
import { applyPlan, subjectOf } from './apply.ts';
import type { ReconcileDeps, ReconcileIntent } from './deps.ts';
import {
  freeSince,
  type Look,
  type LookOptions,
  longestRetryAfter,
  lookAtParallelJobs,
  observePool,
} from './observe.ts';
import { type GroupLook, observeGroup, stakeOf } from './observeGroup.ts';
import type { Outcome, OutcomeKind } from './outcome.ts';

export interface PassReport {
  readonly poolId: number;
  /** Azure DevOps' time of the look. */
  readonly at: EpochMs;
  readonly plan: Plan;
  readonly outcomes: readonly Outcome[];
  readonly observed: Observed;
  /** When to look again; undefined = the ordinary sweep is soon enough. */
  readonly nextLookAt: EpochMs | undefined;
  /** How long an upstream asked us to stay away, in ms. */
  readonly retryAfterMs: number | undefined;
  /** True when the pass left work that could be done now: a limit of the pass cut it, or its time was up. */
  readonly remaining: boolean;
}

function tally(names: readonly string[]): Readonly<Record<string, number>> {
  const counts: Record<string, number> = {};
  for (const name of names) counts[name] = (counts[name] ?? 0) + 1;
  return counts;
}

/** Ends that this pass began, by reason; of agents that never started also by what kept them. */
function endWord(action: Action): readonly string[] {
  if (action.kind !== 'retire' || action.agentJob.phase === 'retiring') return [];
  const { reason, agentJob } = action;
  return [reason === 'neverStarted' ? `ended.${reason}.${bootCause(agentJob)}` : `ended.${reason}`];
}

export function countOutcomes(outcomes: readonly Outcome[]): Readonly<Record<string, number>> {
  return tally(outcomes.map(({ action, kind }) => `${action}.${kind}`));
}

const levels: Readonly<Record<OutcomeKind, 'debug' | 'info' | 'warn'>> = {
  done: 'info',
  raced: 'info',
  undone: 'warn',
  waiting: 'debug',
  uncertain: 'warn',
  failed: 'warn',
  postponed: 'info',
  shadowed: 'info',
};

function report(deps: ReconcileDeps, intent: ReconcileIntent, pass: PassReport, errors: readonly unknown[]): void {
  const { policy, log } = deps;
  const common = { organisation: policy.organisation.name, pool: policy.poolName, correlationId: intent.correlationId };
  for (const outcome of pass.outcomes) {
    log.write(levels[outcome.kind], `${outcome.action}.${outcome.kind}`, {
      ...common,
      subject: outcome.subject,
      detail: outcome.detail,
      error: outcome.error instanceof Error ? outcome.error.message : undefined,
    });
  }
  // Ten thousand waiting requests are one line here, with the number for each reason; `explain` tells of each.
  for (const skip of pass.plan.skips) {
    log.write('debug', 'request.skipped', {
      ...common,
      requestId: skip.requestId,
      reason: skip.reason,
      detail: skip.detail,
    });
  }
  for (const alarm of pass.plan.alarms) {
    log.write('warn', `alarm.${alarm.reason}`, { ...common, subject: alarm.subject, detail: alarm.detail });
  }
  for (const error of errors) {
    const unexpected = !(error instanceof UpstreamError);
    log.write(unexpected ? 'error' : 'warn', 'observe.failed', {
      ...common,
      error: error instanceof Error ? error.message : 'unknown',
      hint: hintOf(error),
    });
  }
  log.write('info', 'pool.reconciled', {
    ...common,
    cause: intent.cause,
    observed: pass.observed.agents.known && pass.observed.requests.known,
    served: pass.plan.served.size,
    skipped: pass.plan.skips.length,
    ...tally(pass.plan.skips.map(({ reason }) => `skipped.${reason}`)),
    ...countOutcomes(pass.outcomes),
    ...tally(pass.plan.actions.flatMap(endWord)),
    ...tally(pass.plan.alarms.map(({ reason }) => `alarm.${reason}`)),
    ...imageFields(policy, pass.observed),
  });
}

/**
 * A pass that got nothing done leaves nothing to a fresh intent: it would get nothing done either, and again at once. A
 * raced creation is looked at again soon, because somebody else got something done.
 */
function isRemaining(plan: Plan, outcomes: readonly Outcome[]): boolean {
  const has = (kind: OutcomeKind, action?: ActionKind): boolean =>
    outcomes.some((outcome) => outcome.kind === kind && (action === undefined || outcome.action === action));
  const reasons = [...plan.skips.map(({ reason }) => reason), ...plan.warm.map(({ heldBy }) => heldBy)];
  const cut = has('postponed') || reasons.includes('atPassLimit');
  return (cut && has('done')) || has('raced', 'create');
}

/**
 * The pool itself, and where parallel jobs may be short its licence group. What they are used by is then asked once more,
 * last of all: a request that is given to an agent in between would else be counted nowhere.
 */
export async function lookAtAll(deps: GroupLook, wants: Pick<LookOptions, 'leftovers'> = {}): Promise<Look> {
  const { group: others = [] } = deps;
  const look = await observePool(deps, { ...wants, group: others });
  const stake = stakeOf(deps, look.observed);
  if (stake === undefined) return look;
  const errors = [...look.errors];
  const group = await observeGroup(deps, look.observed, stake, errors);
  const parallelJobs = await lookAtParallelJobs(deps, errors, { group: others });
  const { freeSince: _, ...observed } = { ...look.observed, group, parallelJobs };
  return { ...look, observed: { ...observed, ...freeSince(deps, observed) }, errors };
}

/** What an active pool would have done. */
const shadowed = (plan: Plan): readonly Outcome[] =>
  plan.actions.map((action) => ({ action: action.kind, subject: subjectOf(action), kind: 'shadowed' }));

/** One pass. Rejects never: what failed is in the report, and the next sweep decides afresh. */
export async function reconcilePool(deps: ReconcileDeps, intent: ReconcileIntent): Promise<PassReport> {
  const look = await lookAtAll(deps, { leftovers: true });
  const plan = planPool(deps.policy, look.observed);
  const outcomes = deps.policy.mode === 'shadow' ? shadowed(plan) : await applyPlan(deps, plan, look, intent);
  const errors = outcomes.flatMap((outcome) => (outcome.error === undefined ? [] : [outcome.error]));
  const pass: PassReport = {
    poolId: deps.policy.poolId,
    at: look.observed.at,
    plan,
    outcomes,
    observed: look.observed,
    nextLookAt: plan.nextLookAt,
    retryAfterMs: longestRetryAfter([...look.errors, ...errors]),
    remaining: isRemaining(plan, outcomes),
  };
  report(deps, intent, pass, look.errors);
  return pass;
}
