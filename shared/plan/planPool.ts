/** The whole decision about one pool, from one look at it. Total: it cannot fail, and equal input gives an equal plan. */
import type { AgentJob } from '../domain/agentJob.ts';
import { isTombstone } from '../domain/agentJob.ts';
import { isUnfinished } from '../domain/jobRequest.ts';
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

/** Something is on its way: a request waits, or an agent job is neither resting nor memory. */
function isActive(provision: Provision, agentJobs: readonly AgentJob[]): boolean {
  return provision.waitingCount > 0 || agentJobs.some((agentJob) => !isTombstone(agentJob));
}

export function planPool(policy: PoolPolicy, observed: Observed): Plan {
  const { requests, agents, at } = observed;
  if (!requests.known) return noPlan([{ reason: 'requestsUnknown', subject: policy.poolName, detail: requests.error }]);
  if (!agents.known) return noPlan([{ reason: 'agentsUnknown', subject: policy.poolName, detail: agents.error }]);

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
    nextLookAt: isActive(provision, knownAgentJobs(observed)) ? at + activeLookMs : undefined,
  };
}
