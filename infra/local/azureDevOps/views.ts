/** Copies of the state for those who ask: what is unset is absent, as on the wire. */
import { lockedUntil } from './leases.ts';
import type { AgentRecord, AgentReference, RequestRecord } from './records.ts';
import type { AgentState, OrganisationState, RequestState } from './state.ts';

type Loose<T> = { readonly [Key in keyof T]: T[Key] | undefined };

function withoutUnset<T extends object>(loose: Loose<T>): T {
  return Object.fromEntries(Object.entries(loose).filter(([, value]) => value !== undefined)) as T;
}

export function agentReference(agent: AgentState): AgentReference {
  const { id, name, version, osDescription, enabled } = agent;
  return { id, name, version, osDescription, enabled, online: agent.session !== undefined };
}

export function agentRecord(agent: AgentState): AgentRecord {
  return withoutUnset<AgentRecord>({
    ...agentReference(agent),
    poolId: agent.pool.id,
    createdAt: agent.createdAt,
    statusChangedAt: agent.statusChangedAt,
    systemCapabilities: agent.systemCapabilities,
    userCapabilities: agent.userCapabilities,
    updatePending: agent.updatePending,
    clientId: agent.clientId,
    publicKey: agent.publicKey,
    assignedRequestId: agent.reservedBy?.id,
    lastCompletedRequestId: agent.lastCompleted?.id,
  });
}

export interface RequestExtras {
  readonly matchedAgents?: readonly AgentReference[] | undefined;
  readonly statusMessage?: string | undefined;
}

export function requestRecord(
  state: OrganisationState,
  request: RequestState,
  extras: RequestExtras = {},
): RequestRecord {
  const { run, agent } = request;
  return withoutUnset<RequestRecord>({
    id: request.id,
    poolId: request.pool.id,
    project: run.project,
    pipeline: run.pipeline,
    run: { id: run.id, name: run.name },
    planId: run.planId,
    jobId: request.jobId,
    stage: request.stage,
    jobName: request.jobName,
    attempt: request.attempt,
    demands: request.demandSet.demands,
    parallelism: request.parallelism,
    priority: request.priority,
    userDelayed: request.userDelayed,
    durationMs: request.durationMs,
    queuedAt: request.queuedAt,
    assignedAt: request.assignedAt,
    receivedAt: request.receivedAt,
    finishedAt: request.finishedAt,
    result: request.result,
    lockedUntil: lockedUntil(state, request),
    reservedAgent: agent === undefined ? undefined : agentReference(agent),
    cancelRequested: request.cancelRequested,
    assignments: [...request.assignments],
    ranBy: request.ranBy,
    matchedAgents: extras.matchedAgents,
    statusMessage: extras.statusMessage,
  });
}
