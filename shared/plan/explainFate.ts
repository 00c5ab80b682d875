/** What became of one request, read from the plan that was made for its whole pool. */
import type { UpstreamErrorKind } from '../domain/errors.ts';
import type { EpochMs } from '../domain/instant.ts';
import { isUnfinished, type JobRequest, type TaskResult } from '../domain/jobRequest.ts';
import type { SkipReason } from '../domain/reasons.ts';
import type { ChosenParameters } from '../domain/template.ts';
import type { CreateAction, Plan, Refusal, Skip } from './plan.ts';
import type { Provision } from './provision.ts';
import { workerName } from './supply.ts';
import type { View } from './view.ts';

/** An agent by its name, and whom it was made for where the name says so. */
export interface NamedAgent {
  readonly agent: string;
  readonly ours: boolean;
  /** The request it was made for; absent = for nobody in particular, or not by us. */
  readonly madeFor?: number;
}

export type Fate =
  /** A usable agent will take it. */
  | ({ readonly kind: 'served'; readonly state: 'online' | 'booting' } & NamedAgent)
  /** This plan creates an agent job for it. */
  | {
      readonly kind: 'created';
      readonly name: string;
      readonly template: string;
      readonly cluster: string;
      readonly parameters: ChosenParameters;
    }
  | {
      readonly kind: 'skipped';
      readonly reason: SkipReason;
      readonly detail?: string;
      readonly refusals: readonly Refusal[];
    }
  /** Given to an agent; `received` = the agent has said that it runs it. */
  | ({ readonly kind: 'taken'; readonly since: EpochMs; readonly received: boolean } & NamedAgent)
  | {
      readonly kind: 'finished';
      readonly result?: TaskResult;
      readonly at?: EpochMs;
      readonly agent?: string;
    }
  /** Azure DevOps knows no such request in this pool. */
  | { readonly kind: 'notInPool' }
  /** Without requests and agents nothing is planned for the pool. */
  | { readonly kind: 'poolUnknown'; readonly unread: 'requests' | 'agents'; readonly error: UpstreamErrorKind };

export type FateKind = Fate['kind'];

/** A request among all that was decided in the same look. */
export interface Told {
  readonly view: View;
  readonly provision: Provision;
  readonly plan: Plan;
  readonly request: JobRequest;
}

/** Every template that refused it, with its reason. */
export function refusalsOf({ reason, detail, refusals }: Skip, { policy }: View): readonly Refusal[] {
  if (refusals !== undefined) return refusals;
  const template = policy.templates.find(({ name }) => name === detail);
  return template === undefined ? [] : [{ template: template.name, reason }];
}

export const isCreationFor =
  (requestId: number) =>
  (action: Plan['actions'][number]): action is CreateAction =>
    action.kind === 'create' && action.purpose.kind === 'request' && action.purpose.requestId === requestId;

function namedAgent({ policy }: View, agent: string): NamedAgent {
  const parsed = workerName(policy, agent);
  return { agent, ours: parsed !== undefined, ...(parsed?.kind === 'request' ? { madeFor: parsed.requestId } : {}) };
}

function finished({ result, finishedAt, reservedAgent }: JobRequest): Fate {
  return {
    kind: 'finished',
    ...(result === undefined ? {} : { result }),
    ...(finishedAt === undefined ? {} : { at: finishedAt }),
    ...(reservedAgent === undefined ? {} : { agent: reservedAgent.name }),
  };
}

function skipped(skip: Skip, view: View): Fate {
  const { reason, detail } = skip;
  const refusals = refusalsOf(skip, view);
  return { kind: 'skipped', reason, ...(detail === undefined ? {} : { detail }), refusals };
}

function created({ name, template, cluster, parameters }: CreateAction): Fate {
  return { kind: 'created', name, template: template.name, cluster, parameters };
}

function taken(view: View, { reservedAgent, receivedAt, assignedAt, queuedAt }: JobRequest): Fate {
  return {
    kind: 'taken',
    ...namedAgent(view, reservedAgent?.name ?? ''),
    since: receivedAt ?? assignedAt ?? queuedAt,
    received: receivedAt !== undefined,
  };
}

/** Of a request that the look shows. */
export function fateOf({ view, provision, plan, request }: Told): Fate {
  if (!isUnfinished(request)) return finished(request);
  const skip = plan.skips.find(({ requestId }) => requestId === request.id);
  if (skip !== undefined) return skipped(skip, view);
  const creation = plan.actions.find(isCreationFor(request.id));
  if (creation !== undefined) return created(creation);
  const server = plan.served.get(request.id);
  const usable = provision.usable.find(({ name }) => name === server);
  if (usable === undefined) return taken(view, request);
  return { kind: 'served', ...namedAgent(view, usable.name), state: usable.state };
}
