/**
 * The resources of the distributed task API as JSON, and what we read of them. Enums are strings on the wire and unset
 * members are left out; fields we do not use are ignored, so that a new one does no harm.
 */
import { z } from 'zod';
import type { Agent, NewAgent, RegisteredAgent } from '../../domain/agent.ts';
import { defined } from '../../domain/defined.ts';
import { UpstreamError } from '../../domain/errors.ts';
import type { EpochMs } from '../../domain/instant.ts';
import type { JobRequest } from '../../domain/jobRequest.ts';
import { taskResults } from '../../domain/jobRequest.ts';
import type { JsonObject } from '../../domain/json.ts';
import type { AgentUpdate, ParallelJobs } from '../../ports.ts';
import { demandText } from './demandText.ts';

const id = z.number().int().nonnegative();
/** .NET writes a time without zone where it knows none, and the year 1 for "never". */
const time = z.iso.datetime({ offset: true, local: true }).transform((text): EpochMs | undefined => {
  const at = Date.parse(/(Z|[+-]\d\d:?\d\d)$/.test(text) ? text : `${text}Z`);
  return at < 0 ? undefined : at;
});
const someTime = time.refine((at) => at !== undefined, 'no time').transform((at): EpochMs => at ?? 0);
const named = z.object({ id, name: z.string() });

const jobRequestSchema = z
  .object({
    requestId: id,
    poolId: id.nullish(),
    queueTime: someTime,
    assignTime: time.nullish(),
    receiveTime: time.nullish(),
    finishTime: time.nullish(),
    result: z.enum(taskResults).nullish(),
    lockedUntil: time.nullish(),
    reservedAgent: named.nullish(),
    demands: z.array(z.unknown().transform(demandText)).nullish(),
    jobId: z.string(),
    planId: z.string(),
    jobName: z.string().nullish(),
    planType: z.string().nullish(),
    definition: named.nullish(),
    owner: named.nullish(),
    scopeId: z.string().nullish(),
    data: z.record(z.string(), z.unknown()).nullish(),
    userDelayed: z.boolean().nullish(),
    priority: z.number().nullish(),
  })
  .transform(
    (wire): Omit<JobRequest, 'poolId'> => ({
      id: wire.requestId,
      queuedAt: wire.queueTime,
      demands: wire.demands ?? [],
      jobId: wire.jobId,
      planId: wire.planId,
      parallelism: wire.data?.['ParallelismTag'] === 'Public' ? 'public' : 'private',
      userDelayed: wire.userDelayed ?? false,
      ...defined({
        assignedAt: wire.assignTime,
        receivedAt: wire.receiveTime,
        finishedAt: wire.finishTime,
        result: wire.result,
        lockedUntil: wire.lockedUntil,
        reservedAgent: wire.reservedAgent,
        jobName: wire.jobName,
        pipeline: wire.definition,
        planType: wire.planType,
        run: wire.owner,
        projectId: wire.scopeId,
        priority: wire.priority,
      }),
    }),
  );

const capabilities = z.record(
  z.string(),
  z
    .string()
    .nullable()
    .transform((value) => value ?? ''),
);

const agentSchema = z
  .object({
    id,
    name: z.string(),
    version: z.string().nullish(),
    enabled: z.boolean(),
    status: z.enum(['online', 'offline']),
    createdOn: time.nullish(),
    statusChangedOn: time.nullish(),
    systemCapabilities: capabilities.nullish(),
    userCapabilities: capabilities.nullish(),
    assignedRequest: z.object({ requestId: id }).nullish(),
    lastCompletedRequest: z.object({ requestId: id, finishTime: time.nullish() }).nullish(),
    pendingUpdate: z.object({}).nullish(),
  })
  .transform(
    (wire): Agent => ({
      id: wire.id,
      name: wire.name,
      version: wire.version ?? '',
      enabled: wire.enabled,
      online: wire.status === 'online',
      capabilities: { ...wire.systemCapabilities, ...wire.userCapabilities },
      updatePending: wire.pendingUpdate != null,
      ...defined({
        createdAt: wire.createdOn,
        statusChangedAt: wire.statusChangedOn,
        userCapabilities: Object.keys(wire.userCapabilities ?? {}).length > 0 ? wire.userCapabilities : undefined,
        assignedRequestId: wire.assignedRequest?.requestId,
        lastCompletedRequest: wire.lastCompletedRequest && {
          id: wire.lastCompletedRequest.requestId,
          ...defined({ finishedAt: wire.lastCompletedRequest.finishTime }),
        },
      }),
    }),
  );

