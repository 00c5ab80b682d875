/** The in-process door: the port AgentPools directly over the world, with the faults and delays of a network. */
import type { Agent } from '../../../shared/domain/agent.ts';
import { hasErrorKind } from '../../../shared/domain/errors.ts';
import type { JobRequest } from '../../../shared/domain/jobRequest.ts';
import type { AgentPools } from '../../../shared/ports.ts';
import type { InProcessOptions } from './inProcessCall.ts';
import { InProcessCalls } from './inProcessCall.ts';
import type { AgentRecord, RequestRecord } from './records.ts';
import type { AzureDevOpsWorld } from './world.ts';
import { WorldError } from './worldError.ts';

/** Refuses and fails exactly as the adapter would classify the same answer on the wire; it repeats nothing. */
export function inProcessAgentPools(world: AzureDevOpsWorld, options: InProcessOptions): AgentPools {
  const calls = new InProcessCalls(options);
  return { ...reads(world, calls), ...writes(world, calls, options.caller) };
}

type Writes = Pick<AgentPools, 'addAgent' | 'deleteAgent' | 'updateAgent'>;

function reads(world: AzureDevOpsWorld, calls: InProcessCalls): Omit<AgentPools, keyof Writes> {
  const agentOf = (record: AgentRecord): Agent => domainAgent(world, record);
  return {
    listJobRequests: (poolId) =>
      calls.call({ verb: 'listJobRequests', operation: 'listing job requests', target: `${poolId}` }, (keep) => ({
        value: keep(world.listUnfinishedRequests(poolId)).map(domainRequest),
        at: world.now(),
      })),
    getJobRequest: (poolId, requestId) => {
      const target = `${poolId}/${requestId}`;
      const call = { verb: 'getJobRequest', operation: 'getting a job request', target, absent: undefined };
      return calls.call(call, () => orAbsent(() => domainRequest(world.getJobRequest(poolId, requestId))));
    },
    listAgents: (poolId) =>
      calls.call({ verb: 'listAgents', operation: 'listing agents', target: `${poolId}` }, (keep) => ({
        value: keep(world.listAgents(poolId)).map(agentOf),
        at: world.now(),
      })),
    getAgent: (poolId, agentId) => {
      const target = `${poolId}/${agentId}`;
      const call = { verb: 'getAgent', operation: 'getting an agent', target, absent: undefined };
      return calls.call(call, () => orAbsent(() => agentOf(world.getAgent(poolId, agentId))));
    },
    findAgent: (poolId, name) =>
      calls.call({ verb: 'findAgent', operation: 'finding an agent', target: `${poolId}/${name}` }, (keep) => {
        const found = keep(world.listAgents(poolId, name)).find((agent) => agent.name === name);
        return found && agentOf(found);
      }),
    isRunOver: (projectId, runId) => {
      const call = { verb: 'isRunOver', operation: 'getting a run', target: `${runId}`, absent: undefined };
      return calls.call(call, () => {
        const run = world.getRun(runId);
        return run?.project.id === projectId ? run.finishedAt !== undefined : undefined;
      });
    },
    getParallelJobs: () =>
      calls.call({ verb: 'getParallelJobs', operation: 'reading the parallel jobs', target: '' }, () => {
        const { totalCount, usedCount } = world.parallelJobs();
        return { total: totalCount, used: usedCount };
      }),
  };
}

function writes(world: AzureDevOpsWorld, calls: InProcessCalls, caller: string): Writes {
  return {
    addAgent: (poolId, agent) =>
      calls.call({ verb: 'addAgent', operation: 'adding an agent', target: `${poolId}/${agent.name}` }, () => {
        const { capabilities: systemCapabilities, ...rest } = agent;
        const { id, name, clientId } = world.addAgent(poolId, { ...rest, systemCapabilities }, caller);
        const { authorizationUrl, url } = world.organisation;
        return clientId === undefined
          ? { id, name }
          : { id, name, authorization: { clientId, authorizationUrl }, serverUrl: url };
      }),
    updateAgent: (poolId, { id, capabilities, ...rest }) => {
      const call = { verb: 'updateAgent', operation: 'updating an agent', target: `${poolId}/${id}` };
      const patch = { ...rest, ...(capabilities !== undefined && { systemCapabilities: capabilities }) };
      return calls.call(call, () => void world.updateAgent(poolId, id, patch, caller));
    },
    deleteAgent: async (poolId, agentId) => {
      const target = `${poolId}/${agentId}`;
      const call = { verb: 'deleteAgent', operation: 'deleting an agent', target, absent: 'absent' as const };
      try {
        return await calls.call(call, () => deleteAgent(world, { poolId, agentId, caller }));
      } catch (error) {
        if (hasErrorKind(error, 'conflict', 'invalid')) return 'refused';
        throw error;
      }
    },
  };
}

export type { InProcessOptions } from './inProcessCall.ts';

function deleteAgent(
  world: AzureDevOpsWorld,
  what: { readonly poolId: number; readonly agentId: number; readonly caller: string },
): 'deleted' | 'absent' {
  const deleted = orAbsent(() => {
    world.deleteAgent(what.poolId, what.agentId, what.caller);
    return 'deleted' as const;
  });
  return deleted ?? 'absent';
}

/** A pool that nobody can see is no proof that something in it is absent. */
function orAbsent<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch (error) {
    const absent = error instanceof WorldError && error.status === 404;
    if (absent && error.typeKey !== 'TaskAgentPoolNotFoundException') return undefined;
    throw error;
  }
}

function domainAgent(world: AzureDevOpsWorld, record: AgentRecord): Agent {
  const { id, name, version, enabled, online, updatePending, createdAt, poolId } = record;
  const { statusChangedAt, assignedRequestId, lastCompletedRequestId } = record;
  return {
    id,
    name,
    version,
    enabled,
    online,
    createdAt,
    updatePending,
    capabilities: { ...record.systemCapabilities, ...record.userCapabilities },
    ...(Object.keys(record.userCapabilities).length > 0 && { userCapabilities: record.userCapabilities }),
    ...(statusChangedAt !== undefined && { statusChangedAt }),
    ...(assignedRequestId !== undefined && { assignedRequestId }),
    ...(lastCompletedRequestId !== undefined && {
      lastCompletedRequest: completedRequest(world.getJobRequest(poolId, lastCompletedRequestId)),
    }),
  };
}

const completedRequest = ({ id, finishedAt }: RequestRecord): { id: number; finishedAt?: number } =>
  finishedAt === undefined ? { id } : { id, finishedAt };

function domainRequest(record: RequestRecord): JobRequest {
  const { id, poolId, queuedAt, assignedAt, receivedAt, finishedAt, result, lockedUntil, reservedAgent } = record;
  const { demands, jobId, planId, jobName, pipeline, run, project, parallelism, userDelayed, priority } = record;
  return {
    id,
    poolId,
    queuedAt,
    demands,
    jobId,
    planId,
    jobName,
    parallelism,
    userDelayed,
    priority,
    pipeline: { id: pipeline.id, name: pipeline.name },
    planType: 'Build',
    run,
    projectId: project.id,
    ...(assignedAt !== undefined && { assignedAt }),
    ...(receivedAt !== undefined && { receivedAt }),
    ...(finishedAt !== undefined && { finishedAt }),
    ...(result !== undefined && { result }),
    ...(lockedUntil !== undefined && { lockedUntil }),
    ...(reservedAgent !== undefined && { reservedAgent: { id: reservedAgent.id, name: reservedAgent.name } }),
  };
}
