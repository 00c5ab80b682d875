/**
 * The end of a pod that may yet register its agent. Between the last look for that agent and the end of the pod it could
 * appear, be given a request and be killed with it. So its name is taken first, by an agent that nobody can ever connect
 * as: from then on the registration is refused, and the pod can be ended. The Job bears the id of that agent, and the
 * ordinary steps remove both.
 */
import type { AgentJob } from '../domain/agentJob.ts';
import { hasErrorKind } from '../domain/errors.ts';
import type { AgentPools, Cluster } from '../ports.ts';
import { nameLockPatch } from './patches.ts';

/** It registers itself, has not been seen, and nothing tells that it no longer can be. */
export const mayYetRegister = ({ agentId, suspended, pod }: AgentJob): boolean =>
  agentId === undefined && !suspended && pod?.mainStartedAt === undefined;

/** False = somebody bears the name already. A lost reply rejects, and the next look finds whom it made. */
export async function endUnderLock(
  pools: AgentPools,
  poolId: number,
  cluster: Cluster,
  agentJob: AgentJob,
): Promise<boolean> {
  try {
    const lock = await pools.addAgent(poolId, {
      name: agentJob.name,
      version: '0.0.0',
      osDescription: 'Mayfly name lock',
      capabilities: {},
      enabled: false,
    });
    await cluster.patchAgentJob(agentJob.name, nameLockPatch(agentJob, lock.id));
    return true;
  } catch (error) {
    if (hasErrorKind(error, 'conflict')) return false;
    throw error;
  }
}
