/**
 * The configured pools as targets of intents: where messages for each go, and what a pass over it works with. The
 * reconcile itself, with all it plans and writes, is loaded by the first pass, not by a hook that only needs the routes.
 */
import type { Pools } from './application.ts';
import { ConfigError } from './domain/errors.ts';
import type { Intent, PassFollowUp, PoolRoute } from './domain/intent.ts';
import type { PoolPolicy } from './domain/template.ts';
import type { Pass, PassTarget } from './intents.ts';
import type { AgentKeys, AgentPools, Clock, Cluster, Log, Nonces } from './ports.ts';
import type { ReconcileMemory } from './reconcile/deps.ts';
import type { PassReport } from './reconcile/reconcilePool.ts';

/** What the passes over the pools need; each part is made once and kept. */
export interface PoolParts {
  readonly policies: readonly PoolPolicy[];
  /** The session of an organisation's intents: its own, or that of the licence group it shares parallel jobs with. */
  readonly session: (policy: PoolPolicy) => string;
  readonly agentPools: (organisationUrl: string) => Promise<AgentPools>;
  readonly cluster: (name: string) => Cluster;
  readonly keys: () => Promise<AgentKeys>;
  /** The namespace of agent jobs by cluster name. */
  readonly namespaces: ReadonlyMap<string, string>;
  readonly nonces: Nonces;
  readonly clock: Clock;
}

const keyOf = (organisation: string, poolId: number): string => `${organisation}|${poolId}`;

function routeOf(parts: PoolParts, policy: PoolPolicy): PoolRoute {
  const { organisation, poolId } = policy;
  return {
    session: parts.session(policy),
    organisation: organisation.short,
    organisationUrl: organisation.url,
    poolId,
  };
}

/**
 * What follows from a report. Its times are those of Azure DevOps; a message is due by our own clock, so the distance
 * from the look is what counts.
 */
function followUpOf(report: PassReport, beganAt: number): PassFollowUp {
  const { retryAfterMs, remaining, nextLookAt, at } = report;
  return { retryAfterMs, remaining, nextLookAt: nextLookAt === undefined ? undefined : beganAt + (nextLookAt - at) };
}

async function reconcile(
  parts: PoolParts,
  policy: PoolPolicy,
  memory: ReconcileMemory,
  pass: Pass,
  log: Log,
): Promise<PassFollowUp> {
  const beganAt = parts.clock.now();
  const [{ reconcilePool }, pools, keys] = await Promise.all([
    import('./reconcile/reconcilePool.ts'),
    parts.agentPools(policy.organisation.url),
    parts.keys(),
  ]);
  const { nonces, clock, namespaces } = parts;
  const clusters = policy.clusters.map((name) => parts.cluster(name));
  const report = await reconcilePool({ policy, pools, clusters, keys, nonces, clock, log, memory, namespaces }, pass);
  return followUpOf(report, beganAt);
}

/** Routes and targets of all policies; throws a ConfigError when two are for one pool. */
export function poolsOver(parts: PoolParts): Pools {
  const targets = new Map<string, PassTarget>();
  for (const policy of parts.policies) {
    const key = keyOf(policy.organisation.short, policy.poolId);
    if (targets.has(key)) {
      const found = `${policy.organisation.url} pool ${policy.poolId} twice`;
      throw new ConfigError('the configuration', [{ path: 'pools', rule: 'names each pool once', found }]);
    }
    const memory: ReconcileMemory = {};
    targets.set(key, {
      route: routeOf(parts, policy),
      reconcile: (pass, log) => reconcile(parts, policy, memory, pass, log),
    });
  }
  return {
    routes: [...targets.values()].map(({ route }) => route),
    target: async (intent: Intent) => targets.get(keyOf(intent.organisation, intent.poolId)),
  };
}