/** A property bag's value is sent bare or with its .NET type beside it. */
const property = z.union([z.string(), z.object({ $value: z.string() }).transform((typed) => typed.$value)]);

const registeredSchema = z
  .object({
    id,
    name: z.string(),
    authorization: z.object({ clientId: z.string().nullish(), authorizationUrl: z.string().nullish() }).nullish(),
    properties: z.object({ ServerUrl: property.nullish() }).nullish(),
  })
  .transform(({ id: agentId, name, authorization, properties }): RegisteredAgent => {
    const { clientId, authorizationUrl } = authorization ?? {};
    return {
      id: agentId,
      name,
      ...(clientId && authorizationUrl && { authorization: { clientId, authorizationUrl } }),
      ...defined({ serverUrl: properties?.ServerUrl }),
    };
  });

/** Of a build only whether it goes on: every status but one can still change. */
const isBuildOver = z.object({ status: z.string() }).transform(({ status }) => status === 'completed');

const parallelJobsSchema = z
  .object({
    usedCount: z.number().int(),
    resourceLimit: z.object({ totalCount: z.number().int(), failedToReachAllProviders: z.boolean().nullish() }),
  })
  .refine(({ resourceLimit }) => resourceLimit.failedToReachAllProviders !== true, 'not all providers were reached')
  .transform(({ usedCount, resourceLimit }): ParallelJobs => ({ total: resourceLimit.totalCount, used: usedCount }));

const list = <T extends z.ZodType>(item: T) =>
  z
    .object({ count: z.number().int(), value: z.array(item) })
    .refine(({ count, value }) => count === value.length, 'count is not the number of entries')
    .transform(({ value }) => value);

export const wire = {
  agent: agentSchema,
  agents: list(agentSchema),
  jobRequest: jobRequestSchema,
  jobRequests: list(jobRequestSchema),
  registeredAgent: registeredSchema,
  parallelJobs: parallelJobsSchema,
  isBuildOver,
} as const;

/** Rejects `unexpected`, naming the members that are not as known but never their values. */
export function readWire<T>(schema: z.ZodType<T>, body: unknown, operation: string): T {
  const parsed = schema.safeParse(body);
  if (parsed.success) return parsed.data;
  const detail = parsed.error.issues.map((issue) => `${issue.path.join('.')}: ${issue.message}`).slice(0, 5);
  throw new UpstreamError(
    { upstream: 'azureDevOps', operation, kind: 'unexpected', detail: detail.join('; ') },
    { cause: parsed.error },
  );
}

/** What config.sh sends when it registers an agent (azure-pipelines-agent, ConfigurationManager.cs). */
export function newAgentBody(agent: NewAgent): JsonObject {
  return {
    name: agent.name,
    version: agent.version,
    osDescription: agent.osDescription,
    maxParallelism: 1,
    enabled: agent.enabled ?? true,
    status: 'offline',
    provisioningState: 'Provisioned',
    systemCapabilities: { ...agent.capabilities },
    ...(agent.publicKey !== undefined && { authorization: { publicKey: { ...agent.publicKey } } }),
  };
}

export function agentUpdateBody(update: AgentUpdate): JsonObject {
  return {
    id: update.id,
    name: update.name,
    ...defined({ enabled: update.enabled, version: update.version }),
    ...(update.capabilities !== undefined && { systemCapabilities: { ...update.capabilities } }),
  };
}
