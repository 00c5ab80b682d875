/** A pool in a few lines, without what is as usual, so that a counterexample can be read. */
import type { Agent } from '../../shared/domain/agent.ts';
import type { AgentJob } from '../../shared/domain/agentJob.ts';
import type { JobRequest } from '../../shared/domain/jobRequest.ts';
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

export function toldPool({ policy, observed }: PoolCase): string {
  const { templates, maxAgents, parallelJobs, foreignAgents, maxCreationsPerPass } = policy;
  return [
    '',
    `policy ${JSON.stringify({ maxAgents, parallelJobs, foreignAgents, maxCreationsPerPass })}`,
    ...templates.map((each) => `template ${JSON.stringify([each.name, each.capabilities, each.cost, each.maxAgents])}`),
    `observed ${JSON.stringify([observed.parallelJobs, observed.control])}`,
    ...(observed.requests.known ? observed.requests.value.map(request) : ['requests unknown']),
    ...(observed.agents.known ? observed.agents.value.map(agent) : ['agents unknown']),
    ...observed.clusters.flatMap(({ name, agentJobs }) =>
      agentJobs.known ? [`cluster ${name}`, ...agentJobs.value.map(agentJob)] : [`cluster ${name} out of reach`],
    ),
  ].join('\n');
}
