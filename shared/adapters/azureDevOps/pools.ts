/** The AgentPools port over the REST API: each method is one request, the list of job requests one per page. */
import type { Agent } from '../../domain/agent.ts';
import { hasErrorKind, UpstreamError } from '../../domain/errors.ts';
import type { EpochMs } from '../../domain/instant.ts';
import type { JobRequest } from '../../domain/jobRequest.ts';
import { isUnfinished } from '../../domain/jobRequest.ts';
import type { AgentPools, Stamped } from '../../ports.ts';
import type { Answer } from './answer.ts';
import type { AzureDevOpsCall, AzureDevOpsOptions, AzureDevOpsRest } from './rest.ts';
import { azureDevOpsRest } from './rest.ts';
import { agentUpdateBody, newAgentBody, readWire, wire } from './wire.ts';

const root = '_apis/distributedtask';
const version = { 'api-version': '7.1' } as const;
/** In no public reference, and refused without the revision of the preview; sent by anklet, too. */
const jobRequestsVersion = { 'api-version': '7.1-preview.1' } as const;
const resourceUsageVersion = { 'api-version': '7.1-preview.2' } as const;

/** Without its flag the assigned request is left out, and every busy agent looks idle. */
const whole = {
  ...version,
  includeCapabilities: true,
  includeAssignedRequest: true,
  includeLastCompletedRequest: true,
} as const;

export function azureDevOpsPools(options: AzureDevOpsOptions): AgentPools {
  return poolsOver(azureDevOpsRest(options));
}

export function poolsOver(rest: AzureDevOpsRest): AgentPools {
  const read = (operation: string, path: string, query: AzureDevOpsCall['query']): Promise<Answer> =>
    rest.call({ operation, method: 'GET', path: `${root}/${path}`, query, repeatable: true });
  return {
    listJobRequests: (poolId) => listJobRequests(read, poolId),
    getJobRequest: async (poolId, requestId) => {
      const operation = 'getting a job request';
      const path = `pools/${poolId}/jobrequests/${requestId}`;
      const answer = await unlessAbsent(read(operation, path, jobRequestsVersion));
      return answer && { ...readWire(wire.jobRequest, answer.body, operation), poolId };
    },
    listAgents: async (poolId) => {
      const operation = 'listing agents';
      const answer = await read(operation, `pools/${poolId}/agents`, whole);
      return { value: readWire(wire.agents, answer.body, operation), at: serverTime(answer, operation) };
    },
    getAgent: async (poolId, agentId) => {
      const operation = 'getting an agent';
      const answer = await unlessAbsent(read(operation, `pools/${poolId}/agents/${agentId}`, whole));
      return answer && readWire(wire.agent, answer.body, operation);
    },
    findAgent: async (poolId, name) => {
      const operation = 'finding an agent';
      const answer = await read(operation, `pools/${poolId}/agents`, { ...whole, agentName: name });
      return onlyOne(readWire(wire.agents, answer.body, operation), name, operation);
    },
    addAgent: async (poolId, agent) => {
      const operation = 'adding an agent';
      const path = `${root}/pools/${poolId}/agents`;
      const body = newAgentBody(agent);
      const answer = await rest.call({ operation, method: 'POST', path, query: version, body, repeatable: false });
      return readWire(wire.registeredAgent, answer.body, operation);
    },
    updateAgent: async (poolId, update) => {
      const path = `${root}/pools/${poolId}/agents/${update.id}`;
      const body = agentUpdateBody(update);
      const operation = 'updating an agent';
      await rest.call({ operation, method: 'PATCH', path, query: version, body, repeatable: true });
    },
    deleteAgent: (poolId, agentId) => deleteAgent(rest, poolId, agentId),
    isRunOver: async (projectId, runId) => {
      const operation = 'getting a run';
      const path = `${encodeURIComponent(projectId)}/_apis/build/builds/${runId}`;
      const call = rest.call({ operation, method: 'GET', path, query: version, repeatable: true });
      const answer = await unlessAbsent(call);
      return answer && readWire(wire.isBuildOver, answer.body, operation);
    },
    getParallelJobs: async () => {
      const operation = 'reading the parallel jobs';
      const query = { parallelismTag: 'Private', poolIsHosted: false, includeRunningRequests: true };
      const answer = await read(operation, 'resourceusage', { ...query, ...resourceUsageVersion });
      return readWire(wire.parallelJobs, answer.body, operation);
    },
  };
}

/** More pages than any pool has; a server that goes on has lost its place. */
const maxPages = 200;

type Read = (operation: string, path: string, query: AzureDevOpsCall['query']) => Promise<Answer>;

async function listJobRequests(read: Read, poolId: number): Promise<Stamped<readonly JobRequest[]>> {
  const operation = 'listing job requests';
  const requests: JobRequest[] = [];
  // The first answer's time: what came with later pages is at least as new, so no age is overstated.
  let at: EpochMs | undefined;
  let continuationToken: string | undefined;
  for (let page = 0; page < maxPages; page++) {
    const query = { completedRequestCount: 0, ...jobRequestsVersion, continuationToken };
    const answer = await read(operation, `pools/${poolId}/jobrequests`, query);
    for (const request of readWire(wire.jobRequests, answer.body, operation)) requests.push({ ...request, poolId });
    at ??= serverTime(answer, operation);
    if (answer.continuationToken === undefined) return { value: requests.filter(isUnfinished), at };
    continuationToken = answer.continuationToken;
  }
  throw unexpected(operation, `no end after ${maxPages} pages`);
}

/**
 * "Refused" is any client error that is not about us: while the agent runs a job the server says no with a status
 * that no document names.
 */
async function deleteAgent(
  rest: AzureDevOpsRest,
  poolId: number,
  agentId: number,
): Promise<'deleted' | 'absent' | 'refused'> {
  const path = `${root}/pools/${poolId}/agents/${agentId}`;
  try {
    const call = rest.call({
      operation: 'deleting an agent',
      method: 'DELETE',
      path,
      query: version,
      repeatable: true,
    });
    return (await unlessAbsent(call)) === undefined ? 'absent' : 'deleted';
  } catch (error) {
    if (hasErrorKind(error, 'conflict', 'invalid')) return 'refused';
    throw error;
  }
}

/** A pool that we cannot see answers 404 as well; then nothing in it is known to be absent. */
async function unlessAbsent(call: Promise<Answer>): Promise<Answer | undefined> {
  try {
    return await call;
  } catch (error) {
    const absent = hasErrorKind(error, 'notFound') && error instanceof UpstreamError;
    if (absent && !error.detail?.startsWith('TaskAgentPoolNotFoundException')) return undefined;
    throw error;
  }
}

function onlyOne(agents: readonly Agent[], name: string, operation: string): Agent | undefined {
  const found = agents.filter((agent) => agent.name === name);
  if (found.length > 1) throw unexpected(operation, `${found.length} agents of one name`);
  return found[0];
}

function serverTime(answer: Answer, operation: string): EpochMs {
  if (answer.at === undefined) throw unexpected(operation, 'no Date header');
  return answer.at;
}

const unexpected = (operation: string, detail: string): UpstreamError =>
  new UpstreamError({ upstream: 'azureDevOps', operation, kind: 'unexpected', detail });
