/**
 * Maximum matching of waiting requests to usable agents. Azure DevOps gives any matching agent to the oldest request,
 * so which agent was made for whom decides nothing but ties. Requests are taken oldest first, and augmenting paths
 * never unmatch one: whoever is left over is as young as possible.
 */
import type { JobRequest } from '../domain/jobRequest.ts';
import { type Reach, reachOf } from './reach.ts';
import type { Usable } from './supply.ts';

export interface Matching {
  /** Request id -> agent name. */
  readonly served: ReadonlyMap<number, string>;
  readonly unmatched: readonly JobRequest[];
  /** Agents that no request needs. */
  readonly leftOver: readonly Usable[];
}

/** No request, or no agent, where an index is expected. */
const none = -1;

/** Requests and agents by their index in the two lists. */
class Pairing {
  /** The request that has an agent, by agent. */
  readonly takenBy: Int32Array;
  /** The agent that a request has, by request. */
  readonly holds: Int32Array;
  readonly #reach: readonly Reach[];
  /** How far each shared list has been used up: an agent once taken is never free again, it only changes hands. */
  readonly #usedUp = new Map<readonly number[], number>();
  /** What a failed search has seen: no later path leads through it to a free agent, so nobody need look there again. */
  readonly #exhausted: Uint8Array;
  readonly #exhaustedLists = new Set<readonly number[]>();
  /** By agent: the search that has seen it last, and by which request it came there. */
  readonly #seenIn: Int32Array;
  readonly #cameFrom: Int32Array;
  #search = 0;

  constructor(reach: readonly Reach[], agentCount: number) {
    this.#reach = reach;
    this.takenBy = new Int32Array(agentCount).fill(none);
    this.holds = new Int32Array(reach.length).fill(none);
    this.#exhausted = new Uint8Array(agentCount);
    this.#seenIn = new Int32Array(agentCount);
    this.#cameFrom = new Int32Array(agentCount);
  }

  /** Gives the request an agent, moving others if need be; false = no matching serves it and all before it. */
  serve(request: number): boolean {
    const free = this.#freeAgent(request);
    if (free === none) return this.#augment(request);
    this.#take(free, request);
    return true;
  }

  #isFree(agent: number | undefined): boolean {
    return agent !== undefined && this.takenBy[agent] === none;
  }

  #freeAgent(request: number): number {
    const { own, others } = this.#reach[request] ?? { own: [], others: [] };
    for (const agent of own) {
      if (this.#isFree(agent)) return agent;
    }
    let place = this.#usedUp.get(others) ?? 0;
    if (place === others.length) return none;
    while (place < others.length && !this.#isFree(others[place])) place += 1;
    this.#usedUp.set(others, place);
    return others[place] ?? none;
  }

  #take(agent: number, request: number): void {
    this.takenBy[agent] = request;
    this.holds[request] = agent;
  }

  /** Each shared list is walked once per search: whoever comes to it later finds nothing new there. */
  #neighbours(request: number, walked: Set<readonly number[]>): readonly number[] {
    const { own, others } = this.#reach[request] ?? { own: [], others: [] };
    const live = this.#exhaustedLists.has(others) || walked.has(others) ? [] : others;
    walked.add(others);
    return own.length === 0 ? live : [...own, ...live];
  }

  /** Marks an agent as seen in this search from that request; false = there is nothing to find behind it. */
  #isNew(agent: number, from: number): boolean {
    if (this.#seenIn[agent] === this.#search || this.#exhausted[agent] === 1) return false;
    this.#seenIn[agent] = this.#search;
    this.#cameFrom[agent] = from;
    return true;
  }

  /** Breadth first, so that few requests move. */
  #augment(request: number): boolean {
    this.#search += 1;
    const walked = new Set<readonly number[]>();
    const queue = [request];
    const seen: number[] = [];
    for (const current of queue) {
      for (const agent of this.#neighbours(current, walked)) {
        if (!this.#isNew(agent, current)) continue;
        const holder = this.takenBy[agent] ?? none;
        if (holder === none) {
          this.#shift(agent, request);
          return true;
        }
        seen.push(agent);
        queue.push(holder);
      }
    }
    for (const agent of seen) this.#exhausted[agent] = 1;
    for (const each of queue) this.#exhaustedLists.add(this.#reach[each]?.others ?? []);
    return false;
  }

  /** Walks a path back to `request`: each on it takes the next agent and leaves its own to the one before. */
  #shift(free: number, request: number): void {
    let agent = free;
    while (agent !== none) {
      const taker = this.#cameFrom[agent] ?? request;
      const previous = taker === request ? none : (this.holds[taker] ?? none);
      this.#take(agent, taker);
      agent = previous;
    }
  }
}

/** `waiting` oldest first. Deterministic; equal choices go by the order of `usable`. */
export function matchRequests(waiting: readonly JobRequest[], usable: readonly Usable[]): Matching {
  const pairing = new Pairing(reachOf(usable, waiting), usable.length);
  const unmatched = waiting.filter((_, index) => !pairing.serve(index));
  const served = new Map<number, string>();
  for (const [agent, request] of pairing.takenBy.entries()) {
    const [name, id] = [usable[agent]?.name, waiting[request]?.id];
    if (name !== undefined && id !== undefined) served.set(id, name);
  }
  return { served, unmatched, leftOver: usable.filter((_, index) => pairing.takenBy[index] === none) };
}
