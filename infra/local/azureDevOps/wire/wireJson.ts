/**
 * Pools, agents and job requests in the wire's own spelling. Members that are not set are left out, never null
 * (RUNNER TaskAgentJobRequest.cs); JSON.stringify does that for undefined ones.
 */
import type { EpochMs } from '../../../../shared/domain/instant.ts';
import type { AgentRecord, AgentReference, Pool, RequestRecord } from '../records.ts';

export type Json = Readonly<Record<string, unknown>>;

const iso = (at: EpochMs | undefined): string | undefined =>
  at === undefined ? undefined : new Date(at).toISOString();

/** The organisation's host and the service that owns pipelines; the same in every answer. */
const hostId = '6ba4bf1a-6a41-4ab2-9b32-6a1b2d5ee1c0';
const serviceOwner = '00025394-6065-48ca-87d9-7f5672854ef7';

export function listOf<T>(value: readonly T[]): Json {
  return { count: value.length, value };
}

export function poolJson(pool: Pool): Json {
  return {
    id: pool.id,
    name: pool.name,
    size: pool.size,
    scope: hostId,
    poolType: 'automation',
    isHosted: false,
    isLegacy: false,
    autoProvision: false,
    autoUpdate: pool.autoUpdate,
    autoSize: true,
    options: 'none',
  };
}

function linksOf(url: string): Json {
  return { self: { href: url }, web: { href: url } };
}

export function agentReferenceJson(agent: AgentReference, poolUrl: string): Json {
  return {
    _links: linksOf(`${poolUrl}/agents/${agent.id}`),
    id: agent.id,
    name: agent.name,
    version: agent.version,
    osDescription: agent.osDescription,
    enabled: agent.enabled,
    status: agent.online ? 'online' : 'offline',
    provisioningState: 'Provisioned',
    accessPoint: agent.online ? 'CodexAccessMapping' : undefined,
  };
}

/** What the include flags of a call add. */
export interface AgentIncludes {
  readonly capabilities?: boolean;
  readonly assignedRequest?: Json | undefined;
  readonly lastCompletedRequest?: Json | undefined;
  /** Only in the answer to a registration with a key. */
  readonly registered?: { readonly authorizationUrl: string; readonly serverUrl: string };
}

/** A pending update as the server tells it; why it is pending the world does not know. */
function pendingUpdateJson(agent: AgentRecord): Json {
  return {
    currentState: 'Not started',
    reason: { code: 'manual' },
    sourceVersion: agent.version,
    targetVersion: agent.version,
  };
}

export function agentJson(agent: AgentRecord, poolUrl: string, includes: AgentIncludes = {}): Json {
  const { registered } = includes;
  const authorization = agent.clientId !== undefined && {
    clientId: agent.clientId,
    publicKey: agent.publicKey,
    ...(registered && { authorizationUrl: registered.authorizationUrl }),
  };
  const withUrl = registered !== undefined && agent.clientId !== undefined;
  return {
    ...agentReferenceJson(agent, poolUrl),
    maxParallelism: 1,
    createdOn: iso(agent.createdAt),
    statusChangedOn: iso(agent.statusChangedAt),
    ...(authorization && { authorization }),
    ...(withUrl && { properties: { ServerUrl: { $type: 'System.String', $value: registered.serverUrl } } }),
    ...(agent.updatePending && { pendingUpdate: pendingUpdateJson(agent) }),
    ...(includes.capabilities && {
      systemCapabilities: agent.systemCapabilities,
      userCapabilities: agent.userCapabilities,
    }),
    assignedRequest: includes.assignedRequest,
    lastCompletedRequest: includes.lastCompletedRequest,
  };
}

function orchestrationIdOf(request: RequestRecord): string {
  return `${request.planId}.${request.stage}.${request.jobName}.__default`.toLowerCase();
}

function ownerJson(entry: { readonly id: number; readonly name: string }, url: string): Json {
  return { _links: linksOf(url), id: entry.id, name: entry.name };
}

/** How project and pool are told apart in links; `organisationUrl` has no slash at its end. */
export function requestJson(request: RequestRecord, organisationUrl: string): Json {
  const poolUrl = `${organisationUrl}/_apis/distributedtask/pools/${request.poolId}`;
  const projectUrl = `${organisationUrl}/${request.project.id}`;
  return {
    requestId: request.id,
    queueTime: iso(request.queuedAt),
    assignTime: iso(request.assignedAt),
    receiveTime: iso(request.receivedAt),
    finishTime: iso(request.finishedAt),
    result: request.result,
    lockedUntil: iso(request.lockedUntil),
    serviceOwner,
    hostId,
    scopeId: request.project.id,
    planType: 'Build',
    planId: request.planId,
    jobId: request.jobId,
    jobName: request.jobName,
    demands: request.demands,
    reservedAgent: request.reservedAgent && agentReferenceJson(request.reservedAgent, poolUrl),
    matchedAgents: request.matchedAgents?.map((agent) => agentReferenceJson(agent, poolUrl)),
    definition: ownerJson(request.pipeline, `${projectUrl}/_apis/build/definitions/${request.pipeline.id}`),
    owner: ownerJson(request.run, `${projectUrl}/_apis/build/builds/${request.run.id}`),
    data: { ParallelismTag: request.parallelism === 'public' ? 'Public' : 'Private', IsScheduledKey: 'False' },
    poolId: request.poolId,
    queueId: request.poolId,
    orchestrationId: orchestrationIdOf(request),
    matchesAllAgentsInPool: request.demands.length === 0,
    statusMessage: request.statusMessage,
    userDelayed: request.userDelayed,
    priority: request.priority,
  };
}
