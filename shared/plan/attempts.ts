/** The attempts at each request, living, ended and merely named, looked up once for a whole plan. */
import type { Agent } from '../domain/agent.ts';
import { type AgentJob, isOver } from '../domain/agentJob.ts';
import { type NameScope, parseName } from '../domain/names.ts';
import type { PoolPolicy } from '../domain/template.ts';
import { isBootExpired } from './boot.ts';
import { knownAgentJobs, type Observed } from './observed.ts';
import { agentOf, scopeOf, wasEverOnline } from './supply.ts';

const attemptOf = ({ purpose }: AgentJob): number => (purpose.kind === 'request' ? purpose.attempt : 0);

/** So that what is said of them does not depend on the order in which clusters list them. */
const byAttempt = (a: AgentJob, b: AgentJob): number =>
  attemptOf(a) - attemptOf(b) || (a.cluster < b.cluster ? -1 : a.cluster > b.cluster ? 1 : 0);

export class Attempts {
  readonly #policy: PoolPolicy;
  readonly #observed: Observed;
  readonly #busy: ReadonlySet<string>;
  readonly #agentsByName: ReadonlyMap<string, Agent>;
  readonly #byRequest: ReadonlyMap<number, readonly AgentJob[]>;
  readonly #highest: ReadonlyMap<number, number>;

  /** `busy` = the names of agents that an unfinished request reserves. */
  constructor(policy: PoolPolicy, observed: Observed, agents: readonly Agent[], busy: ReadonlySet<string>) {
    const agentJobs = knownAgentJobs(observed);
    this.#policy = policy;
    this.#observed = observed;
    this.#busy = busy;
    this.#agentsByName = new Map(agents.map((agent) => [agent.name, agent]));
    this.#byRequest = Map.groupBy(
      agentJobs.filter(({ purpose }) => purpose.kind === 'request').toSorted(byAttempt),
      ({ purpose }) => (purpose.kind === 'request' ? purpose.requestId : 0),
    );
    this.#highest = highestNumbers(scopeOf(policy), [
      ...agentJobs.map((agentJob) => agentJob.name),
      ...agents.map((agent) => agent.name),
    ]);
  }

  of(requestId: number): readonly AgentJob[] {
    return this.#byRequest.get(requestId) ?? [];
  }

  /**
   * 1 + the highest number ever seen for the request: among agent jobs and tombstones, and among agent names. While a
   * cluster is out of reach a number may repeat one of its tombstones' there. Passing over some numbers then would be
   * worse: two passes that see different clusters would no longer meet at one name, and make two agents for one request.
   */
  next(requestId: number): number {
    return (this.#highest.get(requestId) ?? 0) + 1;
  }

  /**
   * The attempt that has failed but is not ended yet: past its create-by, over or out of time without ever an agent
   * online. End it first, replace it after: its creator may yet start it, it still holds its room, and until it is
   * being retired no backoff can count it. One that served somebody else has not failed.
   */
  failed(requestId: number): AgentJob | undefined {
    const now = this.#observed.at;
    return this.of(requestId).find((agentJob) => {
      if (agentJob.phase === 'creating') return now >= agentJob.createBy;
      if (agentJob.phase !== 'started' || this.#cameOnline(agentJob)) return false;
      return isOver(agentJob) || isBootExpired(agentJob, this.#policy.bootLimits, now);
    });
  }

  #cameOnline(agentJob: AgentJob): boolean {
    const agent = agentOf(agentJob, this.#agentsByName);
    return this.#busy.has(agentJob.name) || (agent !== undefined && wasEverOnline(agent));
  }
}

function highestNumbers(scope: NameScope, names: readonly string[]): ReadonlyMap<number, number> {
  const highest = new Map<number, number>();
  for (const name of names) {
    const parsed = parseName(scope, name);
    if (parsed?.kind !== 'request') continue;
    highest.set(parsed.requestId, Math.max(highest.get(parsed.requestId) ?? 0, parsed.attempt));
  }
  return highest;
}
