/** A plan is a value: what to do, what not to do and why. Nothing here has effects. */
import type { AgentJob, AgentJobPurpose, LostWork } from '../domain/agentJob.ts';
import type { ImagePolicy } from '../domain/imagePolicy.ts';
import type { EpochMs } from '../domain/instant.ts';
import type { Leftover } from '../domain/leftover.ts';
import type { AlarmReason, RetireReason, SkipReason } from '../domain/reasons.ts';
import type { ChosenParameters, Template } from '../domain/template.ts';
import type { ImageChange } from './images/transitions.ts';

export type Action =
  | { readonly kind: 'createPlaceholder'; readonly name: string; readonly template: Template }
  | { readonly kind: 'repairPlaceholder'; readonly name: string; readonly agentId: number; readonly template: Template }
  | { readonly kind: 'deletePlaceholder'; readonly name: string; readonly agentId: number }
  | {
      readonly kind: 'create';
      readonly name: string;
      readonly cluster: string;
      /** With the chosen parameters in place. */
      readonly template: Template;
      readonly parameters: ChosenParameters;
      readonly purpose: AgentJobPurpose;
      readonly registration: 'jit' | 'initConfig';
      /** It tries an image: since when that has been the candidate. */
      readonly candidate?: EpochMs;
    }
  /** Writes down what agents of a candidate have shown; `name` is the image's. */
  | {
      readonly kind: 'noteImage';
      readonly name: string;
      readonly image: ImagePolicy;
      readonly changes: readonly ImageChange[];
    }
  /** Writes the id of the agent that an init container registered on its Job. */
  | { readonly kind: 'noteAgent'; readonly agentJob: AgentJob; readonly agentId: number }
  | { readonly kind: 'disable'; readonly agentId: number; readonly name: string; readonly requestId: number }
  | { readonly kind: 'retire'; readonly agentJob: AgentJob; readonly reason: RetireReason; readonly detail?: string }
  | { readonly kind: 'rollBack'; readonly agentJob: AgentJob }
  /** Writes down that the agent was gone while it held this request, and tells its run. */
  | { readonly kind: 'noteLost'; readonly agentJob: AgentJob; readonly lost: LostWork }
  /** Has what was lost run again, once. */
  | { readonly kind: 'rerun'; readonly agentJob: AgentJob; readonly lost: LostWork }
  /** Ends the pod of an agent that works longer than an administrator allows. */
  | { readonly kind: 'endOverAge'; readonly agentJob: AgentJob; readonly requestId: number }
  /** Tells the run of a request why nobody can serve it. */
  | { readonly kind: 'tellRun'; readonly name: string; readonly run: RunOfRequest; readonly tag: string }
  | { readonly kind: 'cancelRun'; readonly name: string; readonly run: RunOfRequest; readonly tag: string }
  /** What the owner of is gone, and nothing else will remove. */
  | { readonly kind: 'deleteLeftover'; readonly name: string; readonly cluster: string; readonly leftover: Leftover }
  | { readonly kind: 'bury'; readonly agentJob: AgentJob }
  | {
      readonly kind: 'deleteGhost';
      readonly agentId: number;
      readonly name: string;
      /** It is online and has idled for long: it may be so at the last look too. */
      readonly isOnline?: true;
    }
  /** Writes down on the control map what only time can tell; undefined removes a key. */
  | {
      readonly kind: 'noteControl';
      readonly name: string;
      readonly changes: Readonly<Record<string, string | undefined>>;
    };

/** The run of a pipeline that a request belongs to. */
export interface RunOfRequest {
  readonly requestId: number;
  readonly projectId: string;
  readonly runId: number;
}

export type ActionKind = Action['kind'];
export type CreateAction = Extract<Action, { readonly kind: 'create' }>;

/** Why one template was not used for a request that it would fit. */
export interface Refusal {
  readonly template: string;
  readonly reason: SkipReason;
}

export interface Skip {
  readonly requestId: number;
  readonly reason: SkipReason;
  readonly detail?: string;
  /** Where several templates would fit: what kept each of them. */
  readonly refusals?: readonly Refusal[];
}

export interface Alarm {
  readonly reason: AlarmReason;
  readonly subject: string;
  readonly detail?: string;
}

/** Idle agents kept ahead of demand. */
export interface WarmState {
  readonly template: string;
  readonly target: number;
  /** Idle and booting ones that nobody needs, without those that are to be replaced. */
  readonly ready: number;
  readonly booting: number;
  /** Too old, or of an image that is no longer the template's. */
  readonly stale: number;
  readonly creating: number;
  /** Why not all that are missing are being created. */
  readonly heldBy?: SkipReason;
}

export interface Plan {
  readonly actions: readonly Action[];
  readonly skips: readonly Skip[];
  readonly alarms: readonly Alarm[];
  /** Requests that a usable agent will serve: request id -> agent name. */
  readonly served: ReadonlyMap<number, string>;
  readonly warm: readonly WarmState[];
  /** Agents of ours that serve, or have served, another request than they were made for. */
  readonly thefts: number;
  /** When to look again; undefined = the ordinary sweep is soon enough. */
  readonly nextLookAt: EpochMs | undefined;
}
