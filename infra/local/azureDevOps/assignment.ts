/**
 * The server's choice: the oldest waiting request gets any agent that is online, enabled, idle and capable. Agents
 * are fungible, so an agent started for one request is readily given another. Free parallel jobs are looked at first
 * (learn.microsoft.com pipelines/process/runs): a throttled request looks like any other pending one.
 */
import type { DemandSet } from './demands.ts';
import type { Leases } from './leases.ts';
import { matches } from './matching.ts';
import type { AgentState, OrganisationState, PoolState, RequestState } from './state.ts';

/** The idle agents of a pool during one pass, and the demands that none of them satisfies. */
interface Supply {
  readonly idle: AgentState[];
  readonly hopeless: Set<DemandSet>;
}

export class AssignmentPass {
  readonly #state: OrganisationState;
  readonly #leases: Leases;
  #scheduled = false;
  #running = false;

  constructor(state: OrganisationState, leases: Leases) {
    this.#state = state;
    this.#leases = leases;
  }

  /** Looks at all waiting requests after a short random delay; wakes in between are one. */
  wake(): void {
    if (this.#scheduled || this.#state.waiting.length === 0) return;
    const { min, max } = this.#state.limits.assignDelayMs;
    this.#scheduled = true;
    if (max > 0) {
      this.#state.clock.after(this.#state.random.between(min, max), () => this.#run());
    } else if (!this.#running) this.#run();
  }

  #run(): void {
    this.#running = true;
    try {
      while (this.#scheduled) {
        this.#scheduled = false;
        const given = this.#assignAll();
        this.#state.waiting = this.#state.waiting.filter(isWaiting);
        // Only now: an agent that answers within its message may change the world under the pass.
        for (const request of given) this.#leases.deliverJob(request);
        if (this.#state.limits.assignDelayMs.max > 0) break;
      }
    } finally {
      this.#running = false;
    }
  }

  #assignAll(): readonly RequestState[] {
    const supplies = new Map<PoolState, Supply>();
    const given: RequestState[] = [];
    for (const request of this.#state.waiting) {
      if (!isAssignable(request) || this.#isThrottled(request)) continue;
      const supply = supplies.get(request.pool) ?? this.#supplyOf(request.pool);
      supplies.set(request.pool, supply);
      const agent = this.#choose(request, supply);
      if (agent === undefined) continue;
      this.#leases.assign(request, agent);
      given.push(request);
    }
    return given;
  }

  #isThrottled(request: RequestState): boolean {
    return request.parallelism === 'private' && this.#state.used.private >= this.#state.parallelJobs;
  }

  #supplyOf(pool: PoolState): Supply {
    const { assignsToDisabled } = this.#state.limits;
    const mayTake = (agent: AgentState): boolean => (agent.enabled || assignsToDisabled) && isIdle(agent);
    const idle = [...pool.agents.values()].filter(mayTake);
    return { idle, hopeless: new Set() };
  }

  #choose(request: RequestState, supply: Supply): AgentState | undefined {
    const { idle, hopeless } = supply;
    if (idle.length === 0 || hopeless.has(request.demandSet)) return undefined;
    const capable = idle.filter((agent) => matches(agent, request.demandSet));
    if (capable.length === 0) {
      hopeless.add(request.demandSet);
      return undefined;
    }
    const chosen = this.#state.random.pick(capable);
    idle.splice(idle.indexOf(chosen), 1);
    return chosen;
  }
}

export function isWaiting(request: RequestState): boolean {
  return request.agent === undefined && request.result === undefined;
}

const isAssignable = (request: RequestState): boolean =>
  isWaiting(request) && !request.userDelayed && !request.run.orphaned;

function isIdle(agent: AgentState): boolean {
  if (agent.session === undefined || agent.updatePending || agent.ignored) return false;
  return agent.reservedBy === undefined && !agent.shuttingDown;
}
