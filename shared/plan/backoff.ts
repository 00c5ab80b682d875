/**
 * What earlier failures, read from tombstones, forbid now: a pause per request that doubles with each failure, and a
 * breaker per template that lets one probe through at a time.
 */
import { type AgentJob, createByPassed } from '../domain/agentJob.ts';
import type { EpochMs } from '../domain/instant.ts';
import { blamelessReasons } from '../domain/reasons.ts';
import type { PoolPolicy } from '../domain/template.ts';
import { isBooting } from './boot.ts';
import { blamesCandidate } from './images/blame.ts';
import type { Alarm } from './plan.ts';
import { remembered } from './remembered.ts';
import type { View } from './view.ts';

const failedStarts: ReadonlySet<string | undefined> = new Set([
  'neverStarted',
  'wentOffline',
  'updatePending',
  'fellBack',
  'notAssignedByServer',
]);

/**
 * A failure: its Job was started, was not retired while sound, and its agent served no request. Rolled-back and stolen
 * ones never are. One that never came up counts from the moment it is being retired, long before its pod has ended.
 */
export function isFailure(agentJob: AgentJob): boolean {
  if (agentJob.served !== undefined || agentJob.lost !== undefined || blamesCandidate(agentJob)) return false;
  if (agentJob.phase === 'retiring') return failedStarts.has(agentJob.reason);
  return agentJob.phase === 'tombstone' && !blamelessReasons.has(agentJob.reason);
}

/** Rolled back because a step was refused: no failure of the template, but trying again at once changes nothing. */
function isRefused(agentJob: AgentJob): boolean {
  return agentJob.phase === 'rolledBack' && agentJob.reason !== createByPassed;
}

export const endedAt = (agentJob: AgentJob): EpochMs => agentJob.phaseAt ?? agentJob.finishedAt ?? agentJob.createdAt;

/** Two clusters may hold Jobs of one name. */
const keyOf = ({ name, cluster }: AgentJob): string => `${name}/${cluster}`;

/** Whether the next attempt waits. A template that no node takes does not make its request wait for the fallback. */
export const pauses = (agentJob: AgentJob): boolean =>
  agentJob.reason !== 'fellBack' && (isFailure(agentJob) || isRefused(agentJob));

function pausedUntil(failures: readonly AgentJob[], { backoff }: PoolPolicy): EpochMs | undefined {
  if (failures.length === 0) return undefined;
  const pause = Math.min(backoff.maximumMs, backoff.firstMs * 2 ** (failures.length - 1));
  return Math.max(...failures.map(endedAt)) + pause;
}

/** When a request may be tried again, by its earlier attempts; undefined = none of them failed or was refused. */
export const retryAt = (attempts: readonly AgentJob[], policy: PoolPolicy): EpochMs | undefined =>
  pausedUntil(attempts.filter(pauses), policy);

/** When a template that no node took may be tried again for the same request, which its fallback could not serve. */
export const afterFall = (
  fallen: readonly AgentJob[],
  { name }: { readonly name: string },
  policy: PoolPolicy,
): EpochMs | undefined =>
  pausedUntil(
    fallen.filter(({ template }) => template === name),
    policy,
  );

export interface Breaker {
  readonly open: boolean;
  /** While open: whether one creation may be tried now. */
  readonly probe: boolean;
  /** Of different requests, inside the window. */
  readonly failures: number;
  /** Why the last of them failed. */
  readonly lastReason?: string;
}

/**
 * Its template has brought this one online, or the cluster took its pod away. Its request pauses all the same, or a node
 * that kills would be fed.
 */
const nobodysFault: ReadonlySet<string | undefined> = new Set(['endedIdle', 'disrupted']);
const isTemplatesFault = (agentJob: AgentJob): boolean => isFailure(agentJob) && !nobodysFault.has(agentJob.reason);

/** One request that fails again and again says nothing of its template. */
const causeOf = ({ name, purpose }: AgentJob): string =>
  purpose.kind === 'request' ? String(purpose.requestId) : name;

/**
 * Open when the template failed often inside the window and nothing of it has come through since its last failure: an
 * agent that is busy now, or has served. While open one probe boots at a time, and a new one begins a probe period
 * after the last failure. `ofTemplate` = all agent jobs of the template.
 */
export function breakerOf(
  ofTemplate: readonly AgentJob[],
  view: Pick<View, 'policy' | 'busy' | 'busySince' | 'now'>,
): Breaker {
  const { policy, busy, busySince, now } = view;
  const { breakerFailures, breakerWindowMs, breakerProbeMs } = policy.backoff;
  const failures = ofTemplate
    .filter((agentJob) => isTemplatesFault(agentJob) && now - endedAt(agentJob) <= breakerWindowMs)
    .toSorted((a, b) => endedAt(b) - endedAt(a) || (keyOf(a) < keyOf(b) ? -1 : 1));
  const [last] = failures;
  const count = new Set(failures.map(causeOf)).size;
  const closed: Breaker = { open: false, probe: false, failures: count };
  if (last === undefined || count < breakerFailures) return closed;
  const lastFailureAt = endedAt(last);
  // One at work has come through when it got its request, however long ago it was started.
  const throughAt = (agentJob: AgentJob): EpochMs => busySince?.get(agentJob.name) ?? endedAt(agentJob);
  const cameThrough = ofTemplate.some(
    (agentJob) => (agentJob.served !== undefined || busy.has(agentJob.name)) && throughAt(agentJob) > lastFailureAt,
  );
  if (cameThrough) return closed;
  const underWay = ofTemplate.some((agentJob) => !busy.has(agentJob.name) && isBooting(agentJob, policy, now));
  const probe = !underWay && now - lastFailureAt >= breakerProbeMs;
  return { open: true, probe, failures: count, lastReason: last.reason ?? 'ended' };
}

/** The breaker of each template by its name, each worked out once. */
export function breakersOf(view: View): (template: string) => Breaker {
  const perTemplate = Map.groupBy(view.agentJobs, (agentJob) => agentJob.template);
  return remembered(
    (template: string) => template,
    (template) => breakerOf(perTemplate.get(template) ?? [], view),
  );
}

export function breakerAlarms({ policy }: View, breakers: (template: string) => Breaker): readonly Alarm[] {
  return policy.templates.flatMap(({ name }): readonly Alarm[] => {
    const { open, failures, lastReason } = breakers(name);
    const detail = `agents of ${failures} requests failed in a row, the last one: ${lastReason ?? 'ended'}`;
    return open ? [{ reason: 'breakerOpen', subject: name, detail }] : [];
  });
}
