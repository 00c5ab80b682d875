/** The attempts at each request, living, ended and merely named, looked up once for a whole plan. */
import { type AgentJob, hasStopped } from '../domain/agentJob.ts';
import { type NameScope, parseName } from '../domain/names.ts';
import { isBootExpired } from './boot.ts';
import { wasEverOnline } from './supply.ts';
import { agentOf, scopeOf, type View } from './view.ts';

const attemptOf = ({ purpose }: AgentJob): number => (purpose.kind === 'request' ? purpose.attempt : 0);

/** So that what is said of them does not depend on the order in which clusters list them. */
const byAttempt = (a: AgentJob, b: AgentJob): number =>
  attemptOf(a) - attemptOf(b) || (a.cluster < b.cluster ? -1 : a.cluster > b.cluster ? 1 : 0);

export class Attempts {
  readonly #view: View;
  readonly #byRequest: ReadonlyMap<number, readonly AgentJob[]>;
  readonly #highest: ReadonlyMap<number, number>;

  constructor(view: View) {
    this.#view = view;
    this.#byRequest = Map.groupBy(
      view.agentJobs.filter(({ purpose }) => purpose.kind === 'request').toSorted(byAttempt),
      ({ purpose }) => (purpose.kind === 'request' ? purpose.requestId : 0),
    );
    this.#highest = highestNumbers(scopeOf(view.policy), [
      ...view.agentJobs.map((agentJob) => agentJob.name),
      ...view.agents.map((agent) => agent.name),
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
    return this.of(requestId).find((agentJob) => hasFailed(this.#view, agentJob));
  }
}

/** True for one that has had its chance, brought no agent online and is not ended yet. */
export function hasFailed(view: View, agentJob: AgentJob): boolean {
  if (agentJob.phase === 'creating') return view.now >= agentJob.createBy;
  if (agentJob.phase !== 'started' || cameOnline(view, agentJob)) return false;
  return hasStopped(agentJob) || isBootExpired(agentJob, view.policy, view.now);
}

function cameOnline(view: View, agentJob: AgentJob): boolean {
  // The name alone may be that of its twin in another cluster.
  const { agentId, name } = agentJob;
  const isBusy = agentId === undefined ? view.busy.has(name) : view.reserved.has(agentId);
  const agent = agentOf(view, agentJob);
  return isBusy || (agent !== undefined && wasEverOnline(agent));
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
