/** Plans in a few words, so that a table of them can be read. */
import type { AgentJob } from '../../shared/domain/agentJob.ts';
import type { PoolPolicy } from '../../shared/domain/template.ts';
import type { Observed } from '../../shared/plan/observed.ts';
import type { Action, Plan } from '../../shared/plan/plan.ts';
import { planPool } from '../../shared/plan/planPool.ts';
import { anAgentJob, policy, withoutAgentId } from './builders.ts';

const words = (...parts: readonly (string | undefined)[]): string =>
  parts.filter((part) => part !== undefined).join(' ');

/** An action in a few words, so that a table can be read. */
export function told(action: Action): string {
  if (action.kind === 'retire') return words('retire', action.agentJob.name, action.reason, action.detail);
  if (action.kind === 'createPlaceholder' || action.kind === 'repairPlaceholder')
    return words(action.kind, action.template.name);
  if (action.kind === 'noteControl')
    return words(action.kind, ...Object.entries(action.changes).map(([key, value]) => `${key}=${value ?? 'gone'}`));
  return words(action.kind, 'agentJob' in action ? action.agentJob.name : action.name);
}

export const plan = (observed: Observed, changed: Partial<PoolPolicy> = {}): Plan =>
  planPool({ ...policy, ...changed }, observed);

export const actionsOf = (...given: Parameters<typeof plan>): string[] => plan(...given).actions.map(told);

/** An agent job of request 1001 whose annotations are damaged, as the adapter reads it. */
export function anUnreadable(rest: Partial<AgentJob> = {}): AgentJob {
  const { phaseAt: _, ...agentJob } = withoutAgentId(anAgentJob());
  return { ...agentJob, phase: 'unreadable', creator: '', createBy: agentJob.createdAt, ...rest };
}

/** An agent job of request 1001 that is over. */
export const aTombstone = (attempt: number, rest: Partial<AgentJob> = {}): AgentJob =>
  anAgentJob({ purpose: { kind: 'request', requestId: 1001, attempt }, phase: 'tombstone', suspended: true, ...rest });
