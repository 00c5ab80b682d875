/** Probe agents that an earlier run could not take away because its process died. */
import type { Agent } from '../domain/agent.ts';
import { type EpochMs, hoursMs } from '../domain/instant.ts';
import { isProbeAgentName } from '../domain/names.ts';
import type { PoolPolicy } from '../domain/template.ts';
import { scopeOf } from '../plan/view.ts';
import type { AgentPools } from '../ports.ts';

/** A younger one may belong to a probe that is running. */
const leftAfterMs = hoursMs(1);

/** Without a known age, with a session, or with a request it is left alone. */
export function isLeftover(policy: PoolPolicy, agent: Agent, now: EpochMs): boolean {
  if (!isProbeAgentName(scopeOf(policy), agent.name)) return false;
  if (agent.online || agent.assignedRequestId !== undefined || agent.createdAt === undefined) return false;
  return now - agent.createdAt > leftAfterMs;
}

/** Deletes them one by one, each after a look of its own; rejects at the first that the server does not answer for. */
export async function removeLeftovers(
  { policy, pools }: { readonly policy: PoolPolicy; readonly pools: Pick<AgentPools, 'getAgent' | 'deleteAgent'> },
  agents: readonly Agent[],
  now: EpochMs,
): Promise<{ readonly removed: number; readonly kept: readonly string[] }> {
  let removed = 0;
  const kept: string[] = [];
  for (const { id, name } of agents.filter((agent) => isLeftover(policy, agent, now))) {
    const agent = await pools.getAgent(policy.poolId, id);
    if (agent === undefined) continue;
    if (isLeftover(policy, agent, now) && (await pools.deleteAgent(policy.poolId, id)) !== 'refused') removed++;
    else kept.push(name);
  }
  return { removed, kept };
}
