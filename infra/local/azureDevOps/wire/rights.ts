/** Who may do what. A pool that an identity may not read does not exist for it. */
import { poolNotFound } from '../worldError.ts';
import { accessDenied, needsManage } from './refusal.ts';
import { type AgentIdentity, holdsPool, type UserIdentity } from './tokens.ts';
import type { Wire, WireContext } from './wire.ts';

/** An agent's own token listens to its queue and nothing else (agents.md: "may only listen to the message queue"). */
export function requireUser(c: WireContext): UserIdentity {
  const identity = c.get('identity');
  if (identity.kind === 'user') return identity;
  throw accessDenied(`Access denied. ${identity.name} may only listen to its message queue.`);
}

export function requireRead(c: WireContext, poolId: number): UserIdentity {
  const identity = requireUser(c);
  if (!holdsPool(identity.rights.read, poolId)) throw poolNotFound(poolId);
  return identity;
}

export function requireManage(c: WireContext, wire: Wire, poolId: number): UserIdentity {
  const identity = requireRead(c, poolId);
  const pool = wire.world.getPool(poolId);
  if (!holdsPool(identity.rights.manage, poolId)) throw needsManage(identity.name, pool.name);
  return identity;
}

/**
 * The agent that calls. One that was deleted gets TaskAgentNotFoundException, on which its listener ends for good
 * (azure-pipelines-agent MessageListener.cs); its token stays known for just that.
 */
export function requireAgent(c: WireContext, wire: Wire, poolId: number): AgentIdentity {
  const identity = c.get('identity');
  if (identity.kind !== 'agent' || identity.poolId !== poolId) {
    throw accessDenied(`Access denied. ${identity.name} is no agent of pool ${poolId}.`);
  }
  wire.world.getAgent(poolId, identity.agentId);
  return identity;
}
