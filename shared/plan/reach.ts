/** Which usable agents a waiting request can be served by, and in which order it would rather have them. */
import { unmetDemands } from '../domain/demand.ts';
import type { JobRequest } from '../domain/jobRequest.ts';
import type { Usable } from './supply.ts';

/** Indexes of agents, best first. */
export interface Reach {
  /** Those made for this request. */
  readonly own: readonly number[];
  /** All others that can serve anybody; one list, shared by all requests with equal demands. */
  readonly others: readonly number[];
}

interface Candidate {
  readonly index: number;
  readonly agent: Usable;
}

/** Agents made for nobody who waits come before those that another waiting request would miss. */
export function reachOf(usable: readonly Usable[], waiting: ReadonlySet<number>): (request: JobRequest) => Reach {
  const candidates = usable.map((agent, index): Candidate => ({ agent, index }));
  const madeFor = Map.groupBy(candidates, ({ agent }) => agent.madeFor ?? -1);
  const isSpare = ({ agent }: Candidate): boolean => agent.madeFor === undefined || !waiting.has(agent.madeFor);
  const canServe = (request: JobRequest) => (candidate: Candidate) =>
    unmetDemands(candidate.agent.offer, request.demands).length === 0;
  const shared = new Map<string, readonly number[]>();
  return (request) => {
    const key = request.demands.toSorted().join('\n');
    const others =
      shared.get(key) ??
      candidates
        .filter((candidate) => candidate.agent.onlyFor === undefined && canServe(request)(candidate))
        .toSorted((a, b) => Number(isSpare(b)) - Number(isSpare(a)) || a.index - b.index)
        .map(({ index }) => index);
    shared.set(key, others);
    const own = (madeFor.get(request.id) ?? []).filter(canServe(request)).map(({ index }) => index);
    return { own, others };
  };
}
