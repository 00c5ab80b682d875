/** A pool in a few lines, without what is as usual, so that a counterexample can be read. */
import type { Agent } from '../../shared/domain/agent.ts';
import type { AgentJob } from '../../shared/domain/agentJob.ts';
import type { JobRequest } from '../../shared/domain/jobRequest.ts';
import type { PoolPolicy, Template } from '../../shared/domain/template.ts';
import { aJobRequest, anAgent, anAgentJob, noon } from './builders.ts';
import type { PoolCase } from './planArbitraries.ts';

const untold: ReadonlySet<string> = new Set(['poolId', 'jobId', 'planId', 'namespace', 'uid', 'creator']);

/** Fields that differ from those of another value of its kind; instants as seconds before the look. */
function differing(value: object, usual: object): string {
  const usually = new Map<string, unknown>(Object.entries(usual));
  const fields = Object.entries(value).filter(
    ([key, field]) => !untold.has(key) && JSON.stringify(field) !== JSON.stringify(usually.get(key)),
  );
  const seconds = (_: string, field: unknown): unknown =>
    typeof field === 'number' && Math.abs(noon - field) < 1e8 ? `${(noon - field) / 1000}s` : field;
  const missing = [...usually.keys()].filter((key) => !untold.has(key) && !(key in value));
  return `${JSON.stringify(Object.fromEntries(fields), seconds)}${missing.map((key) => ` no ${key}`).join('')}`;
}

const request = (each: JobRequest): string => `request ${differing(each, aJobRequest({ id: -1, queuedAt: 0 }))}`;
const agent = (each: Agent): string => `agent ${differing(each, anAgent({ id: -1, name: '', capabilities: {} }))}`;
const agentJob = (each: AgentJob): string => `agentJob ${differing(each, anAgentJob({ name: '' }))}`;

const template = (each: Template): string =>
  `template ${JSON.stringify([each.name, each.capabilities, each.cost, each.maxAgents, each.cpu, each.parameters.cpu, Object.keys(each.parameters.image), each.fallback])}`;

/** Sets and maps are empty in JSON otherwise. */
const unfolded = (_: string, field: unknown): unknown =>
  field instanceof Set || field instanceof Map ? [...field] : field;

function toldPolicy({ templates, ...policy }: PoolPolicy): readonly string[] {
  const { maxAgents, parallelJobs, foreignAgents, maxCreationsPerPass, defaultTemplate, warm } = policy;
  const limits = { maxAgents, parallelJobs, foreignAgents, maxCreationsPerPass, defaultTemplate, warm };
  return [`policy ${JSON.stringify(limits)}`, ...templates.map(template)];
}

export function toldPool({ policy, observed }: PoolCase): string {
  const { parallelJobs, control, group, runsOver } = observed;
  return [
    '',
    ...toldPolicy(policy),
    `observed ${JSON.stringify({ parallelJobs, control, group, runsOver }, unfolded)}`,
    ...(observed.requests.known ? observed.requests.value.map(request) : ['requests unknown']),
    ...(observed.agents.known ? observed.agents.value.map(agent) : ['agents unknown']),
    ...observed.clusters.flatMap(({ name, agentJobs, quotas }) =>
      agentJobs.known
        ? [`cluster ${name} ${JSON.stringify(quotas)}`, ...agentJobs.value.map(agentJob)]
        : [`cluster ${name} out of reach`],
    ),
  ].join('\n');
}
