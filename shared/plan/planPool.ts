/** The whole decision about one pool, from one look at it. Total: it cannot fail, and equal input gives an equal plan. */
import type { Agent } from '../domain/agent.ts';
import { type AgentJob, isOver, isTombstone, standsBehind } from '../domain/agentJob.ts';
import { isUnfinished, type JobRequest } from '../domain/jobRequest.ts';
import type { SkipReason } from '../domain/reasons.ts';
import type { PoolPolicy } from '../domain/template.ts';
import { planGhosts } from './ghosts.ts';
import { nextStep } from './lifecycle.ts';
import { knownAgentJobs, type Observed } from './observed.ts';
import { planPlaceholders } from './placeholders.ts';
import type { Alarm, Plan } from './plan.ts';
import { type Provision, planProvision } from './provision.ts';
import { reservedAgents } from './supply.ts';

/** How soon to look again while anything waits, boots or finishes. */
export const activeLookMs = 5000;

const noPlan = (alarms: readonly Alarm[]): Plan => ({
  actions: [],
  skips: [],
  alarms,
  served: new Map(),
  nextLookAt: undefined,
});

function readAlarms(observed: Observed): readonly Alarm[] {
  const { parallelJobs, paused } = observed;
  const optional: Alarm[] = [];
  if (parallelJobs.error !== undefined) optional.push({ reason: 'parallelJobsUnknown', subject: parallelJobs.error });
  if (paused.error !== undefined) optional.push({ reason: 'controlUnknown', subject: paused.error });
  const clusters = observed.clusters.flatMap(({ name, agentJobs }): readonly Alarm[] =>
    agentJobs.known ? [] : [{ reason: 'clusterUnknown', subject: name, detail: agentJobs.error }],
  );
  return [...optional, ...clusters];
}

/** Why a waiting request waits for people or a new configuration; the ordinary sweep is soon enough for these. */
const restingReasons: ReadonlySet<SkipReason> = new Set(['unparsableDemand', 'noTemplate', 'paused']);

/**
 * Something is on its way: a request waits for what a pass can change, or an agent job is neither memory nor merely at
 * work. An agent that runs its job and is disabled already needs nobody until it has finished, which a hook tells.
 */
function isActive(provision: Provision, agentJobs: readonly AgentJob[], working: ReadonlyMap<string, Agent>): boolean {
  const resting = provision.skips.filter((skip) => restingReasons.has(skip.reason)).length;
  return provision.waitingCount > resting || agentJobs.some((agentJob) => !isAtRest(agentJob, working));
}

function isAtRest(agentJob: AgentJob, working: ReadonlyMap<string, Agent>): boolean {
  if (isTombstone(agentJob) || agentJob.phase === 'unreadable') return true;
  const agent = working.get(agentJob.name);
  return agent !== undefined && standsBehind(agentJob, agent) && !isOver(agentJob);
}

/** Agents that run a request and are disabled, by name. */
function workingAgents(
  agents: readonly Agent[],
  reserved: ReadonlyMap<number, JobRequest>,
): ReadonlyMap<string, Agent> {
  const working = agents.filter((agent) => !agent.enabled && reserved.get(agent.id)?.receivedAt !== undefined);
  return new Map(working.map((agent) => [agent.name, agent]));
}

export function planPool(policy: PoolPolicy, observed: Observed): Plan {
  const { requests, agents, at } = observed;
  if (!agents.known) return noPlan([{ reason: 'agentsUnknown', subject: policy.poolName, detail: agents.error }]);
  if (!requests.known) return noPlan([{ reason: 'requestsUnknown', subject: policy.poolName, detail: requests.error }]);

  const provision = planProvision(policy, observed, requests.value, agents.value);
  const reserved = reservedAgents(requests.value);
  const context = {
    policy,
    now: at,
    agentsByName: new Map(agents.value.map((agent) => [agent.name, agent])),
    reservedByName: new Map([...reserved.values()].map((request) => [request.reservedAgent?.name ?? '', request])),
    unfinished: new Set(requests.value.filter(isUnfinished).map((request) => request.id)),
    leftOver: new Set(provision.matching.leftOver.filter((usable) => usable.ours).map((usable) => usable.name)),
  };
  const steps = knownAgentJobs(observed).map((agentJob) => nextStep(agentJob, context));
  return {
    actions: [
      ...planPlaceholders(policy, agents.value),
      ...provision.actions,
      ...steps.flatMap((step) => step.actions),
      ...planGhosts(policy, observed, agents.value, new Set(reserved.keys())),
    ],
    skips: provision.skips,
    alarms: [...readAlarms(observed), ...provision.alarms, ...steps.flatMap((step) => step.alarms)],
    served: provision.matching.served,
    nextLookAt: isActive(provision, knownAgentJobs(observed), workingAgents(agents.value, reserved))
      ? at + activeLookMs
      : undefined,
  };
}
