/** Valid by default, overridable in any field, readable in failures. Times are relative to `noon`. */
import type { Agent } from '../../shared/domain/agent.ts';
import type { AgentJob, AgentPod } from '../../shared/domain/agentJob.ts';
import { type Control, noControl, type Switch } from '../../shared/domain/control.ts';
import type { JobRequest } from '../../shared/domain/jobRequest.ts';
import { agentJobName, placeholderName } from '../../shared/domain/names.ts';
import { agentVersionOf, placeholderCapabilities, promisedCapabilities } from '../../shared/domain/offer.ts';
import type { Amounts } from '../../shared/domain/quota.ts';
import { known } from '../../shared/domain/read.ts';
import type { PoolPolicy, Template } from '../../shared/domain/template.ts';
import type { Observed } from '../../shared/plan/observed.ts';
import { scopeOf } from '../../shared/plan/view.ts';
import { aPoolPolicy, aTemplate } from './policyBuilders.ts';

export const noon = Date.UTC(2026, 2, 2, 12);
export const secondsAgo = (seconds: number): number => noon - seconds * 1000;
export const minutesAgo = (minutes: number): number => noon - minutes * 60_000;
export const hoursAgo = (hours: number): number => noon - hours * 3_600_000;

export const policy: PoolPolicy = aPoolPolicy();
export const template: Template = policy.templates[0] ?? aTemplate();

/** The name of the agent job made for a request. */
export const nameFor = (requestId: number, attempt = 1): string =>
  agentJobName(scopeOf(policy), { kind: 'request', requestId, attempt }, template.name);

export function aJobRequest(overrides: Partial<JobRequest> = {}): JobRequest {
  const id = overrides.id ?? 1001;
  return {
    id,
    poolId: policy.poolId,
    queuedAt: minutesAgo(1) + id,
    demands: [],
    jobId: `job-${id}`,
    planId: `plan-${id}`,
    parallelism: 'private',
    userDelayed: false,
    ...overrides,
  };
}

/** Assigned to, and received by, the agent of that id and name. */
export function runningOn(agent: Pick<Agent, 'id' | 'name'>, overrides: Partial<JobRequest> = {}): JobRequest {
  return aJobRequest({
    assignedAt: secondsAgo(30),
    receivedAt: secondsAgo(29),
    reservedAgent: { id: agent.id, name: agent.name },
    ...overrides,
  });
}

/** An online, idle agent of ours, made for request 1001. */
export function anAgent(overrides: Partial<Agent> = {}): Agent {
  return {
    id: 501,
    name: nameFor(1001),
    version: agentVersionOf(template),
    enabled: true,
    online: true,
    createdAt: minutesAgo(2),
    statusChangedAt: secondsAgo(30),
    capabilities: promisedCapabilities(template),
    updatePending: false,
    ...overrides,
  };
}

/** A registered agent that has never been online. */
export function aBootingAgent(overrides: Partial<Agent> = {}): Agent {
  const { statusChangedAt: _, ...agent } = anAgent({ online: false, createdAt: secondsAgo(10) });
  return { ...agent, ...overrides };
}

export function aPlaceholder(ofTemplate: Template = template, overrides: Partial<Agent> = {}): Agent {
  const name = placeholderName(scopeOf(policy), ofTemplate.name);
  // Of one whose image cannot be read any more: what it once was.
  const version = ofTemplate.agentVersion ?? agentVersionOf(template);
  const { statusChangedAt: _, ...agent } = anAgent({ id: 11, name, online: false, version });
  return { ...agent, capabilities: placeholderCapabilities(ofTemplate), ...overrides };
}

/** All placeholders of the policy: what a pool holds that has nothing to do. */
export const placeholders: readonly Agent[] = policy.templates.map((each, index) =>
  aPlaceholder(each, { id: 11 + index }),
);

export function aPod(overrides: Partial<AgentPod> = {}): AgentPod {
  return {
    name: `${nameFor(1001)}-abcde`,
    uid: 'pod-uid',
    phase: 'Running',
    cause: 'none',
    createdAt: secondsAgo(40),
    mainStartedAt: secondsAgo(30),
    terminating: false,
    ...overrides,
  };
}

/** Started, its pod running, for request 1001. */
export function anAgentJob(overrides: Partial<AgentJob> = {}): AgentJob {
  const purpose = overrides.purpose ?? ({ kind: 'request', requestId: 1001, attempt: 1 } as const);
  return {
    cluster: policy.clusters[0] ?? 'primary',
    namespace: 'mayfly-agents',
    name: agentJobName(scopeOf(policy), purpose, template.name),
    uid: 'job-uid',
    poolId: policy.poolId,
    template: template.name,
    purpose,
    phase: 'started',
    phaseAt: secondsAgo(45),
    creator: 'nonce',
    createBy: noon + 60_000,
    createdAt: secondsAgo(50),
    agentId: 501,
    suspended: false,
    pod: aPod(),
    ...overrides,
  };
}

/** Without its pod: `exactOptionalPropertyTypes` forbids overriding with undefined. */
export function withoutPod(agentJob: AgentJob): AgentJob {
  const { pod: _, ...rest } = agentJob;
  return rest;
}

/** Without the id of its agent: nobody has written it down. */
export function withoutAgentId(agentJob: AgentJob): AgentJob {
  const { agentId: _, ...rest } = agentJob;
  return rest;
}

/** On for the whole pool, or for the named templates. */
export const switched = (...templates: readonly string[]): Switch => ({
  pool: templates.length === 0,
  templates: new Set(templates),
});

export const aControl = (overrides: Partial<Control> = {}): Control => ({ ...noControl, ...overrides });

/** `quotas` = what each quota leaves, in every cluster. */
export type Given = Partial<Omit<Observed, 'requests' | 'agents'>> & {
  readonly requests?: readonly JobRequest[];
  readonly agents?: readonly Agent[];
  readonly agentJobs?: readonly AgentJob[];
  readonly quotas?: readonly Amounts[];
};

export function anObserved(given: Given = {}): Observed {
  const { requests = [], agents = [], agentJobs = [], quotas = [], ...rest } = given;
  return {
    at: noon,
    requests: known(requests),
    agents: known([...placeholders, ...agents]),
    clusters: policy.clusters.map((name) => ({
      name,
      agentJobs: known(agentJobs.filter((agentJob) => agentJob.cluster === name)),
      quotas: { value: quotas },
    })),
    parallelJobs: { value: { total: 100, used: 0 } },
    group: [],
    control: { value: noControl },
    runsOver: new Set(),
    ...rest,
  };
}
