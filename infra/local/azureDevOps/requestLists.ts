/** The job requests of a pool in the response shapes of the server. Newest first: consumers must sort for themselves. */
import { isWaiting } from './assignment.ts';
import type { DemandSet } from './demands.ts';
import { matchingAgents } from './matching.ts';
import type { AgentReference, RequestQuery, RequestRecord, ResourceUsage } from './records.ts';
import type { OrganisationState, PoolState, RequestState } from './state.ts';
import { agentReference, requestRecord } from './views.ts';

export class RequestLists {
  readonly #state: OrganisationState;

  constructor(state: OrganisationState) {
    this.#state = state;
  }

  /**
   * `top`: the newest, finished ones too, capped and without matchedAgents; it wins over `completedRequestCount`.
   * `completedRequestCount`: all unfinished and so many finished. Neither: everything. Observed in kedacore/keda
   * issues 4387 and 6819 and its documentation of the azure-pipelines scaler; none of it is in Microsoft's reference.
   */
  list(poolId: number, query: RequestQuery): readonly RequestRecord[] {
    const pool = this.#state.pool(poolId);
    const chosen = this.#choose(pool, query).filter((request) => isAsked(request, query));
    if (query.top !== undefined) return chosen.map((request) => requestRecord(this.#state, request));
    const matched = matchedAgentsOf(pool);
    return chosen.map((request) => requestRecord(this.#state, request, { matchedAgents: matched(request.demandSet) }));
  }

  /** The unfinished requests without matchedAgents, for a door that has no use for them. */
  unfinished(poolId: number): readonly RequestRecord[] {
    const requests = [...this.#state.pool(poolId).unfinished.values()].reverse();
    return requests.map((request) => requestRecord(this.#state, request));
  }

  get(poolId: number, requestId: number, includeStatus: boolean): RequestRecord {
    const request = this.#state.request(requestId, this.#state.pool(poolId).id);
    const statusMessage = includeStatus ? this.#statusMessage(request) : undefined;
    const matchedAgents = matchedAgentsOf(request.pool)(request.demandSet);
    return requestRecord(this.#state, request, { matchedAgents, statusMessage });
  }

  all(poolId: number): readonly RequestRecord[] {
    return this.#state.pool(poolId).requests.map((request) => requestRecord(this.#state, request));
  }

  usage(parallelism: 'private' | 'public'): ResourceUsage {
    const running = [...this.#state.pools.values()]
      .flatMap((pool) => [...pool.unfinished.values()])
      .filter((request) => request.parallelism === parallelism && request.agent !== undefined);
    return {
      usedCount: this.#state.used[parallelism],
      totalCount: this.#state.parallelJobs,
      runningRequests: running.map((request) => requestRecord(this.#state, request)),
    };
  }

  #choose(pool: PoolState, query: RequestQuery): RequestState[] {
    if (query.top !== undefined) {
      const count = Math.min(query.top, this.#state.limits.maxTop);
      return count <= 0 ? [] : pool.requests.slice(-count).reverse();
    }
    if (query.completedRequestCount === undefined) return [...pool.requests].reverse();
    const finished = query.completedRequestCount <= 0 ? [] : pool.finished.slice(-query.completedRequestCount);
    return [...finished, ...pool.unfinished.values()].sort((a, b) => b.id - a.id);
  }

  /** [I] Only the single read with includeStatus tells why a request waits. */
  #statusMessage(request: RequestState): string | undefined {
    if (!isWaiting(request) || request.parallelism !== 'private') return undefined;
    if (this.#state.used.private < this.#state.parallelJobs) return undefined;
    const ahead = this.#state.waiting.filter((other) => isWaiting(other) && other.parallelism === 'private');
    const position = ahead.indexOf(request) + 1;
    return (
      'This agent request is not running because you have reached the maximum number of requests that can run for ' +
      `parallelism type 'Private'. Current position in queue: ${position}`
    );
  }
}

function isAsked(request: RequestState, query: RequestQuery): boolean {
  if (query.agentIds !== undefined && !query.agentIds.includes(request.agent?.id ?? -1)) return false;
  if (query.planId !== undefined && query.planId !== request.run.planId) return false;
  return query.jobId === undefined || query.jobId === request.jobId;
}

/** Offline agents and placeholders count as well. Each set of demands is looked up once per list. */
function matchedAgentsOf(pool: PoolState): (demands: DemandSet) => readonly AgentReference[] {
  const known = new Map<DemandSet, readonly AgentReference[]>();
  return (demands) => {
    const matched = known.get(demands) ?? matchingAgents(pool, demands).map(agentReference);
    known.set(demands, matched);
    return matched;
  };
}
