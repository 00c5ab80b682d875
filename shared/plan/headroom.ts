/** How many more agents the limits allow now. Each creation in a plan takes from it, so no plan exceeds a limit. */

import type { Agent } from '../domain/agent.ts';
import { isOver, isTombstone } from '../domain/agentJob.ts';
import type { JobRequest } from '../domain/jobRequest.ts';
import type { SkipReason } from '../domain/reasons.ts';
import type { PoolPolicy, Template } from '../domain/template.ts';
import { everyClusterKnown, knownAgentJobs, type Observed } from './observed.ts';
import { type Usable, workerName } from './supply.ts';

export class Headroom {
  #pass: number;
  #pool: number;
  #parallel: number;
  readonly #templates: Map<string, number>;

  private constructor(pass: number, pool: number, parallel: number, templates: Map<string, number>) {
    this.#pass = pass;
    this.#pool = pool;
    this.#parallel = parallel;
    this.#templates = templates;
  }

  /** `usable` = all usable agents of ours: booting and idle ones already hold a claim on the parallel jobs. */
  static of(
    policy: PoolPolicy,
    observed: Observed,
    {
      agents,
      requests,
      usable,
    }: { agents: readonly Agent[]; requests: readonly JobRequest[]; usable: readonly Usable[] },
  ): Headroom {
    const live = knownAgentJobs(observed).filter(
      (agentJob) => (!isTombstone(agentJob) && !isOver(agentJob)) || agentJob.phase === 'creating',
    );
    const templates = new Map(
      policy.templates.map((template) => {
        const ofTemplate = live.filter((agentJob) => agentJob.template === template.name).length;
        return [template.name, template.maxAgents - ofTemplate];
      }),
    );
    const pool = policy.maxAgents - live.length - unseenCount(policy, observed, agents, usable);
    return new Headroom(
      policy.maxCreationsPerPass,
      pool,
      parallelHeadroom(policy, observed, requests, usable),
      templates,
    );
  }

  /** What forbids one more agent of this template for this request; undefined = nothing. */
  limit(template: Template, request: JobRequest): SkipReason | undefined {
    if ((this.#templates.get(template.name) ?? 0) <= 0) return 'atTemplateLimit';
    if (this.#pool <= 0) return 'atPoolLimit';
    if (request.parallelism === 'private' && this.#parallel <= 0) return 'atParallelJobLimit';
    if (this.#pass <= 0) return 'atPassLimit';
    return undefined;
  }

  take(template: Template, request: JobRequest): void {
    this.#templates.set(template.name, (this.#templates.get(template.name) ?? 0) - 1);
    this.#pool -= 1;
    this.#pass -= 1;
    if (request.parallelism === 'private') this.#parallel -= 1;
  }
}

/**
 * Agents of ours that hold room though no list shows their Job: all of them while a cluster is out of reach, else only
 * those so new that the lists may lie apart.
 */
function unseenCount(
  policy: PoolPolicy,
  observed: Observed,
  agents: readonly Agent[],
  usable: readonly Usable[],
): number {
  const seen = new Set(knownAgentJobs(observed).map((agentJob) => agentJob.name));
  const candidates = everyClusterKnown(observed) ? usable.filter((agent) => agent.state === 'booting') : agents;
  return candidates.filter(({ name }) => workerName(policy, name) !== undefined && !seen.has(name)).length;
}

/**
 * Unknown usage of an `auto` limit does not stop the pool: the server itself never runs more than are allowed. A number
 * that was configured holds all the same, against what this pool is known to use.
 */
function parallelHeadroom(
  policy: PoolPolicy,
  observed: Observed,
  requests: readonly JobRequest[],
  usable: readonly Usable[],
): number {
  const usage = observed.parallelJobs.value;
  const allowed = policy.parallelJobs === 'auto' ? usage?.total : policy.parallelJobs;
  if (allowed === undefined || allowed === 'unlimited') return Number.POSITIVE_INFINITY;
  const usedHere = requests.filter((request) => request.parallelism === 'private' && request.assignedAt !== undefined);
  return allowed - (usage?.used ?? usedHere.length) - usable.filter((agent) => agent.ours).length;
}
