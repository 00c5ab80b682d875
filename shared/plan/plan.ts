/** A plan is a value: what to do, what not to do and why. Nothing here has effects. */
import type { AgentJob } from '../domain/agentJob.ts';
import type { EpochMs } from '../domain/instant.ts';
import type { AlarmReason, RetireReason, SkipReason } from '../domain/reasons.ts';
import type { Template } from '../domain/template.ts';

export type Action =
  | { readonly kind: 'createPlaceholder'; readonly name: string; readonly template: Template }
  | { readonly kind: 'repairPlaceholder'; readonly name: string; readonly agentId: number; readonly template: Template }
  | {
      readonly kind: 'create';
      readonly name: string;
      readonly cluster: string;
      readonly template: Template;
      readonly requestId: number;
      readonly attempt: number;
    }
  | { readonly kind: 'disable'; readonly agentId: number; readonly name: string; readonly requestId: number }
  | { readonly kind: 'retire'; readonly agentJob: AgentJob; readonly reason: RetireReason; readonly detail?: string }
  | { readonly kind: 'rollBack'; readonly agentJob: AgentJob }
  | { readonly kind: 'bury'; readonly agentJob: AgentJob }
  | { readonly kind: 'deleteGhost'; readonly agentId: number; readonly name: string };

export type ActionKind = Action['kind'];

export interface Skip {
  readonly requestId: number;
  readonly reason: SkipReason;
  readonly detail?: string;
}

export interface Alarm {
  readonly reason: AlarmReason;
  readonly subject: string;
  readonly detail?: string;
}

export interface Plan {
  readonly actions: readonly Action[];
  readonly skips: readonly Skip[];
  readonly alarms: readonly Alarm[];
  /** Requests that a usable agent will serve: request id -> agent name. */
  readonly served: ReadonlyMap<number, string>;
  /** When to look again; undefined = the ordinary sweep is soon enough. */
  readonly nextLookAt: EpochMs | undefined;
}
