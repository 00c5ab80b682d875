/**
 * Maximum matching of waiting requests to usable agents. Azure DevOps gives any matching agent to the oldest request,
 * so which agent was made for whom decides nothing but ties. Requests are taken oldest first, and augmenting paths
 * never unmatch one: whoever is left over is as young as possible.
 */
import { unmetDemands } from '../domain/demand.ts';
import type { JobRequest } from '../domain/jobRequest.ts';
import type { Usable } from './supply.ts';

export interface Matching {
  /** Request id -> agent name. */
  readonly served: ReadonlyMap<number, string>;
  readonly unmatched: readonly JobRequest[];
  /** Agents that no request needs. */
  readonly leftOver: readonly Usable[];
}

const signature = (parts: readonly string[]): string => parts.toSorted().join('\n');

/** Which usable agents can serve a request; answers are shared by requests with equal demands. */
function eligibility(usable: readonly Usable[]): (request: JobRequest) => readonly number[] {
  const byDemands = new Map<string, readonly number[]>();
  return (request) => {
    const key = signature(request.demands);
    let capable = byDemands.get(key);
    if (capable === undefined) {
      capable = usable.flatMap((agent, index) =>
        unmetDemands(agent.offer, request.demands).length === 0 ? [index] : [],
      );
      byDemands.set(key, capable);
    }
    return capable.filter((index) => {
      const onlyFor = usable[index]?.onlyFor;
      return onlyFor === undefined || onlyFor === request.id;
    });
  };
}

/** Its own agent first, then agents made for nobody who waits, then the rest. */
function preference(request: JobRequest, agent: Usable, waiting: ReadonlySet<number>): number {
  if (agent.madeFor === request.id) return 0;
  return agent.madeFor === undefined || !waiting.has(agent.madeFor) ? 1 : 2;
}

/**
 * Finds who moves where so that `request` gets an agent; breadth first, so that few requests move. What a failed search
 * has seen is `exhausted`: no later path can lead through it to a free agent, so nobody need look there again.
 */
function augment(
  request: number,
  reach: readonly (readonly number[])[],
  taken: Map<number, number>,
  exhausted: Set<number>,
): boolean {
  const cameFrom = new Map<number, number>();
  const queue = [request];
  for (const current of queue) {
    for (const agent of reach[current] ?? []) {
      if (cameFrom.has(agent) || exhausted.has(agent)) continue;
      cameFrom.set(agent, current);
      const holder = taken.get(agent);
      if (holder === undefined) {
        shift(agent, request, cameFrom, taken);
        return true;
      }
      queue.push(holder);
    }
  }
  for (const agent of cameFrom.keys()) exhausted.add(agent);
  return false;
}

/** Walks a found path back to `request`: each on it takes the next agent and leaves its present one to the one before. */
function shift(free: number, request: number, cameFrom: ReadonlyMap<number, number>, taken: Map<number, number>): void {
  const heldBy = new Map([...taken].map(([agent, holder]) => [holder, agent]));
  let agent: number | undefined = free;
  while (agent !== undefined) {
    const taker: number = cameFrom.get(agent) ?? request;
    const previous: number | undefined = taker === request ? undefined : heldBy.get(taker);
    taken.set(agent, taker);
    agent = previous;
  }
}

/** `waiting` oldest first. Deterministic; equal choices go by the order of `usable`. */
export function matchRequests(waiting: readonly JobRequest[], usable: readonly Usable[]): Matching {
  const eligible = eligibility(usable);
  const ids = new Set(waiting.map((request) => request.id));
  const reach = waiting.map((request) =>
    eligible(request).toSorted((a, b) => {
      const [left, right] = [usable[a], usable[b]];
      if (left === undefined || right === undefined) return 0;
      return preference(request, left, ids) - preference(request, right, ids) || a - b;
    }),
  );
  const taken = new Map<number, number>();
  const exhausted = new Set<number>();
  const unmatched = waiting.filter((_, index) => !augment(index, reach, taken, exhausted));
  const served = new Map<number, string>();
  for (const [agent, request] of taken) {
    const [name, id] = [usable[agent]?.name, waiting[request]?.id];
    if (name !== undefined && id !== undefined) served.set(id, name);
  }
  return { served, unmatched, leftOver: usable.filter((_, index) => !taken.has(index)) };
}
