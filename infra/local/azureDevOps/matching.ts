import type { DemandSet } from './demands.ts';
import { lookup } from './demands.ts';
import type { AgentState, PoolState } from './state.ts';

/**
 * True when the agent's capabilities satisfy the demands, whatever its status. The version field stands in for a
 * missing Agent.Version: MShekow/azure-pipelines-k8s-agent-scaler registers placeholders with version 99.999.9 and
 * without that capability, and jobs queue against them.
 */
export function matches(agent: AgentState, demands: DemandSet): boolean {
  const remembered = agent.matched.get(demands);
  if (remembered !== undefined) return remembered;
  const capabilities = lookup(
    { 'Agent.Version': agent.version, 'Agent.Name': agent.name },
    agent.systemCapabilities,
    agent.userCapabilities,
  );
  const answer = demands.satisfiedBy(capabilities);
  agent.matched.set(demands, answer);
  return answer;
}

export function matchingAgents(pool: PoolState, demands: DemandSet): AgentState[] {
  return [...pool.agents.values()].filter((agent) => matches(agent, demands));
}

export function hasMatchingAgent(pool: PoolState, demands: DemandSet): boolean {
  for (const agent of pool.agents.values()) if (matches(agent, demands)) return true;
  return false;
}
