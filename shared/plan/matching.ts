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

/** Requests and agents by their index in the two lists. */
class Pairing {
  readonly takenBy = new Map<number, number>();
  readonly #holds = new Map<number, number>();
  readonly #reach: readonly Reach[];
  /** How far each shared list has been used up: an agent once taken is never free again, it only changes hands. */
  readonly #usedUp = new Map<readonly number[], number>();
  /** What a failed search has seen: no later path leads through it to a free agent, so nobody need look there again. */
  readonly #exhausted = new Set<number>();
  readonly #exhaustedLists = new Set<readonly number[]>();

  constructor(reach: readonly Reach[]) {
    this.#reach = reach;
  }

  /** Gives the request an agent, moving others if need be; false = no matching serves it and all before it. */
  serve(request: number): boolean {
    const free = this.#freeAgent(request);
    if (free === undefined) return this.#augment(request);
    this.#take(free, request);
    return true;
  }

  #freeAgent(request: number): number | undefined {
    const { own, others } = this.#reach[request] ?? { own: [], others: [] };
    const ownFree = own.find((agent) => !this.takenBy.has(agent));
    if (ownFree !== undefined) return ownFree;
    let place = this.#usedUp.get(others) ?? 0;
    while (place < others.length && this.takenBy.has(others[place] ?? -1)) place += 1;
    this.#usedUp.set(others, place);
    return others[place];
  }

  #take(agent: number, request: number): void {
    this.takenBy.set(agent, request);
    this.#holds.set(request, agent);
  }

  /** Each shared list is walked once per search: whoever comes to it later finds nothing new there. */
  #neighbours(request: number, walked: Set<readonly number[]>): readonly number[] {
    const { own, others } = this.#reach[request] ?? { own: [], others: [] };
    const live = this.#exhaustedLists.has(others) || walked.has(others) ? [] : others;
    walked.add(others);
    return own.length === 0 ? live : [...own, ...live];
  }

  /** Breadth first, so that few requests move. */
  #augment(request: number): boolean {
    const cameFrom = new Map<number, number>();
    const walked = new Set<readonly number[]>();
    const queue = [request];
    for (const current of queue) {
      for (const agent of this.#neighbours(current, walked)) {
        if (cameFrom.has(agent) || this.#exhausted.has(agent)) continue;
        cameFrom.set(agent, current);
        const holder = this.takenBy.get(agent);
        if (holder === undefined) {
          this.#shift(agent, request, cameFrom);
          return true;
        }
        queue.push(holder);
      }
    }
    for (const agent of cameFrom.keys()) this.#exhausted.add(agent);
    for (const seen of queue) this.#exhaustedLists.add(this.#reach[seen]?.others ?? []);
    return false;
  }

  /** Walks a path back to `request`: each on it takes the next agent and leaves its own to the one before. */
  #shift(free: number, request: number, cameFrom: ReadonlyMap<number, number>): void {
    let agent: number | undefined = free;
    while (agent !== undefined) {
      const taker: number = cameFrom.get(agent) ?? request;
      const previous: number | undefined = taker === request ? undefined : this.#holds.get(taker);
      this.#take(agent, taker);
      agent = previous;
    }
  }
}

/** `waiting` oldest first. Deterministic; equal choices go by the order of `usable`. */
export function matchRequests(waiting: readonly JobRequest[], usable: readonly Usable[]): Matching {
  const pairing = new Pairing(reachOf(usable, waiting));
  const unmatched = waiting.filter((_, index) => !pairing.serve(index));
  const served = new Map<number, string>();
  for (const [agent, request] of pairing.takenBy) {
    const [name, id] = [usable[agent]?.name, waiting[request]?.id];
    if (name !== undefined && id !== undefined) served.set(id, name);
  }
  return { served, unmatched, leftOver: usable.filter((_, index) => !pairing.takenBy.has(index)) };
}
