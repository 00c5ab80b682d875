/**
 * One placeholder per template: a registered agent that nobody can connect as. Without a registered agent that
 * satisfies its demands Azure DevOps fails a pipeline job at once instead of letting it wait. Never reaped here.
 */
import type { Agent, Capabilities } from '../domain/agent.ts';
import { placeholderName } from '../domain/names.ts';
import { offeredCapabilities } from '../domain/offer.ts';
import type { PoolPolicy, Template } from '../domain/template.ts';
import type { Action } from './plan.ts';
import { scopeOf } from './supply.ts';

/** What people added on the server is theirs: it neither lacks nor hides anything that we could repair. */
function offersExactly(agent: Agent, offered: Capabilities): boolean {
  const added = agent.userCapabilities ?? {};
  const names = new Set([...Object.keys(agent.capabilities), ...Object.keys(offered)]);
  return [...names].every((name) => name in added || agent.capabilities[name] === offered[name]);
}

function isSound(agent: Agent, template: Template): boolean {
  return (
    agent.enabled && agent.version === template.agentVersion && offersExactly(agent, offeredCapabilities(template))
  );
}

/** Creates what is missing and repairs what differs from its template. */
export function planPlaceholders(policy: PoolPolicy, agents: readonly Agent[]): readonly Action[] {
  const byName = new Map(agents.map((agent) => [agent.name, agent]));
  return policy.templates.flatMap((template): readonly Action[] => {
    const name = placeholderName(scopeOf(policy), template.name);
    const agent = byName.get(name);
    if (agent === undefined) return [{ kind: 'createPlaceholder', name, template }];
    return isSound(agent, template) ? [] : [{ kind: 'repairPlaceholder', name, agentId: agent.id, template }];
  });
}
