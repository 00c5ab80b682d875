/**
 * The configured pools as targets of intents: where messages for each go, and what a pass over it works with. The
 * reconcile itself, with all it plans and writes, is loaded by the first pass, not by a hook that only needs the routes.
 */
import type { Pools, PoolTarget } from './application.ts';
import { defined } from './domain/defined.ts';
import { ConfigError } from './domain/errors.ts';
import type { Intent, PassFollowUp, PoolRoute } from './domain/intent.ts';
import type { Secret } from './domain/secret.ts';
import type { PoolPolicy } from './domain/template.ts';
import type { Pass } from './intents.ts';
import type { PipelineRuns } from './ports/runs.ts';
import type { AgentKeys, AgentPools, Clock, Cluster, Log, Nonces, Throttle } from './ports.ts';
import type { LookDeps, ReconcileDeps, ReconcileMemory } from './reconcile/deps.ts';
import type { ImageLookup, ImageMemory } from './reconcile/images/agentVersions.ts';
import type { GroupLook } from './reconcile/observeGroup.ts';
import type { PassReport } from './reconcile/reconcilePool.ts';

/** What the passes over the pools need; each part is made once and kept. */
export interface PoolParts {
  readonly policies: readonly PoolPolicy[];
  /** The session of an organisation's intents: its own, or that of the licence group it shares parallel jobs with. */
  readonly session: (policy: PoolPolicy) => string;
  readonly agentPools: (organisationUrl: string) => Promise<AgentPools>;
  /** Absent = nobody is told anything of what becomes of its request, and nothing is run again. */
  readonly runs?: (organisationUrl: string) => Promise<PipelineRuns>;
  /** What the answers of an organisation say of its limits; absent = nobody listens. */
  readonly throttle?: (organisationUrl: string) => Promise<Throttle>;
  /** Of the identity that only registers agents, for init containers; undefined = the organisation has none. */
  readonly registrationToken?: (organisationUrl: string) => (() => Promise<Secret>) | undefined;
  readonly cluster: (name: string) => Cluster;
  readonly keys: () => Promise<AgentKeys>;
  /** The namespace of agent jobs by cluster name. */
  readonly namespaces: ReadonlyMap<string, string>;
  /** Where the images of templates are looked at; absent = nowhere. */
  readonly images?: { readonly lookup: ImageLookup; readonly memory: ImageMemory };
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

/** A pool with what passes over it remember. */
interface Member {
  readonly policy: PoolPolicy;
  readonly memory: ReconcileMemory;
}

const freshMemory = (): ReconcileMemory => ({
  quotas: new Map(),
  runs: new Map(),
  refusals: new Map(),
  told: new Set(),
  leftoversAskedAt: new Map(),
});

const clustersOf = (parts: PoolParts, policy: PoolPolicy): readonly Cluster[] =>
  policy.clusters.map((name) => parts.cluster(name));

/** What a look at another pool of the group needs. Its organisation is connected only if that look is ever taken. */
function lookDeps(parts: PoolParts, { policy, memory }: Member): LookDeps {
  const connect = (): Promise<AgentPools> => parts.agentPools(policy.organisation.url);
  return {
    policy,
    memory,
    clock: parts.clock,
    clusters: clustersOf(parts, policy),
    pools: {
      listAgents: async (poolId) => (await connect()).listAgents(poolId),
      listJobRequests: async (poolId) => (await connect()).listJobRequests(poolId),
      isRunOver: async (projectId, runId) => (await connect()).isRunOver(projectId, runId),
      getParallelJobs: async () => (await connect()).getParallelJobs(),
    },
  };
}

/** The policy with what its images hold, as far as that is known. */
export async function withVersions({ images }: PoolParts, policy: PoolPolicy): Promise<PoolPolicy> {
  if (images === undefined) return policy;
  const { resolveTemplates } = await import('./reconcile/images/agentVersions.ts');
  return resolveTemplates(policy, images.lookup, images.memory);
}

/** The one pool of this process: what passes over it work with. */
async function depsFor(
  parts: PoolParts,
  { policy: configured, memory }: Member,
  members: readonly Member[],
  log: Log,
): Promise<ReconcileDeps> {
  const [pools, runs, throttle, keys, policy, ...others] = await Promise.all([
    parts.agentPools(configured.organisation.url),
    parts.runs?.(configured.organisation.url),
    parts.throttle?.(configured.organisation.url),
    parts.keys(),
    withVersions(parts, configured),
    ...members.map(async (member) => ({ ...member, policy: await withVersions(parts, member.policy) })),
  ]);
  const { nonces, clock, namespaces } = parts;
  const group = others.map((other) => lookDeps(parts, other));
  const registrationToken = parts.registrationToken?.(policy.organisation.url);
  const common = { policy, pools, clusters: clustersOf(parts, policy), keys, nonces, clock, log, memory, namespaces };
  return { ...common, group, ...defined({ runs, throttle, registrationToken }) };
}

async function reconcile(
  parts: PoolParts,
  member: Member,
  others: readonly Member[],
  pass: Pass,
  log: Log,
): Promise<PassFollowUp> {
  const beganAt = parts.clock.now();
  const [{ reconcilePool }, deps] = await Promise.all([
    import('./reconcile/reconcilePool.ts'),
    depsFor(parts, member, others, log),
  ]);
  return followUpOf(await reconcilePool(deps, pass), beganAt);
}

async function explain(parts: PoolParts, member: Member, others: readonly Member[], requestId: number, log: Log) {
  const [{ explainRequest }, deps] = await Promise.all([
    import('./reconcile/explainRequest.ts'),
    depsFor(parts, member, others, log),
  ]);
  return explainRequest(deps, requestId);
}

const membersOf = ({ policies }: PoolParts): readonly Member[] =>
  policies.map((policy): Member => ({ policy, memory: freshMemory() }));

const othersOf = (members: readonly Member[], policy: PoolPolicy): readonly Member[] =>
  members.filter((other) => other.policy !== policy && other.policy.licenceGroup === policy.licenceGroup);

/** What a look at one of the pools needs that remembers nothing. Nothing is connected before it is used. */
export function lookingAt(parts: PoolParts, policy: PoolPolicy): GroupLook {
  const others = othersOf(membersOf(parts), policy);
  return {
    ...lookDeps(parts, { policy, memory: freshMemory() }),
    group: others.map((other) => lookDeps(parts, other)),
  };
}

function mustBeOnce(policies: readonly PoolPolicy[]): void {
  const seen = new Set<string>();
  for (const { organisation, poolId } of policies) {
    const key = keyOf(organisation.short, poolId);
    if (seen.has(key)) {
      const found = `${organisation.url} pool ${poolId} twice`;
      throw new ConfigError('the configuration', [{ path: 'pools', rule: 'names each pool once', found }]);
    }
    seen.add(key);
  }
}

/** Routes and targets of all policies; throws a ConfigError when two are for one pool. */
export function poolsOver(parts: PoolParts): Pools {
  mustBeOnce(parts.policies);
  const members = membersOf(parts);
  const targets = new Map(
    members.map((member): [string, PoolTarget] => {
      const { policy } = member;
      const others = othersOf(members, policy);
      const target: PoolTarget = {
        route: routeOf(parts, policy),
        organisation: policy.organisation.name,
        reconcile: (pass, log) => reconcile(parts, member, others, pass, log),
        explain: (requestId, log) => explain(parts, member, others, requestId, log),
      };
      return [keyOf(policy.organisation.short, policy.poolId), target];
    }),
  );
  return {
    routes: [...targets.values()].map(({ route }) => route),
    target: async (intent: Intent) => targets.get(keyOf(intent.organisation, intent.poolId)),
    find: async (organisation, poolId) =>
      [...targets.values()].find((target) => target.organisation === organisation && target.route.poolId === poolId),
  };
}
