import type { Cluster } from '../ports.ts';
import type { ReconcileDeps } from './deps.ts';

/** Throws where a plan speaks of a cluster that nobody has connected: a fault of ours. */
export function clusterOf({ clusters }: Pick<ReconcileDeps, 'clusters'>, name: string): Cluster {
  const cluster = clusters.find((candidate) => candidate.name === name);
  if (cluster === undefined) throw new RangeError(`cluster ${name} is not configured`);
  return cluster;
}
