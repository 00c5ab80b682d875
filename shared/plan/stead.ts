/**
 * In whose stead a new agent is made. The matching serves the oldest first, also with an agent that is still on its way
 * for a younger one. When the agent of an old request came to nothing, the request that ends without one is therefore
 * another, and its own past says nothing: its agent is sound and has merely changed hands. What is made now replaces
 * the one that failed, so the past of that one's request decides.
 */
import type { Attempts } from './attempts.ts';
import type { Matching } from './matching.ts';

/** For an unmatched request: the one at the end of the chain of agents that changed hands, or itself. */
export function steadOf({ served }: Pick<Matching, 'served'>, attempts: Attempts): (requestId: number) => number {
  const holders = new Map([...served].map(([requestId, agent]) => [agent, requestId]));
  const holderOfOwn = (requestId: number): number | undefined =>
    attempts.of(requestId).flatMap(({ name }) => holders.get(name) ?? [])[0];
  return (requestId) => {
    let end = requestId;
    // No request comes twice: each holds one agent, which was made for one other, and the first one holds none.
    for (let next = holderOfOwn(end); next !== undefined && next !== end; next = holderOfOwn(end)) end = next;
    return end;
  };
}
