/** The usable agents that were considered for one request, and why each does not come to it. */
import { unmetDemands } from '../domain/demand.ts';
import type { Told } from './explainFate.ts';
import type { Usable } from './supply.ts';

/** An agent's capabilities are its pool's own business: only demands that it does not meet are told. */
export interface AgentTrail {
  readonly agent: string;
  readonly state: 'online' | 'booting';
  readonly ours: boolean;
  readonly madeFor?: number;
  readonly unmet: readonly string[];
  /** The request that it will serve; absent = none needs it. */
  readonly goesTo?: number;
  /** Kept for the request it was made for, because its pod does not exist yet. */
  readonly keptFor?: number;
  /** Azure DevOps has not used it although it could: it counts for nobody. */
  readonly distrusted: boolean;
}

export interface AgentsTrail {
  readonly usable: number;
  /** Of these, so many could serve the request. */
  readonly capable: number;
  /** The first of them, those that could serve it before the others. */
  readonly first: readonly AgentTrail[];
}

const shown = 20;

function agentTrail({ request, provision }: Told, usable: Usable, goesTo: number | undefined): AgentTrail {
  const { name: agent, state, ours, madeFor, onlyFor } = usable;
  return {
    agent,
    state,
    ours,
    ...(madeFor === undefined ? {} : { madeFor }),
    unmet: unmetDemands(usable.offer, request.demands),
    ...(goesTo === undefined ? {} : { goesTo }),
    ...(onlyFor === undefined || onlyFor === request.id ? {} : { keptFor: onlyFor }),
    distrusted: provision.distrusted.has(agent),
  };
}

const isCapable = ({ unmet, keptFor, distrusted }: AgentTrail): boolean =>
  unmet.length === 0 && keptFor === undefined && !distrusted;

export function agentsTrail(told: Told): AgentsTrail {
  const { provision } = told;
  const takers = new Map([...provision.matching.served].map(([requestId, agent]) => [agent, requestId]));
  const trails = provision.usable.map((usable) => agentTrail(told, usable, takers.get(usable.name)));
  const capable = trails.filter(isCapable);
  const others = trails.filter((trail) => !isCapable(trail));
  return { usable: trails.length, capable: capable.length, first: [...capable, ...others].slice(0, shown) };
}
