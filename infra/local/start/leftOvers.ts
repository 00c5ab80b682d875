/** What is still there when all is done: only the placeholders should be. */
import { parseName } from '../../../shared/domain/names.ts';
import type { AzureDevOpsWorld } from '../azureDevOps/world.ts';
import type { KubernetesWorld } from '../kubernetes/world.ts';
import { namesIn } from './localCluster.ts';

export interface LeftOvers {
  /** Names of agents that are no placeholders. */
  readonly agents: readonly string[];
  readonly jobs: readonly string[];
  readonly secrets: readonly string[];
  readonly pods: readonly string[];
  /** Names of placeholders. */
  readonly placeholders: readonly string[];
}

export interface Inventory {
  readonly installation: string;
  readonly organisationShort: string;
  readonly poolIds: readonly number[];
  readonly namespace: string;
}

export function leftOvers(devOps: AzureDevOpsWorld, cluster: KubernetesWorld, inventory: Inventory): LeftOvers {
  const { installation, organisationShort: organisation, poolIds, namespace } = inventory;
  const agents = poolIds.flatMap((poolId) =>
    devOps.listAgents(poolId).map(({ name }) => {
      const parsed = parseName({ installation, organisation, poolId }, name);
      return { name, isPlaceholder: parsed?.kind === 'placeholder' };
    }),
  );
  return {
    agents: agents.filter(({ isPlaceholder }) => !isPlaceholder).map(({ name }) => name),
    placeholders: agents.filter(({ isPlaceholder }) => isPlaceholder).map(({ name }) => name),
    jobs: namesIn(cluster, namespace, 'jobs'),
    secrets: namesIn(cluster, namespace, 'secrets'),
    pods: namesIn(cluster, namespace, 'pods'),
  };
}

export function isClean({ agents, jobs, secrets, pods }: LeftOvers): boolean {
  return [agents, jobs, secrets, pods].every((names) => names.length === 0);
}

const few = (names: readonly string[]): string =>
  names.length > 3 ? `${names.slice(0, 3).join(', ')}, ...` : names.join(', ');

/** One line: "2 agents (a, b), 1 Job (a)"; empty when there is nothing. */
export function describeLeftOvers({ agents, jobs, secrets, pods }: LeftOvers): string {
  const kinds = { agent: agents, Job: jobs, Secret: secrets, pod: pods };
  return Object.entries(kinds)
    .filter(([, names]) => names.length > 0)
    .map(([kind, names]) => `${names.length} ${kind}${names.length === 1 ? '' : 's'} (${few(names)})`)
    .join(', ');
}
